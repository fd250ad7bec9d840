"""Who may see what, without a browser: identities are given as the server would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from lib import settings
from lib.refresh import refreshers
from lib.ui.gate import Link, Links
from lib.web.key import Key, key_of
from lib.web.streamlit_internals import unmasked
from tests.fake_chatbotx import FakeChatbotx
from tests.pages.conftest import PAGES, links, numbers, tables, text

AUTH = """
[auth]
redirect_uri = "https://dashboard.example.com/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "id"
client_secret = "geheim"
server_metadata_url = "https://accounts.example.com/.well-known/openid-configuration"
"""
ACCESS = """
[access]
emails = ["ana@example.com"]
contact = "Olga <olga@example.com>"
"""

Configure = Callable[..., None]


@pytest.fixture
def configure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edge_server: FakeChatbotx
) -> Iterator[Configure]:
    """`configure(tables)` writes the secrets of a dashboard on the fake API."""
    file = tmp_path / "secrets.toml"

    def configure(tables: str = "", token: str = 'CHATBOTX_TOKEN = "edge"') -> None:
        file.write_text(
            f'{token}\nCHATBOTX_BASE_URL = "{edge_server.base_url}"\n'
            f'CHATBOTX_SNAPSHOT_DIR = "{tmp_path}"\n{tables}'
        )
        settings.read_again()

    for name in ("TOKEN", "BASE_URL", "OPEN_ACCESS", "SNAPSHOT_DIR"):
        monkeypatch.delenv(f"CHATBOTX_{name}", raising=False)
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", (file,))
    # A browser without cookies.
    monkeypatch.setattr(ContextProxy, "cookies", {})
    yield configure
    refreshers.stop_all()


def claims(email: str = "ana@example.com", **others: object) -> dict[str, Any]:
    whole = {"is_logged_in": True, "email": email, "email_verified": True, "iat": time.time()}
    whole |= {"iss": "https://accounts.example.com", "aud": "id", "provider": "default"}
    return whole | others


def opened(user: dict[str, Any] | None = None, **parameters: str) -> AppTest:
    """The first page as seen by a visitor with these claims, once there are contacts."""
    dashboard = AppTest.from_file(PAGES / "frame.py", default_timeout=30)
    dashboard.user = user or {"is_logged_in": False}
    for name, value in parameters.items():
        dashboard.query_params[name] = value
    dashboard.run()
    if dashboard.header and "first time" in dashboard.header[0].value:
        for configured in settings.load_all().workspaces:
            refreshers.refresher_of(configured).wait(60)
        dashboard.run()
    assert not dashboard.exception, dashboard.exception[0].value
    return dashboard


def prose(dashboard: AppTest) -> str:
    return text(dashboard) + "\n".join(element.value for element in dashboard.text)


def shows_data(dashboard: AppTest) -> bool:
    return bool(numbers(dashboard) or tables(dashboard) or dashboard.get("plotly_chart"))


def test_without_a_sign_in_nothing_is_shown_or_fetched(
    configure: Configure, edge_server: FakeChatbotx
) -> None:
    configure()
    page = opened({"email": None})
    assert page.title[0].value == "This dashboard is not open yet"
    assert "CHATBOTX_OPEN_ACCESS" in prose(page)
    assert not shows_data(page)
    assert not edge_server.requests


def test_whoever_has_shown_the_key_sees_the_numbers(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    key = key_of(settings.configuration())
    assert key is not None
    monkeypatch.setattr(ContextProxy, "cookies", {key.cookie: key.proof})
    assert numbers(opened({"email": None}))["Contacts"] == "137"
    monkeypatch.setattr(ContextProxy, "cookies", {key.cookie: Key("another").proof})
    assert opened({"email": None}).title[0].value == "This dashboard is not open yet"


def test_an_identity_that_nobody_asked_for_opens_nothing(configure: Configure) -> None:
    configure(ACCESS)
    page = opened({"email": "ana@example.com", "email_verified": True, "iat": time.time()})
    assert page.title[0].value == "This dashboard is not open yet"


def test_where_streamlit_knows_of_a_sign_in_and_we_do_not_nobody_gets_in(
    configure: Configure,
) -> None:
    configure("[access]\nopen = true")
    assert opened({"is_logged_in": False}).title[0].value == "Nobody is invited yet"


@pytest.mark.parametrize(
    ("user", "title"),
    [
        ({"is_logged_in": False}, "Sign in"),
        (claims("bob@example.com"), "You are not invited"),
        (claims(email_verified=False), "Your address is not verified"),
        (claims(iat=0), "Sign in"),
        ({"is_logged_in": True}, "Sign in"),
        (claims(aud="another dashboard"), "Sign in"),
    ],
    ids=["nobody", "not invited", "not verified", "too old", "no claims", "of others"],
)
def test_who_is_not_invited_sees_one_page_and_makes_nobody_fetch(
    configure: Configure, edge_server: FakeChatbotx, user: dict[str, Any], title: str
) -> None:
    configure(AUTH + ACCESS)
    page = opened(user, channel="whatsapp")
    assert page.title[0].value == title
    assert not shows_data(page)
    assert not edge_server.requests
    if title.startswith("You"):
        assert "ask Olga <olga@example.com>" in prose(page)


def test_who_is_invited_sees_the_numbers_and_the_way_out(configure: Configure) -> None:
    configure(AUTH + ACCESS)
    page = opened(claims("Ana@Example.com"))
    assert numbers(page)["Contacts"] == "137"
    assert page.button(key="sign-out").label == "Sign out"


def test_signing_out_ends_what_the_session_shows(configure: Configure) -> None:
    configure(AUTH + ACCESS)
    page = opened(claims())
    page.button(key="sign-out").click().run()
    for _ in ("at once", "in whatever run comes before the browser is gone"):
        assert page.title[0].value == "Signing out …"
        assert page.user == {"is_logged_in": False}
        assert not shows_data(page)
        assert "view" not in page.session_state
        page.run()


def test_who_is_taken_off_the_list_is_out_with_the_next_click(configure: Configure) -> None:
    configure(AUTH + ACCESS)
    page = opened(claims())
    configure(AUTH + ACCESS.replace("ana@", "bob@"))
    page.run()
    assert page.title[0].value == "You are not invited"
    assert "view" not in page.session_state


def test_markup_in_an_address_is_text(configure: Configure) -> None:
    configure(AUTH + ACCESS)
    page = opened(claims("**<b>x</b>**@example.com"))
    assert any("**<b>x</b>**@example.com" in element.value for element in page.text)
    assert not any("<b>" in element.value for element in page.markdown)


def test_mistakes_do_not_tell_strangers_the_names_of_workspaces(configure: Configure) -> None:
    configure('[workspaces.merger]\ntoken = "edge"\ntimezone = "x"', token="")
    page = opened()
    assert page.title[0].value == "The dashboard is not set up correctly"
    assert "merger" not in prose(page)


WORKSPACES = """
[workspaces.main]
token = "edge"
[workspaces.sales]
token = "empty"
[workspaces.vault]
token = "empty-too"
[access.workspaces]
vault = []
"""


class TestWorkspaces:
    @pytest.fixture(autouse=True)
    def configured(self, configure: Configure) -> None:
        configure(AUTH + ACCESS + WORKSPACES, token="")

    def test_without_a_name_the_first_is_shown_and_named(self) -> None:
        page = opened(claims())
        assert numbers(page)["Contacts"] == "137"
        assert page.query_params["workspace"] == "main"

    def test_the_url_names_another(self) -> None:
        page = opened(claims(), workspace=" Sales")
        assert page.title[0].value == "There are no contacts yet"
        assert not page.warning

    def test_a_finding_leads_to_a_page_of_its_own_workspace(self) -> None:
        found = links(opened(claims()))
        assert found
        assert [each for each in found if each.parameters.get("workspace") != ["main"]] == []

    def test_a_forbidden_workspace_looks_like_one_that_does_not_exist(self) -> None:
        forbidden = opened(claims(), workspace="vault")
        missing = opened(claims(), workspace="nowhere")
        for page in (forbidden, missing):
            assert numbers(page)["Contacts"] == "137"
        assert [note.value for note in forbidden.warning] == [
            note.value for note in missing.warning
        ]
        assert "vault" not in forbidden.warning[0].value

    def test_the_switch_offers_what_the_person_may_see_only(self) -> None:
        page = opened(claims())
        assert page.selectbox(key="pick-workspace").options == ["main", "sales"]

    def test_switching_keeps_the_period_and_drops_the_filters(self) -> None:
        page = opened(claims(), period="90d", channel="whatsapp", source="recorded")
        page.selectbox(key="pick-workspace").select("sales").run()
        assert page.title[0].value == "There are no contacts yet"
        page.selectbox(key="pick-workspace").select("main").run()
        assert numbers(page)["Contacts"] == "137"
        assert page.selectbox(key="pick-preset").value == "90d"

    def test_a_workspace_s_token_is_used_for_no_other(self, edge_server: FakeChatbotx) -> None:
        opened(claims(), workspace="sales")
        assert {request.token for request in edge_server.requests} <= {"edge", "empty", "empty-too"}
        by_name = {
            each.name: refreshers.refresher_of(each) for each in settings.load_all().workspaces
        }
        states = {name: refresher.wait(60) for name, refresher in by_name.items()}
        contacts = {
            name: state.snapshot.contacts if state.snapshot else None
            for name, state in states.items()
        }
        assert contacts == {"main": 137, "sales": 0, "vault": None}


LINK = Link("channels", (("channel", ("whatsapp",)),))


def test_a_link_is_given_back_once_and_to_the_same_browser() -> None:
    links = Links()
    links.keep(b"one", LINK)
    assert links.take(b"other") is None
    assert links.take(b"one") == LINK
    assert links.take(b"one") is None


def test_a_link_is_forgotten_after_ten_minutes() -> None:
    now = 0.0
    links = Links(lambda: now)
    links.keep(b"one", LINK)
    now = 601.0
    assert links.take(b"one") is None


def test_however_many_come_only_so_many_links_are_kept() -> None:
    links = Links()
    for number in range(2 * Links.MOST):
        links.keep(str(number).encode(), LINK)
    assert len(links) == Links.MOST
    assert links.take(str(2 * Links.MOST - 1).encode()) == LINK


def test_a_link_that_is_too_long_is_not_kept() -> None:
    links = Links()
    links.keep(b"one", Link("", (("tag", ("x" * 9000,)),)))
    assert links.take(b"one") is None


def test_the_browser_is_the_same_under_another_mask() -> None:
    token = "00112233445566778899aabbccddeeff"
    plain = unmasked(f"2|00000000|{token}|1782900000")
    assert plain == bytes.fromhex(token)
    masked = bytes(byte ^ mask for byte, mask in zip(plain, b"\x01\x02\x03\x04" * 4, strict=True))
    assert unmasked(f"2|01020304|{masked.hex()}|1782900999") == plain


@pytest.mark.parametrize("cookie", ["", "x", "2|0|0|0", "2|zz|zz|1", "1|00000000|00|1", "2||||"])
def test_a_cookie_of_another_form_is_of_no_browser(cookie: str) -> None:
    assert unmasked(cookie) is None
