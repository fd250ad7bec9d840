"""What stands before Streamlit: who and what is let through, and the headers of every answer.

Streamlit serves more than this dashboard needs: uploads, metrics, components, an interface for
programs. Let through are pages, files, downloads, signing in, the health check and the web socket.
"""

import base64
import hashlib
import ipaddress
import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.settings import OWN_ORIGIN
from lib.web.logs import new_reference

log = logging.getLogger(__name__)

MOST_QUERY_BYTES = 32_768
"""Of an address. A link with every country and some hundred tags has less than half of it."""

MOST_MESSAGE_BYTES = 262_144
"""From a browser: the address, the state of all widgets, and some room."""

Header = tuple[bytes, bytes]

_CORE = "_stcore/"
OPEN_IN_CORE = {"_stcore/health", "_stcore/host-config", "_stcore/stream"}
_CLOSED = (_CORE, "component/")
_HEALTH = "_stcore/health"
_DOWNLOADS = "media/"
_METHODS = {"GET", "HEAD"}

_FORWARDED = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def content_security_policy(index: Path, frame_ancestors: str = OWN_ORIGIN) -> str:
    """Own origin and own web socket, and nothing else. `index` is Streamlit's page.

    What had to be allowed beside them was found by trying, and why stands at each.
    """
    directives = {
        "default-src": "'none'",
        # Streamlit's page has one script in it, allowed by its hash. Its reader of messages makes
        # 64-bit numbers by WebAssembly, which does not open `eval`.
        "script-src": " ".join([OWN_ORIGIN, "'wasm-unsafe-eval'", *_hashes(index)]),
        # Emotion, styled-components, Plotly and our own `cards.style` write <style> elements, of
        # which some differ each time. No element may carry a style of its own.
        "style-src": f"{OWN_ORIGIN} 'unsafe-inline'",
        "style-src-elem": f"{OWN_ORIGIN} 'unsafe-inline'",
        "style-src-attr": "'none'",
        # The logo, and the canvas from which Plotly's map is put together.
        "img-src": f"{OWN_ORIGIN} data:",
        # Small fonts within Streamlit's style sheets.
        "font-src": f"{OWN_ORIGIN} data:",
        # Takes in the web socket, in Safari since 15.4.
        "connect-src": OWN_ORIGIN,
        "manifest-src": OWN_ORIGIN,
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": frame_ancestors,
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def answer_headers(index: Path, frame_ancestors: str = OWN_ORIGIN) -> dict[str, str]:
    """Of every answer, whatever it is."""
    found = {
        "content-security-policy": content_security_policy(index, frame_ancestors),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "permissions-policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-permitted-cross-domain-policies": "none",
    }
    # For browsers that do not know frame-ancestors; it cannot name anybody.
    if frame_ancestors == OWN_ORIGIN:
        found["x-frame-options"] = "SAMEORIGIN"
    elif frame_ancestors == "'none'":
        found["x-frame-options"] = "DENY"
    return found


_UNUSED_FEATURES = (
    *("accelerometer", "autoplay", "bluetooth", "browsing-topics", "camera", "encrypted-media"),
    *("geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection"),
    *("local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "payment"),
    *("picture-in-picture", "publickey-credentials-create", "publickey-credentials-get"),
    *("screen-wake-lock", "serial", "storage-access", "usb", "window-management"),
    "xr-spatial-tracking",
)
"""Copying a link and recording the screen, which the menu offers, are left."""


def _hashes(index: Path) -> Iterable[str]:
    for script in _SCRIPT.findall(index.read_bytes()):
        yield f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


@dataclass(frozen=True)
class Rules:
    """What depends on where the dashboard stands.

    `base_path` is what all its addresses begin with. `allowed_hosts` are the names it may be called
    by, `*.example.com` for all below one; without any, every name but those of DNS rebinding.
    `allowed_origins` are hosts whose pages may connect beside its own, or any if `any_origin`.
    """

    base_path: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    any_origin: bool = False


class Guard:
    """Refuses what the dashboard does not need, and gives every answer the `headers`."""

    def __init__(self, app: ASGIApp, headers: dict[str, str], rules: Rules) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._names = {name for name, _ in self._headers}
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send, self._with_headers)
        refusal = self._refusal(scope)
        if refusal is not None:
            await answer.refuse(*refusal)
            return
        try:
            await self._app(scope, _bounded(receive, answer), answer.send)
        except Exception:
            # Starlette's own answer to it would come from outside, without our headers.
            reference = new_reference()
            log.exception("A request failed unexpectedly. Reference %s.", reference)
            await answer.refuse(
                HTTPStatus.INTERNAL_SERVER_ERROR, f"Something went wrong. Reference {reference}."
            )

    def _refusal(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        """Why a request is not let through, if it is not."""
        given = dict(scope["headers"])
        path = _relative(scope["path"], self._rules.base_path)
        host = given.get(b"host", b"").decode("latin-1")
        if path != _HEALTH and not self._knows(host, scope, given):
            log.warning(
                "Refused a request to a name that is not known. If it is yours, add it to "
                "server.allowedHosts, or to STREAMLIT_SERVER_ALLOWED_HOSTS with blanks between "
                "names."
            )
            return HTTPStatus.MISDIRECTED_REQUEST, "This is not the name of this dashboard."
        origin = given.get(b"origin")
        if origin is not None and not self._lets_in(origin.decode("latin-1"), host):
            log.warning("Refused a request that a page of another origin made.")
            return HTTPStatus.FORBIDDEN, "Pages of other origins may not use this dashboard."
        if path.startswith(_CLOSED) and path not in OPEN_IN_CORE:
            return HTTPStatus.NOT_FOUND, "There is nothing here."
        if len(scope["query_string"]) > MOST_QUERY_BYTES:
            return HTTPStatus.REQUEST_URI_TOO_LONG, "This link is too long."
        if scope["type"] == "websocket":
            return None
        if scope["method"] not in _METHODS:
            return HTTPStatus.METHOD_NOT_ALLOWED, "This dashboard is for reading."
        if given.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in given:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This dashboard takes no content."
        return None

    def _knows(self, host: str, scope: Scope, given: dict[bytes, bytes]) -> bool:
        """Whether a Host header may be meant for us.

        Where nobody said what we are called, and a browser on this very machine asks by a name that
        is not this machine's, a page of that name has had it point here: DNS rebinding. A proxy on
        this machine says that it forwards, which a page cannot do when it opens a web socket.
        """
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].lower().rstrip(".")
        if self._rules.allowed_hosts:
            return any(_matches(name, allowed) for allowed in self._rules.allowed_hosts)
        return (
            _is_loopback(name)
            or not _is_loopback((scope.get("server") or ("",))[0])
            or not _FORWARDED.isdisjoint(given)
        )

    def _lets_in(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may ask. Streamlit would look up this machine's public address
        at a third party for every stranger, to let in pages from there."""
        try:
            parts = urlsplit(origin)
            allowed = parts.netloc.lower() == host.lower() or (
                parts.hostname in self._rules.allowed_origins
            )
        except ValueError:
            allowed = False
        return allowed or self._rules.any_origin

    def _with_headers(self, path: str, others: Iterable[Header]) -> list[Header]:
        """`others`, and ours in the place of those of the same name."""
        found = [
            (name, value)
            for name, value in others
            if name.lower() not in self._names
            # Streamlit lets all the world read its static files.
            and (name.lower(), value) != (b"access-control-allow-origin", b"*")
        ]
        if _relative(path, self._rules.base_path).startswith(_DOWNLOADS):
            found.append((b"cache-control", b"private, no-store"))
        return [*found, *self._headers]


class _Answer:
    """What is sent for one request, or in answer to the opening of a web socket."""

    def __init__(
        self,
        scope: Scope,
        send: Send,
        with_headers: Callable[[str, Iterable[Header]], list[Header]],
    ) -> None:
        self._scope = scope
        self._send = send
        self._with_headers = with_headers
        self._has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] in _BEGINNINGS:
            self._has_begun = True
            others = message.get("headers", [])
            message = {**message, "headers": self._with_headers(self._scope["path"], others)}
        elif message["type"] == "websocket.close" and not self._has_begun:
            await self.refuse(HTTPStatus.FORBIDDEN, "This web socket is not for you.")
            return
        await self._send(message)

    async def refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answers in our words, where nothing has been answered yet; else ends the web socket."""
        kind = self._scope["type"]
        if self._has_begun:
            if kind == "websocket":
                await self.close(_INTERNAL_ERROR)
            return
        if kind == "websocket":
            if "websocket.http.response" not in self._scope.get("extensions", {}):
                await self._send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                return
            kind = "websocket.http"
        body = f"{reason}\n".encode()
        described = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await self.send(
            {"type": f"{kind}.response.start", "status": status.value, "headers": described}
        )
        await self._send({"type": f"{kind}.response.body", "body": body})

    async def close(self, code: int) -> None:
        # The other side may have hung up before.
        with suppress(RuntimeError, OSError):
            await self._send({"type": "websocket.close", "code": code})


_BEGINNINGS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}
_POLICY_VIOLATION, _TOO_BIG, _INTERNAL_ERROR = 1008, 1009, 1011


def _bounded(receive: Receive, answer: _Answer) -> Receive:
    """Ends a web socket that sends more at once than a browser has reason to."""

    async def receive_bounded() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            data = message.get("bytes") or message.get("text") or b""
            if len(data) > MOST_MESSAGE_BYTES:
                log.warning("A browser sent %d bytes at once, and was hung up on.", len(data))
                await answer.close(_TOO_BIG)
                return {"type": "websocket.disconnect", "code": _TOO_BIG}
        return message

    return receive_bounded


def _relative(path: str, base_path: str) -> str:
    """A path below the dashboard's own, without a slash before it."""
    base = f"/{base_path.strip('/')}/" if base_path.strip("/") else "/"
    return path.removeprefix(base).lstrip("/")


def _matches(name: str, allowed: str) -> bool:
    allowed = allowed.strip().lower().rstrip(".")
    return allowed in ("*", name) or (allowed.startswith("*.") and name.endswith(allowed[1:]))


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
