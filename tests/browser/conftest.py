"""The dashboard as people use it: a cold server, Chromium, and no network but this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as TookTooLong
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.fake_chatbotx import EDGE_CONTACTS, FakeChatbotx
from tests.serving import dashboard

QUESTIONS = {
    "": "How is our audience doing?",
    "changes": "What changed?",
    "channels": "Where do new contacts come from?",
    "countries": "Where are our contacts?",
    "tags": "Which tags do they have?",
    "opt_in": "May we write to them?",
    "workload": "Who is waiting, and for whom?",
    "data": "Can I trust this?",
}
"""Title of each page by path."""

JUNE = "from=2026-06-01&to=2026-06-30&tz=America/Sao_Paulo"
"""Countries of the recorded workspace's contacts."""

MADE_OF_NAMES = (
    "main :is(b, script:not([src='app/static/tables.js']), iframe, object, [onerror], [onload]), "
    "main a:is([href^='javascript'], [href^='mailto'], [href*='example.com'])"
)
"""What names in the recorded workspace would become if they were not shown as text."""

# The machine may be busy.
PATIENCE = 60_000
"""Timeout in milliseconds."""

expect.set_options(timeout=PATIENCE)

LISTEN = """
addEventListener('securitypolicyviolation', event => console.error(
    'violation of', event.effectiveDirective, event.blockedURI, event.sourceFile
));
"""
"""Report violations of a page's policy in the console."""

_NUMBERS = {
    "RERUN": BackMsg.DESCRIPTOR.fields_by_name["rerun_script"].number,
    "IS_AUTO_RERUN": ClientState.DESCRIPTOR.fields_by_name["is_auto_rerun"].number,
    "FINISHED": ForwardMsg.DESCRIPTOR.fields_by_name["script_finished"].number,
    "FINISHED_FOR_RERUN": ForwardMsg.FINISHED_EARLY_FOR_RERUN,
}
_UNSETTLED = (
    Path(__file__)
    .with_name("unsettled.js")
    .read_text("utf-8")
    .replace("NUMBERS", json.dumps(_NUMBERS))
)

_PROBES = re.compile(r"/[a-z_]+/_stcore/(health|host-config)$")
"""On a deep link, Streamlit's page first looks for its server below the page's path."""


def _chromium() -> str:
    # The first one is the headless build.
    known = ("chromium-headless-shell", "chromium", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, known)), None)
    if path is None:
        message = "No Chromium: install the package chromium, or name one in CHROMIUM."
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
            ],
        )
        yield browser
        browser.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A separate browser context whose console reports violations, and whose pages `settle` can
    wait for."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(LISTEN)
    context.add_init_script(_UNSETTLED)
    return context


Serve = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path, edge_server: FakeChatbotx) -> Iterator[Serve]:
    """`serve(token=…)` starts the dashboard on the recorded workspace (with `token=None`, on the
    demo) and returns its URL. No page has been requested yet. `bound` is the address that the
    server listens on; other settings by name."""
    with ExitStack() as servers:

        def serve(token: str | None = "edge", bound: str = "127.0.0.1", **others: str) -> str:
            given = _settings(edge_server, token, **others)
            return servers.enter_context(dashboard(tmp_path, bound=bound, **given))

        yield serve


@pytest.fixture(scope="session")
def recorded() -> Iterator[FakeChatbotx]:
    """The recorded workspace, for tests that do not change it: token `edge`; and those with one
    contact and with none: tokens `one` and `empty`."""
    contacts = json.loads(EDGE_CONTACTS.read_text("utf-8"))
    with FakeChatbotx({"edge": contacts, "one": contacts[-1:], "empty": []}) as server:
        yield server


@pytest.fixture(scope="session")
def at(tmp_path_factory: pytest.TempPathFactory, recorded: FakeChatbotx) -> Iterator[Serve]:
    """`at(token)` is the URL of a dashboard that tests share, on the workspace of that token, or
    with `at(None)` on the demo."""
    with ExitStack() as servers:

        @cache
        def at(token: str | None = "edge") -> str:
            folder = tmp_path_factory.mktemp("dashboard")
            return servers.enter_context(dashboard(folder, **_settings(recorded, token)))

        yield at


def _settings(server: FakeChatbotx, token: str | None, **others: str) -> dict[str, Any]:
    """Environment of a dashboard on a workspace, or without a token."""
    given = {"base_url": server.base_url} | others
    if token is not None:
        given["token"] = token
    return {f"CHATBOTX_{name.upper()}": value for name, value in given.items()}


