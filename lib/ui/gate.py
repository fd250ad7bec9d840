"""Sign-in: who the visitor is and what they may see, the pages for those who may not see more, and
the choice among workspaces. The rules are in `lib.settings.access`.

After sign-in Streamlit always returns to the root. So the requested page is remembered for a few
minutes, on the server, where nobody can substitute another address.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.navigation.page import Page

from lib.query.url import PARAMETERS, WORKSPACE
from lib.reference import escaping, formatting
from lib.settings import (
    Access,
    Closed,
    Expired,
    Foreign,
    NobodyInvited,
    NotInvited,
    Settings,
    SignedOut,
    Unverified,
    Welcome,
)
from lib.ui import address, rights
from lib.ui.rights import Visitor
from lib.web import streamlit_internals

_OF_PERIOD = ("period", "from", "to", "compare")
"""Parameters of a choice that also apply to another workspace."""

_PROVIDER_NAMES = {"google": "Google", "microsoft": "Microsoft", "okta": "Okta", "auth0": "Auth0"}


def pass_or_stop(visitor: Visitor, page: Page, pages: Sequence[Page]) -> Welcome:
    """Admit welcome visitors, to the page they asked for; tell the others why not, and stop the
    run."""
    verdict = visitor.verdict
    is_leaving = st.session_state.get("is-leaving", False)
    if is_leaving or not isinstance(verdict, Welcome):
        if is_leaving:
            _log_out()
        else:
            _refuse(visitor, page)
        st.stop()
    if verdict.email is not None:
        _return_to_link(page, pages)
    return verdict


def choose_workspace(visitor: Visitor, welcome: Welcome) -> tuple[Settings, list[str]]:
    """The workspace named by the URL if the visitor may see it, otherwise the first one they may
    see, with a note if the URL named another."""
    configuration = visitor.configuration
    first = welcome.workspaces[0]
    if len(configuration.workspaces) == 1:
        return configuration.workspaces[0], []
    # Put it into the URL from the first run on: for a colleague another one may come first.
    if WORKSPACE not in address.values():
        address.change({WORKSPACE: [first]})
    given = address.values()[WORKSPACE]
    asked = [str(name).strip().casefold() for name in given]
    chosen = next((name for name in asked if name in welcome.workspaces), first)
    notes = []
    if any(name not in welcome.workspaces for name in asked):
        notes.append(
            "The link names a workspace that does not exist or that you may not see; "
            "that part of it is left out."
        )
    return configuration.named(chosen), notes


def draw_switch(visitor: Visitor, welcome: Welcome, chosen: Settings) -> None:
    """Draw the workspace selector, if there are several to see."""
    if len(welcome.workspaces) < 2:
        return
    labels = {name: visitor.configuration.named(name).label for name in welcome.workspaces}
    st.session_state["pick-workspace"] = chosen.name
    st.selectbox(
        "Workspace",
        list(labels),
        format_func=labels.__getitem__,
        key="pick-workspace",
        on_change=rights.callback(_take_workspace),
        args=(welcome.workspaces,),
    )


def _take_workspace(names: tuple[str, ...]) -> None:
    """Callback: switch workspace, keeping the period but not the filters."""
    picked = st.session_state.get("pick-workspace")
    if picked not in names or not rights.may_see(picked):
        return
    of_this_one: dict[str, list[str]] = {name: [] for name in PARAMETERS if name not in _OF_PERIOD}
    address.change({WORKSPACE: [picked], **of_this_one})


def draw_account(welcome: Welcome) -> None:
    """Draw who is signed in and the sign-out button. Checks every minute whether they are still
    welcome."""
    if welcome.email is not None:
        _watch()
        st.caption(f"Signed in as {escaping.markdown(formatting.shortened(welcome.email))}")
        _draw_sign_out("secondary")


@rights.fragment(run_every=timedelta(minutes=1))
def _watch() -> None:
    """Draws nothing: the fragment's check is its purpose."""


def _draw_sign_out(kind: Literal["primary", "secondary"]) -> None:
    st.button(
        "Sign out",
        on_click=rights.for_strangers(_sign_out),
        icon=":material/logout:",
        type=kind,
        key="sign-out",
    )


def _sign_out() -> None:
    """Callback: start signing out."""
    st.session_state["is-leaving"] = True


def _log_out() -> None:
    """Log out, in every run until the browser leaves: a run that follows too soon would cancel what
    the previous one sent."""
    st.title("Signing out …", anchor=False)
    st.logout()


