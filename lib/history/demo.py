"""Recorded history of the demo workspace: 60 days, reconstructed backwards from its present.

The demo company is generated as of one instant, so its past is generated here: when contacts were
tagged, reassigned or opted out, and who was deleted. Each past state is derived from the tables of
the present, and the last one is the present. Changes are found by comparing states, as in any
workspace.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from lib.demo.company import AGENT_IDS, OVERLOADED
from lib.demo.conversations import (
    ANSWERED_AFTER,
    ANSWERED_SPREAD,
    LOOKED_IN_AFTER,
    OVERLOOKED_AFTER,
    open_for,
)
from lib.history import carrying
from lib.history.memory import Past
from lib.history.recorded import NEVER
from lib.reference.periods import stamps
from lib.store.snapshot import Snapshot
from lib.store.tables import Tables

DAYS = 60

LATE = 23
"""Hour (UTC) of the daily state: a day counts as recorded if there is a state shortly before its
end."""

_HOUR = np.timedelta64(3_600_000_000, "us")
_DAY = 24 * _HOUR

_ALWAYS = np.datetime64(0, "us")

_DIFFERENCES = np.array([0.9, 0.5, 2, 0.7, 1.1, 0.3, 1.5])
"""Factors, one on average, by which a contact's waiting time varies from visit to visit."""


def demo_past(snapshot: Snapshot, seed: int = 7) -> Past:
    """History of the demo workspace up to `snapshot`: a state late on each of the previous 60 days,
    then the present. Deterministic for a given snapshot and seed."""
    past = Past()
    reconstruction = Reconstruction(snapshot, np.random.default_rng(seed))
    for moment in _moments(snapshot.as_of.astimezone(UTC)):
        past.record(moment, reconstruction.tables(moment))
    past.record(snapshot.as_of, snapshot.tables)
    return past


def _moments(as_of: datetime) -> list[datetime]:
    """Late on each of the previous 60 days, and a week before the present, when the previous digest
    was sent."""
    late = as_of.replace(hour=LATE, minute=0, second=0, microsecond=0)
    last = late if late < as_of else late - timedelta(days=1)
    days = [last - timedelta(days=day) for day in range(DAYS)]
    return sorted({*days, as_of - timedelta(days=7)})


@dataclass(frozen=True)
class _Links:
    """Links of contacts, and the interval in which each existed."""

    contact: np.ndarray
    value: pd.Categorical
    first: np.ndarray
    last: np.ndarray


