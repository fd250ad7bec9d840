"""What the operator configured, read from environment or secrets, checked once.

One name means the same in both places; the environment wins. A mistake is told by a sentence that
names the key and says what to write instead, never the value: a value may be the token. Several
workspaces, who may see them, and how one signs in are tables, and stand in secrets only.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from lib.reference import countries
from lib.settings.access import Access, Guests, is_loopback

Basis = Literal["auto", "subscribedAt", "createdAt"]
BASES: tuple[Basis, ...] = get_args(Basis)

PREFIX = "CHATBOTX_"
SECRETS_FILES = (Path.home() / ".streamlit/secrets.toml", Path(".streamlit/secrets.toml"))


_NAMES_A_WORKSPACE = re.compile(r"\[(?:access\.)?workspaces[.\]]")


class SettingsError(Exception):
    """Something is configured wrongly; `mistakes` holds a sentence for each mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__(" ".join(mistakes))
        self.mistakes = tuple(mistakes)

    @property
    def for_strangers(self) -> tuple[str, ...]:
        """The mistakes for those of whom nobody knows who they are: names of workspaces are none
        of their business."""
        shown = [
            "A workspace is not set up correctly; the log of the server says what is wrong."
            if _NAMES_A_WORKSPACE.match(mistake)
            else mistake
            for mistake in self.mistakes
        ]
        return tuple(dict.fromkeys(shown))


class SecretsOutOfReach(SettingsError):
    """A file of secrets is there, and cannot be read. Streamlit answers nothing then."""


@dataclass(frozen=True)
class Settings:
    """The operator's choices. `token` is None when the demo workspace is to be shown.

    `refresh_minutes` is the age at which a snapshot is fetched anew, `connections` how many
    requests run at once, `requests_per_10s` the pace they keep, `max_minutes` how long one crawl
    may take. `name` and `label` tell one of several workspaces from the others: in the URL, and to
    people.
    """

    token: str | None = field(default=None, repr=False)
    base_url: str = "https://app.chatbotx.io/api"
    timezone: str = "UTC"
    basis: Basis = "auto"
    locale: str = "en"
    frame_ancestors: str | None = None
    default_region: str | None = None
    refresh_minutes: float = 15
    snapshot_dir: Path = Path(".cache")
    connections: int = 4
    requests_per_10s: int = 100
    max_minutes: float = 30
    notes: tuple[str, ...] = field(default=(), compare=False)
    """A sentence for each key that looks like ours and is not: probably a slip of the pen."""
    name: str = ""
    label: str = field(default="", compare=False)

    @property
    def is_demo(self) -> bool:
        return self.token is None


@dataclass(frozen=True)
class Configuration:
    """All that is configured: the workspaces, in the order in which they are written, of which
    there is at least one, and who may see them.

    `notes` are sentences about keys that do not belong to one workspace.
    """

    workspaces: tuple[Settings, ...] = (Settings(),)
    access: Access = field(default_factory=Access)
    notes: tuple[str, ...] = ()

    @property
    def is_demo(self) -> bool:
        return all(workspace.is_demo for workspace in self.workspaces)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(workspace.name for workspace in self.workspaces)

    def named(self, name: str) -> Settings:
        """Raises KeyError."""
        return {workspace.name: workspace for workspace in self.workspaces}[name]


def load(
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, Any] | None = None,
    workspace: str | None = None,
) -> Settings:
    """Settings of one workspace, from `environment` (default: the process's) over `secrets`
    (default: the files that Streamlit reads).

    `workspace` is the name of one of several; it may be left out where there is one. Raises
    SettingsError with every mistake at once.
    """
    reading = _Reading.of(environment, secrets)
    configured = reading.workspaces()
    reading.end()
    if workspace is not None:
        configured = tuple(each for each in configured if each.name == workspace)
    if not configured:
        raise SettingsError(["There is no workspace of that name in [workspaces]."])
    if len(configured) > 1:
        raise SettingsError(["There are several [workspaces]: name one of them."])
    return replace(configured[0], notes=(*reading.notes, *configured[0].notes))


