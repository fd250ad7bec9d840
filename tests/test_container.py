"""The container image: its contents, its user, and that it runs with what it contains."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from lib.web.requests import OPEN_IN_CORE
from tests.fake_chatbotx import FakeChatbotx
from tests.serving import free_port

ROOT = Path(__file__).parents[1]
IGNORED = (ROOT / ".dockerignore").read_text("utf-8").splitlines()


@dataclass(frozen=True)
class Step:
    keyword: str
    value: str


def steps() -> list[Step]:
    parsed = DockerfileParser(str(ROOT), env_replace=False).structure
    return [
        Step(each["instruction"], each["value"])
        for each in parsed
        if each["instruction"] != "COMMENT"
    ]


STEPS = steps()
FINAL = STEPS[max(place for place, step in enumerate(STEPS) if step.keyword == "FROM") :]


def said(keyword: str, among: list[Step] = FINAL) -> list[str]:
    """The values of all instructions with this keyword."""
    return [step.value for step in among if step.keyword == keyword]


def copies() -> list[tuple[list[str], str]]:
    """Sources in the repository and the destination of each COPY instruction."""
    words = [shlex.split(value) for value in said("COPY", STEPS)]
    return [(each[:-1], each[-1]) for each in words if not each[0].startswith("--from=")]


def copied() -> list[str]:
    return [source for sources, _ in copies() for source in sources]


def environment() -> dict[str, str]:
    pairs = [pair.partition("=") for value in said("ENV") for pair in shlex.split(value)]
    return {name: value for name, _, value in pairs}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The working directory of the image, with the files copied into it."""
    folder = tmp_path / "dashboard"
    folder.mkdir()
    for sources, target in copies():
        if target == "/":  # from another stage
            continue
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source,
                    folder / target,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            else:
                place = folder / target
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)
    return folder


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(image: Path, volume: Path, tmp_path: Path, edge_server: FakeChatbotx) -> Iterator[int]:
    """Run the image's command in its environment on the recorded workspace; yields the port."""
    port = free_port()
    home = tmp_path / "home"
    home.mkdir()
    # The image's packages are the same as those of the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = {
        "PATH": path,
        "HOME": str(home),
        "CHATBOTX_SNAPSHOT_DIR": str(volume),
        "STREAMLIT_SERVER_PORT": str(port),
        "CHATBOTX_TOKEN": "edge",
        "CHATBOTX_BASE_URL": edge_server.base_url,
    }
    server = subprocess.Popen(
        json.loads(said("CMD")[0]), cwd=image, env=environment() | here, stdout=subprocess.DEVNULL
    )
    yield port
    server.terminate()
    server.wait(120)


def within_a_minute(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    return False


def test_it_runs_with_what_is_in_it_and_writes_only_into_its_volume(
    running: int, image: Path, volume: Path
) -> None:
    before = set(image.rglob("*"))
    health = said("HEALTHCHECK")[0]
    command = json.loads(health[health.index("[") :])
    ask = [sys.executable, *(word.replace(":8501/", f":{running}/") for word in command[1:])]
    assert within_a_minute(
        lambda: subprocess.run(ask, check=False, stderr=subprocess.DEVNULL).returncode == 0
    )
    assert within_a_minute(lambda: any(volume.rglob("*.parquet")))  # it fetches at start-up
    assert set(image.rglob("*")) == before


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
    assert not [value for value in said("COPY") if "--chown" in value]
    keywords = [step.keyword for step in FINAL]
    assert keywords.index("USER") > keywords.index("RUN")


def test_the_version_of_python_is_pinned() -> None:
    assert re.fullmatch(r"PYTHON=3\.12\.\d+-slim-\w+", said("ARG", STEPS)[0])
    assert {value.split()[0] for value in said("FROM", STEPS)} == {"python:${PYTHON}"}


def test_packages_are_installed_by_their_hashes_and_nothing_is_built() -> None:
    (install,) = (value for value in said("RUN", STEPS) if " install " in value)
    words = shlex.split(install)
    assert {"--require-hashes", "--no-deps"} <= set(words)
    assert words[words.index("--only-binary") + 1] == ":all:"
    assert not re.search(r"apt-get|gcc|build-essential", " ".join(said("RUN", STEPS)))


def test_its_health_is_asked_where_the_dashboard_answers() -> None:
    (health,) = said("HEALTHCHECK")
    assert f"http://127.0.0.1:{said('EXPOSE')[0]}/_stcore/health" in health
    assert "_stcore/health" in OPEN_IN_CORE


def test_it_listens_where_it_says_and_its_volume_is_where_it_keeps_data() -> None:
    known = environment()
    assert said("EXPOSE") == [known["STREAMLIT_SERVER_PORT"]]
    assert known["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    assert said("VOLUME") == [known["CHATBOTX_SNAPSHOT_DIR"]]


def test_it_holds_no_secret() -> None:
    names = [*environment(), *(value.partition("=")[0] for value in said("ARG", STEPS))]
    assert not [name for name in names if re.search("TOKEN|SECRET|PASSWORD", name)]
