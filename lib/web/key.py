"""The access key of a dashboard without sign-in, like the token of a Jupyter notebook.

It is part of the URL that is printed at start-up, and is moved from there into a cookie at once, so
that no link carries it. `python -m lib.web.key` creates a new one for the next start.
"""

import hashlib
import hmac
import html
import logging
import os
import secrets
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from filelock import FileLock
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from lib import settings
from lib.settings import Configuration, SettingsError
from lib.web import streamlit_internals
from lib.web.answers import respond
from lib.web.paths import relative

log = logging.getLogger(__name__)

PARAMETER = "key"
FILE = "access-key"
_COOKIE_MAX_AGE = 30 * 24 * 60 * 60
"""In seconds."""

_MOST_BYTES = 200
"""How much of the key's file is read; a key is shorter."""


@dataclass(frozen=True)
class Key:
    """The key. `text` is what a visitor presents the first time.

    After that, the browser keeps a proof derived from it in a cookie. The cookie's name differs
    between dashboards, since all ports of a machine share their cookies.
    """

    text: str

    def __repr__(self) -> str:
        return "Key(…)"

    @property
    def cookie(self) -> str:
        return f"audience-{self._digest(b'name')[:8]}"

    @property
    def proof(self) -> str:
        return self._digest(b"proof")

    def _digest(self, purpose: bytes) -> str:
        return hmac.new(self.text.encode(), b"chatbotx dashboard " + purpose, "sha256").hexdigest()

    def is_shown_by(self, cookies: Mapping[str, str]) -> bool:
        return hmac.compare_digest(cookies.get(self.cookie, "").encode(), self.proof.encode())

    def is_text(self, given: str) -> bool:
        return hmac.compare_digest(
            hashlib.sha256(given.strip().encode()).digest(),
            hashlib.sha256(self.text.encode()).digest(),
        )


_of_process: dict[Path, Key] = {}


def key_of(configuration: Configuration) -> Key | None:
    """The key that this process requires.

    None if people sign in, if the operator has opened the dashboard, and for the demo. A key set by
    the operator wins; otherwise it is the one stored in the store's folder, which is created if
    necessary.
    """
    access = configuration.access
    if access.providers or access.is_open or configuration.is_demo:
        return None
    if access.key is not None:
        return Key(access.key)
    file = configuration.folder / FILE
    if file not in _of_process:
        _of_process[file] = Key(_kept(file) or _make(file))
    return _of_process[file]


def forget() -> None:
    """Forget the keys that were read or created, for tests."""
    _of_process.clear()


def _kept(file: Path) -> str | None:
    try:
        opened = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(opened, "rb") as source:
            # The path may be a pipe or a device, which is why it is opened non-blocking.
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                return None
            text = source.read(_MOST_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) >= settings.SHORTEST_KEY else None


def _make(file: Path, *, replace: bool = False) -> str:
    """Create a key and store it in `file`, if that is possible; return it.

    If another process was faster, return that one's key, unless an existing key is to be replaced.
    """
    text = secrets.token_urlsafe(24)
    beside = file.with_name(f".{FILE}-{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock", timeout=10):
            if not replace and (kept := _kept(file)):
                return kept
            opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w", encoding="ascii") as target:
                target.write(f"{text}\n")
            beside.replace(file)
    except OSError as error:
        log.warning("The key could not be kept for the next start: %s", error.strerror or error)
    with suppress(OSError):
        beside.unlink(missing_ok=True)
    return text


class KeyRequired:
    """Middleware that requires the key for everything but the health check.

    A browser without it gets a page that asks for it. So strangers cost no more than that page: no
    script runs and no session starts.
    """

    def __init__(self, app: ASGIApp, key: Key | None, base_path: str = "") -> None:
        self.app = app
        self.key = key
        self.base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.key is None or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path = relative(scope["path"], self.base_path)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = [value for name, value in query if name == PARAMETER]
        if scope["type"] == "http" and any(self.key.is_text(value) for value in shown):
            await self._take(scope, send, query)
        elif path == streamlit_internals.HEALTH or self.key.is_shown_by(cookies_of(scope)):
            await self.app(scope, receive, send)
        else:
            page = _page(query, is_wrong=bool(shown))
            kind = b"text/html; charset=utf-8"
            await respond(scope, send, HTTPStatus.UNAUTHORIZED, page.encode(), kind)

    async def _take(self, scope: Scope, send: Send, query: list[tuple[str, str]]) -> None:
        """Move the key into the cookie, and redirect to the same URL without it."""
        assert self.key is not None
        rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
        # Relative, so that it works behind a proxy that strips a prefix, and cannot lead elsewhere.
        page = quote(scope["path"].rpartition("/")[2])
        target = f"./{page}" + (f"?{rest}" if rest else "")
        home = f"/{self.base_path.strip('/')}"
        cookie = f"{self.key.cookie}={self.key.proof}; Path={home}; Max-Age={_COOKIE_MAX_AGE}"
        cookie += "; HttpOnly; SameSite=Lax" + (
            "; Secure" if scope.get("scheme") == "https" else ""
        )
        moved = [(b"location", target.encode("ascii")), (b"set-cookie", cookie.encode())]
        await respond(scope, send, HTTPStatus.SEE_OTHER, b"", b"text/plain", *moved)


def cookies_of(scope: Scope) -> dict[str, str]:
    return HTTPConnection(scope).cookies


_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 30rem; margin: 15vh auto; padding: 0 1rem; }
input, button { font: inherit; padding: .4rem .6rem; }
input { width: 100%; box-sizing: border-box; margin: .25rem 0 .75rem; }
"""


def _page(query: list[tuple[str, str]], *, is_wrong: bool) -> str:
    kept = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in query
        if name != PARAMETER
    )
    wrong = "<p role=alert>That is not the key of this dashboard.</p>" if is_wrong else ""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Key required</title><style>{_STYLE}</style>
<main><h1>This dashboard asks for its key</h1>
<p>The key is part of the address that is printed when the dashboard starts. Whoever runs it can
send you that address; they can also invite people to sign in instead, as the README says.</p>
{wrong}<form method="get">{kept}<label for="key">Key</label>
<input id="key" name="{PARAMETER}" type="password" autocomplete="off" autofocus required>
<button>Open the dashboard</button></form></main></html>
"""


def main() -> int:
    """Replace the stored key by a new one; return the exit status."""
    try:
        configuration = settings.load_all()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if configuration.access.key is not None:
        sys.stderr.write("The key is set in the settings: change it there.\n")
        return 1
    _make(configuration.folder / FILE, replace=True)
    sys.stdout.write("A new key is made. Start the dashboard again: it prints the address.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
