"""Who asks, and what begins outside of the main script: callbacks, fragments, files to be made.

A tab outlives an identity, and a client made by hand asks for a part without the page around it. So
all of these go through here, and ask again who asks. `tests/ui/test_rights.py` finds those that do
not.
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
    """What is configured, and what the person may see of it. `mistakes` are those that keep
    everybody out."""

    configuration: Configuration
    verdict: Welcome | Refusal
    mistakes: tuple[str, ...] = ()

    @property
    def is_welcome(self) -> bool:
        return isinstance(self.verdict, Welcome)


class NotAllowed(Exception):
    """Whoever asks for a file may not see any more what is in it."""


def visitor() -> Visitor:
    """Who this is, by the identity as it is now."""
    return _visitor(st.user.to_dict(), st.context.cookies)


def _visitor(claims: dict[str, Any], cookies: Mapping[str, str]) -> Visitor:
    try:
        configuration = settings.configuration()
    except SettingsError as error:
        _warn_of_settings("The dashboard is not set up correctly. %s", error)
        return Visitor(Configuration(), Closed(), error.for_strangers)
    access = configuration.access
    key = key_of(configuration)
    if not access.providers and "is_logged_in" in claims:
        # Streamlit found an [auth] where we did not look: then somebody wants people to sign in.
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
    """Whether whoever this script runs for may see a workspace now."""
    verdict = visitor().verdict
    return isinstance(verdict, Welcome) and workspace in verdict.workspaces


def callback(act: Callable[Given, object]) -> Callable[Given, None]:
    """What a widget is given to do: `act`, if whoever uses it may then see the same as when it was
    drawn. Otherwise nothing; the run that follows says why."""
    seen = visitor().verdict

    def ask_and_act(*args: Given.args, **named: Given.kwargs) -> None:
        if isinstance(seen, Welcome) and visitor().verdict == seen:
            act(*args, **named)

    return ask_and_act


def for_strangers(act: Act) -> Act:
    """The same for what everybody may do: come in, and leave."""
    return act


def file(make: Callable[[], Made]) -> Callable[[], Made]:
    """A file that is made when it is asked for, if whoever it was offered to may still see the
    same. Raises NotAllowed, of which the browser learns no more than that there is no file."""
    # Files are made in a thread that knows nothing of the session.
    claims, cookies = st.user.to_dict(), dict(st.context.cookies)
    seen = _visitor(claims, cookies).verdict

    def ask_and_make() -> Made:
        if not isinstance(seen, Welcome) or _visitor(claims, cookies).verdict != seen:
            raise NotAllowed("Whoever this file was offered to may not see it any more.")
        return make()

    return ask_and_make


def fragment(
    run_every: timedelta,
) -> Callable[[Callable[Given, object]], Callable[Given, None]]:
    """A part of a page that renews itself. It runs the page instead, which says why, if whoever it
    runs for may not see the same as when it was drawn."""

    def decorate(draw: Callable[Given, object]) -> Callable[Given, None]:
        @wraps(draw)
        def begin(*args: Given.args, **named: Given.kwargs) -> None:
            seen = visitor().verdict
            if not isinstance(seen, Welcome):
                return

            @st.fragment(run_every=run_every)
            @wraps(draw)
            def ask_and_draw() -> None:
                if visitor().verdict != seen:
                    st.rerun()
                draw(*args, **named)

            ask_and_draw()

        return begin

    return decorate