@dataclass
class Trouble:
    """What must not happen on any page."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        for event, listener in self._listeners():
            page.on(event, listener)

    def leave(self, page: Page) -> None:
        """Stop watching: the rest is not this test's concern."""
        for event, listener in self._listeners():
            page.remove_listener(event, listener)

    def _listeners(self) -> Iterator[tuple[Any, Callable[[Any], None]]]:
        yield "console", self._console
        yield "pageerror", self._error
        yield "dialog", self._dialogue
        yield "request", self._request

    def _error(self, error: Error) -> None:
        self.errors.append(str(error))

    def _console(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not _PROBES.search(url):
            self.errors.append(f"{message.text} {url}")

    def _dialogue(self, dialogue: Dialog) -> None:
        self.errors.append(dialogue.message)
        dialogue.dismiss()

    def _request(self, request: Request) -> None:
        here = ("http://127.0.0.1:", "http://localhost:", "data:", "blob:")
        if not request.url.startswith(here):
            self.foreign.append(request.url)


Open = Callable[..., Page]


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """`context(width, dark)` is the browser context shared by all tests of that look, so that its
    cache is shared too."""
    with ExitStack() as contexts:

        @cache
        def context(width: int, dark: bool) -> BrowserContext:
            made = new_context(
                browser,
                viewport={"width": width, "height": 900},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
                accept_downloads=True,
            )
            contexts.callback(made.close)
            return made

        yield context


Look = tuple[int, bool]
"""Width of a page, and whether it is dark."""


@pytest.fixture(scope="session")
def tabs() -> dict[Look, list[Page]]:
    """Idle tabs. Their scripts are already compiled, which is half the cost of opening a page."""
    return defaultdict(list)


@pytest.fixture
def open_page(
    context: Callable[..., BrowserContext], tabs: dict[Look, list[Page]]
) -> Iterator[Open]:
    """`open_page(address, width=…, dark=…)` opens a page and waits for its numbers, or with
    `fetched=False` only for its title. At the end, the test fails on any error in the console, any
    violation of the page's policy, any dialogue, and any request to another host."""
    trouble = Trouble()
    used: list[tuple[Look, Page]] = []

    def open_page(
        address: str, *, width: int = 1440, dark: bool = False, fetched: bool = True
    ) -> Page:
        look = width, dark
        page = tabs[look].pop() if tabs[look] else context(*look).new_page()
        used.append((look, page))
        page.emulate_media(color_scheme="dark" if dark else "light")
        trouble.watch(page)
        page.goto(address)
        if fetched:
            expect(page.get_by_text(_FOOT)).to_be_visible()
        settle(page)
        return page

    yield open_page
    for look, page in used:
        trouble.leave(page)
        page.evaluate("localStorage.clear()")  # such as a chosen theme
        if page.evaluate("history.length") < _MOST_ENTRIES:
            page.goto("about:blank")
            tabs[look].append(page)
        else:
            page.close()
    assert not trouble.errors
    assert not trouble.foreign


_MOST_ENTRIES = 30
"""History entries of a reused tab: browsers keep 50 and count no further."""

_FOOT = re.compile(r"contacts? as of")


Seen = TypeVar("Seen")


def settle(page: Page) -> None:
    """Wait until the page is settled: everything requested has run and is drawn, including figures,
    and nothing will redraw it by itself."""
    try:
        page.wait_for_function("() => unsettled() === ''")
    except TookTooLong as error:
        raise AssertionError(f"still waiting for {page.evaluate('unsettled()')}") from error
    assert not page.locator("[data-testid=stException]").count()


def expect_soon(page: Page, look: Callable[[], Seen], wanted: Seen) -> None:
    """Poll until the wanted value is seen: Playwright waits for elements, this for everything else.
    The page may be redrawn between polls."""
    for _ in range(PATIENCE // _PAUSE):
        with suppress(Error):
            if look() == wanted:
                return
        page.wait_for_timeout(_PAUSE)
    assert look() == wanted


_PAUSE = 100
"""Polling interval in milliseconds."""


def hover_largest(figure: Locator, marks: str) -> None:
    """Move the pointer to the largest mark of a settled figure, or to where one would be if all are
    zero."""
    expect(figure.locator(marks)).not_to_have_count(0)
    figure.hover(force=True, position=figure.evaluate(_LARGEST, marks))


_LARGEST = """(figure, selector) => {
  const frame = figure.getBoundingClientRect();
  const boxes = [...figure.querySelectorAll(selector)].map((mark) => mark.getBoundingClientRect());
  const { x, y, width, height } =
    boxes.reduce((a, b) => (a.width * a.height < b.width * b.height ? b : a));
  return { x: x - frame.x + width / 2, y: y - frame.y + height / 2 };
}"""
"""Centre of the largest mark, relative to the figure's top left corner."""

WIDEST = "marks => Math.max(...marks.map((mark) => mark.getBoundingClientRect().width))"


def open_tables(page: Page) -> None:
    """Open the tables behind a page's figures."""
    summaries = page.get_by_text("Show table")
    for place in range(summaries.count()):
        summaries.nth(place).click()
        settle(page)


def settle_with_history(page: Page) -> None:
    """Wait until changes are shown, which are recorded after the first fetch."""
    expect(page.get_by_role("heading", name="From opening to closing")).to_be_visible()
    settle(page)


def darken(page: Page) -> None:
    """Switch to the dark theme, through the system's setting."""
    app = page.locator("[data-testid=stApp]")
    expect(app).to_have_css("background-color", "rgb(255, 255, 255)")
    page.emulate_media(color_scheme="dark")
    expect(app).to_have_css("background-color", "rgb(14, 22, 27)")
    page.wait_for_function(_NOTHING_FADES)
    settle(page)


_NOTHING_FADES = "() => !document.getAnimations().some((each) => each instanceof CSSTransition)"


def card(page: Page, name: str) -> Locator:
    """Value of the card of that name."""
    titled = page.locator("dt", has_text=re.compile(f"^\\s*{re.escape(name)}"))
    return page.locator(".numbers .card", has=titled).locator(".value")
