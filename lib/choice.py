"""What a manager chose to look at, and the rows that are meant. The widgets are `lib.filters`.

A `Choice` travels in the URL, so that a link shows the same to a colleague: `parse` reads it from
there, `Choice.parameters` writes it. What the URL holds comes from strangers: what is unknown or
malformed is dropped, and a note says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from lib import countries, words
from lib.metrics.audience import NONE
from lib.periods import FIRST_DAY, LAST_DAY, ONE_DAY, Period, day_of
from lib.settings import BASES, check_timezone
from lib.settings import Basis as BasisChoice
from lib.tables import Tables

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

Dimension = Literal["channel", "country", "tag", "team"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

PARAMETERS = (
    "period",
    "from",
    "to",
    "compare",
    "channel",
    "country",
    "tag",
    "team",
    "source",
    "tz",
    "basis",
)
"""Of the URL, in the order in which they are written."""

MOST_VALUES = 100
"""Of one parameter; a longer list is not one that a person chose."""


@dataclass(frozen=True)
class Option:
    """A value to filter by, its name, and how many contacts of the workspace have it."""

    key: str
    name: str
    contacts: int


@dataclass(frozen=True)
class Options:
    """The values that exist in a workspace, by size."""

    channel: tuple[Option, ...] = ()
    country: tuple[Option, ...] = ()
    tag: tuple[Option, ...] = ()
    team: tuple[Option, ...] = ()

    def of(self, dimension: Dimension) -> tuple[Option, ...]:
        options: tuple[Option, ...] = getattr(self, dimension)
        return options

    def name(self, dimension: Dimension, key: str) -> str:
        return next((option.name for option in self.of(dimension) if option.key == key), key)


def options_of(tables: Tables) -> Options:
    contacts = tables.contacts
    tag_names = _names(tables.tags, "Tag")
    team_names = _names(tables.teams, "Team")
    channels, tags = tables.contact_channels["channel"], tables.contact_tags["tag"]
    return Options(
        channel=_by_size(channels, words.channel_name)
        + _without(int((contacts["channels"] == 0).sum()), "No channel"),
        country=_by_size(contacts["country"], countries.country_name),
        tag=_by_size(tags, lambda key: tag_names.get(key, key))
        + _without(int((contacts["tags"] == 0).sum()), "Untagged"),
        team=_by_size(contacts["team"], lambda key: team_names[key]),
    )


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
    recorded_only: bool = False
    timezone: str | None = None
    basis: BasisChoice | None = None

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
            "source": ["recorded"] if self.recorded_only else [],
            "tz": [self.timezone] if self.timezone else [],
            "basis": [self.basis] if self.basis else [],
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

    @property
    def is_filtered(self) -> bool:
        return bool(self.channel or self.country or self.tag or self.team or self.recorded_only)

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
                return Period(min(day_of(first or as_of, timezone), today), today, timezone)
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
        if self.recorded_only:
            masks.append((contacts["country_source"] == "recorded").to_numpy())
        return np.logical_and.reduce(masks) if masks else None

    def in_words(self, options: Options) -> str:
        """The filters, as plain text: "WhatsApp or Telegram; in Brazil"."""
        parts = []
        for dimension, before in _PREPOSITIONS.items():
            if keys := self.keys(dimension):
                parts.append(before + _either([options.name(dimension, key) for key in keys]))
        if self.recorded_only:
            parts.append("only recorded countries")
        return "; ".join(parts)


_PREPOSITIONS: dict[Dimension, str] = {
    "channel": "",
    "country": "in ",
    "tag": "tagged ",
    "team": "with team ",
}


@dataclass
class _Reading:
    """Reads parameters one by one and collects what has to be said of them."""

    given: Mapping[str, Sequence[str]]
    notes: list[str] = field(default_factory=list)

    def values(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        by_fold = {key.casefold(): key for key in known}
        found = dict.fromkeys(
            by_fold.get(value.strip().casefold())
            for value in self.given.get(name, ())[:MOST_VALUES]
        )
        missing = [
            value
            for value in self.given.get(name, ())[:MOST_VALUES]
            if value.strip().casefold() not in by_fold
        ]
        if missing:
            shown = " or ".join(f"“{words.shortened(value)}”" for value in missing[:3])
            self.notes.append(
                f"This workspace has no {name} {shown}, so the link's filter is left out."
            )
        return tuple(key for key in found if key is not None)

    def one(self, name: str) -> str | None:
        values = [value.strip() for value in self.given.get(name, ()) if value.strip()]
        return values[0] if values else None

    def choice(self, name: str, known: Sequence[str], usual: str) -> str:
        value = self.one(name)
        if value is not None and value not in known:
            self.notes.append(
                f"“{words.shortened(value)}” is no {name} that this dashboard knows; "
                "the usual one is shown."
            )
        return usual if value is None or value not in known else value

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
                f"“{words.shortened(value)}” is not a day that can be shown; "
                "days are written like 2026-06-01."
            )
            return None
        return day


def parse(given: Mapping[str, Sequence[str]], options: Options) -> tuple[Choice, list[str]]:
    """The choice that the URL's parameters make, and a note for each part that was dropped."""
    reading = _Reading(given)
    preset = reading.choice("period", list(PRESETS), DEFAULT_PRESET)
    start, end = reading.day("from"), reading.day("to")
    if start is not None and end is not None:
        preset = "dates"
        if end < start:
            start, end = end, start
            reading.notes.append("The dates were in the wrong order, so they were swapped.")
    elif preset == "dates" or start is not None or end is not None:
        if not reading.notes:
            reading.notes.append("A period needs both its first and its last day.")
        preset = DEFAULT_PRESET if preset == "dates" else preset
    timezone = reading.one("tz")
    if timezone is not None:
        try:
            check_timezone(timezone)
        except ValueError:
            reading.notes.append(
                f"“{words.shortened(timezone)}” is not a time zone; the usual one is used."
            )
            timezone = None
    basis = reading.choice("basis", BASES, "")
    return (
        Choice(
            preset=preset,
            start=start if preset == "dates" else None,
            end=end if preset == "dates" else None,
            compare=reading.choice("compare", ["yes", "no"], "yes") == "yes",
            channel=reading.values("channel", [option.key for option in options.channel]),
            country=reading.values("country", [option.key for option in options.country]),
            tag=reading.values("tag", [option.key for option in options.tag]),
            team=reading.values("team", [option.key for option in options.team]),
            recorded_only=reading.choice("source", ["recorded", "all"], "all") == "recorded",
            timezone=timezone,
            basis=next((known for known in BASES if known == basis), None),
        ),
        reading.notes,
    )