class Reconstruction:
    """The past of each contact, including those deleted since."""

    def __init__(self, snapshot: Snapshot, random: np.random.Generator) -> None:
        self._random = random
        self._now = stamps([snapshot.as_of])[0]
        present = snapshot.tables
        self._all, self._is_gone = carrying.join(present, self._deleted(present))
        self._size = len(self._all.contacts)
        self._created = self._time("created")
        self._deleted_at = np.where(self._is_gone, self._recent_times(), self._now + _DAY)
        self._columns = {
            str(name): self._all.contacts[name].array for name in self._all.contacts.columns
        }
        self._draw_consents()
        self._draw_conversations()
        self._links = {
            name: self._draw_links(name, table)
            for name, table in carrying.LINKS.items()
            if name != "channel"
        }
        self._links["channel"] = self._channels_of(self._links["inbox"])

    def tables(self, as_of: datetime) -> Tables:
        """The workspace as of an instant (UTC)."""
        moment = stamps([as_of])[0]
        there = np.flatnonzero((self._created <= moment) & (self._deleted_at > moment))
        place = np.full(self._size, -1, dtype=np.int32)
        place[there] = np.arange(len(there), dtype=np.int32)
        columns: dict[str, object] = {
            name: values.take(there) for name, values in self._columns.items()
        }
        for name, then in self._then(moment).items():
            columns[name] = _utc(then[there]) if then.dtype.kind == "M" else then[there]
        columns["assignee"] = self._assignees(moment)[there]
        frames = self._all.frames()
        for name, links in self._links.items():
            was = (links.first <= moment) & (links.last > moment) & (place[links.contact] >= 0)
            contact = place[links.contact[was]]
            frames[carrying.LINKS[name]] = pd.DataFrame(
                {"contact": contact, name: links.value[was]}
            )
            if name != "inbox":
                counted = np.bincount(contact, minlength=len(there))
                columns[f"{name}s"] = counted.astype(np.uint16)
        return Tables(**frames | {"contacts": pd.DataFrame(columns)})

    def _deleted(self, present: Tables) -> Tables:
        """One in 150 contacts, duplicated under another ID: the deleted ones."""
        chosen = self._random.random(len(present.contacts)) < 1 / 150
        gone = present.select(chosen)
        contacts = gone.contacts.assign(
            id=gone.contacts["id"] + 7, conversation=gone.contacts["conversation"] + 7
        )
        links = {table: getattr(gone, table) for table in carrying.LINKS.values()}
        return Tables(**present.frames() | links | {"contacts": contacts})

    def _time(self, name: str) -> np.ndarray:
        return np.asarray(self._all.contacts[name], dtype="datetime64[us]")

    def _flag(self, name: str) -> np.ndarray:
        return self._all.contacts[name].to_numpy(dtype=np.bool_)

    def _some(self, share: float) -> np.ndarray:
        return self._random.random(self._size) < share

    def _recent_times(self, size: int | None = None) -> np.ndarray:
        """A random time within the recorded days for each contact, with few on Sundays."""
        days = self._random.random(self._size if size is None else size) * DAYS
        moments = self._now - (days * 86_400e6).astype("timedelta64[us]")
        sunday = (moments.astype("datetime64[D]").astype(int) + 3) % 7 == 6
        return np.where(sunday, moments - _DAY, moments)

    def _draw_consents(self) -> None:
        """Consents that were withdrawn or given during the recorded days."""
        blocked, broadcast = self._time("blocked"), self._time("broadcast")
        self._blocked, self._broadcast = blocked, broadcast
        # Some were blocked by mistake for a few days.
        self._unblocked_at = np.where(
            np.isnat(blocked) & self._some(0.002), self._recent_times(), NEVER
        )
        reachable = self._all.contacts["channels"].to_numpy() > 0
        left = np.isnat(broadcast) & reachable & self._some(0.045)
        self._opted_out_at = np.where(left, self._recent_times(), NEVER)
        has_email, opted = self._flag("has_email"), self._flag("email_opt_in")
        self._opted = opted
        self._mail_ends = np.where(
            has_email & ~opted & self._some(0.3), self._recent_times(), NEVER
        )
        self._mail_begins = np.where(
            has_email & opted & self._some(0.02), self._recent_times(), NEVER
        )

    def _draw_conversations(self) -> None:
        """Earlier visits, answers and assignees."""
        self._wrote, self._replied = self._time("wrote"), self._time("admin_replied")
        self._archived, self._sent = self._time("archived_at"), self._time("sent")
        self._answers = ~np.isnat(self._replied)
        self._draw_visits()
        self._closed_after = _timedeltas(open_for(self._random.random(self._size)) / 86_400e3)
        assigned = self._all.contacts["assignee"].notna().to_numpy()
        lively = self._wrote > self._now - 70 * _DAY
        self._assigned_at = np.where(
            assigned & lively & self._some(0.6), self._recent_times(), self._created
        )
        let_go = ~assigned & lively & self._flag("has_conversation") & self._some(0.03)
        self._let_go_at = np.where(let_go, self._recent_times(), NEVER)
        self._handed_on = assigned & lively & self._some(0.12)
        agents = max(1, len(self._all.contacts["assignee"].cat.categories))
        self._agent_before = self._random.integers(0, agents, self._size)
        was_closed = np.isnat(self._archived) & self._flag("has_conversation") & self._some(0.015)
        self._reopened_at = np.where(was_closed, self._recent_times(), NEVER)

    def _draw_visits(self) -> None:
        """Draw the time between each contact's visits and the waiting time at each.

        In the present, the last visit of every contact is `lifetime * u ** 1.5` ago. For the past
        to have the same distribution on any day, contacts seen recently must have come often: the
        time between visits is `since / v ** 3`, with v uniform in 0..1.
        """
        hours = self._random.lognormal(np.log(self._usual_hours()), ANSWERED_SPREAD)
        since = (self._now - self._wrote) / _DAY
        apart = (since / self._random.random(self._size) ** 3).clip(0, 5_000)
        apart = np.fmax(apart, 0.6 + 1.5 * self._random.random(self._size))
        delay = _timedeltas(np.minimum(hours / 24, 0.9 * apart))
        # Contacts waiting now were answered at their previous visit.
        waits = self._replied < self._wrote
        delay = np.where(waits, np.minimum(delay, (self._replied - self._created) // 2), delay)
        self._delay, self._waits = delay, waits
        self._apart = np.where(
            waits, self._wrote - self._replied + delay, _timedeltas(np.nan_to_num(apart, nan=1))
        )
        imported = np.zeros(self._size, np.bool_)
        sources = self._all.contact_sources
        imported[sources["contact"].to_numpy()[(sources["source"] == "imported").to_numpy()]] = True
        self._first = np.where(imported, NEVER, self._created)

    def _usual_hours(self) -> np.ndarray:
        contacts = self._all.contacts
        bot, assignee = contacts["bot_enabled"], contacts["assignee"]
        overlooked = assignee == AGENT_IDS[OVERLOADED]
        overlooked |= ~bot & assignee.isna() & contacts["team"].isna()
        return np.where(
            bot, LOOKED_IN_AFTER, np.where(overlooked, OVERLOOKED_AFTER, ANSWERED_AFTER)
        )

    def _then(self, moment: np.datetime64) -> dict[str, np.ndarray]:
        """The columns that differed at an instant, for all contacts."""
        blocked = np.where(self._blocked <= moment, self._blocked, NEVER)
        since = moment - self._unblocked_at
        by_mistake = (since < 0 * _DAY) & (since > -3 * _DAY)
        blocked = np.where(by_mistake, self._unblocked_at - 3 * _DAY, blocked)
        broadcast = np.where(self._broadcast <= moment, self._broadcast, NEVER)
        broadcast = np.where(self._opted_out_at > moment, self._created, broadcast)
        opted = self._opted | (self._mail_ends > moment)
        opted &= ~(self._mail_begins > moment)
        wrote, replied = self._talk(moment)
        # If a person answered later, the bot had answered at once.
        sent = np.where(self._sent <= moment, self._sent, wrote + np.timedelta64(60, "s"))
        sent = np.where(np.isnat(self._sent) | (sent > moment), NEVER, sent)
        archived = np.where(self._archived <= moment, self._archived, NEVER)
        # Conversations of earlier visits were closed some days later, until the next visit.
        closed = np.fmax(wrote + self._closed_after, replied)
        archived = np.where(
            wrote < self._wrote, np.where(closed <= moment, closed, NEVER), archived
        )
        archived = np.where(self._reopened_at > moment, self._created, archived)
        return {
            "blocked": blocked,
            "broadcast": broadcast,
            "email_opt_in": opted,
            "archived_at": archived,
            "wrote": wrote,
            "admin_replied": replied,
            "sent": sent,
        }

    def _talk(self, moment: np.datetime64) -> tuple[np.ndarray, np.ndarray]:
        """Time of each contact's last message, and of the last reply by an admin."""
        ahead = np.maximum(self._wrote - moment, np.timedelta64(0, "us"))
        ahead[np.isnat(ahead)] = np.timedelta64(0, "us")
        visits = -(-ahead // self._apart)
        wrote, before = self._visit(visits), self._visit(visits + 1)
        answered = np.where(visits == 0, self._replied, wrote + self._delay_at(visits))
        earlier = np.where(before < wrote, before + self._delay_at(visits + 1), NEVER)
        replied = np.where(answered <= moment, answered, earlier)
        return wrote, np.where(self._answers, replied, NEVER)

    def _delay_at(self, number: np.ndarray) -> np.ndarray:
        """Waiting time of each contact at a visit, counted back from the last. For those waiting
        again, the present says when they were answered at the visit before the last."""
        factor = _DIFFERENCES[number.astype(np.int64) % len(_DIFFERENCES)]
        delay = np.minimum(self._delay / _HOUR * factor, 0.9 * (self._apart / _HOUR))
        known = self._waits & (number == 1)
        return np.where(known, self._delay, _timedeltas(delay / 24))

    def _visit(self, number: np.ndarray) -> np.ndarray:
        """Time of the visit `number` visits before the last. The first visit was when the contact
        was created, except for imported contacts."""
        wrote = self._wrote - number * self._apart
        return np.where(wrote < self._created, self._first, wrote)

    def _assignees(self, moment: np.datetime64) -> pd.Categorical:
        column = self._all.contacts["assignee"]
        codes = column.cat.codes.to_numpy().astype(np.int32)
        before = np.where(self._handed_on, self._agent_before, -1)
        codes = np.where(self._assigned_at <= moment, codes, before)
        codes = np.where(self._let_go_at > moment, self._agent_before, codes)
        return pd.Categorical.from_codes(codes, column.cat.categories)

    def _draw_links(self, name: str, table: str) -> _Links:
        """Draw when links were created, and some that have been removed."""
        links = getattr(self._all, table)
        contact, values = links["contact"].to_numpy(), links[name].array
        size = len(links)
        first, last = np.full(size, _ALWAYS), np.full(size, self._now + _DAY)
        if not size:
            return _Links(contact, values, first, last)
        if name == "tag":
            late = self._random.random(size) < 0.06
            first = np.where(late, self._recent_times(size), first)
            removed = contact[self._random.random(size) < 0.03]
            codes = self._random.integers(0, len(values.categories), len(removed))
            return self._with_gone(
                _Links(contact, values, first, last),
                removed,
                codes,
                self._recent_times(len(removed)),
            )
        if name != "inbox":
            return _Links(contact, values, first, last)
        # A second inbox may have been added later, and some contacts left an inbox.
        second_at = self._recent_times()
        is_late = np.append(False, contact[1:] == contact[:-1]) & self._some(0.2)[contact]
        first = np.where(is_late, second_at[contact], first)
        left = self._some(0.006) & (self._all.contacts["inboxes"].to_numpy() == 1)
        codes = self._random.integers(0, len(values.categories), self._size)
        return self._with_gone(
            _Links(contact, values, first, last),
            np.flatnonzero(left),
            codes[left],
            second_at[left],
        )

    def _channels_of(self, inboxes: _Links) -> _Links:
        """Channel links: a contact is on a channel while it is in an inbox of it."""
        values = self._all.contact_channels["channel"].array
        known = self._all.inboxes.set_index(self._all.inboxes["id"].astype("str"))["channel"]
        of_inbox = values.categories.get_indexer(known.reindex(inboxes.value.categories))
        pairs = inboxes.contact.astype(np.int64) * len(values.categories)
        pairs += of_inbox[inboxes.value.codes]
        order = np.argsort(pairs, kind="stable")
        once, starts = np.unique(pairs[order], return_index=True)
        if not len(once):
            return inboxes
        contact, codes = np.divmod(once, len(values.categories))
        return _Links(
            contact.astype(np.int32),
            pd.Categorical.from_codes(codes, values.categories),
            np.minimum.reduceat(inboxes.first[order], starts),
            np.maximum.reduceat(inboxes.last[order], starts),
        )

    @staticmethod
    def _with_gone(
        links: _Links, contact: np.ndarray, codes: np.ndarray, until: np.ndarray
    ) -> _Links:
        """The links with removed ones added, sorted by contact; a link that still exists is not
        removed."""
        contacts = np.concatenate([links.contact, contact.astype(links.contact.dtype)])
        codes = np.concatenate([links.value.codes, codes])
        _, once = np.unique(
            contacts.astype(np.int64) * (len(links.value.categories) + 1) + codes, return_index=True
        )
        return _Links(
            contacts[once],
            pd.Categorical.from_codes(codes[once], links.value.categories),
            np.concatenate([links.first, np.full(len(contact), _ALWAYS)])[once],
            np.concatenate([links.last, until])[once],
        )


def _timedeltas(days: np.ndarray) -> np.ndarray:
    return (days * 86_400e6).astype("timedelta64[us]")


def _utc(moments: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(moments).tz_localize("UTC")
