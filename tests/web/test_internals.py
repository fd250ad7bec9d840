"""Contract tests for Streamlit's internals: each failure says what an upgrade has changed."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import streamlit
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.runtime.state.query_params import QueryParams
from streamlit.web.server import server_util
from streamlit.web.server.starlette import starlette_app_utils as utils
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes
from streamlit.web.server.starlette.starlette_server_config import (
    USER_COOKIE_NAME,
    XSRF_COOKIE_NAME,
)

from lib.web import first_page
from lib.web import streamlit_internals as internals

ROOT = Path(__file__).parents[2]
STATIC = Path(streamlit.__file__).parent / "static"


@cache
def frontend() -> str:
    """The text of all scripts of Streamlit's page."""
    return "\n".join(path.read_text("utf-8") for path in sorted(STATIC.rglob("*.js")))


@cache
def routes() -> set[str]:
    found = create_streamlit_routes(MagicMock())
    return {str(getattr(route, "path", "")).lstrip("/") for route in found}


@pytest.mark.parametrize("path", [internals.HEALTH, internals.HOST_CONFIG, internals.STREAM])
def test_what_is_open_in_the_core_is_where_streamlit_serves_it(path: str) -> None:
    assert path in routes(), f"Streamlit serves {path} no more: find its new address"


def test_downloads_and_signing_in_are_where_they_were() -> None:
    served = routes()
    for prefix in (internals.DOWNLOADS, internals.CALLBACK, internals.COMPONENTS):
        assert any(path.startswith(prefix) for path in served), f"nothing is at {prefix} any more"


def test_everything_else_that_streamlit_serves_for_itself_is_below_the_core() -> None:
    known = (internals.CORE, internals.COMPONENTS, internals.DOWNLOADS, internals.CALLBACK)
    others = {path for path in routes() if path and not path.startswith(known)}
    allowed = re.compile(r"auth/(login|logout)|app/static/.*|.*\{path:path\}.*|(.*/)?static.*")
    new = {path for path in others if not allowed.fullmatch(path)}
    assert not new, f"Streamlit serves {sorted(new)} as well: may strangers ask for it?"


def test_the_page_is_where_it_was_and_has_one_script_of_its_own() -> None:
    assert internals.INDEX.is_file(), "Streamlit's page has moved: the policy needs its hash"
    page = internals.INDEX.read_text("utf-8")
    assert page.count("<script>") == 1, "Streamlit's page has other scripts: look at each"


def test_the_messages_that_pass_exist_and_every_other_kind_is_known() -> None:
    messages = BackMsg.DESCRIPTOR
    requests = messages.fields_by_name["backend_operation_request"].message_type
    kinds = {each.name for each in messages.oneofs_by_name["type"].fields}
    kinds |= {each.name for each in requests.oneofs_by_name["payload"].fields}
    assert kinds >= internals.MESSAGES, "Streamlit's page asks for runs in another way"
    known = internals.MESSAGES | {
        *("clear_cache", "set_run_on_save", "stop_script", "load_git_info", "file_urls_request"),
        *("debug_disconnect_websocket", "debug_shutdown_runtime", "backend_operation_request"),
        *("install_skills", "dismiss_skills_nudge", "dataframe_chunk"),
    }
    assert kinds == known, f"New messages: {sorted(kinds - known)}. Does a page of ours send them?"


def test_an_identity_is_read_as_streamlit_signs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "of-tests-only-and-nowhere-else-0123456789"
    monkeypatch.setattr(starlette_websocket, "get_cookie_secret", lambda: secret)
    name = USER_COOKIE_NAME
    signed = utils.create_signed_value(secret, name, '{"email": "ana@example.com"}').decode()
    assert internals.claims_in({name: signed}) == {"email": "ana@example.com"}
    assert internals.claims_in({name: "x" + signed}) == {}
    assert internals.claims_in({name: "nothing"}) == {}
    assert internals.claims_in({}) == {}
    another = utils.create_signed_value("x" * 40, name, '{"email": "ana@example.com"}').decode()
    assert internals.claims_in({name: another}) == {}