def _linked(
    links: pd.DataFrame, column: str, keys: tuple[str, ...], is_without: pd.Series
) -> np.ndarray:
    """The contacts that have a link to one of the keys, or none where that is asked for."""
    mask = np.zeros(len(is_without), dtype=bool)
    mask[links.loc[links[column].isin(keys), "contact"]] = True
    return mask | is_without.to_numpy() if NONE in keys else mask


def _names(table: pd.DataFrame, kind: str) -> dict[str, str]:
    """A name for each id; those that share one are told apart by the end of their ids."""
    names = {
        key: f"{kind} {key}" if pd.isna(name) else str(name)
        for key, name in zip(table["id"], table["name"], strict=True)
    }
    sharing: dict[str, list[str]] = {}
    for key, name in names.items():
        sharing.setdefault(name, []).append(key)
    for name, keys in sharing.items():
        if len(keys) > 1:
            length = next(
                n
                for n in range(4, 5 + max(map(len, keys)))
                if len({key[-n:] for key in keys}) == len(keys)
            )
            names |= {key: f"{name} (#{key[-length:]})" for key in keys}
    return names


def _by_size(keys: "pd.Series[Any]", name: Callable[[str], str]) -> tuple[Option, ...]:
    sizes = {str(key): int(size) for key, size in keys.value_counts().items()}
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Option(key, name(key), size) for key, size in ordered if size)


def _without(contacts: int, name: str) -> tuple[Option, ...]:
    return (Option(NONE, name, contacts),) if contacts else ()


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
