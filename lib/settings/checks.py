"""Parse and check the value of each setting.

Each check turns text into a value or raises ValueError. The message continues a sentence that
starts with the name of the setting, and says what to write instead.
"""

import importlib.util
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from babel import Locale, UnknownLocaleError

from lib.reference.regions import is_region
from lib.reference.timezones import check_timezone
from lib.settings.access import is_loopback
from lib.settings.model import BASES, Basis

OWN_ORIGIN = "'self'"
"""Always among the frame ancestors: Community Cloud frames the dashboard in its own origin."""

SHORTEST_KEY = 20
"""In characters; too many to be guessed, at whatever rate of requests."""

ENGINE_TOKEN = "CHATBOTX_ENGINE_TOKEN"

_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?|[0-9a-f:.%]+")
"""Host names, IPv4 addresses, and IPv6 addresses without their brackets."""

_SERVER = re.compile(
    r"sc://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})(/?|/(?:;[\w-]+=[\w.@/+%-]+)+)", re.ASCII
)
"""A host, a port, and parameters like /;use_ssl=true;user_id=ana."""

_ANCESTOR = re.compile(r"https?://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?")
_BUCKET = re.compile(r"(?:s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[^\s?#@]*)?")

_NO_ADDRESS = "is not a web address: write it like https://app.chatbotx.io/api."


def base_url(text: str) -> str:
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


def token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds characters that no token has: copy it again from ChatbotX.")
    return text


def engine_token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds characters that no token has: copy it again.")
    return text


def basis(text: str) -> Basis:
    if text not in BASES:
        raise ValueError("must be auto, subscribedAt or createdAt.")
    return text


def locale(text: str) -> str:
    try:
        return str(Locale.parse(text.replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        raise ValueError("is not a locale: write one like en, pt-BR or de.") from None


def region(text: str) -> str | None:
    if text.lower() == "none":
        return None
    if not is_region(text.upper()):
        raise ValueError("must be a two-letter country code like BR, or none.")
    return text.upper()


def store(text: str) -> str:
    if "://" not in text:
        return text.rstrip("/") or text
    if not _BUCKET.fullmatch(text):
        raise ValueError(
            "must be a folder, or the address of a bucket like s3://bucket/folder, gs://bucket or "
            "az://container; keys belong in the table [store]."
        )
    return text.rstrip("/")


def frame_ancestors(text: str) -> str:
    """The value of the directive `frame-ancestors`: our own origin and those listed in `text`.

    Sources are separated by white space. The text `none` allows no frames at all.
    """
    sources = text.split()
    if sources == ["none"]:
        return "'none'"
    if not all(_ANCESTOR.fullmatch(source) for source in sources):
        raise ValueError("must be none, or web addresses without a path like https://example.com.")
    return " ".join([OWN_ORIGIN, *sources])


def access_key(text: str) -> str:
    if len(text) < SHORTEST_KEY or not _KEY.fullmatch(text):
        raise ValueError(
            f"must be a random text of at least {SHORTEST_KEY} letters, digits, - and _: whoever "
            "knows it sees everything."
        )
    return text


def issuer(text: str) -> str:
    if not is_safe(text):
        raise ValueError("must be the address that your provider names as issuer, with https://.")
    return text


def is_safe(address: str) -> bool:
    """Whether nobody can eavesdrop on requests to a URL: it is https, or on this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return host is not None and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    )


def one_line(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip() or not text.isprintable() or len(text) > most:
            raise ValueError(f"must be one line of at most {most} characters.")
        return text.strip()

    return read


def boolean(text: str) -> bool:
    if text.lower() not in ("yes", "true", "no", "false"):
        raise ValueError("must be yes or no.")
    return text.lower() in ("yes", "true")


def engine(text: str) -> str:
    if text == "memory":
        return text
    if text == "duckdb":
        return _requiring("duckdb", "requirements-duckdb.txt", text)
    found = _SERVER.fullmatch(text)
    if not found or not 0 < int(found[1]) < 65_536:
        raise ValueError(
            "must be memory, duckdb, or the address of a Spark Connect server like "
            "sc://localhost:15002 or sc://spark.example.com:443/;use_ssl=true."
        )
    if ";token=" in text.lower():
        raise ValueError(
            f"may not hold the token, which would be shown with it: write it as {ENGINE_TOKEN}."
        )
    return _requiring("pyspark", "requirements-spark.txt", text)


def _requiring(package: str, requirements: str, text: str) -> str:
    if importlib.util.find_spec(package) is None:
        raise ValueError(
            f"needs packages that are not installed: pip install -r {requirements}, then start "
            "again."
        )
    return text


class Number:
    """A check for a number between two bounds, both included; `unit` is for the message."""

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


Check = Callable[[str], Any]

WORKSPACE_SETTINGS: dict[str, Check] = {
    "token": token,
    "base_url": base_url,
    "timezone": check_timezone,
    "basis": basis,
    "bot_answers": boolean,
    "shared_views": boolean,
    "default_region": region,
    "refresh_minutes": Number(float, 1, 10_080, "minutes"),
    "quiet_minutes": Number(float, 1, 10_080, "minutes"),
    "engine": engine,
    "engine_token": engine_token,
    "engine_seconds": Number(float, 1, 3_600, "seconds"),
    "history_days": Number(int, 30, 3_650, "days"),
    "connections": Number(int, 1, 16, "connections"),
    "requests_per_10s": Number(int, 1, 10_000, "requests"),
    "max_minutes": Number(float, 0.1, 1_440, "minutes"),
}
"""Settings that can be given in the table of a workspace, or once for all of them."""

DASHBOARD_SETTINGS: dict[str, Check] = {
    "store": store,
    "snapshot_dir": store,
    "locale": locale,
    "frame_ancestors": frame_ancestors,
    "crawls_at_once": Number(int, 1, 64, "workspaces"),
    "results_mb": Number(int, 10, 10_000, "megabytes"),
    "open_access": boolean,
    "access_key": access_key,
}
"""Settings for the whole dashboard, given outside tables. `snapshot_dir` is another name for
`store`, which wins: an image can set the former to its folder, and the operator the latter."""

LABEL = one_line(60)
CONTACT = one_line(200)
HOURS = Number(float, 0.25, 720, "hours")
