"""How many random cases tests try: all in CI, which sets CRAWL_SEEDS, otherwise a sample."""

from __future__ import annotations

import os

IS_WHOLE = bool(os.environ.get("CRAWL_SEEDS"))

SEEDS = int(os.environ.get("CRAWL_SEEDS") or 8)
"""Number of seeds for each kind of change to a workspace during a crawl."""


def of(cases: int) -> int:
    """The number of cases to try, if CI tries `cases`."""
    return cases if IS_WHOLE else max(5, cases // 8)
