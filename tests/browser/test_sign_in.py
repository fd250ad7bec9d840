"""Signing in through a local provider, in Chromium on a cold server."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from tests.browser.conftest import Serve, Trouble, card, new_context, settle
from tests.fake_chatbotx import FakeChatbotx
from tests.oidc_provider import Provider
from tests.serving import dashboard

pytestmark = pytest.mark.browser

JUNE = "from=2026-06-01&to=2026-06-30&tz=America/Sao_Paulo"
QUESTIONS = {"": "How is our audience doing?", "channels": "Where do new contacts come from?"}
HOUR = 3600

PEOPLE: dict[str, dict[str, Any]] = {
    "Ana": {"email": "Ana@Example.com", "email_verified": True},
    "Bob": {"email": "bob@elsewhere.example", "email_verified": True},
    "Cy": {"email": "ana@example.com", "email_verified": False},
    "Di": {"email": "ana@example.com"},
    "Eve": {"email": "eve@evil.example@co.example", "email_verified": True},
    "Flo": {"email": "ana@example.com", "email_verified": True, "iat": 13 * HOUR},
    "Gus": {"email": "gus@sales.example", "email_verified": True},
}
INVITED = """
[access]
emails = ["ana@example.com"]
domains = ["co.example"]
contact = "Olga <olga@example.com>"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider(PEOPLE) as provider:
        yield provider


@pytest.fixture(scope="module")
def invited(
    provider: Provider, recorded: FakeChatbotx, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A shared dashboard on the recorded workspace, to which some people are invited."""
    folder = tmp_path_factory.mktemp("dashboard")
    _write(folder, provider.secrets + INVITED)
    with dashboard(folder, CHATBOTX_TOKEN="edge", CHATBOTX_BASE_URL=recorded.base_url) as address:
        yield address


def _write(folder: Path, secrets: str) -> None:
    file = folder / ".streamlit" / "secrets.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(secrets)


@pytest.fixture
def secrets(tmp_path: Path) -> Callable[[str], None]:
    """`secrets(text)` writes the operator's secrets."""
    return partial(_write, tmp_path)


class Visit:
    """A separate browser on the dashboard. `received` collects everything from the web socket."""

    def __init__(self, browser: Browser, trouble: Trouble) -> None:
        self.context = new_context(browser, viewport={"width": 1440, "height": 900})
        self.received = bytearray()
        self.page = self.open()
        trouble.watch(self.page)

    def open(self) -> Page:
        page = self.context.new_page()
        page.on("websocket", self._listen)
        return page

    def _listen(self, socket: WebSocket) -> None:
        def keep(frame: str | bytes) -> None:
            self.received.extend(frame.encode() if isinstance(frame, str) else frame)

        socket.on("framereceived", keep)

    def go(self, address: str) -> Page:
        self.page.goto(address)
        settle(self.page)
        return self.page

    def sign_in(self, person: str) -> Page:
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("link", name=f"Continue as {person}").click()
        self.page.wait_for_url(re.compile(r"^(?!.*/(enter|authorize|oauth2callback))"))
        settle(self.page)
        return self.page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[], Visit]]:
    trouble = Trouble()
    visits: list[Visit] = []

    def visit() -> Visit:
        visits.append(Visit(browser, trouble))
        return visits[-1]

    yield visit
    for each in visits:
        each.context.close()
    assert not trouble.errors
    assert not trouble.foreign


NewVisit = Callable[[], Visit]
Write = Callable[[str], None]


def title(page: Page, text: str) -> None:
    expect(page.locator("h1")).to_have_text(text)


def test_a_visitor_who_has_not_signed_in_is_sent_only_the_sign_in_page(
    invited: str, visit: NewVisit
) -> None:
    stranger, ana = visit(), visit()
    page = stranger.go(f"{invited}/channels?{JUNE}")
    title(page, "Sign in")
    # All has been fetched and sent by the time that somebody who came later is shown it.
    ana.go(f"{invited}/channels?{JUNE}")
    title(ana.sign_in("Ana"), QUESTIONS["channels"])
    settle(page)
    sent = bytes(stranger.received)
    assert len(sent) > 500
    for secret in (b"137 contacts", b"contacts", b"WhatsApp", b"whatsapp", b"ana@", b"olga"):
        assert secret not in sent, secret
    assert not page.get_by_role("link", name="Tags").count()


