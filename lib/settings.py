"""What the operator configured, read from environment or secrets, checked once.

One name means the same in both places; the environment wins. A mistake is told by a sentence that
names the key and says what to write instead, never the value: a value may be the token.
"""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from lib import countries

Basis = Literal["auto", "subscribedAt", "createdAt"]
BASES: tuple[Basis, ...] = get_args(Basis)

PREFIX = "CHATBOTX_"
SECRETS_FILES = (Path.home() / ".streamlit/secrets.toml", Path(".streamlit/secrets.toml"))


class SettingsError(Exception):
    """Something is configured wrongly; `mistakes` holds a sentence for each mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__(" ".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class Settings:
    """The operator's choices. `token` is None when the demo workspace is to be shown.

    `refresh_minutes` is the age at which a snapshot is fetched anew, `connections` how many
    requests run at once, `requests_per_10s` the pace they keep, `max_minutes` how long one crawl
    may take.
    """

    token: str | None = field(default=None, repr=False)
    base_url: str = "https://app.chatbotx.io/api"
    timezone: str = "UTC"
    basis: Basis = "auto"
    locale: str = "en"
    default_region: str | None = None
    refresh_minutes: float = 15
    snapshot_dir: Path = Path(".cache")
    connections: int = 4
    requests_per_10s: int = 100
    max_minutes: float = 30
    notes: tuple[str, ...] = ()
    """A sentence for each key that looks like ours and is not: probably a slip of the pen."""

    @property
    def is_demo(self) -> bool:
        return self.token is None


def load(
    environment: Mapping[str, str] | None = None, secrets: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from `environment` (default: the process's) over `secrets` (default: the files that
    Streamlit reads). Raises SettingsError with every mistake at once."""
    environment = os.environ if environment is None else environment
    secrets = secrets_from_files() if secrets is None else secrets
    given = {
        key.removeprefix(PREFIX).lower(): str(value).strip()
        for source in (secrets, environment)
        for key, value in source.items()
        if key.startswith(PREFIX) and str(value).strip()
    }
    mistakes: list[str] = []
    notes: list[str] = []
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in _READERS:
            notes.append(
                f"{PREFIX}{name.upper()} is not a setting and is ignored. {_nearest(name)}"
            )
            continue
        try:
            values[name] = _READERS[name](text)
        except ValueError as error:
            mistakes.append(f"{PREFIX}{name.upper()} {error}")
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(**values, notes=tuple(notes))


def secrets_from_files(files: tuple[Path, ...] = SECRETS_FILES) -> dict[str, Any]:
    """The secrets of the files that exist, later files winning. Raises SettingsError for a file
    that cannot be read."""
    secrets: dict[str, Any] = {}
    for file in files:
        try:
            secrets |= tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            # The parser's message may quote the line, and with it the token.
            raise SettingsError([f"{file} cannot be read as TOML: check its syntax."]) from (
                None if isinstance(error, tomllib.TOMLDecodeError) else error
            )
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
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("must begin with https://, or the token would travel unprotected.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
}


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, _READERS, n=1)
    if near:
        return f"Did you mean {PREFIX}{near[0].upper()}?"
    return "The settings are " + ", ".join(PREFIX + known.upper() for known in _READERS) + "."
