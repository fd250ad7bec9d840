"""What engines cost those who compute in memory, compared with an earlier checkout."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.serving import ROOT
from benchmarks.table import Row

ROUNDS = 3
PATIENCE = 600.0

ENGINES = frozenset({"duckdb", "grpc", "pyspark", "pysail", "narwhals_dask"})
"""Packages that only engines other than memory need."""

_IMPORTED = """
import json, sys
import app
found = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(json.dumps(sorted(found - {"app", "__mp_main__"})))
"""


def rows(before: Path) -> Iterator[Row]:
    """The metrics of a million contacts in both, and the packages imported at start. Both run with
    the packages installed here."""
    shares: dict[str, dict[Path, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(ROUNDS):
        for checkout in (before, ROOT):
            for line in _printed(checkout, "-m", "benchmarks", "count").splitlines()[2:]:
                _, figure, _, outcome, *_ = line.split("|")
                shares[figure.strip()][checkout].append(float(outcome))
    for figure, each in shares.items():
        then, now = (median(each[checkout]) for checkout in (before, ROOT))
        title = f"{figure}, now / before"
        yield Row.at_most(title, f"{now:.2f} × / {then:.2f} ×", now / then, 1.03, " ×")
    imported = {
        checkout: {*json.loads(_printed(checkout, "-c", _IMPORTED).splitlines()[-1])}
        for checkout in (before, ROOT)
    }
    new = imported[ROOT] - imported[before]
    told = f"others that are new: {', '.join(sorted(new - ENGINES)) or 'none'}"
    yield Row.at_most("Packages of engines imported at start", told, len(new & ENGINES), 0, "")


def _printed(checkout: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=PATIENCE,
    ).stdout