def test_signing_in_leads_to_what_was_asked_for_and_signing_out_leads_out(
    invited: str, visit: NewVisit, provider: Provider
) -> None:
    ana = visit()
    ana.go(f"{invited}/channels?channel=whatsapp&{JUNE}")
    page = ana.sign_in("Ana")
    title(page, QUESTIONS["channels"])
    expect(page).to_have_url(re.compile(r"/channels\?.*channel=whatsapp"))
    expect(card(page, "Contacts")).to_have_text("35")
    # A word joiner between them keeps the address from becoming a link.
    signed_in = re.compile("Signed in as ana@\u2060?example.com")
    expect(page.locator("[data-testid=stSidebar]")).to_contain_text(signed_in)

    page.reload()
    title(page, QUESTIONS["channels"])

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{invited}/")
    title(page, "Sign in")
    assert provider.signed_out[-1:] == [f"{invited}/oauth2callback"]
    page.goto(f"{invited}/channels?{JUNE}")
    title(page, "Sign in")


def test_a_link_is_followed_once(invited: str, visit: NewVisit) -> None:
    ana = visit()
    ana.go(f"{invited}/channels?{JUNE}")
    title(ana.sign_in("Ana"), QUESTIONS["channels"])
    title(ana.go(invited), QUESTIONS[""])


def test_a_link_of_one_browser_leads_no_other_anywhere(invited: str, visit: NewVisit) -> None:
    one, other = visit(), visit()
    one.go(f"{invited}/channels?{JUNE}").get_by_role("button", name="Sign in").click()
    one.page.wait_for_url(re.compile("/authorize"))
    other.go(invited)
    title(other.sign_in("Ana"), QUESTIONS[""])


@pytest.mark.parametrize(
    ("person", "heading", "sentence"),
    [
        ("Bob", "You are not invited", "bob@elsewhere.example"),
        ("Cy", "Your address is not verified", "ana@example.com"),
        ("Di", "Your address is not verified", "ana@example.com"),
        ("Eve", "You are not invited", "eve@evil.example@co.example"),
    ],
)
def test_a_visitor_without_an_invitation_learns_only_whom_to_ask(
    invited: str, visit: NewVisit, person: str, heading: str, sentence: str
) -> None:
    refused = visit()
    refused.go(f"{invited}/channels?{JUNE}")
    page = refused.sign_in(person)
    title(page, heading)
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text(sentence)
    expect(main).to_contain_text("ask Olga <olga@example.com>")
    assert not main.locator("a").count()
    assert b"137 contacts" not in refused.received
    page.get_by_role("button", name="Sign out").click()
    title(page, "Sign in")


def test_who_comes_by_another_name_is_sent_to_the_one_that_signing_in_comes_back_to(
    invited: str, visit: NewVisit
) -> None:
    ana = visit()
    page = ana.go(f"{invited.replace('127.0.0.1', 'localhost')}/channels?channel=whatsapp&{JUNE}")
    title(page, "Sign in")
    with ana.context.expect_page() as opened:
        page.get_by_role("link", name="Open it there to sign in").click()
    page = ana.page = opened.value
    ana.sign_in("Ana")
    title(page, QUESTIONS["channels"])
    expect(page).to_have_url(re.compile(r"/channels\?.*channel=whatsapp"))


def test_an_identity_of_yesterday_has_to_be_renewed(
    invited: str, visit: NewVisit, provider: Provider
) -> None:
    late = visit()
    late.go(f"{invited}/channels?{JUNE}")
    page = late.sign_in("Flo")
    title(page, "Sign in")
    expect(page.locator("[data-testid=stMain]")).to_contain_text("some time ago")
    provider.people["Flo"]["iat"] = 11 * HOUR
    try:
        title(late.sign_in("Flo"), QUESTIONS[""])
    finally:
        provider.people["Flo"]["iat"] = 13 * HOUR


def test_a_tampered_identity_is_rejected(invited: str, visit: NewVisit) -> None:
    bob = visit()
    bob.go(invited)
    title(bob.sign_in("Bob"), "You are not invited")
    (cookie,) = [each for each in bob.context.cookies() if each["name"] == "_streamlit_user"]
    payload, rest = cookie["value"].strip('"').split(".", 1)
    if payload:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        text = text.replace("bob@elsewhere.example", "ana@example.com")
        payload = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    forged = f"{payload}.{rest}" if payload else f".A{rest}"
    bob.context.add_cookies([{"name": cookie["name"], "value": forged, "url": invited}])
    title(bob.go(f"{invited}/?{JUNE}"), "Sign in")
    assert b"137 contacts" not in bob.received


def printed(folder: Path) -> str:
    """The URL with the key, as printed in the console."""
    (path,) = re.findall(r"http://\S+?(/\?key=\S+)", (folder / "server.log").read_text("utf-8"))
    return str(path)


