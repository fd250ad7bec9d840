"""The headers of every answer, whoever makes it."""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.settings import OWN_ORIGIN
from lib.web import streamlit_internals
from lib.web.answers import Header
from lib.web.paths import relative

_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_BEGINNINGS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}


def content_security_policy(index: Path, frame_ancestors: str = OWN_ORIGIN) -> str:
    """Own origin and own web socket, and nothing else. `index` is Streamlit's page.

    What had to be allowed beside them was found by trying, and why stands at each.
    """
    directives = {
        "default-src": "'none'",
        # Streamlit's page has one script in it, allowed by its hash. Its reader of messages makes
        # 64-bit numbers by WebAssembly, which does not open `eval`.
        "script-src": " ".join([OWN_ORIGIN, "'wasm-unsafe-eval'", *_hashes(index)]),
        # Emotion, styled-components, Plotly and our own styles write <style> elements, of which
        # some differ each time. No element may carry a style of its own.
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
        # The page that asks for the key sends it to its own origin. Streamlit's pages have no form.
        "form-action": OWN_ORIGIN,
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


class Headers:
    """Gives every answer the `headers`, in the place of others of the same name."""

    def __init__(self, app: ASGIApp, headers: dict[str, str], base_path: str = "") -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.names = {name for name, _ in self.headers}
        self.base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in _BEGINNINGS:
                others = message.get("headers", [])
                message = {**message, "headers": self.with_ours(scope["path"], others)}
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def with_ours(self, path: str, others: Iterable[Header]) -> list[Header]:
        is_download = relative(path, self.base_path).startswith(streamlit_internals.DOWNLOADS)
        found = [
            (name, value)
            for name, value in others
            if name.lower() not in self.names
            and not (is_download and name.lower() == b"cache-control")
            # Streamlit lets all the world read its static files.
            and (name.lower(), value) != (b"access-control-allow-origin", b"*")
        ]
        if is_download:
            found.append((b"cache-control", b"private, no-store"))
        return [*found, *self.headers]