def _refuse(visitor: Visitor, page: Page) -> None:
    if visitor.mistakes:
        st.title("The dashboard is not set up correctly", anchor=False)
        for mistake in visitor.mistakes:
            st.error(escaping.markdown(mistake), icon=":material/settings:")
        st.write("Correct the settings and start the dashboard again.")
        return
    access = visitor.configuration.access
    match visitor.verdict:
        case Closed():
            _draw_closed()
        case NobodyInvited():
            st.title("Nobody is invited yet", anchor=False)
            st.write(
                "Whoever runs this dashboard can invite people in its secrets, by their addresses "
                "or by the domains of their companies:"
            )
            st.code('[access]\nemails = ["ana@example.com"]\ndomains = ["example.com"]', "toml")
        case SignedOut() | Expired() | Foreign() as verdict:
            st.title("Sign in", anchor=False)
            if isinstance(verdict, Expired):
                st.info("You signed in some time ago. Please sign in again.")
            st.write("This dashboard is shown to those who are invited.")
            _draw_sign_in(access, page)
        case Unverified(email):
            st.title("Your address is not verified", anchor=False)
            st.text(
                f"Your sign-in service does not confirm that the address{_named(email)} is yours. "
                "Verify it there, then sign in again."
            )
            _draw_way_out(f"If that does not help, ask {access.contact or _OPERATOR}.")
        case NotInvited(email):
            st.title("You are not invited", anchor=False)
            st.text(f"You are signed in, but the address{_named(email)} is not invited.")
            _draw_way_out(f"To be invited, ask {access.contact or _OPERATOR}.")


def _draw_closed() -> None:
    st.title("This dashboard is not open yet", anchor=False)
    st.write(
        "It can show the contacts of a company, so it shows nothing to anybody who has not shown "
        "that they may see it. There are three ways:"
    )
    st.markdown(
        "- **Invite people.** Set up `[auth]` and `[access]` in the secrets, as "
        "`.streamlit/secrets.example.toml` shows.\n"
        "- **Use the address that is printed** where the dashboard is started: it contains the "
        "key.\n"
        "- **Open it to everybody who can reach it**, where something else keeps strangers out: "
        'set `CHATBOTX_OPEN_ACCESS = "yes"` in the environment or in the secrets.'
    )


def _named(email: str) -> str:
    """The address for use in plain text, where it is not interpreted."""
    return f" {formatting.shortened(email)}" if email else ""


_OPERATOR = "whoever runs this dashboard"


def _draw_way_out(sentence: str) -> None:
    st.text(sentence)
    _draw_sign_out("primary")


def _draw_sign_in(access: Access, page: Page) -> None:
    query = {name: st.query_params.get_all(name) for name in (*PARAMETERS, WORKSPACE)}
    link = Link(page.url_path, tuple((name, tuple(values)) for name, values in query.items()))
    elsewhere = _registered_address(access, link)
    if elsewhere is not None:
        st.write(
            "People come back from signing in to the address that this dashboard is registered "
            "with, and this is another one, even if it leads to the same dashboard."
        )
        st.link_button("Open it there to sign in", elsewhere, type="primary")
        return
    for provider in access.providers:
        name = _PROVIDER_NAMES.get(provider.name, provider.name)
        st.button(
            f"Sign in with {escaping.markdown(name)}" if name else "Sign in",
            on_click=rights.for_strangers(_sign_in),
            args=(provider.name, link),
            icon=":material/login:",
            type="primary",
            key=f"sign-in-{provider.name}",
        )


def _registered_address(access: Access, link: "Link") -> str | None:
    """The link at the registered host, if the browser knows the dashboard by another name, under
    which it would not be signed in after returning."""
    home = (access.redirect_uri or "").removesuffix(f"/{streamlit_internals.CALLBACK}")
    home = home.replace("{port}", str(st.get_option("server.port")))
    here = urlsplit(st.context.url or "").hostname
    if not here or not home or here == urlsplit(home).hostname:
        return None
    parameters = urlencode(link.query, doseq=True)
    return f"{home}/{link.path}" + (f"?{parameters}" if parameters else "")


def _sign_in(provider: str, link: "Link") -> None:
    """Callback: go to the provider."""
    browser = _browser()
    if browser is not None:
        _links.keep(browser, link)
    st.login(provider or None)


def _return_to_link(page: Page, pages: Sequence[Page]) -> None:
    """Continue once to the page requested before sign-in."""
    browser = _browser()
    if browser is None or page.url_path or st.query_params:
        return
    link = _links.take(browser)
    target = next((each for each in pages if link and each.url_path == link.path), None)
    if link is None or target is None or link.is_empty:
        return
    address.forget()
    st.switch_page(target, query_params={name: list(values) for name, values in link.query})


@dataclass(frozen=True)
class Link:
    """A requested page: its path, and the parameters we know."""

    path: str
    query: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def is_empty(self) -> bool:
        return not self.path and not any(values for _, values in self.query)

    def __len__(self) -> int:
        return len(self.path) + sum(len(value) for _, values in self.query for value in values)


class Links:
    """Requested pages by browser, each to be taken once and soon. Bounded in number and size."""

    MOST = 1000
    LONGEST = 8000
    SECONDS = 600

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[float, Link]] = OrderedDict()

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def keep(self, browser: bytes, link: Link) -> None:
        """Remember a link, replacing this browser's previous one. Links that are too long are
        dropped."""
        with self._lock:
            self._kept.pop(browser, None)
            if len(link) <= self.LONGEST:
                self._kept[browser] = (self._clock(), link)
            while len(self._kept) > self.MOST:
                self._kept.popitem(last=False)

    def take(self, browser: bytes) -> Link | None:
        with self._lock:
            since, link = self._kept.pop(browser, (0.0, None))
        return link if link is not None and self._clock() - since <= self.SECONDS else None


_links = Links()


def _browser() -> bytes | None:
    return streamlit_internals.browser_of(st.context.cookies)
