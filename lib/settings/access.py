"""Authorisation: who may see which workspace, as pure rules over the claims of an identity.

The claims are those of an ID token whose signature the server has verified. Their contents may have
been chosen by the visitor, so each is checked strictly; in case of doubt, access is denied.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

CLOCK_SKEW = timedelta(minutes=5)
"""Tolerated clock skew: how far in the future an identity may have been issued."""

_ADDRESS = re.compile(r"[!-?A-~]{1,64}@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE | re.ASCII)
"""Exactly one @ and only printable ASCII, which rules out look-alike letters."""

_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Guests:
    """A guest list, in lower case: e-mail addresses, and domains all of whose addresses match."""

    emails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Guests":
        """Parse a list. Raises ValueError for an entry that is neither an address nor a domain."""
        emails, domains = set(), set()
        for entry in entries:
            if _ADDRESS.fullmatch(entry):
                emails.add(entry.lower())
            elif _DOMAIN.fullmatch(entry):
                domains.add(entry.lower())
            else:
                raise ValueError
        return cls(frozenset(emails), frozenset(domains))

    def include(self, email: str) -> bool:
        """Whether `email`, in any case, is on the list or in one of its domains."""
        if not _ADDRESS.fullmatch(email):
            return False
        email = email.lower()
        return email in self.emails or email.rpartition("@")[2] in self.domains

    def __bool__(self) -> bool:
        return bool(self.emails or self.domains)


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider.

    `name` is that of its table in `[auth]`, "" for `[auth]` itself; `client_id` and `issuer` are
    the audience and the issuer that its ID tokens must have.
    """

    name: str = ""
    client_id: str = ""
    issuer: str = ""

    def vouches_for(self, claims: Mapping[str, object]) -> bool:
        """Whether the claims come from this provider and are meant for this dashboard.

        A validly signed cookie is not enough, as another dashboard may share the cookie secret.
        """
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        return (
            claims.get("provider") == (self.name or "default")
            and self.client_id in audiences
            and self._issues(claims.get("iss"))
        )

    def _issues(self, issuer: object) -> bool:
        if not isinstance(issuer, str):
            return False
        if issuer.rstrip("/") == self.issuer.rstrip("/"):
            return True
        # Microsoft's multi-tenant discovery documents name another issuer than their own URL.
        host = urlsplit(self.issuer).hostname
        try:
            return host in _MULTI_TENANT_HOSTS and urlsplit(issuer).hostname == host
        except ValueError:  # no address
            return False


_MULTI_TENANT_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us")


@dataclass(frozen=True)
class Access:
    """The operator's access rules. By default nobody is invited and nobody can sign in.

    `guests` see every workspace that has no list of its own in `own_guests`; a workspace with a
    list is seen only by those on it. `is_open`: everybody may see everything. An identity is valid
    for `hours` after it was issued. `contact` is whom to ask for an invitation. `redirect_uri` is
    where the provider sends people back to; "{port}" in it stands for the server's port. `key` is
    the access key of a dashboard without providers; None if the operator set none.
    """

    providers: tuple[Provider, ...] = ()
    is_open: bool = False
    guests: Guests = field(default=Guests(), repr=False)
    own_guests: tuple[tuple[str, Guests], ...] = field(default=(), repr=False)
    contact: str | None = None
    hours: float = 12
    redirect_uri: str | None = None
    key: str | None = field(default=None, repr=False)

    @property
    def invites_nobody(self) -> bool:
        return not self.guests and not any(guests for _, guests in self.own_guests)

    def guests_of(self, workspace: str) -> Guests:
        return dict(self.own_guests).get(workspace, self.guests)


@dataclass(frozen=True)
class Invited:
    email: str


@dataclass(frozen=True)
class NotInvited:
    email: str


@dataclass(frozen=True)
class Unverified:
    """The provider has not verified that the address is the person's; `email` may be empty."""

    email: str


@dataclass(frozen=True)
class Expired:
    """Signed in, but too long ago."""


@dataclass(frozen=True)
class Foreign:
    """Signed in, but with another provider or for another dashboard."""


@dataclass(frozen=True)
class SignedOut:
    """Not signed in."""


@dataclass(frozen=True)
class NobodyInvited:
    """People can sign in, but the operator has invited nobody yet."""


@dataclass(frozen=True)
class Closed:
    """Nobody can sign in, and the operator has not opened the dashboard."""


@dataclass(frozen=True)
class Welcome:
    """May see these workspaces; `email` is None if there was no need to sign in."""

    workspaces: tuple[str, ...]
    email: str | None = None


Verdict = Invited | NotInvited | Unverified | Expired | Foreign | SignedOut
Refusal = NotInvited | Unverified | Expired | Foreign | SignedOut | NobodyInvited | Closed


def verdict(claims: Mapping[str, object], workspace: str, access: Access, now: datetime) -> Verdict:
    """Decide whether these claims give access to `workspace` at `now`, an aware datetime.

    Never raises, whatever the claims. An address counts only if `email_verified` is true. The age
    is computed from `iat`: `exp` limits when the token may be exchanged, which is a few minutes
    with some providers, while Streamlit keeps an identity for 30 days.
    """
    if claims.get("is_logged_in") is not True:
        return SignedOut()
    if not any(provider.vouches_for(claims) for provider in access.providers):
        return Foreign()
    if not _is_fresh(claims.get("iat"), timedelta(hours=access.hours), now):
        return Expired()
    given = claims.get("email")
    email = given if isinstance(given, str) else ""
    if not email or claims.get("email_verified") is not True:
        return Unverified(email)
    if access.guests_of(workspace).include(email):
        return Invited(email.lower())
    return NotInvited(email)


def admit(
    claims: Mapping[str, object],
    workspaces: Iterable[str],
    access: Access,
    now: datetime,
    *,
    has_key: bool = False,
    is_demo: bool = False,
) -> Welcome | Refusal:
    """Decide which of `workspaces` a visitor with these claims may see at `now`.

    If there are providers, visitors must sign in. Otherwise those with the access key see
    everything, and everybody sees the demo and what the operator has opened. The visitor's network
    address is irrelevant: behind a proxy, everybody comes from this machine.
    """
    names = tuple(workspaces)
    if not access.providers:
        return Welcome(names) if has_key or is_demo or access.is_open else Closed()
    if access.invites_nobody:
        return NobodyInvited()
    verdicts = {name: verdict(claims, name, access, now) for name in names}
    visible = {name: each for name, each in verdicts.items() if isinstance(each, Invited)}
    if visible:
        return Welcome(tuple(visible), next(iter(visible.values())).email)
    # Without an invitation, the reason is the same for all workspaces.
    return next((each for each in verdicts.values() if not isinstance(each, Invited)), SignedOut())


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address denotes this machine."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _is_fresh(issued: object, most: timedelta, now: datetime) -> bool:
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        return False
    try:
        age = now - datetime.fromtimestamp(issued, UTC)
    except (OverflowError, ValueError, OSError):
        return False
    return -CLOCK_SKEW <= age < most
