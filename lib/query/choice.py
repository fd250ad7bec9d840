"""What a manager chose to look at, and the rows that are meant. The widgets are `lib.filters`.

A `Choice` travels in the URL, so that a link shows the same to a colleague: `parse` reads it from
there, `Choice.parameters` writes it. What the URL holds comes from strangers: what is unknown or
malformed is dropped, and a note says so.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any, Literal, get_args
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from lib.metrics.audience import NONE
from lib.reference import countries, formatting
from lib.reference.periods import FIRST_DAY, LAST_DAY, ONE_DAY, Period, day_of, midnight
from lib.settings import BASES
from lib.settings import Basis as BasisChoice
from lib.store.tables import Tables

PRESETS = {
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "month": "This month",
    "last-month": "Last month",
    "year": "This year",
    "all": "All time",
    "dates": "Dates",
}
DEFAULT_PRESET = "30d"

Dimension = Literal["channel", "country", "tag", "team", "agent"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

Queue = Literal["waiting", "orphaned", "unread"]
QUEUES: tuple[Queue, ...] = get_args(Queue)
"""Which open conversations are listed on the Workload page."""

PARAMETERS = (
    "period",
    "from",
    "to",
    "compare",
    "channel",
    "country",
    "tag",
    "team",
    "agent",
    "source",
    "tz",
    "basis",
    "queue",
)
"""Of the URL, in the order in which they are written."""

MOST_VALUES = 1000
"""Of one parameter; a longer list is not one that a person chose."""


@dataclass(frozen=True)
class Option:
    """A value to filter by, its name, and how many contacts of the workspace have it."""

    key: str
    name: str
    contacts: int


@dataclass(frozen=True)
class Options:
    """The values that exist in a workspace, by size; agents by name, as they are not ranked."""

    channel: tuple[Option, ...] = ()
    country: tuple[Option, ...] = ()
    tag: tuple[Option, ...] = ()
    team: tuple[Option, ...] = ()
    agent: tuple[Option, ...] = ()

    def of(self, dimension: Dimension) -> tuple[Option, ...]:
        options: tuple[Option, ...] = getattr(self, dimension)
        return options

    def name(self, dimension: Dimension, key: str) -> str:
        return self._by_key[dimension].get(key, key)

    @cached_property
    def _by_key(self) -> dict[Dimension, dict[str, str]]:
        return {
            dimension: {option.key: option.name for option in self.of(dimension)}
            for dimension in DIMENSIONS
        }


def options_of(tables: Tables) -> Options:
    contacts = tables.contacts
    tag_names = _names(tables.tags, "Tag", _UNTAGGED)
    team_names = _names(tables.teams, "Team")
    agent_names = _names(tables.agents, "Agent", _NO_AGENT)
    agents = _by_size(contacts["assignee"], lambda key: agent_names.get(key, key))
    has_no_agent = contacts["has_conversation"] & contacts["assignee"].isna()
    channels, tags = tables.contact_channels["channel"], tables.contact_tags["tag"]
    return Options(
        channel=_by_size(channels, formatting.channel_name)
        + _without(int((contacts["channels"] == 0).sum()), formatting.channel_name(NONE)),
        country=_by_size(contacts["country"], formatting.country),
        tag=_by_size(tags, lambda key: tag_names.get(key, key))
        + _without(int((contacts["tags"] == 0).sum()), _UNTAGGED),
        team=_by_size(contacts["team"], lambda key: team_names.get(key, key)),
        agent=tuple(sorted(agents, key=lambda agent: (agent.name.casefold(), agent.key)))
        + _without(int(has_no_agent.sum()), _NO_AGENT),
    )


_UNTAGGED = "Untagged"
_NO_AGENT = "No agent"


@dataclass(frozen=True)
class Choice:
    """A period, filters, and the terms of the numbers. A contact passes if it has any of the chosen
    channels and any of the chosen countries and …; an empty filter lets all pass."""

    preset: str = DEFAULT_PRESET
    start: date | None = None
    end: date | None = None
    compare: bool = True
    channel: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    recorded_only: bool = False
    timezone: str | None = None
    basis: BasisChoice | None = None
    queue: Queue = "waiting"

    def parameters(self) -> dict[str, list[str]]:
        """For the URL; what is as usual is not in it."""
        dated = self.preset == "dates"
        values: dict[str, list[str]] = {
            "period": [self.preset] if self.preset != DEFAULT_PRESET and not dated else [],
            "from": [self.start.isoformat()] if dated and self.start else [],
            "to": [self.end.isoformat()] if dated and self.end else [],
            "compare": [] if self.compare else ["no"],
            "channel": list(self.channel),
            "country": list(self.country),
            "tag": list(self.tag),
            "team": list(self.team),
            "agent": list(self.agent),
            "source": ["recorded"] if self.recorded_only else [],
            "tz": [self.timezone] if self.timezone else [],
            "basis": [self.basis] if self.basis else [],
            "queue": [self.queue] if self.queue != QUEUES[0] else [],
        }
        return {name: values[name] for name in PARAMETERS}

    def keys(self, dimension: Dimension) -> tuple[str, ...]:
        """What one filter is set to; empty when it lets all pass."""
        chosen: tuple[str, ...] = getattr(self, dimension)
        return chosen

    def limited_to(self, dimension: Dimension, keys: tuple[str, ...]) -> "Choice":
        """The same choice with one filter set to other keys."""
        match dimension:
            case "channel":
                return replace(self, channel=keys)
            case "country":
                return replace(self, country=keys)
            case "tag":
                return replace(self, tag=keys)
            case "team":
                return replace(self, team=keys)
            case "agent":
                return replace(self, agent=keys)

    def toggled(self, dimension: Dimension, key: str) -> "Choice":
        """Limited to one value, or without that limit if it is already so."""
        return self.limited_to(dimension, () if self.keys(dimension) == (key,) else (key,))

    def on_days(self, start: date, end: date) -> "Choice":
        """On these days alone, or in the usual period if it is already so."""
        if (self.preset, self.start, self.end) == ("dates", start, end):
            return replace(self, preset=DEFAULT_PRESET, start=None, end=None)
        return replace(self, preset="dates", start=start, end=end)

    @property
    def is_filtered(self) -> bool:
        return self.recorded_only or any(self.keys(dimension) for dimension in DIMENSIONS)

    @property
    def unfiltered(self) -> "Choice":
        """All contacts, in the same period and on the same terms."""
        return replace(self, channel=(), country=(), tag=(), team=(), agent=(), recorded_only=False)

    def period(self, as_of: datetime, timezone: str, first: datetime | None) -> Period:
        """The days that are meant. `first` is the first subscription, where "all" begins."""
        today = day_of(as_of, timezone)
        match self.preset:
            case "7d" | "30d" | "90d":
                return Period.last(int(self.preset[:-1]), as_of, timezone)
            case "month":
                return Period(today.replace(day=1), today, timezone)
            case "last-month":
                end = today.replace(day=1) - ONE_DAY
                return Period(end.replace(day=1), end, timezone)
            case "year":
                return Period(today.replace(month=1, day=1), today, timezone)
            case "all":
                # A clock that was never set is no reason to draw centuries.
                first = as_of if first is None else max(first, midnight(FIRST_DAY, "UTC"))
                return Period(min(day_of(first, timezone), today), today, timezone)
        return Period(self.start or today, self.end or today, timezone)

    def rows(self, tables: Tables) -> np.ndarray | None:
        """Which contacts pass, a boolean for each; None for all of them."""
        masks = []
        contacts = tables.contacts
        if self.channel:
            links = tables.contact_channels
            masks.append(_linked(links, "channel", self.channel, contacts["channels"] == 0))
        if self.tag:
            links = tables.contact_tags
            masks.append(_linked(links, "tag", self.tag, contacts["tags"] == 0))
        if self.country:
            masks.append(contacts["country"].isin(self.country).to_numpy())
        if self.team:
            masks.append(contacts["team"].isin(self.team).to_numpy())
        if self.agent:
            is_held = contacts["assignee"].isin(self.agent)
            is_free = contacts["has_conversation"] & contacts["assignee"].isna()
            masks.append((is_held | is_free if NONE in self.agent else is_held).to_numpy())
        if self.recorded_only:
            masks.append((contacts["country_source"] == "recorded").to_numpy())
        return np.logical_and.reduce(masks) if masks else None

    def in_words(self, options: Options) -> str:
        """The filters, as plain text: "WhatsApp or Telegram; in Brazil"."""
        parts = []
        for dimension, before in _PREPOSITIONS.items():
            keys = self.keys(dimension)
            names = [_MISSING.get((dimension, key)) or options.name(dimension, key) for key in keys]
            if keys == (NONE,) and dimension in _ALONE:
                parts.append(_ALONE[dimension])
            elif names:
                parts.append(before + _either(names))
        if self.recorded_only:
            parts.append("with a recorded country")
        return "; ".join(parts)


_PREPOSITIONS: dict[Dimension, str] = {
    "channel": "",
    "country": "in ",
    "tag": "tagged ",
    "team": "with team ",
    "agent": "with agent ",
}
_MISSING: dict[tuple[Dimension, str], str] = {
    ("channel", NONE): "no channel",
    ("country", countries.UNKNOWN): "an unknown country",
    ("tag", NONE): "untagged",
    ("agent", NONE): "none",
}
"""What is missing, as it reads within a sentence."""

_ALONE: dict[Dimension, str] = {"tag": "untagged", "agent": "with no agent"}
"""The same, where nothing else is chosen."""


@dataclass
class _Reading:
    """Reads parameters one by one and collects what has to be said of them."""

    given: Mapping[str, Sequence[str]]
    notes: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of a parameter, trimmed; those that are blank say nothing."""
        values = [value.strip() for value in self.given.get(name, ()) if value.strip()]
        if len(values) > MOST_VALUES:
            self.notes.append(
                f"The link gives more than {formatting.number(MOST_VALUES)} values for {name}; "
                "the others are left out."
            )
        return values[:MOST_VALUES]

    def values(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        """Those of a list that are known, each once, in whatever case they are written."""
        exactly = dict(zip(known, known, strict=True))
        by_fold = {key.casefold(): key for key in known}
        given = {
            value: exactly.get(value) or by_fold.get(value.casefold()) for value in self.all(name)
        }
        missing = [value for value, key in given.items() if key is None]
        if missing:
            shown = [f"“{formatting.shortened(value)}”" for value in missing[:3]]
            if len(missing) > len(shown):
                shown.append(f"{formatting.number(len(missing) - len(shown))} others")
            self.notes.append(
                f"This workspace has no {name} {_either(shown)}; that part of the link is left out."
            )
        return tuple(dict.fromkeys(key for key in given.values() if key is not None))

    def one(self, name: str) -> str | None:
        values = self.all(name)
        if len(set(values)) > 1:
            self.notes.append(f"The link gives {name} more than once; the first one is used.")
        return values[0] if values else None

    def choice(self, name: str, known: Mapping[str, str]) -> str | None:
        """One of those that are known, by the case-folded text."""
        value = self.one(name)
        found = known.get(value.casefold()) if value is not None else None
        if value is not None and found is None:
            self.notes.append(
                f"“{formatting.shortened(value)}” is no {_WHAT[name]}; the usual one is used."
            )
        return found

    def day(self, name: str) -> date | None:
        value = self.one(name)
        if value is None:
            return None
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or not FIRST_DAY <= day <= LAST_DAY:
            self.notes.append(
                f"“{formatting.shortened(value)}” is not a day that can be shown; "
                "days are written like 2026-06-01."
            )
            return None
        return day

    def days(self, are_wanted: bool) -> tuple[date, date] | None:
        """The first and the last day, where both are given."""
        notes = len(self.notes)
        start, end = self.day("from"), self.day("to")
        if start is None or end is None:
            if (start or end or are_wanted) and len(self.notes) == notes:
                self.notes.append("A period needs both its first and its last day.")
            return None
        if end < start:
            self.notes.append("The dates were in the wrong order, so they were swapped.")
        return min(start, end), max(start, end)


def parse(given: Mapping[str, Sequence[str]], options: Options) -> tuple[Choice, list[str]]:
    """The choice that the URL's parameters make, and a note for each part that was dropped."""
    reading = _Reading(given)
    preset = reading.choice("period", _by_fold(PRESETS))
    days = reading.days(are_wanted=preset == "dates")
    if days is not None:
        if preset not in (None, "dates"):
            reading.notes.append("The link gives a period and dates; the dates are used.")
        preset = "dates"
    elif preset == "dates":
        preset = None
    basis = reading.choice("basis", _by_fold(BASES))
    queue = reading.choice("queue", _by_fold(QUEUES))
    return (
        Choice(
            preset=preset or DEFAULT_PRESET,
            start=days[0] if days else None,
            end=days[1] if days else None,
            compare=reading.choice("compare", _by_fold(["yes", "no"])) != "no",
            channel=reading.values("channel", [option.key for option in options.channel]),
            country=reading.values("country", [option.key for option in options.country]),
            tag=reading.values("tag", [option.key for option in options.tag]),
            team=reading.values("team", [option.key for option in options.team]),
            agent=reading.values("agent", [option.key for option in options.agent]),
            recorded_only=reading.choice("source", _by_fold(["recorded", "all"])) == "recorded",
            timezone=reading.choice("tz", _timezones()),
            basis=next((known for known in BASES if known == basis), None),
            queue=next((known for known in QUEUES if known == queue), QUEUES[0]),
        ),
        reading.notes,
    )


_WHAT = {
    "period": "period that this dashboard knows",
    "compare": "way to compare, which is yes or no",
    "source": "source of countries, which is recorded or all",
    "tz": "time zone",
    "basis": "meaning of “subscribed” that this dashboard knows",
    "queue": "list of conversations, which are waiting, orphaned and unread",
}


def _by_fold(known: Iterable[str]) -> dict[str, str]:
    return {each.casefold(): each for each in known}


@cache
def _timezones() -> dict[str, str]:
    return _by_fold(available_timezones())


def _linked(
    links: pd.DataFrame, column: str, keys: tuple[str, ...], is_without: pd.Series
) -> np.ndarray:
    """The contacts that have a link to one of the keys, or none where that is asked for."""
    mask = np.zeros(len(is_without), dtype=bool)
    mask[links.loc[links[column].isin(keys), "contact"]] = True
    return mask | is_without.to_numpy() if NONE in keys else mask


def _names(table: pd.DataFrame, kind: str, *taken: str) -> dict[str, str]:
    """A name for each id; those that share one, or one that is `taken`, are told apart by the end
    of their ids."""
    names = {
        key: f"{kind} {key}" if pd.isna(name) else str(name)
        for key, name in zip(table["id"], table["name"], strict=True)
    }
    holders = Counter([*names.values(), *taken])
    shared = [key for key, name in names.items() if holders[name] > 1]
    longest = max(map(len, shared), default=0)
    length = next(
        n for n in range(4, longest + 5) if len({key[-n:] for key in shared}) == len(shared)
    )
    return names | {key: f"{names[key]} (#{key[-length:]})" for key in shared}


def _by_size(keys: "pd.Series[Any]", name: Callable[[str], str]) -> tuple[Option, ...]:
    sizes = {str(key): int(size) for key, size in keys.value_counts().items()}
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Option(key, name(key), size) for key, size in ordered if size)


def _without(contacts: int, name: str) -> tuple[Option, ...]:
    return (Option(NONE, name, contacts),) if contacts else ()


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