def load_all(
    environment: Mapping[str, str] | None = None, secrets: Mapping[str, Any] | None = None
) -> Configuration:
    """The settings of all workspaces and who may see them, from where `load` reads. Raises
    SettingsError with every mistake at once."""
    reading = _Reading.of(environment, secrets)
    workspaces = reading.workspaces()
    access = reading.access(workspaces)
    reading.check_tables()
    reading.end()
    return Configuration(workspaces, access, tuple(reading.notes))


def secrets_from_files(files: tuple[Path, ...] | None = None) -> dict[str, Any]:
    """The secrets of the `files` (default: SECRETS_FILES) that exist, later ones winning. Raises
    SettingsError for a file that cannot be read."""
    secrets: dict[str, Any] = {}
    for file in SECRETS_FILES if files is None else files:
        try:
            secrets |= tomllib.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise SecretsOutOfReach(
                [
                    f"{file} cannot be read: it must be a file, and the account that the dashboard "
                    "runs under must be allowed to read it."
                ]
            ) from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            # The parser's message may quote the line, and with it the token.
            raise SettingsError([f"{file} cannot be read as TOML: check its syntax."]) from None
    return secrets


_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?|[0-9a-f:.%]+")
"""Names, numbers, and what stands between the brackets of an IPv6 address."""

_NO_ADDRESS = "is not a web address: write it like https://app.chatbotx.io/api."


def _base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    if not host or parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise ValueError(_NO_ADDRESS)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("may hold only a host and a path, like https://app.chatbotx.io/api.")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must begin with https://, or the token would travel unprotected.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


@cache
def timezones() -> list[str]:
    """The IANA time zones, sorted. Looked for once: they are files in many folders."""
    return sorted(available_timezones() - {"Factory", "localtime"})


def check_timezone(text: str) -> str:
    """`text`, an IANA time zone. Raises ValueError if there is no such zone."""
    if text not in timezones():
        raise ValueError("is not a time zone: write an IANA name like America/Sao_Paulo.")
    return text


def _token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds characters that no token has: copy it again from ChatbotX.")
    return text


def _basis(text: str) -> Basis:
    if text not in BASES:
        raise ValueError("must be auto, subscribedAt or createdAt.")
    return text


