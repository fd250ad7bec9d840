"""Names are untrusted: in Chromium they are text, wherever they come from."""

from __future__ import annotations

import copy
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import QUESTIONS, Open, hover_largest, open_tables, settle
from tests.fake_chatbotx import EDGE_CONTACTS, Contact, FakeChatbotx
from tests.serving import ROOT, dashboard

pytestmark = pytest.mark.browser

# If any of these is interpreted as markup, it becomes an element that contains only this word;
# shown as text, the name has its markup around the word.
WORD = "zqx"
NAMES = [
    "<b>zqx</b><img src=x onerror='window.ran = 1'>",
    "<script>window.ran = 1</script><i>zqx</i>",
    "<svg onload='window.ran = 1'><text>zqx</text></svg>",
    '"><a href="https://evil.example/">zqx</a>',
    "[zqx](https://evil.example/)",
    "![zqx](https://evil.example/image.png)",
    "https://evil.example/zqx www.evil.example zqx@evil.example",
    "**zqx** __zqx__ _zqx_ ~~zqx~~ `zqx`",
    "# zqx",
    "- zqx\n- zqx\n\n> zqx",
    "| zqx | zqx |\n|---|---|\n| zqx | zqx |",
    ":red[zqx] :material/home: :tada: :blue-badge[zqx]",
    "$zqx$ $$zqx$$ \\(zqx\\)",
    "%{zqx} %{x} {zqx}",
    "<br>zqx<br><sup>zqx</sup>",
    '=HYPERLINK("https://evil.example/","zqx")',
    "\t=zqx",
    "@zqx",
    "+zqx",
    "-zqx;=zqx",
]

INTERPRETED = f"""() => [...document.querySelectorAll('body *')]
  .filter((each) => each.textContent.trim() === '{WORD}' && !each.closest('title'))
  .map((each) => each.outerHTML.slice(0, 200))"""

LINKS = """() => [...document.querySelectorAll('a')]
  .map((each) => each.href.baseVal ?? each.href)
  .filter((href) => new URL(href, location.href).origin !== location.origin)"""

FIGURES = """() => document.querySelectorAll(
  '.js-plotly-plot svg :is(a, b, image[href*="evil"], [style*="font-weight: bold"])').length"""

MARKS = ".point path, .points path, .choroplethlayer path"


def workspace() -> list[Contact]:
    """A contact for each name, used for everything about it that has a name."""
    recorded: list[Contact] = json.loads(EDGE_CONTACTS.read_text("utf-8"))
    model = next(
        contact
        for contact in recorded
        if contact["tags"]
        and contact["contactInboxes"]
        and (contact["conversation"] or {}).get("assignedUser")
    )
    contacts = []
    for number, name in enumerate(NAMES):
        contact: dict[str, Any] = copy.deepcopy(model)
        day = f"2026-06-{number + 1:02d}T12:00:00.000Z"
        contact |= {"id": f"9{number:05d}", "createdAt": day, "updatedAt": day}
        contact |= {"broadcastSubscribedAt": day}
        contact |= {"country": name, "locale": name, "timezone": name, "workspaceId": name}
        contact["tags"] = [contact["tags"][0] | {"id": f"7{number}", "name": name}]
        contact["tags"][0]["deletedAt"] = None
        link = contact["contactInboxes"][0]
        link |= {"inboxId": f"8{number}", "channel": name, "lastIncomingMessageAt": day}
        link["inbox"] |= {"id": f"8{number}", "name": name, "channel": name, "status": name}
        talk = contact["conversation"]
        talk |= {"id": name, "botEnabled": False, "lastActivityAt": day, "contactRepliedAt": day}
        talk |= {"adminRepliedAt": None, "agentLastReadAt": None, "archivedAt": None}
        talk["botResumeAt"] = None  # or the bot would be on again
        talk |= {"assignedUserId": f"5{number}", "assignedInboxTeamId": f"6{number}"}
        talk["assignedUser"] |= {"id": f"5{number}", "name": name}
        talk["assignedInboxTeam"] |= {"id": f"6{number}", "name": name}
        contacts.append(contact)
    return contacts


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dashboard")
    with FakeChatbotx({"strangers": workspace()}) as server:
        ours = {"CHATBOTX_TOKEN": "strangers", "CHATBOTX_BASE_URL": server.base_url}
        record(folder, ours)
        strangers = server.workspaces["strangers"]
        for contact in strangers.contacts:  # so that changes have names, too
            strangers.update(contact["id"], broadcastSubscribedAt=None)
        record(folder, ours)
        with dashboard(folder, app=None, bound="127.0.0.1", files=None, **ours) as address:
            yield address


def record(folder: Path, environment: dict[str, str]) -> None:
    """Store this where the dashboard of that folder looks for it."""
    subprocess.run(
        [sys.executable, "-m", "lib.report", "--record"],
        cwd=ROOT,
        env=os.environ | environment | {"CHATBOTX_SNAPSHOT_DIR": str(folder / "cache")},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def assert_only_text(page: Page) -> None:
    assert page.evaluate(INTERPRETED) == []
    assert page.evaluate("window.ran") is None
    links = page.evaluate(LINKS)
    assert all(link.startswith("http://127.0.0.1:") for link in links), links
    assert page.evaluate(FIGURES) == 0


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_name_is_text_on_every_page(address: str, open_page: Open, path: str) -> None:
    page = open_page(f"{address}/{path}?period=all")
    shown = page.locator("main, [data-testid=stSidebar]").all_inner_texts()
    assert path in ("countries", "data") or WORD in "".join(shown)
    open_tables(page)
    assert_only_text(page)
    charts = page.locator("[data-testid=stPlotlyChart]")
    for place in range(charts.count()):
        if charts.nth(place).locator(MARKS).count():
            hover_largest(charts.nth(place), MARKS)
            settle(page)
            assert_only_text(page)


@pytest.mark.parametrize("path", ["", "workload"])
def test_a_name_in_a_link_is_text_in_filters_chips_and_notes(
    address: str, open_page: Open, path: str
) -> None:
    limits = {"channel": NAMES[:7], "tag": NAMES, "agent": NAMES, "country": NAMES, "team": "x"}
    wrong = {"from": NAMES[0], "tz": NAMES[4], "basis": NAMES[7], "period": NAMES[12]}
    page = open_page(f"{address}/{path}?{urlencode(limits | wrong, doseq=True)}")
    expect(page.get_by_test_id("stAlert").first).to_be_visible()
    assert_only_text(page)
    expect(page.locator(".chips a")).to_have_count(7)


@pytest.mark.parametrize("path", ["channels", "tags", "workload"])
def test_no_cell_of_a_download_is_a_formula(address: str, open_page: Open, path: str) -> None:
    page = open_page(f"{address}/{path}?period=all")
    cells = []
    buttons = page.get_by_role("button", name="Download CSV")
    expect(buttons.first).to_be_visible()
    for place in range(buttons.count()):
        with page.expect_download() as waiting:
            buttons.nth(place).click()
        text = Path(waiting.value.path()).read_text("utf-8-sig")
        # As spreadsheets in half of the world split it, and in the other half.
        for delimiter in (",", ";", "\t"):
            rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
            cells += [cell for row in rows for cell in row]
    assert any(WORD in cell for cell in cells)
    formulas = [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@", "\t"))]
    assert [cell for cell in formulas if not is_number(cell)] == []


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
