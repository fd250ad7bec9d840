"""The IANA time zones known on this machine."""

from datetime import UTC, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from lib.reference.periods import ONE_DAY, Span


@cache
def timezones() -> list[str]:
    """Names of all zones, sorted. Cached, because listing them reads many directories."""
    return sorted(available_timezones() - {"Factory", "localtime"})


def check_timezone(text: str) -> str:
    """Return `text` if it is an IANA time zone. Raises ValueError if there is no such zone."""
    if text not in timezones():
        raise ValueError("is not a time zone: write an IANA name like America/Sao_Paulo.")
    return text


@lru_cache(maxsize=1000)
def has_whole_hours(timezone: str, span: Span) -> bool:
    """Whether the zone's UTC offset is a number of hours on every day of the span."""
    zone, moment = ZoneInfo(timezone), span.start.astimezone(UTC)
    while moment < span.end + ONE_DAY:
        offset = moment.astimezone(zone).utcoffset()
        if offset is None or offset % timedelta(hours=1):
            return False
        moment += ONE_DAY
    return True
