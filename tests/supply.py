"""Third-party packages: `requirements.lock`, and their licences.

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
    """The versions of each package in a requirements file."""
    found = defaultdict(set)
    for name, version in _PINNED.findall(text):
        found[normal(name)].add(version)
    return dict(found)


def normal(name: str) -> str:
    """A package name normalised as in package indexes (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """The licence by the package's own metadata: an expression, a short text, or classifiers."""
    metadata = package.metadata
    for name in ("License-Expression", "License"):
        stated = (metadata.get_all(name) or [""])[0]
        if stated and len(stated) < 60 and "\n" not in stated and stated != "Dual License":
            return stated.strip()
    classified = [
        classifier.rsplit(" :: ", 1)[1]
        for classifier in metadata.get_all("Classifier", [])
        if classifier.startswith("License :: ")
    ]
    return ", ".join(dict.fromkeys(classified)) or "see the package"


FREE = {
    *("MIT", "MIT-0", "MIT-CMU", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "Zlib"),
    *("Apache-2.0", "MPL-2.0", "PSF-2.0", "Python-2.0", "CC0-1.0", "Unlicense", "HPND"),
}
"""SPDX identifiers of licences that are acceptable at run time."""

SPELT_OTHERWISE = {
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
    "The MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
}
"""Licence texts of packages without an SPDX expression, which must match as a whole."""


def is_free(stated: str) -> bool:
    """Whether an SPDX expression, or one of the other spellings, allows us to use the package.

    One of several alternatives is enough; of licences that apply together, all must be acceptable.
    Anything unknown is not.
    """
    if ", " in stated and stated not in SPELT_OTHERWISE:  # several classifiers
        return all(is_free(each) for each in stated.split(", "))
    tokens = re.findall(r"\(|\)|[^\s()]+", SPELT_OTHERWISE.get(stated, stated))
    try:
        answer, rest = _any_of(tokens)
    except IndexError:
        return False
    return answer and not rest


def _any_of(tokens: list[str]) -> tuple[bool, list[str]]:
    answer, rest = _all_of(tokens)
    while rest and rest[0] == "OR":
        other, rest = _all_of(rest[1:])
        answer = answer or other
    return answer, rest


def _all_of(tokens: list[str]) -> tuple[bool, list[str]]:
    answer, rest = _one(tokens)
    while rest and rest[0] == "AND":
        other, rest = _one(rest[1:])
        answer = answer and other
    return answer, rest


def _one(tokens: list[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        answer, rest = _any_of(tokens[1:])
        return answer and rest[0] == ")", rest[1:]
    # An exception only ever allows more.
    skipped = 3 if tokens[1:2] == ["WITH"] else 1
    return tokens[0] in FREE, tokens[skipped:]


def rows(text: str) -> dict[str, tuple[str, str]]:
    """Version and licence of each package in a table written by `listed`."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if " | " in line]
    return {cells[0]: (cells[1], cells[2]) for cells in lines if cells[0] != "package"}


def listed(before: str = "") -> str:
    """The table of packages in Markdown.

    Packages that only other systems need are not installed here, so their rows are taken from
    `before`. Raises PackageNotFoundError if one has no row there.
    """
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
