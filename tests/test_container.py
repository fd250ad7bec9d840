"""The image: what goes into it, as whom it runs, and that it can run with nothing to write on."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from lib.web.requests import OPEN_IN_CORE

ROOT = Path(__file__).parents[1]
LINES = [
    line
    for line in (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
FINAL = LINES[max(number for number, line in enumerate(LINES) if line.startswith("FROM ")) :]
IGNORED = (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def said(keyword: str, lines: list[str] = FINAL) -> list[str]:
    """What follows a keyword, wherever it occurs."""
    return [line.removeprefix(keyword).strip() for line in lines if line.startswith(f"{keyword} ")]


def copied() -> list[str]:
    """What is copied from the repository, in all stages."""
    found = []
    for words in map(shlex.split, said("COPY", LINES)):
        if not words[0].startswith("--from="):
            found += words[:-1]
    return found


def environment() -> dict[str, str]:
    pairs = [pair.partition("=") for line in said("ENV") for pair in shlex.split(line)]
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_is_let_into_the_build(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in IGNORED


def test_nothing_else_is_let_into_the_build() -> None:
    assert next(line for line in IGNORED if not line.startswith("#")) == "*"
    let_in = {line[1:] for line in IGNORED if line.startswith("!")}
    assert let_in == {*copied(), ".streamlit"}
    assert ".streamlit/*" in IGNORED


def test_it_runs_as_nobody_and_its_files_are_not_its_own() -> None:
    assert said("USER") == ["65534:65534"]
    assert not [line for line in said("COPY") if "--chown" in line]
    keywords = [line.split()[0] for line in FINAL]
    assert keywords.index("USER") > keywords.index("RUN")


def test_the_version_of_python_is_pinned() -> None:
    assert re.fullmatch(r"PYTHON=3\.12\.\d+-slim-\w+", said("ARG", LINES)[0])
    assert {line.split()[0] for line in said("FROM", LINES)} == {"python:${PYTHON}"}


def test_packages_are_installed_by_their_hashes_and_nothing_is_built() -> None:
    (install,) = (line for line in said("RUN", LINES) if " install " in line)
    assert "--require-hashes" in install
    assert "--no-deps" in install
    assert "--only-binary :all:" in install
    assert not re.search(r"apt-get|gcc|build-essential", " ".join(LINES))


def test_its_health_is_asked_where_the_dashboard_answers() -> None:
    (health,) = said("HEALTHCHECK")
    command = json.loads(health[health.index("[") :])
    assert command[0] == "python"
    compile(command[2], "health", "exec")
    assert "http://127.0.0.1:8501/_stcore/health" in command[2]
    assert "_stcore/health" in OPEN_IN_CORE


def test_it_listens_where_it_says_and_writes_only_into_its_volume() -> None:
    known = environment()
    assert said("EXPOSE") == [known["STREAMLIT_SERVER_PORT"]] == ["8501"]
    assert known["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    assert said("VOLUME") == [known["CHATBOTX_SNAPSHOT_DIR"]]
    assert known["PYTHONDONTWRITEBYTECODE"] == "1"


def test_it_holds_no_secret() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert not re.search(r"^\s*(ENV|ARG)\b.*(TOKEN|SECRET|PASSWORD)", text, re.MULTILINE)
