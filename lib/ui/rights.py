"""Access checks for everything outside the main script: callbacks, fragments, files made on demand.

A tab can outlive an identity, and a crafted client can ask for a part without the page around it.
So all of these go through here and check the visitor again. `tests/ui/test_rights.py` finds those
that do not.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from lib import settings
from lib.reference import formatting
from lib.settings import (
    Closed,
    Configuration,
    Foreign,
    Provider,
    Refusal,
    SettingsError,
    Welcome,
    admit,
)
from lib.web import downloads
from lib.web.key import key_of
from lib.web.logs import RareWarning

Given = ParamSpec("Given")
Made = TypeVar("Made")
Act = TypeVar("Act", bound=Callable[..., None])

log = logging.getLogger(__name__)
_warn_of_settings = RareWarning(log)
_warn_of_issuer = RareWarning(log)


@dataclass(frozen=True)
class Visitor:
    """The configuration, and what the visitor may see of it. `mistakes` are those that keep
    everybody out."""

    configuration: Configuration
    verdict: Welcome | Refusal
    mistakes: tuple[str, ...] = ()

    @property
    def is_welcome(self) -> bool:
        return isinstance(self.verdict, Welcome)


class NotAllowed(Exception):
    """The visitor may no longer see the contents of a file."""


def visitor() -> Visitor:
    """The visitor, by their current identity."""
    return visitor_of(st.user.to_dict(), st.context.cookies)


def visitor_of(claims: dict[str, Any], cookies: Mapping[str, str]) -> Visitor:
    """The visitor with the claims of this identity, empty if not signed in, and these cookies."""
    try:
        configuration = settings.configuration()
    except SettingsError as error:
        _warn_of_settings("The dashboard is not set up correctly. %s", error)
        return Visitor(Configuration(), Closed(), error.for_strangers)
    access = configuration.access
    key = key_of(configuration)
    if not access.providers and "is_logged_in" in claims:
        # Streamlit found an [auth] section that we did not, so somebody wants people to sign in.
        access = replace(access, providers=(Provider(),))
    verdict = admit(
        claims,
        configuration.names,
        access,
        formatting.now(),
        has_key=key is not None and key.is_shown_by(cookies),
        is_demo=configuration.is_demo,
    )
    if isinstance(verdict, Foreign):
        _warn_of_issuer(
            "Somebody has an identity of another issuer or for another client: %r, %r, where "
            "[auth] is of %s. If it is yours, set [access] issuer to the first.",
            claims.get("iss"),
            claims.get("aud"),
            ", ".join(provider.issuer for provider in access.providers),
        )
    return Visitor(replace(configuration, access=access), verdict)


def may_see(workspace: str) -> bool:
    """Whether the current visitor may see a workspace now."""
    verdict = visitor().verdict
    return isinstance(verdict, Welcome) and workspace in verdict.workspaces


def callback(act: Callable[Given, object]) -> Callable[Given, None]:
    """Wrap a widget's callback: runs `act` only if the visitor may still see the same as when it
    was drawn. Otherwise does nothing; the following run says why."""
    seen = visitor().verdict

    def check_and_act(*args: Given.args, **named: Given.kwargs) -> None:
        if isinstance(seen, Welcome) and visitor().verdict == seen:
            act(*args, **named)

    return check_and_act


def for_strangers(act: Act) -> Act:
    """Mark a callback that everybody may use: signing in and out."""
    return act


def file(make: Callable[[], Made]) -> Callable[[], Made]:
    """Wrap a download made on demand: makes it only for the visitor it was offered to, if they may
    still see the same. Raises NotAllowed, which the browser sees as a missing file."""
    # Files are made in a thread without access to the session.
    claims, cookies = st.user.to_dict(), dict(st.context.cookies)
    seen = visitor_of(claims, cookies).verdict

    def check_and_make() -> Made:
        if downloads.asker() not in ("", downloads.person_in(claims)):
            raise NotAllowed("This file was offered to somebody else.")
        if not isinstance(seen, Welcome) or visitor_of(claims, cookies).verdict != seen:
            raise NotAllowed("Whoever this file was offered to may not see it any more.")
        return make()

    return check_and_make


def fragment(
    run_every: timedelta,
) -> Callable[[Callable[Given, object]], Callable[Given, None]]:
    """Fragment that reruns periodically. If the visitor may no longer see the same as when it was
    drawn, it reruns the whole page, which says why."""

    def decorate(draw: Callable[Given, object]) -> Callable[Given, None]:
        @wraps(draw)
        def begin(*args: Given.args, **named: Given.kwargs) -> None:
            seen = visitor().verdict
            if not isinstance(seen, Welcome):
                return

            @st.fragment(run_every=run_every)
            @wraps(draw)
            def check_and_draw() -> None:
                if visitor().verdict != seen:
                    st.rerun()
                draw(*args, **named)

            check_and_draw()

        return begin

    return decorate
