"""Local day of a time, for engines without time zones.

Sessions run in UTC. Between two clock changes a zone has a constant UTC offset, and a time shifted
by it has the local date. The few days on which clocks change, or that start at an unusual hour
because of that, are recognized by their edges.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import narwhals as nw

from lib.reference.periods import Period

_DAY = timedelta(days=1)


def local_day(column: str, period: Period, since: datetime) -> nw.Expr:
    """The day of the period in which a time lies, as a date, for times from `since` (UTC) on; the
    nearest day of the period for times outside of it."""
    moment = nw.col(column)
    found: nw.Expr = nw.lit(period.end)
    for piece in reversed(_pieces(period, since)):
        found = nw.when(moment < piece.until).then(piece.day(moment)).otherwise(found)
    return nw.when(moment < period.first_moment).then(nw.lit(period.start)).otherwise(found)


@dataclass(frozen=True)
class _Piece:
    """Times before `until` (UTC) on days with the UTC offset `ahead`, or on the single day
    `only`."""

    until: datetime
    ahead: timedelta
    only: date | None = None

    def day(self, moment: nw.Expr) -> nw.Expr:
        if self.only is not None:
            return nw.lit(self.only)
        if self.ahead:
            moment = moment.dt.offset_by(f"{int(self.ahead.total_seconds())}s")
        return moment.dt.date()


def _pieces(period: Period, since: datetime) -> list[_Piece]:
    """The pieces of the period, ascending."""
    found: list[_Piece] = []
    edges = period.edges()
    for day, start, end in zip(period.days(), edges, edges[1:], strict=False):
        if end <= since or start == end:
            continue
        if end - start != _DAY:
            found.append(_Piece(end, timedelta(0), day))
            continue
        ahead = datetime.combine(day, time(), UTC) - start
        if found and found[-1].only is None and found[-1].ahead == ahead:
            found.pop()
        found.append(_Piece(end, ahead))
    return found
