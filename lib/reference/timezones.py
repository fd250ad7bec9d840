"""The IANA time zones known on this machine."""

from functools import cache
from zoneinfo import available_timezones


@cache
def timezones() -> list[str]:
    """Names of all zones, sorted. Cached, because listing them reads many directories."""
    return sorted(available_timezones() - {"Factory", "localtime"})


def check_timezone(text: str) -> str:
    """Return `text` if it is an IANA time zone. Raises ValueError if there is no such zone."""
    if text not in timezones():
        raise ValueError("is not a time zone: write an IANA name like America/Sao_Paulo.")
    return text
