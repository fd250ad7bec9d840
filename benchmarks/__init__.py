"""Benchmarks of speed and size: each figure is compared with something else run in the same minute.

`python -m benchmarks` (or `make bench`) prints a table; `python -m benchmarks crawl` only one part.
Absolute times mean little on a shared machine; compare the ratios.
"""
