"""When digests are due: cron expressions in the zone of the workspace, through clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LATEST = timedelta(hours=3)
"""A digest that could not be sent within this time, because no server ran, is missed: the morning's
numbers are of no use in the evening."""

MOST_TIMES = 400
"""That are looked through at once, some two weeks of every hour."""


def times_between(
    expression: str, timezone: str, after: datetime, until: datetime
) -> list[datetime]:
    """The times at which a digest is due, UTC: after the one, not after the other.

    As Debian's cron has it: a time that the clock skips in spring is as soon as the clock has
    skipped it, one that comes twice in autumn is the first of the two.
    """
    # Imported here: only who wants digests pays for it.
    from cronsim import CronSim

    found: list[datetime] = []
    times = CronSim(expression, after.astimezone(ZoneInfo(timezone)))
    for moment in times:
        utc = moment.astimezone(UTC)
        if utc > until or len(found) == MOST_TIMES:
            break
        if utc > after:
            found.append(utc)
    return found


def next_time(expression: str, timezone: str, after: datetime) -> datetime | None:
    """The first time after that one, UTC; None if it never comes."""
    from cronsim import CronSim

    found = next(CronSim(expression, after.astimezone(ZoneInfo(timezone))), None)
    return found.astimezone(UTC) if found is not None else None
