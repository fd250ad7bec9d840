"""The middleware in front of Streamlit, in the order in which a request passes through it."""

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.middleware import Middleware
from starlette.types import Scope

from lib.settings import Configuration, Welcome, admit
from lib.web import streamlit_internals
from lib.web.bursts import Bursts
from lib.web.compression import CompressedFiles
from lib.web.downloads import Downloads, person_in
from lib.web.failures import Failures
from lib.web.first_page import FirstPage
from lib.web.headers import Headers
from lib.web.key import Key, KeyRequired, cookies_of
from lib.web.messages import Messages
from lib.web.names import Names, Rules
from lib.web.paint_signals import PaintSignals
from lib.web.pieces import Pieces
from lib.web.requests import Requests
from lib.web.sockets import Sockets


def guard(
    headers: dict[str, str],
    rules: Rules,
    key: Key | None = None,
    is_welcome: Callable[[Scope], bool] = lambda _: True,
    person_of: Callable[[Scope], str] = lambda _: "",
    style: str = "",
) -> list[Middleware]:
    """All middleware, outermost first.

    `Pieces` and `Headers` are the outermost, so that they cover every response; the others are
    ordered by cost, so that a bad request is refused as cheaply as possible. `key` is None if no
    access key is required. `is_welcome` says whether the sender of a request may see anything,
    `person_of` who it is. `style` is CSS for all pages that must apply before anything is drawn.
    """
    return [
        Middleware(Pieces),
        Middleware(Headers, headers, rules.base_path),
        Middleware(Failures),
        Middleware(Names, rules),
        Middleware(Requests, rules.base_path),
        Middleware(KeyRequired, key, rules.base_path),
        Middleware(Downloads, is_welcome, rules.base_path, person_of),
        Middleware(PaintSignals, rules.base_path),
        Middleware(CompressedFiles, rules.base_path),
        Middleware(FirstPage, rules.base_path, style),
        Middleware(Sockets, is_welcome),
        Middleware(Messages, is_welcome=is_welcome),
        Middleware(Bursts),
    ]


def access_check(configuration: Configuration) -> Callable[[Scope], bool]:
    """Return a predicate: whether the sender of a request may see any workspace.

    Without sign-in it is always true, since `KeyRequired` has already turned strangers away.
    """
    access = configuration.access

    def is_welcome(scope: Scope) -> bool:
        if not access.providers:
            return True
        claims = streamlit_internals.claims_in(cookies_of(scope))
        verdict = admit(claims, configuration.names, access, datetime.now(UTC))
        return isinstance(verdict, Welcome)

    return is_welcome


def identification(configuration: Configuration) -> Callable[[Scope], str]:
    """Return a function: who sends a request, "" for everybody if nobody signs in."""
    if not configuration.access.providers:
        return lambda _: ""
    return lambda scope: person_in(streamlit_internals.claims_in(cookies_of(scope)))
