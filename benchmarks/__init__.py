"""How fast, and how small: each figure beside something else that was run in the same minute.

`python -m benchmarks` (or `make bench`) prints a table; `python -m benchmarks crawl`
one part of it. Absolute times say little on a shared machine; the ratios are what is compared.
"""
