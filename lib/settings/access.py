"""Who may see which workspace: rules over the claims of an identity, and nothing else.

The claims are those of an ID token that the server has verified. What is in them was typed by
somebody, so none is believed but for what it must be. When in doubt, nobody is let in.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far in the future an identity may have been issued."""

_ADDRESS = re.compile(r"[!-?A-~]{1,64}@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE | re.ASCII)
"""One @, and nothing but ASCII that can be seen: so no letter looks like another one."""

_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Guests:
    """Those on a list, in lower case: by their address, or by all of what follows its @."""

    emails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Guests":
        """Raises ValueError for what is neither an address nor a domain."""
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
        """Whether `email` is on the list, in whatever case it is written."""
        if not _ADDRESS.fullmatch(email):
            return False
        email = email.lower()
        return email in self.emails or email.rpartition("@")[2] in self.domains

    def __bool__(self) -> bool:
        return bool(self.emails or self.domains)


@dataclass(frozen=True)
class Provider:
    """Whom people sign in with: the name of its table in `[auth]`, "" for the table itself; the
    audience that its identities are for, and who issues them."""

    name: str = ""
    client_id: str = ""
    issuer: str = ""

    def vouches_for(self, claims: Mapping[str, object]) -> bool:
        """Whether an identity is one of this provider's, for us. A signed cookie alone proves only
        that somebody had the secret, which another dashboard may share."""
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
        # Microsoft's documents of several tenants name another issuer than lies at their address.
        host = urlsplit(self.issuer).hostname
        return host in _OF_MANY_TENANTS and urlsplit(issuer).hostname == host


_OF_MANY_TENANTS = ("login.microsoftonline.com", "login.microsoftonline.us")


@dataclass(frozen=True)
class Access:
    """What the operator decided. By default nobody is invited and nobody can sign in.

    `guests` see every workspace that has no list of its own in `own_guests`; one that has is seen
    by those on it only. An identity is good for `hours` after it was issued. `contact` is whom to
    ask for an invitation. `redirect_uri` is where people come back to from signing in; "{port}" in
    it is that of the server. `key` is what the operator set as the key to a dashboard without
    providers.
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
    """Nobody vouches that the address is the person's; `email` may be empty."""

    email: str


@dataclass(frozen=True)
class Expired:
    """Signed in too long ago."""


@dataclass(frozen=True)
class Foreign:
    """Signed in, but not with a provider of ours, or for another dashboard."""


@dataclass(frozen=True)
class SignedOut:
    """Not signed in."""


@dataclass(frozen=True)
class NobodyInvited:
    """One could sign in, but the operator has invited nobody yet."""


@dataclass(frozen=True)
class Closed:
    """Nobody can sign in, and the operator has not opened the dashboard to everybody."""


@dataclass(frozen=True)
class Welcome:
    """May see these workspaces; `email` is None where nobody had to sign in."""

    workspaces: tuple[str, ...]
    email: str | None = None


Verdict = Invited | NotInvited | Unverified | Expired | Foreign | SignedOut
Refusal = NotInvited | Unverified | Expired | Foreign | SignedOut | NobodyInvited | Closed


def verdict(claims: Mapping[str, object], workspace: str, access: Access, now: datetime) -> Verdict:
    """Whether who has these claims may see `workspace` at `now` (with a zone). Raises nothing,
    whatever the claims.

    An address counts only with `email_verified` true. The age is told by `iat`: `exp` says until
    when the token may be handed in, which is a few minutes with some providers, and Streamlit
    keeps an identity for 30 days.
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
    """What a visitor with these claims gets to see of `workspaces`.

    Where one can sign in, one has to. Elsewhere whoever has the key may see all, everybody may see
    the demo, and whatever the operator has opened. From where somebody comes is no reason: behind
    a proxy, everybody comes from this machine.
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
    # Without an invitation the reason is the same for all.
    return next((each for each in verdicts.values() if not isinstance(each, Invited)), SignedOut())


def is_loopback(host: str) -> bool:
    """Whether a name or number means this machine."""
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
    return -CLOCKS_DIFFER <= age < most