def test_without_a_sign_in_a_stranger_is_asked_for_the_key_and_sent_nothing_else(
    serve: Serve, browser: Browser
) -> None:
    stranger = new_context(browser)
    asked: list[str] = []
    page = stranger.new_page()
    page.on("request", lambda request: asked.append(request.url))
    address = serve(bound="0.0.0.0", open_access="no")
    page.goto(f"{address}/channels?{JUNE}")
    title(page, "This dashboard asks for its key")
    assert asked[:1] == [f"{address}/channels?{JUNE}"]
    assert {url.removeprefix(address) for url in asked[1:]} <= {"/favicon.ico"}
    stranger.close()


def test_the_key_opens_it_and_stays_in_no_address(
    serve: Serve, visit: NewVisit, tmp_path: Path
) -> None:
    address = serve(open_access="no")
    page = visit().go(f"{address}/channels{printed(tmp_path)}&{JUNE}")
    title(page, QUESTIONS["channels"])
    assert "key=" not in page.url
    assert "key=" not in page.evaluate("document.referrer")
    page.go_back()
    assert "key=" not in page.url
    title(visit_again(page, f"{address}/channels?{JUNE}"), QUESTIONS["channels"])


def visit_again(page: Page, address: str) -> Page:
    page.goto(address)
    settle(page)
    return page


def test_the_key_may_be_typed_and_leads_to_what_was_asked_for(
    serve: Serve, browser: Browser, tmp_path: Path
) -> None:
    context = new_context(browser)
    page = context.new_page()
    page.goto(f"{serve(open_access='no')}/channels?channel=whatsapp&{JUNE}")
    page.get_by_label("Key").fill("not this one, certainly")
    page.get_by_role("button", name="Open the dashboard").click()
    expect(page.get_by_role("alert")).to_contain_text("not the key")
    page.get_by_label("Key").fill(printed(tmp_path).removeprefix("/?key="))
    page.get_by_role("button", name="Open the dashboard").click()
    title(page, QUESTIONS["channels"])
    expect(page).to_have_url(re.compile(r"/channels\?channel=whatsapp"))
    assert "key=" not in page.url
    context.close()


def test_the_operator_may_open_it_to_everybody(serve: Serve, visit: NewVisit) -> None:
    page = visit().go(f"{serve(bound='0.0.0.0', open_access='yes')}/channels?{JUNE}")
    title(page, QUESTIONS["channels"])


def test_the_demo_may_be_seen_by_everybody(serve: Serve, visit: NewVisit) -> None:
    page = visit().go(serve(token=None, bound="0.0.0.0"))
    title(page, QUESTIONS[""])


def test_with_nobody_invited_nobody_gets_in_and_the_page_says_what_to_set(
    serve: Serve, visit: NewVisit, provider: Provider, secrets: Write
) -> None:
    secrets(provider.secrets)
    page = visit().go(f"{serve()}/channels?{JUNE}")
    title(page, "Nobody is invited yet")
    expect(page.locator("[data-testid=stMain]")).to_contain_text("[access]")


def test_each_sees_their_workspaces_and_changing_them_keeps_the_period_only(
    serve: Serve, visit: NewVisit, provider: Provider, secrets: Write
) -> None:
    workspaces = """
[workspaces.main]
token = "edge"
label = "Main company"
[workspaces.sales]
token = "empty"
label = "Sales team"
"""
    own = '[access.workspaces]\nsales = ["sales.example", "ana@example.com"]\n'
    secrets(provider.secrets + INVITED + own + workspaces)
    address = serve(token=None)
    ana, gus = visit(), visit()

    ana.go(f"{address}/?channel=whatsapp&{JUNE}")
    page = ana.sign_in("Ana")
    contacts = card(page, "Contacts")
    expect(contacts).to_have_text("35")
    expect(page).to_have_url(re.compile("workspace=main"))
    page.get_by_role("combobox", name="Workspace").click()
    page.get_by_role("option", name="Sales team").click()
    title(page, "There are no contacts yet")
    expect(page).to_have_url(re.compile("workspace=sales"))
    expect(page).to_have_url(re.compile("from=2026-06-01"))
    expect(page).not_to_have_url(re.compile("channel="))
    page.go_back()
    expect(page).to_have_url(re.compile("workspace=main"))
    expect(contacts).to_have_text("35")

    gus.go(f"{address}/?workspace=main&{JUNE}")
    page = gus.sign_in("Gus")
    title(page, "There are no contacts yet")
    expect(page.locator("[data-testid=stMain]")).to_contain_text("does not exist or that you may")
    assert not page.get_by_role("combobox", name="Workspace").count()
    for hidden in (b"Main company", b"137 contacts", b"WhatsApp"):
        assert hidden not in gus.received
