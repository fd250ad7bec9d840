"""No personal data is sent, to any page or in any download."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download, WebSocket, expect

from tests import marked
from tests.browser.conftest import QUESTIONS, new_context, open_tables, settle
from tests.searching import found_in
from tests.serving import chatbotx, dashboard

pytestmark = pytest.mark.browser

WORDS = [marked.MARK, marked.DIGITS, marked.SHOWN]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    contacts = folder / "contacts.json"
    contacts.write_text(json.dumps(marked.contacts()), "utf-8")
    with (
        chatbotx("cbx_marked", file=contacts) as base_url,
        dashboard(folder, CHATBOTX_TOKEN="cbx_marked", CHATBOTX_BASE_URL=base_url) as address,
    ):
        yield address


def test_nothing_personal_and_no_token_reaches_the_browser_or_the_log(
    browser: Browser, address: str, folder: Path
) -> None:
    frames: list[bytes] = []
    downloads: list[bytes] = []
    bodies: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        for event in ("framereceived", "framesent"):
            socket.on(event, lambda data: frames.append(_bytes(data)))

    def keep(download: Download) -> None:
        downloads.append(Path(download.path()).read_bytes() + download.suggested_filename.encode())

    context = new_context(browser, viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.on("websocket", listen)
    for path, question in QUESTIONS.items():
        answer = page.goto(f"{address}/{path}?period=all&tz=UTC")
        assert answer is not None
        bodies.append(answer.body())
        expect(page.locator("h1")).to_have_text(question)
        settle(page)
        open_tables(page)
        buttons = page.get_by_role("button", name="Download CSV")
        for place in range(buttons.count()):
            with page.expect_download() as waiting:
                buttons.nth(place).click()
            keep(waiting.value)
        bodies.append(page.content().encode())
    context.close()
    sent = {
        "frames": b"\n".join(frames),
        "downloads": b"\n".join(downloads),
        "pages": b"\n".join(bodies),
        "log": (folder / "server.log").read_bytes(),
    }
    assert len(downloads) > len(QUESTIONS)
    words = [*WORDS, "cbx_marked"]
    # Public texts are found, so personal data would be found too.
    assert {place: found_in(data, words) for place, data in sent.items()} == {
        "frames": [marked.SHOWN],
        "downloads": [marked.SHOWN],
        "pages": [marked.SHOWN],
        "log": [],
    }


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data
