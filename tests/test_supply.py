"""Run-time packages are pinned by hash, and their licences are listed."""

from __future__ import annotations

import re

import pytest

from tests import supply

LOCK = supply.LOCK.read_text("utf-8")


def test_the_lock_pins_what_the_requirements_name() -> None:
    files = (
        "requirements.txt",
        "requirements-notify.txt",
        "requirements-buckets.txt",
        "requirements-duckdb.txt",
    )
    texts = [(supply.ROOT / name).read_text("utf-8") for name in files]
    named = supply.pinned("\n".join(texts))
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
    listed = supply.rows(supply.LICENCES.read_text("utf-8"))
    assert not {
        name: licence for name, (_, licence) in listed.items() if not supply.is_free(licence)
    }


@pytest.mark.parametrize(
    "stated",
    [
        "MIT",
        "Apache-2.0 OR GPL-3.0-only",
        "(GPL-3.0-only OR MIT) AND BSD-3-Clause",
        "Apache-2.0 WITH LLVM-exception",
        "BSD License",
    ],
)
def test_what_leaves_us_a_free_choice_is_free(stated: str) -> None:
    assert supply.is_free(stated)


@pytest.mark.parametrize(
    "stated",
    [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "LicenseRef-MIT-but-not-for-companies",
        "AGPL-3.0 OR Commercial",
        "SUBMITTED",
        "(MIT",
        "MIT OR",
        "MIT MIT",
        "",
        "see the package",
    ],
)
def test_what_only_contains_the_name_of_a_free_licence_is_not(stated: str) -> None:
    assert not supply.is_free(stated)


@pytest.mark.parametrize(
    ("name", "same"), [("Typing_Extensions", "typing-extensions"), ("a.b--c", "a-b-c")]
)
def test_names_are_compared_as_indexes_do(name: str, same: str) -> None:
    assert supply.normal(name) == same
