"""By which name the dashboard is called, and from which pages."""

import ipaddress
import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.answers import Refusal, refuse
from lib.web.logs import RareWarning
from lib.web.paths import relative

log = logging.getLogger(__name__)

_FORWARDED = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_SHOWN = 100
"""Characters of a strange name that get into the log."""


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


class Names:
    """Refuses requests to other names than the dashboard's, and those of other pages."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules
        self.warn_of_name = RareWarning(log)
        self.warn_of_origin = RareWarning(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self.refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            await refuse(scope, send, *refusal)

    def refusal(self, scope: Scope) -> Refusal | None:
        given = dict(scope["headers"])
        host = given.get(b"host", b"").decode("latin-1")
        path = relative(scope["path"], self.rules.base_path)
        if path != streamlit_internals.HEALTH and not self.knows(host, scope, given):
            self.warn_of_name(
                "Refused a request from %s to a name that is not known: %r. If it is yours, add it "
                "to server.allowedHosts, or to STREAMLIT_SERVER_ALLOWED_HOSTS with blanks between "
                "names.",
                _peer(scope),
                host[:_SHOWN],
            )
            return HTTPStatus.MISDIRECTED_REQUEST, "This is not the name of this dashboard."
        origin = given.get(b"origin")
        if origin is not None and not self.lets_in(origin.decode("latin-1"), host):
            self.warn_of_origin(
                "Refused a request from %s that a page of another origin made: %r.",
                _peer(scope),
                origin.decode("latin-1")[:_SHOWN],
            )
            return HTTPStatus.FORBIDDEN, "Pages of other origins may not use this dashboard."
        return None

    def knows(self, host: str, scope: Scope, given: dict[bytes, bytes]) -> bool:
        """Whether a Host header may be meant for us.

        Where nobody said what we are called, and a browser on this very machine asks by a name that
        is not this machine's, a page of that name has had it point here: DNS rebinding. A proxy on
        this machine says that it forwards, which a page cannot do when it opens a web socket.
        """
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].lower().rstrip(".")
        if self.rules.allowed_hosts:
            return any(_matches(name, allowed) for allowed in self.rules.allowed_hosts)
        return (
            _is_loopback(name)
            or not _is_loopback((scope.get("server") or ("",))[0])
            or not _FORWARDED.isdisjoint(given)
        )

    def lets_in(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may ask. Streamlit would look up this machine's public address
        at a third party for every stranger, to let in pages from there."""
        try:
            parts = urlsplit(origin)
            allowed = parts.netloc.lower() == host.lower() or (
                parts.hostname in self.rules.allowed_origins
            )
        except ValueError:
            allowed = False
        return allowed or self.rules.any_origin


def _peer(scope: Scope) -> str:
    return (scope.get("client") or ("an unknown address",))[0]


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