def test_a_browser_is_known_by_its_token_whatever_the_mask() -> None:
    token = bytes.fromhex("00112233445566778899aabbccddeeff")
    cookies = {utils.generate_xsrf_token_string(token, 1_782_900_000) for _ in range(3)}
    assert len(cookies) == 3
    for cookie in cookies:
        assert internals.browser_of({XSRF_COOKIE_NAME: cookie}) == token, (
            "Streamlit masks its token in another way: people would not come back to their link"
        )
    assert internals.browser_of({}) is None


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({}, "http://localhost:8601"),
        ({"server.address": "127.0.0.1"}, "http://localhost:8601"),
        ({"server.address": "0.0.0.0"}, "http://localhost:8601"),
        ({"server.address": "10.0.0.7"}, "http://10.0.0.7:8601"),
        ({"server.baseUrlPath": "/audience/"}, "http://localhost:8601/audience"),
        ({"server.sslCertFile": "x.pem"}, "https://localhost:8601"),
    ],
)
def test_the_address_is_printed_as_streamlit_would(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], address: str
) -> None:
    given = {"server.port": 8601, "server.baseUrlPath": "", "server.sslCertFile": None} | options
    real = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: given.get(name, real(name)))
    monkeypatch.setattr(config, "is_manually_set", lambda name: name in options)
    monkeypatch.setattr(server_util, "_get_browser_address_bar_port", lambda: 8601)
    assert internals.own_address() == address


def test_the_test_ids_that_styles_select_exist() -> None:
    """Our CSS selects these. If one disappears, its style is lost without any error."""
    sources = [
        *ROOT.glob("lib/ui/**/*.py"),
        *ROOT.glob("lib/ui/**/*.css"),
        *ROOT.glob("pages/*.py"),
    ]
    used = {
        name
        for path in sources
        for name in re.findall(r"""data-testid=["']?(\w+)""", path.read_text("utf-8"))
    }
    assert used
    gone = {name for name in used if name not in frontend() and not _is_composed(name)}
    assert not gone, f"Streamlit's page has no {sorted(gone)} any more: find the new test ids"


def _is_composed(name: str) -> bool:
    """Test ids of buttons are `stBaseButton-` plus their kind, concatenated in the browser."""
    return name.startswith("stBaseButton") and "stBaseButton" in frontend()


def test_a_page_without_its_first_elements_is_known_by_its_test_ids() -> None:
    for name in re.findall(r'(?:data-testid="|\.)(\w+)', internals.VIEW_TO_COME):
        assert name in frontend(), f"nothing is called {name} any more"
    assert "data-test-script-state" in frontend(), "whether a script runs is said elsewhere"


@pytest.mark.parametrize("kind", [*first_page.ELEMENTS, *first_page.LATER])
def test_each_kind_of_element_has_a_script_of_its_own(kind: str) -> None:
    assert internals.scripts_of([kind]), f"{kind} is drawn by another script: announce that one"


def test_a_script_comes_with_all_that_it_imports() -> None:
    scripts = internals.scripts_of(["Metric"])
    for script in scripts:
        for name in re.findall(r"""from\s*["'`]\./([\w.-]+\.js)""", (STATIC / script).read_text()):
            assert f"static/js/{name}" in scripts or name in internals.INDEX.read_text("utf-8")


def test_a_run_knows_whether_the_browser_went_back() -> None:
    names = {field.name for field in dataclasses.fields(ScriptRunContext)}
    assert "is_history_navigation" in names, (
        "Streamlit no longer says that a run was asked for by Back or Forward: see "
        "streamlit_internals.is_history_navigation, and check Back after a click in a browser."
    )


def test_a_run_knows_the_url_that_the_browser_sent() -> None:
    parameters = QueryParams()
    parameters.set_initial_query_params("channel=whatsapp&channel=sms&country=BR")
    found = [parameters.get_initial_value(name) for name in ("channel", "country", "tag")]
    assert found == [["whatsapp", "sms"], "BR", None], (
        "Streamlit no longer says which URL a message was sent from: see "
        "streamlit_internals.sent_parameter, and check a filter set right after a click on a bar."
    )


def test_a_run_knows_which_page_it_is_of() -> None:
    assert hasattr(ScriptRunContext, "page_script_hash"), (
        "Streamlit no longer says which page a run is of: see streamlit_internals.page_hash, and "
        "check a click on a page's name right after a click on a bar."
    )
