"""A choice as URL parameters, and back.

`parse` reads untrusted input: unknown or malformed values are dropped, with a note. Old links keep
their meaning.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from lib.query import presets
from lib.query.choice import QUEUES, WAITS, Choice, Filters, either
from lib.query.options import Options
from lib.query.presets import COMPARISONS
from lib.reference import formatting
from lib.reference.periods import FIRST_DAY, LAST_DAY
from lib.reference.timezones import timezones
from lib.settings import BASES
from lib.store.dimensions import DIMENSIONS, MISSING, SOURCE, Dimension

PARAMETERS = (
    "period",
    "from",
    "to",
    "compare",
    *(dimension.key for dimension in DIMENSIONS),
    "countries",
    "tz",
    "basis",
    "bot",
    "queue",
    "wait",
)
"""The URL's parameters, in the order in which they are written."""

WORKSPACE = "workspace"
"""Parameter that names one of several workspaces; it is not part of a choice."""

LEGACY_SOURCES = frozenset({"recorded", "all"})
"""Values of `source` in old links, where it referred to the country's source."""

MANY = frozenset(dimension.key for dimension in DIMENSIONS)
"""Parameters that may be repeated."""

MOST_VALUES = 1000
"""Per parameter; no person chooses a longer list."""

_ABSENT = "none"
_QUOTES = '"'


def spelled(key: str) -> str:
    """A key as written in the URL: contacts without a value are `none`, so a real key of that name
    is quoted."""
    if key == MISSING:
        return _ABSENT
    return f"{_QUOTES}{key}{_QUOTES}" if _is_absent(key.strip(_QUOTES)) else key


def _is_absent(value: str) -> bool:
    return value.casefold() == _ABSENT


def _unquoted(value: str) -> str | None:
    """The key inside the quotes that `spelled` added; None if the value is not such a key."""
    inner = value[1:-1]
    is_quoted = len(value) > 1 and value[0] == value[-1] == _QUOTES
    return inner if is_quoted and _is_absent(inner.strip(_QUOTES)) else None


def parameters(choice: Choice) -> dict[str, list[str]]:
    """The choice as URL parameters; defaults are left empty."""
    dated = choice.preset == "dates"
    usual_period = choice.preset == presets.DEFAULT
    bot = choice.bot_answers
    values: dict[str, list[str]] = {
        "period": [] if usual_period or dated else [choice.preset],
        "from": [choice.start.isoformat()] if dated and choice.start else [],
        "to": [choice.end.isoformat()] if dated and choice.end else [],
        "compare": [] if choice.against == "previous" else [_COMPARE[choice.against]],
        "countries": ["recorded"] if choice.recorded_only else [],
        "tz": [choice.timezone] if choice.timezone else [],
        "basis": [choice.basis] if choice.basis else [],
        "bot": [] if bot is None else ["answers" if bot else "silent"],
        "queue": [choice.queue] if choice.queue != QUEUES[0] else [],
        "wait": [choice.wait] if choice.wait else [],
    }
    for dimension in DIMENSIONS:
        values[dimension.key] = [spelled(key) for key in choice.keys(dimension)]
    return {name: values[name] for name in PARAMETERS}


_COMPARE = {"previous": "previous", "year": "year", "none": "no"}
_COMPARED = {"no": "none", "yes": "previous"} | {key: key for key in COMPARISONS}
_BOT = {"answers": True, "silent": False}


def parse(given: Mapping[str, Sequence[str]], options: Options) -> tuple[Choice, list[str]]:
    """The choice that the URL's parameters describe, and a note for each part that was dropped."""
    parser = _Parser(_translated(given, options))
    preset = parser.choice("period", _by_fold(presets.LABELS))
    days = parser.days(are_wanted=preset == "dates")
    if days is not None:
        if preset not in (None, "dates"):
            parser.notes.append("The link gives a period and dates; the dates are used.")
        preset = "dates"
    elif preset == "dates":
        preset = None
    compare = _COMPARED[parser.choice("compare", _by_fold(_COMPARED)) or "yes"]
    filters = Filters()
    for dimension in DIMENSIONS:
        filters = filters.limited_to(dimension, parser.values(dimension, options))
    basis = parser.choice("basis", _by_fold(BASES))
    bot = parser.choice("bot", _by_fold(_BOT))
    queue = parser.choice("queue", _by_fold(QUEUES))
    wait = parser.choice("wait", _by_fold(WAITS))
    return (
        Choice(
            preset=preset or presets.DEFAULT,
            start=days[0] if days else None,
            end=days[1] if days else None,
            against=next(known for known in COMPARISONS if known == compare),
            filters=filters,
            recorded_only=parser.choice("countries", _by_fold(["recorded", "all"])) == "recorded",
            timezone=parser.choice("tz", _timezones()),
            basis=next((known for known in BASES if known == basis), None),
            bot_answers=None if bot is None else _BOT[bot],
            queue=next((known for known in QUEUES if known == queue), QUEUES[0]),
            wait=next((known for known in WAITS if known == wait), None),
        ),
        parser.notes,
    )


