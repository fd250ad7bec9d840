"""The local day of a time, for engines that know no time zones.

A session runs in UTC. Between two changes of its clocks a zone is so many seconds ahead of UTC, and
a time that is moved by these has the local date. The few days on which clocks change, or that begin
at another hour for that, are told by their edges.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import narwhals as nw

from lib.reference.periods import Period

_DAY = timedelta(days=1)


def local_day(column: str, period: Period, since: datetime) -> nw.Expr:
    """The date of the day of the period in which a time lies, of times from `since` (UTC) on; the
    nearest day of the period for those that lie outside of it."""
    moment = nw.col(column)
    found: nw.Expr = nw.lit(period.end)
    for piece in reversed(_pieces(period, since)):
        found = nw.when(moment < piece.until).then(piece.day(moment)).otherwise(found)
    return nw.when(moment < period.first_moment).then(nw.lit(period.start)).otherwise(found)


@dataclass(frozen=True)
class _Piece:
    """Times before `until` (UTC): of days that are `ahead` of UTC by so much, or of `only` one."""

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
    """One after the other."""
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