def _locale(text: str) -> str:
    try:
        return str(Locale.parse(text.replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        raise ValueError("is not a locale: write one like en, pt-BR or de.") from None


def _region(text: str) -> str | None:
    if text.lower() == "none":
        return None
    if not countries.is_region(text.upper()):
        raise ValueError("must be a two-letter country code like BR, or none.")
    return text.upper()


def _one_line(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip() or not text.isprintable() or len(text) > most:
            raise ValueError(f"must be one line of at most {most} characters.")
        return text.strip()

    return read


def _yes(text: str) -> bool:
    if text.lower() not in ("yes", "true", "no", "false"):
        raise ValueError("must be yes or no.")
    return text.lower() in ("yes", "true")


class _Number:
    """Reads a number between two bounds, in the given unit."""

    def __init__(self, kind: type[int] | type[float], low: float, high: float, unit: str) -> None:
        self.kind, self.low, self.high, self.unit = kind, low, high, unit

    def __call__(self, text: str) -> float:
        try:
            number = self.kind(text)
        except ValueError:
            number = float("nan")
        if not self.low <= number <= self.high:
            raise ValueError(f"must be a number of {self.unit} from {self.low:g} to {self.high:g}.")
        return number


_READERS: dict[str, Callable[[str], Any]] = {
    "token": _token,
    "base_url": _base_url,
    "timezone": check_timezone,
    "basis": _basis,
    "locale": _locale,
    "default_region": _region,
    "refresh_minutes": _Number(float, 1, 10_080, "minutes"),
    "snapshot_dir": Path,
    "connections": _Number(int, 1, 16, "connections"),
    "requests_per_10s": _Number(int, 1, 10_000, "requests"),
    "max_minutes": _Number(float, 0.1, 1_440, "minutes"),
    "frame_ancestors": str,
}
_FOR_ALL = ("snapshot_dir", "locale", "frame_ancestors")
"""Of these there is one for the whole dashboard."""

_OF_ONE: dict[str, Callable[[str], Any]] = {
    "token": _token,
    "label": _one_line(60),
    **{name: reader for name, reader in _READERS.items() if name not in _FOR_ALL},
}
"""What may stand in the table of a workspace."""

_OPEN_ACCESS = "open_access"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_HOURS = _Number(float, 0.25, 720, "hours")
_IN_ACCESS = ("emails", "domains", "workspaces", "open", "contact", "hours")
_TABLES = ("workspaces", "access", "auth")
_OF_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_SHORTEST_SECRET = 32
_NOT_TO_BE_MISSED = ("token", "base_url")
_KINDS = ("emails", "domains")
_INVITES = {
    ("emails",): 'must be a list of addresses like "ana@example.com", in plain ASCII letters.',
    ("domains",): 'must be a list of domains like "example.com", in plain ASCII letters.',
    _KINDS: 'must be a list of addresses like "ana@example.com" and domains like "example.com", '
    "in plain ASCII letters.",
}


class _Reading:
    """Reads one source after the other, and collects the mistakes and what has to be noted."""

    def __init__(self, given: dict[str, str], secrets: Mapping[str, Any]) -> None:
        self.secrets = secrets
        self.mistakes: list[str] = []
        self.notes: list[str] = []
        self.is_open: bool | None = None
        self.defaults = self._defaults(given)

    @classmethod
    def of(
        cls, environment: Mapping[str, str] | None, secrets: Mapping[str, Any] | None
    ) -> "_Reading":
        environment = os.environ if environment is None else environment
        secrets = secrets_from_files() if secrets is None else secrets
        given = {
            key.removeprefix(PREFIX).lower(): str(value).strip()
            for source in (secrets, environment)
            for key, value in source.items()
            if key.startswith(PREFIX) and str(value).strip()
        }
        return cls(given, secrets)

    def end(self) -> None:
        """Raises SettingsError if there was a mistake."""
        if self.mistakes:
            raise SettingsError(self.mistakes)

    def _defaults(self, given: dict[str, str]) -> dict[str, Any]:
        """The settings that stand outside of tables."""
        values: dict[str, Any] = {}
        known = [*_READERS, _OPEN_ACCESS]

        def written(name: str) -> str:
            return PREFIX + name.upper()

        for name, text in given.items():
            key = PREFIX + name.upper()
            if name == _OPEN_ACCESS:
                self.is_open = bool(self._read(key, _yes, text))
            elif name in _READERS:
                values[name] = self._read(key, _READERS[name], text)
            else:
                self._ignore(name, key, known, written)
        return values

    def workspaces(self) -> tuple[Settings, ...]:
        """The one outside of tables, or those in `[workspaces]`."""
        tables = self.secrets.get("workspaces")
        if tables is None:
            return (Settings(**self.defaults),) if not self.mistakes else ()
        if not isinstance(tables, Mapping) or not tables:
            self.mistakes.append(
                "[workspaces] must hold a table for each workspace, like [workspaces.sales]."
            )
            return ()
        if self.defaults.pop("token", None) is not None:
            self.mistakes.append(
                f"{PREFIX}TOKEN belongs to one workspace: write it into the table of one of "
                "[workspaces]."
            )
        found = [self._workspace(name, table) for name, table in tables.items()]
        workspaces = tuple(each for each in found if each is not None)
        self._check_unique(workspaces)
        return workspaces

    def _workspace(self, name: str, table: object) -> Settings | None:
        place = f"[workspaces.{name}]"
        if not _NAME.fullmatch(name):
            self.mistakes.append(
                f"{place} must have a name of lower-case letters, digits, - and _: it is part of "
                "links."
            )
            return None
        if not isinstance(table, Mapping):
            self.mistakes.append(f"[workspaces] {name} must be a table, written {place}.")
            return None
        notes = len(self.notes)
        values = dict(self.defaults)
        for key, value in table.items():
            if key not in _OF_ONE:
                self._ignore(key, f"{place} {key}", _OF_ONE)
            elif isinstance(value, str | int | float):
                if text := str(value).strip():
                    values[key] = self._read(f"{place} {key}", _OF_ONE[key], text)
            else:
                self.mistakes.append(f"{place} {key} must be a text or a number.")
        own_notes, self.notes = self.notes[notes:], self.notes[:notes]
        if values.get("token") is None:
            if not any(mistake.startswith(f"{place} token") for mistake in self.mistakes):
                self.mistakes.append(f"{place} token is missing: create one in ChatbotX.")
            return None
        if any(mistake.startswith(f"{place} ") for mistake in self.mistakes):
            return None
        folder = values.get("snapshot_dir", Settings.snapshot_dir) / f"workspace-{name}"
        whole = {"label": name} | values | {"name": name, "snapshot_dir": folder}
        return Settings(**whole, notes=tuple(own_notes))

    def _check_unique(self, workspaces: tuple[Settings, ...]) -> None:
        """A token pasted twice would show one workspace to those who may see another."""
        for number, later in enumerate(workspaces):
            for earlier in workspaces[:number]:
                places = f"[workspaces.{later.name}]", f"[workspaces.{earlier.name}]"
                if later.token == earlier.token:
                    self.mistakes.append(
                        f"{places[0]} token is that of {places[1]}: each workspace has its own."
                    )
                if later.label == earlier.label:
                    self.mistakes.append(
                        f"{places[0]} label is that of {places[1]}: nobody could tell them apart."
                    )

    def access(self, workspaces: tuple[Settings, ...]) -> Access:
        """Who may see them. A slip of the pen is a mistake here: what was to be shut might be
        open."""
        providers = self._providers()
        table = self.secrets.get("access", {})
        if not isinstance(table, Mapping):
            self.mistakes.append("[access] must be a table.")
            return Access()
        for key in table:
            if key not in _IN_ACCESS:
                self.mistakes.append(
                    f"[access] {key} is not a setting. {_nearest(key, _IN_ACCESS)}"
                )
        is_open = self.is_open
        if "open" in table:
            in_table = bool(self._read("[access] open", _yes, str(table["open"])))
            is_open = in_table if is_open is None else is_open
        if is_open and providers:
            self.mistakes.append(
                "The dashboard is opened to everybody, and [auth] asks everybody to sign in: "
                f"remove one of them. It is opened by [access] open or {PREFIX}OPEN_ACCESS."
            )
        guests = Guests(
            self._guests("[access] emails", table.get("emails", []), _KINDS[:1]).emails,
            self._guests("[access] domains", table.get("domains", []), _KINDS[1:]).domains,
        )
        own = self._own_guests(table.get("workspaces", {}), workspaces)
        if (guests or own) and not providers:
            self.notes.append("[access] invites people, and there is no [auth] to sign in with.")
        contact = table.get("contact")
        hours = Access.hours
        if "hours" in table:
            hours = self._read("[access] hours", _HOURS, str(table["hours"])) or hours
        if contact is not None:
            contact = self._read("[access] contact", _one_line(200), str(contact))
        redirect = self.secrets["auth"].get("redirect_uri") if providers else None
        return Access(providers, bool(is_open), guests, own, contact, hours, redirect)

    def _own_guests(
        self, table: object, workspaces: tuple[Settings, ...]
    ) -> tuple[tuple[str, Guests], ...]:
        if not isinstance(table, Mapping):
            self.mistakes.append("[access.workspaces] must be a table.")
            return ()
        if table and workspaces and not any(each.name for each in workspaces):
            self.mistakes.append(
                "[access.workspaces] names workspaces, and there are no [workspaces]."
            )
            return ()
        # A table that is wrong in itself is told once.
        tables = self.secrets.get("workspaces")
        known = list(tables) if isinstance(tables, Mapping) else []
        found = []
        for name, entries in table.items():
            key = f"[access.workspaces] {name}"
            if name not in known:
                self.mistakes.append(f"{key} is none of the [workspaces.…].")
            found.append((name, self._guests(key, entries)))
        return tuple(found)

    def _guests(self, key: str, entries: object, kinds: tuple[str, ...] = _KINDS) -> Guests:
        """Those on a list that may hold entries of these kinds."""
        try:
            if not isinstance(entries, list):
                raise ValueError
            guests = Guests.of(str(entry).strip() for entry in entries)
            if any(getattr(guests, kind) for kind in _KINDS if kind not in kinds):
                raise ValueError
        except ValueError:
            self.mistakes.append(f"{key} {_INVITES[kinds]}")
            return Guests()
        return guests

    def _providers(self) -> tuple[str, ...]:
        """The names of those to sign in with, the unnamed one as ""."""
        table = self.secrets.get("auth")
        if table is None:
            return ()
        if not isinstance(table, Mapping):
            self.mistakes.append("[auth] must be a table.")
            return ()
        redirect, secret = table.get("redirect_uri"), table.get("cookie_secret")
        if not isinstance(redirect, str) or not _is_callback(redirect):
            self.mistakes.append(
                "[auth] redirect_uri must be the address of this dashboard with /oauth2callback at "
                "its end, and begin with https:// unless it is on localhost."
            )
        if not isinstance(secret, str) or len(secret) < _SHORTEST_SECRET:
            self.mistakes.append(
                f"[auth] cookie_secret must be a random text of at least {_SHORTEST_SECRET} "
                "characters: who knows it can sign in as anybody."
            )
        named = {
            name: value
            for name, value in table.items()
            if isinstance(value, Mapping) and name != "client_kwargs"
        }
        places = {name: (f"[auth.{name}]", value) for name, value in named.items()}
        if not named or any(key in table for key in _OF_PROVIDER):
            places = {"": ("[auth]", table)} | places
        for name, (place, values) in places.items():
            if "_" in name:
                self.mistakes.append(f"{place} may have no _ in its name.")
            for key in _OF_PROVIDER:
                value = values.get(key)
                if not isinstance(value, str) or not value.strip():
                    near = _meant(key, [other for other in values if other not in _OF_PROVIDER])
                    hint = f" Is it {near}?" if near else ""
                    self.mistakes.append(f"{place} {key} is missing: your provider gives it.{hint}")
                elif key == "server_metadata_url" and not _is_safe(value):
                    self.mistakes.append(f"{place} {key} must be an address with https://.")
        return tuple(places)

    def check_tables(self) -> None:
        """Points out tables that are probably meant for us, and settings that slipped into one."""
        for name, table in self.secrets.items():
            if not isinstance(table, Mapping):
                continue
            near = difflib.get_close_matches(name, _TABLES, n=1, cutoff=0.75)
            if near and name not in _TABLES:
                self.notes.append(
                    f"[{name}] is not a setting and is ignored. Did you mean [{near[0]}]?"
                )
            if name != "access":
                self.notes += [
                    f"[{name}] {key} is ignored there: write it above the first table."
                    for key in table
                    if key.startswith(PREFIX)
                ]

    def _read(self, key: str, reader: Callable[[str], Any], text: str) -> Any:
        """What `reader` makes of the text; None, and a mistake, if it cannot."""
        try:
            return reader(text)
        except ValueError as error:
            self.mistakes.append(f"{key} {error}")
            return None

    def _ignore(
        self, name: str, key: str, known: Iterable[str], written: Callable[[str], str] = str
    ) -> None:
        """Points out a `key`; a slip of the pen is a mistake where the token might go elsewhere, or
        made-up contacts be taken for true ones."""
        hint = _nearest(name, known, written)
        if _meant(name, known) in _NOT_TO_BE_MISSED:
            self.mistakes.append(f"{key} is not a setting. {hint}")
        else:
            self.notes.append(f"{key} is not a setting and is ignored. {hint}")


def _is_callback(address: str) -> bool:
    return _is_safe(address) and address.endswith("/oauth2callback")


def _is_safe(address: str) -> bool:
    """Whether what goes to an address of the web cannot be read on its way."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return host is not None and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    )


def _nearest(name: str, known: Iterable[str], written: Callable[[str], str] = str) -> str:
    """A hint at which of the `known` names was meant; `written` tells how they are spelt."""
    meant = _meant(name, known)
    if meant is not None:
        return f"Did you mean {written(meant)}?"
    return f"The settings are {', '.join(map(written, known))}."


def _meant(name: str, known: Iterable[str]) -> str | None:
    """The one of the `known` names that is close to `name`, if any is."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)
