"""Schedule of digests: cron expressions in the workspace's zone, across clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LATEST = timedelta(hours=3)
"""A digest not sent within this time, because no server was running, is missed: the morning's
numbers are of no use in the evening."""

MOST_TIMES = 400
"""Maximum of times computed at once, about two weeks of hourly digests."""


def times_between(
    expression: str, timezone: str, after: datetime, until: datetime
) -> list[datetime]:
    """Times at which a digest is due, in UTC: after `after`, up to and including `until`.

    As in Debian's cron, a time skipped in spring runs right after the skip, and one that occurs
    twice in autumn runs the first time.
    """
    # Imported here so that only dashboards with digests pay for it.
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
    """The next time after `after`, in UTC; None if there is none."""
    from cronsim import CronSim

    found = next(CronSim(expression, after.astimezone(ZoneInfo(timezone))), None)
    return found.astimezone(UTC) if found is not None else None
