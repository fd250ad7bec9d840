"""Middleware that sets security headers on every response."""

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
    """The Content-Security-Policy: our own origin and web socket only. `index` is Streamlit's page.

    The exceptions are the minimum that was found to work; each has its reason beside it.
    """
    directives = {
        "default-src": "'none'",
        # Streamlit's page has one inline script, allowed by its hash. Its protobuf reader handles
        # 64-bit numbers with WebAssembly; 'wasm-unsafe-eval' does not allow `eval`.
        "script-src": " ".join([OWN_ORIGIN, "'wasm-unsafe-eval'", *_hashes(index)]),
        # Emotion, styled-components, Plotly and our own styles create <style> elements, some of
        # which differ each time, so hashes do not work. Style attributes stay forbidden.
        "style-src": f"{OWN_ORIGIN} 'unsafe-inline'",
        "style-src-elem": f"{OWN_ORIGIN} 'unsafe-inline'",
        "style-src-attr": "'none'",
        # The logo, and the canvas that Plotly composes its map from.
        "img-src": f"{OWN_ORIGIN} data:",
        # Small fonts embedded in Streamlit's style sheets.
        "font-src": f"{OWN_ORIGIN} data:",
        # Includes the web socket, in Safari since 15.4.
        "connect-src": OWN_ORIGIN,
        "manifest-src": OWN_ORIGIN,
        "base-uri": "'none'",
        # The page that asks for the access key submits to its own origin; Streamlit has no forms.
        "form-action": OWN_ORIGIN,
        "frame-ancestors": frame_ancestors,
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def answer_headers(index: Path, frame_ancestors: str = OWN_ORIGIN) -> dict[str, str]:
    """The headers of every response, by name in lower case. `index` is Streamlit's page."""
    found = {
        "content-security-policy": content_security_policy(index, frame_ancestors),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "permissions-policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-permitted-cross-domain-policies": "none",
    }
    # For browsers without frame-ancestors. X-Frame-Options cannot express other origins.
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
"""Clipboard and screen capture are not among them: Streamlit's menu uses both."""


def _hashes(index: Path) -> Iterable[str]:
    for script in _SCRIPT.findall(index.read_bytes()):
        yield f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


class Headers:
    """Sets the `headers` on every response, replacing others of the same name."""

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
            # Streamlit allows every origin to read its static files.
            and (name.lower(), value) != (b"access-control-allow-origin", b"*")
        ]
        if is_download:
            found.append((b"cache-control", b"private, no-store"))
        return [*found, *self.headers]
