"""What the dashboard uses of Streamlit that Streamlit does not promise.

Each is here because there is no public way to it. `tests/web/test_internals.py` fails with a
sentence when an upgrade changes one. Nothing else imports from `streamlit.web`,
`streamlit.runtime` or `streamlit.proto`, or spells a cookie, a path or a test id of theirs.
"""

import binascii
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import streamlit
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it ships none
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
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
"""Begins the paths of all that Streamlit serves for itself: metrics, uploads, an interface for
programs."""

COMPONENTS = "component/"
DOWNLOADS = "media/"
CALLBACK = "oauth2callback"

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
"""The page that every address answers with. Its inline script is allowed by its hash."""

VIEW = '[data-testid="stAppViewContainer"]'
"""What a page shows, with its sidebar."""

VIEW_TO_COME = (
    '[data-testid="stApp"]:not([data-test-script-state="notRunning"])'
    ':not(:has([data-testid="stSidebar"], h1, h2, h3)) ' + VIEW
)
"""The same before the first run has drawn anything: a placeholder, then navigation without its
sidebar."""

_OWN_FONT = re.compile(r'\s*<link\s+rel="preload"[^>]*SourceSans[^>]*>')
_IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*["'`]\./([\w.-]+\.js)["'`]""")

MESSAGES = frozenset({"rerun_script", "app_heartbeat", "deferred_file"})
"""What a page of ours sends: run the script with these widgets, "I am still here", and "make the
file that this button offers", whose address `lib.web.downloads` guards. The others
install files, clear caches of everybody, read the git repository, or stop a script only to start
another thread."""


def with_head(page: str, head: str) -> str:
    """Its page with `head` at the end of the head, and without the font of a theme that is not
    ours, which would be loaded before all else."""
    return _OWN_FONT.sub("", page).replace("</head>", f"{head}</head>", 1)


def scripts_of(elements: Iterable[str]) -> list[str]:
    """The scripts that draw these kinds of elements ("Metric"), with all that they import, of those
    that the page does not name itself. As paths below its own; without a kind that is not there."""
    folder = INDEX.parent / "static" / "js"
    named = INDEX.read_text("utf-8")
    waiting = [path.name for kind in elements for path in sorted(folder.glob(f"{kind}.*.js"))]
    found: list[str] = []
    while waiting:
        name = waiting.pop(0)
        if name not in found and name not in named:
            found.append(name)
            waiting += _IMPORTED.findall((folder / name).read_text("utf-8"))
    return [f"static/js/{name}" for name in found]


_REQUEST = "backend_operation_request"


def kind_of(data: bytes) -> str | None:
    """The kind of a message from the browser, and of what it asks the server for, if it does; None
    for what is no message, or an empty one."""
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    kind = message.WhichOneof("type")
    if kind != _REQUEST:
        return kind
    return message.backend_operation_request.WhichOneof("payload") or kind


def claims_in(cookies: Mapping[str, str]) -> dict[str, Any]:
    """The claims of the identity that this server has signed into these cookies; none where there
    is no identity, or none of ours. What they are worth, `lib.settings.admit` says."""
    if USER_COOKIE_NAME not in cookies:
        return {}
    signed = starlette_websocket._get_signed_cookie_with_chunks(dict(cookies), USER_COOKIE_NAME)
    try:
        claims = json.loads(signed or b"{}")
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def browser_of(cookies: Mapping[str, str]) -> bytes | None:
    """What one browser, and no other, sends before and after signing in: the token that Streamlit
    gave it against forged requests. None where it sends none."""
    return unmasked(cookies.get(XSRF_COOKIE_NAME, ""))


def unmasked(cookie: str) -> bytes | None:
    """The token within a cookie `2|mask|masked token|time`; the mask changes with every page."""
    parts = cookie.strip("\"'").split("|")
    if len(parts) != 4 or parts[0] != "2":
        return None
    try:
        mask, masked = binascii.a2b_hex(parts[1]), binascii.a2b_hex(parts[2])
    except ValueError:
        return None
    if len(mask) != 4 or len(masked) != 16:
        return None
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))


def own_address() -> str:
    """The address that Streamlit would print: by the name it was given, else this machine's."""
    host = "localhost"
    if config.is_manually_set("browser.serverAddress"):
        host = config.get_option("browser.serverAddress")
    elif config.is_manually_set("server.address"):
        bound = config.get_option("server.address")
        if bound not in ("0.0.0.0", "::", "127.0.0.1"):
            host = bound
    return server_util.get_url(host).rstrip("/")


def is_history_navigation() -> bool:
    """Whether the run was asked for by going back or forward in the browser's history, so that the
    address is what people want to see. Streamlit knows, and has no public name for it."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation
