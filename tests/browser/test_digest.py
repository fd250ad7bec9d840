"""A digest mail in a browser: desktop and phone widths, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lib.outputs.digest import digest, message
from lib.outputs.views import view_named
from lib.settings import Settings
from tests.outputs.digesting import snapshot_of
from tests.workspaces import AS_OF, before_as_of, contact, conversation, in_inboxes, on

pytestmark = pytest.mark.browser

LONG = "a name that nobody breaks: " + "x" * 80


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(token="token", label="Sales")
    contacts = [
        contact(on(channel), createdAt=before_as_of(days=days))
        for channel in ("whatsapp", "telegram", LONG)
        for days in (1, 2, 3)
    ]
    waits = conversation(contactRepliedAt=before_as_of(days=9), botEnabled=False)
    contacts.append(contact(in_inboxes(**{LONG: "disconnected"}), waits))
    snapshot = snapshot_of(*contacts, complete=False)
    written = digest(
        view_named("", snapshot, settings), settings, now=AS_OF, dashboard="https://a.example"
    )
    path = tmp_path_factory.mktemp("mail") / "digest.html"
    path.write_text(message(written).html, encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 360])
def test_nothing_is_cut_off_nothing_is_loaded_and_all_can_be_read(
    browser: Browser, mail: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    try:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(mail.as_uri())
        assert asked == [mail.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.add_script_tag(path=Path(__file__).parent / "axe.min.js")
        found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})")
        assert [each["id"] for each in found["violations"]] == []
        cells = page.locator(".numbers td")
        assert cells.count() == 6
        columns = {round(cells.nth(place).bounding_box()["x"]) for place in range(6)}  # type: ignore[index]
        assert len(columns) == (2 if width == 360 else 3)
    finally:
        context.close()
