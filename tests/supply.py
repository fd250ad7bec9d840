"""What the dashboard is made of by others: `requirements.lock`, and the licences of what is in it.

python -m tests.supply  # writes THIRD-PARTY.md
"""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
LICENCES = ROOT / "THIRD-PARTY.md"

_PINNED = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)
_HEAD = """# Packages by others

What `requirements.lock` installs, and under which licence; the texts come with the packages.
Written by `make lock`. Fonts and the map: `pages/static/THIRD-PARTY.md`.

| package | version | licence |
|---|---|---|
"""


def pinned(text: str) -> dict[str, set[str]]:
    """The versions of each package that a file of requirements names."""
    found = defaultdict(set)
    for name, version in _PINNED.findall(text):
        found[normal(name)].add(version)
    return dict(found)


def normal(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """As the package says it itself: by an expression, in a few words, or by classifiers."""
    metadata = package.metadata
    for name in ("License-Expression", "License"):
        stated = (metadata.get_all(name) or [""])[0]
        if stated and len(stated) < 60 and "\n" not in stated:
            return stated.strip()
    classified = [
        classifier.rsplit(" :: ", 1)[1]
        for classifier in metadata.get_all("Classifier", [])
        if classifier.startswith("License :: ")
    ]
    return ", ".join(dict.fromkeys(classified)) or "see the package"


def rows(text: str) -> dict[str, tuple[str, str]]:
    """Version and licence of each package in a table of `listed`."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if " | " in line]
    return {cells[0]: (cells[1], cells[2]) for cells in lines if cells[0] != "package"}


def listed(before: str = "") -> str:
    """The table. What is not installed here, because other systems need it, is as it was `before`;
    raises PackageNotFoundError if it was not there."""
    known = rows(before)
    lines = []
    for name, versions in sorted(pinned(LOCK.read_text("utf-8")).items()):
        try:
            said = licence(distribution(name))
        except PackageNotFoundError:
            if name not in known:
                raise
            said = known[name][1]
        lines.append(f"| {name} | {', '.join(sorted(versions))} | {said} |")
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    LICENCES.write_text(listed(LICENCES.read_text("utf-8") if LICENCES.exists() else ""), "utf-8")
