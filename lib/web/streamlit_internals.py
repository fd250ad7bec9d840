"""Everything that the dashboard uses of Streamlit's private interface.

Each item is here because there is no public alternative. `tests/web/test_internals.py` fails with a
sentence when an upgrade changes one. No other module imports from `streamlit.web`,
`streamlit.runtime` or `streamlit.proto`, or contains a cookie name, path or test id of Streamlit.
"""

import binascii
import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import streamlit
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it ships none
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server import server_util
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_server_config import (
    USER_COOKIE_NAME,
    XSRF_COOKIE_NAME,
)

HEALTH = "_stcore/health"
HOST_CONFIG = "_stcore/host-config"
STREAM = "_stcore/stream"
CORE = "_stcore/"
"""Prefix of Streamlit's own endpoints: metrics, uploads, an API."""

COMPONENTS = "component/"
DOWNLOADS = "media/"
CALLBACK = "oauth2callback"

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
"""The HTML page that every URL returns. The policy allows its inline script by hash."""

VIEW = ".stAppViewContainer"
"""Selector of a page's content, including the sidebar."""

VIEW_TO_COME = (
    '[data-testid="stApp"]:not([data-test-script-state="notRunning"])'
    ":not(:has(.stSidebar, h1, h2, h3)) " + VIEW
)
"""Selector of the same before the first run has drawn anything: a placeholder, then the navigation
without a sidebar."""

_OWN_FONT = re.compile(r'\s*<link\s+rel="preload"[^>]*SourceSans[^>]*>')
_IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*["'`]\./([\w.-]+\.js)["'`]""")

MESSAGES = frozenset({"rerun_script", "app_heartbeat", "deferred_file"})
"""The messages that our pages send: run the script with these widget states, heartbeat, and create
the file for a download button, whose URL `lib.web.downloads` guards. Others upload files, clear
everybody's caches, read the git repository, or stop a script only to start another thread."""


def with_head(page: str, head: str) -> str:
    """Streamlit's page with `head` appended to its head.

    Removes the preload of the default theme's font, which we do not use and which would otherwise
    be loaded first.
    """
    return _OWN_FONT.sub("", page).replace("</head>", f"{head}</head>", 1)


def scripts_of(elements: Iterable[str]) -> list[str]:
    """Paths of the scripts that draw these kinds of elements ("Metric"), including their imports.

    Relative to the page, without those that the page loads itself. Unknown kinds are ignored.
    """
    folder = INDEX.parent / "static" / "js"
    named = INDEX.read_text("utf-8")
    waiting = [path.name for kind in elements for path in sorted(folder.glob(f"{kind}.*.js"))]
    found: list[str] = []
    while waiting:
        name = waiting.pop(0)
        if name not in found and name not in named:
            found.append(name)
            waiting += _imports_of(folder / name)
    return [f"static/js/{name}" for name in found]


@functools.cache
def _imports_of(script: Path) -> tuple[str, ...]:
    """Names of the scripts that one imports. Cached, as some have megabytes."""
    return tuple(_IMPORTED.findall(script.read_text("utf-8")))


_REQUEST = "backend_operation_request"


def kind_of(data: bytes) -> str | None:
    """The kind of a message from the browser; for a backend operation, the kind of operation.

    None if the data cannot be parsed or is empty.
    """
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    kind = message.WhichOneof("type")
    if kind != _REQUEST:
        return kind
    return message.backend_operation_request.WhichOneof("payload") or kind


def begins_run(data: bytes) -> bool:
    """Whether a message to the browser announces a run."""
    return _kind_for_browser(data) == "new_session"


def ends_run(data: bytes) -> bool:
    """Whether a message to the browser is the last one of a run."""
    return len(data) <= _LONGEST_END and _kind_for_browser(data) == "script_finished"


def _kind_for_browser(data: bytes) -> str | None:
    message = ForwardMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    kind: str | None = message.WhichOneof("type")
    return kind


_LONGEST_END = 200
"""Messages longer than this, in bytes, are not parsed: they are elements."""


def claims_in(cookies: Mapping[str, str]) -> dict[str, Any]:
    """The claims in the identity cookie, after verifying that this server signed it.

    Empty if there is no such cookie or the signature is wrong. `lib.settings.admit` decides what
    the claims allow.
    """
    if USER_COOKIE_NAME not in cookies:
        return {}
    signed = starlette_websocket._get_signed_cookie_with_chunks(dict(cookies), USER_COOKIE_NAME)
    try:
        claims = json.loads(signed or b"{}")
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def browser_of(cookies: Mapping[str, str]) -> bytes | None:
    """A value that identifies a browser, the same before and after sign-in; None if it has none.

    It is the token that Streamlit gives each browser against cross-site request forgery.
    """
    return unmasked(cookies.get(XSRF_COOKIE_NAME, ""))


def unmasked(cookie: str) -> bytes | None:
    """The token in an XSRF cookie `2|mask|masked token|time`, whose mask changes with each page.

    None if the cookie is malformed.
    """
    parts = cookie.strip("\"'").split("|")
    if len(parts) != 4 or parts[0] != "2":
        return None
    try:
        mask, masked = binascii.a2b_hex(parts[1]), binascii.a2b_hex(parts[2])
    except ValueError:
        return None
    if len(mask) != 4 or len(masked) != 16:
        return None
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))


def own_address() -> str:
    """The URL that Streamlit would print: with the configured host name, or else `localhost`."""
    host = "localhost"
    if config.is_manually_set("browser.serverAddress"):
        host = config.get_option("browser.serverAddress")
    elif config.is_manually_set("server.address"):
        bound = config.get_option("server.address")
        if bound not in ("0.0.0.0", "::", "127.0.0.1"):
            host = bound
    return server_util.get_url(host).rstrip("/")


def page_hash() -> str | None:
    """Identifies the page of this run; in a callback, the page that the browser asks for."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.page_script_hash if context is not None else None


def sent_parameter(name: str) -> list[str]:
    """Values of a URL parameter in the browser when it sent the message of this run, whatever was
    set since."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return []
    with context.session_state.query_params() as parameters:
        found = parameters.get_initial_value(name)
    return [found] if isinstance(found, str) else list(found or ())


def is_history_navigation() -> bool:
    """Whether this run was triggered by the browser's back or forward button.

    Then the URL, not the state of the widgets, is what the viewer wants to see.
    """
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation
