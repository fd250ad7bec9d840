"""What is installed to run is pinned, down to the bytes, and its licences are listed."""

from __future__ import annotations

import re

import pytest

from tests import supply

LOCK = supply.LOCK.read_text("utf-8")


def test_the_lock_pins_what_the_requirements_name() -> None:
    named = supply.pinned((supply.ROOT / "requirements.txt").read_text("utf-8"))
    locked = supply.pinned(LOCK)
    assert named
    assert {name: locked.get(name) for name in named} == named, "run `make lock`"


def test_every_package_in_the_lock_has_hashes() -> None:
    entries = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 30
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry.splitlines()[0]


def test_the_lock_names_no_index_and_no_address() -> None:
    assert not re.search(r"://|^-|^\s*--(?!hash=)", LOCK, flags=re.MULTILINE)


def test_the_licences_are_those_of_the_lock() -> None:
    table = supply.LICENCES.read_text("utf-8")
    assert supply.listed(table) == table, "run `make lock`"


def test_all_licences_are_free_and_known() -> None:
    free = ("MIT", "BSD", "Apache", "MPL-2.0", "PSF", "0BSD", "Zlib", "CC0", "ISC")
    for name, (_, licence) in supply.rows(supply.LICENCES.read_text("utf-8")).items():
        assert any(each in licence for each in free), f"{name}: {licence}"


@pytest.mark.parametrize(
    ("name", "same"), [("Typing_Extensions", "typing-extensions"), ("a.b--c", "a-b-c")]
)
def test_names_are_compared_as_indexes_do(name: str, same: str) -> None:
    assert supply.normal(name) == same
