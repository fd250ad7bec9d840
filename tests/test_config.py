"""Streamlit's options that the protection of the server rests on."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

CONFIG = tomllib.loads((Path(__file__).parent.parent / ".streamlit/config.toml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("section", "option", "value"),
    [
        ("runner", "fastReruns", False),  # no thread for each message
        ("server", "headless", True),  # nothing is installed from a browser
        ("logger", "enableRich", False),  # no traceback passes by the redaction
    ],
)
def test_an_option_that_protects_the_server_is_set(
    section: str, option: str, value: object
) -> None:
    assert CONFIG[section][option] is value
