"""The dashboard without a browser, on a workspace of the fake API."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from lib import settings
from lib.refresh import refreshers
from lib.refresh.state import State
from lib.web import streamlit_internals
from tests.fake_chatbotx import EDGE_CONTACTS, JULY, FakeChatbotx
from tests.switching import switch_page

PAGES = Path(__file__).parents[2] / "pages"
JUNE = {"from": "2026-06-01", "to": "2026-06-30", "tz": "America/Sao_Paulo"}
"""A period with contacts of the recorded workspace, whenever the test runs."""

Connect = Callable[..., State]


@dataclass
class _Recorded:
    """A server with the recorded workspace that no test changes, and a store with its snapshot."""

    server: FakeChatbotx
    store: Path
    until: float = 0.0

    def copy_store(self, folder: Path) -> None:
        """Copy the store, whose snapshot is a few minutes old at most, so that none is due."""
        if time.monotonic() > self.until:
            shutil.rmtree(self.store, ignore_errors=True)
            given = settings.Settings(
                token="edge", base_url=self.server.base_url, store=str(self.store)
            )
            assert refreshers.refresher_of(given).wait(60).snapshot is not None
            refreshers.stop_all()
            self.until = time.monotonic() + 300
        shutil.copytree(self.store, folder, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Recorded]:
    contacts = json.loads(EDGE_CONTACTS.read_text("utf-8"))
    with FakeChatbotx({"edge": contacts, "empty": []}, manners=JULY) as server:
        yield _Recorded(server, tmp_path_factory.mktemp("recorded") / "store")


@pytest.fixture
def connect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Connect]:
    """`connect(token)` points the dashboard at a workspace of the fake API, and waits until the
    first crawl has ended, successfully or not. Other settings by name.

    A test that does not ask for the server finds the recorded workspace in the store, which takes a
    fraction of the time of a crawl.
    """
    if "edge_server" in request.fixturenames:
        server: FakeChatbotx = request.getfixturevalue("edge_server")
    else:
        recorded: _Recorded = request.getfixturevalue("recorded")
        recorded.copy_store(tmp_path)
        server = recorded.server

    def connect(token: str = "edge", wait: bool = True, **others: str) -> State:
        given = {"token": token, "base_url": server.base_url, "snapshot_dir": str(tmp_path)}
        # Pages run without the server that would ask for a key.
        given["open_access"] = "yes"
        for name, value in (given | others).items():
            monkeypatch.setenv(f"CHATBOTX_{name.upper()}", value)
        settings.read_again()
        if not wait:
            return State()
        return refreshers.refresher_of(settings.load()).wait(60)

    # A developer's own secrets and environment must not reach a test.
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", ())
    for name in ("TOKEN", "BASE_URL", "OPEN_ACCESS"):
        monkeypatch.delenv(f"CHATBOTX_{name}", raising=False)
    yield connect
    refreshers.stop_all()


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> State:
    """The dashboard without a token: the demo workspace, with few recorded days, as each of them
    has to be generated."""
    connect(wait=False)
    monkeypatch.delenv("CHATBOTX_TOKEN")
    monkeypatch.setattr("lib.history.demo.DAYS", 3)
    settings.read_again()
    return refreshers.refresher_of(settings.load()).wait(60)


def open_page(name: str = "overview", **parameters: str | list[str]) -> AppTest:
    """The page as shown to a first request with these URL parameters."""
    dashboard = AppTest.from_file(PAGES / "frame.py", default_timeout=120)
    for key, value in parameters.items():
        dashboard.query_params[key] = value
    switch_page(dashboard, name).run()
    assert not dashboard.exception, dashboard.exception[0].value
    return dashboard


def markup(dashboard: AppTest) -> str:
    """Our own HTML of a page: its numbers and tables."""
    bodies = [element.proto.body for element in dashboard.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style>"))


def numbers(dashboard: AppTest) -> dict[str, str]:
    """Cards of a page by name."""
    return {name: value for name, value, _ in _cards(dashboard)}


def changes(dashboard: AppTest) -> dict[str, str]:
    """Texts below the numbers of a page, by name."""
    return {name: beside for name, _, beside in _cards(dashboard)}


def _cards(dashboard: AppTest) -> list[tuple[str, str, str]]:
    found = re.findall(
        r'<dt>(.*?)</dt><dd class="value">(.*?)</dd>\s*<dd class="beside">(.*?)</dd>',
        re.sub("<details.*?</details>", "", markup(dashboard)),
        re.DOTALL,
    )
    return [(_plain(name), _plain(value), _plain(beside)) for name, value, beside in found]


@dataclass(frozen=True)
class Row:
    """A table row as displayed, and its link."""

    cells: dict[str, str]
    link: str | None

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def table(dashboard: AppTest, column: str) -> list[Row]:
    """Rows of the first table whose first column has that name."""
    for content in re.findall(r"<table.*?</table>", markup(dashboard), re.DOTALL):
        heads = [_plain(head) for head in re.findall(r"<th scope=.col.[^>]*>(.*?)</th>", content)]
        if heads[0] == column:
            rows = re.findall(r"<tr[^>]*>(.*?)</tr>", content.partition("<tbody>")[2], re.DOTALL)
            return [_row(heads, row) for row in rows]
    raise AssertionError(f"no table of {column}")


def tables(dashboard: AppTest) -> int:
    """Number of tables on a page."""
    return markup(dashboard).count("<table class=")


def _row(heads: list[str], row: str) -> Row:
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
    link = re.search(r'href="([^"]*)"', row)
    told = {head: _plain(cell) for head, cell in zip(heads, cells, strict=True)}
    return Row(told, unescape(link[1]) if link else None)


def _plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


def question(dashboard: AppTest) -> str:
    """The question that the page answers, or the title of one that answers none."""
    found = re.search("<h1>(.*?)</h1>", markup(dashboard))
    return _plain(found[1]) if found else str(dashboard.title[0].value)


def answer(dashboard: AppTest) -> str:
    """The sentence below the question, strong text between asterisks."""
    found = re.search('<div class="head"><h1>.*?</h1><p>(.*?)</p></div>', markup(dashboard))
    assert found is not None
    return _with_asterisks(found[1])


def text(dashboard: AppTest) -> str:
    """All text of a page, strong text between asterisks."""
    parts = re.findall(
        r'<div class="(?:head|context)">.*?</div>$|<section class="findings">.*?</section>'
        r'|<p class="foot">.*?</p>',
        markup(dashboard),
        re.DOTALL | re.MULTILINE,
    )
    ours = [_with_asterisks(re.sub("</?(p|li|h1|h2)>", "\n", part)) for part in parts]
    elements = [*dashboard.title, *dashboard.markdown, *dashboard.caption, *dashboard.header]
    boxes = [*dashboard.info, *dashboard.warning, *dashboard.error]
    return "\n".join([*ours, *(element.value for element in [*elements, *boxes])])


def _with_asterisks(html: str) -> str:
    return _plain(re.sub("</?strong>", "**", html))


@dataclass(frozen=True)
class Link:
    """A link as displayed, what it says when hovered, and the page and parameters behind it."""

    label: str
    title: str
    page: str
    parameters: dict[str, list[str]]


def links(dashboard: AppTest) -> list[Link]:
    """Links in the text of a page: those of its chips, and of its findings."""
    found = re.findall(
        r'<a class="narrow" href="([^"]*)" target="_self" title="([^"]*)">(.*?)</a>',
        markup(dashboard),
    )
    parts = [(urlsplit(unescape(href)), title, label) for href, title, label in found]
    return [
        Link(_plain(label), unescape(title), address.path, parse_qs(address.query))
        for address, title, label in parts
    ]


def chips(dashboard: AppTest) -> list[str]:
    """Filters that a click can remove."""
    return [link.label for link in links(dashboard) if link.title.startswith("Remove: ")]


def remove(dashboard: AppTest, chip: str) -> AppTest:
    """Click on that chip."""
    (link,) = (link for link in links(dashboard) if link.title == f"Remove: {chip}")
    with patch.object(streamlit_internals, "is_history_navigation", lambda: True):
        dashboard.query_params = {**link.parameters}
        return dashboard.run()


def downloads(dashboard: AppTest) -> list[str]:
    """Labels of the download buttons."""
    return [button.proto.label for button in dashboard.get("download_button")]
