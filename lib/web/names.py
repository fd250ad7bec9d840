"""Middleware that checks the Host and Origin headers."""

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
"""Maximum number of characters of an unknown name in the log."""


@dataclass(frozen=True)
class Rules:
    """Settings that depend on where the dashboard is deployed.

    `base_path` is the prefix of all its paths. `allowed_hosts` are the host names it answers to,
    with `*.example.com` for subdomains; if empty, all except those of DNS rebinding.
    `allowed_origins` are further hosts whose pages may connect, or all if `any_origin`.
    """

    base_path: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    any_origin: bool = False


class Names:
    """Refuses requests for unknown host names and from pages of other origins."""

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
        """Whether the Host header names this dashboard.

        If no names are configured, a request over the loopback interface for a name that is not
        loopback is DNS rebinding: a page pointed its own name at this machine. A reverse proxy on
        this machine is told apart by its forwarding headers, which a page cannot set when it opens
        a web socket.
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
        """Whether a page of `origin` may connect.

        This replaces Streamlit's check, which asks a third party for this machine's public address
        for every unknown origin.
        """
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