def _translated(
    given: Mapping[str, Sequence[str]], options: Options
) -> Mapping[str, Sequence[str]]:
    """Translate `LEGACY_SOURCES`. A workspace with a contact source of that name keeps it."""
    sources = [value.strip().casefold() for value in given.get(SOURCE.key, ())]
    known = {option.key.casefold() for option in options.of(SOURCE)}
    if not set(sources) & (LEGACY_SOURCES - known):
        return given
    kept = [
        value
        for value, folded in zip(given[SOURCE.key], sources, strict=True)
        if folded in known or folded not in LEGACY_SOURCES
    ]
    moved = [value for value in sources if value in LEGACY_SOURCES and value not in known]
    return {**given, SOURCE.key: kept, "countries": [*given.get("countries", ()), *moved]}


@dataclass
class _Parser:
    """Reads parameters one by one and collects notes about them."""

    given: Mapping[str, Sequence[str]]
    notes: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of a parameter, trimmed, without blank ones."""
        values = [value.strip() for value in self.given.get(name, ()) if value.strip()]
        if len(values) > MOST_VALUES:
            self.notes.append(
                f"The link gives more than {formatting.number(MOST_VALUES)} values for {name}; "
                "the others are left out."
            )
        return values[:MOST_VALUES]

    def values(self, dimension: Dimension, options: Options) -> tuple[str, ...]:
        """The known keys among the values, each once, ignoring case."""
        known = [option.key for option in options.of(dimension)]
        exactly = dict(zip(known, known, strict=True))
        by_fold = {key.casefold(): key for key in known}

        def found(value: str) -> str | None:
            if _is_absent(value) and MISSING in exactly:
                return MISSING
            wanted = _unquoted(value) or value
            key = exactly.get(wanted)
            return by_fold.get(wanted.casefold()) if key is None else key

        given = {value: found(value) for value in self.all(dimension.key)}
        missing = [value for value, key in given.items() if key is None]
        if missing:
            shown = [f"“{formatting.shortened(value)}”" for value in missing[:3]]
            if len(missing) > len(shown):
                shown.append(f"{formatting.number(len(missing) - len(shown))} others")
            self.notes.append(
                f"This workspace has no {dimension.noun} {either(shown)}; that part of the link is "
                "left out."
            )
        return tuple(dict.fromkeys(key for key in given.values() if key is not None))

    def one(self, name: str) -> str | None:
        values = self.all(name)
        if len(set(values)) > 1:
            self.notes.append(f"The link gives {name} more than once; the first one is used.")
        return values[0] if values else None

    def choice(self, name: str, known: Mapping[str, str]) -> str | None:
        """One of the known values, looked up by its case-folded text."""
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
        """First and last day, if both are given."""
        notes = len(self.notes)
        start, end = self.day("from"), self.day("to")
        if start is None or end is None:
            if (start or end or are_wanted) and len(self.notes) == notes:
                self.notes.append("A period needs both its first and its last day.")
            return None
        if end < start:
            self.notes.append("The dates were in the wrong order, so they were swapped.")
        return min(start, end), max(start, end)


_WHAT = {
    "period": "period that this dashboard knows",
    "compare": "way to compare, which is previous, year or no",
    "countries": "choice of countries, which is recorded or all",
    "tz": "time zone",
    "basis": "meaning of “subscribed” that this dashboard knows",
    "bot": "way of the bot, which answers or is silent",
    "queue": "list of conversations, which are waiting, orphaned and unread",
    "wait": "waiting time that can be listed",
}


def _by_fold(known: Iterable[str]) -> dict[str, str]:
    return {each.casefold(): each for each in known}


@cache
def _timezones() -> dict[str, str]:
    return _by_fold(timezones())
