"""The IANA time zones that this machine knows."""

from functools import cache
from zoneinfo import available_timezones


@cache
def timezones() -> list[str]:
    """Their names, sorted. Listed once: they are files in many folders."""
    return sorted(available_timezones() - {"Factory", "localtime"})


def check_timezone(text: str) -> str:
    """`text`, an IANA time zone. Raises ValueError if there is no such zone."""
    if text not in timezones():
        raise ValueError("is not a time zone: write an IANA name like America/Sao_Paulo.")
    return text
