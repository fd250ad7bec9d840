"""Format numbers, times and names for people."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import isfinite
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers

from lib.reference import countries
from lib.reference.periods import Period
from lib.reference.rates import SMALL_SAMPLE, Rate

NOTHING = "–"
"""Shown for a value that does not exist, as opposed to 0."""

CHANNEL_NAMES = {
    "whatsapp": "WhatsApp",
    "instagram": "Instagram",
    "messenger": "Messenger",
    "webchat": "Web chat",
    "telegram": "Telegram",
    "tiktok": "TikTok",
    "zalo": "Zalo",
    "smtp": "E-mail",
    "omnichannel": "Omnichannel",
    "threads": "Threads",
    "api": "API",
    "": "No channel",
}

SOURCE_NAMES = {
    "inboundMessage": "Inbound message",
    "ads": "Ads",
    "webchat": "Web chat",
    "botLink": "Bot link",
    "chatPlugin": "Chat plug-in",
    "comments": "Comments",
    "imported": "Imported",
    "api": "API",
    "direct": "Direct",
    "": "No source",
}
"""How a contact came into an inbox."""


_locale = Locale("en")


def set_locale(locale: str) -> None:
    """Set the locale of numbers, times and country names for the whole process.

    The operator chooses it for all viewers; the interface itself is always English.
    """
    global _locale  # noqa: PLW0603 - one for the process, like the locale of the system
    _locale = Locale.parse(locale)


def language() -> str:
    """The locale as a BCP 47 tag: "en", "pt-BR"."""
    return str(_locale).replace("_", "-")


def separators() -> str:
    """The decimal mark followed by the thousands separator, as Plotly expects them."""
    return numbers.get_decimal_symbol(_locale) + numbers.get_group_symbol(_locale)


def decimal_mark() -> str:
    """The locale's decimal mark."""
    return str(numbers.get_decimal_symbol(_locale))


def plotly_locale() -> dict[str, object]:
    """The part of Plotly's figure configuration that localises days and months on axes.

    Plotly keeps these names in separate files, which the browser would have to load.
    """
    return _plotly_locale(_locale)


@lru_cache
def _plotly_locale(locale: Locale) -> dict[str, object]:
    def months(width: Literal["wide", "abbreviated"]) -> list[str]:
        names = dates.get_month_names(width, locale=locale)
        return [names[month] for month in range(1, 13)]

    def weekdays(width: Literal["wide", "abbreviated"]) -> list[str]:
        names = dates.get_day_names(width, locale=locale)
        return [names[day] for day in (6, *range(6))]  # from Sunday

    def pattern(skeleton: str) -> str:
        if locale.language == "en":
            return _AS_D3.sub(_to_d3, _DAY_BEFORE_MONTH[skeleton])
        return _AS_D3.sub(_to_d3, str(locale.datetime_skeletons[skeleton]))

    name = str(locale).replace("_", "-")
    formats = {
        "days": weekdays("wide"),
        "shortDays": weekdays("abbreviated"),
        "months": months("wide"),
        "shortMonths": months("abbreviated"),
        "year": "%Y",
        "month": pattern("yMMM"),
        "dayMonth": pattern("MMMd"),
        "dayMonthYear": pattern("yMMMd"),
    }
    return {"locale": name, "locales": {name: {"dictionary": {}, "format": formats}}}


_DAY_BEFORE_MONTH = {"yMMM": "MMM y", "MMMd": "d MMM", "yMMMd": "d MMM y"}
"""The patterns that `day` uses in English."""

_AS_D3 = re.compile(r"'([^']*)'|y+|[ML]+|d+|%")
_D3 = {"y": "%Y", "M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B", "d": "%-d", "dd": "%d"}


def _to_d3(part: re.Match[str]) -> str:
    """Translate one part of a CLDR date pattern to a d3 directive."""
    if part[0] == "%":
        return "%%"
    if part[1] is not None:
        return part[1] or "'"
    return _D3.get(part[0].replace("L", "M"), "%Y")


def number(value: float | None) -> str:
    """1234 → "1,234"."""
    if value is None or not isfinite(value):
        return NOTHING
    return _whole(round(value), _locale)


@lru_cache(4096)
def _whole(value: int, locale: Locale) -> str:
    """Cached: a page has hundreds of numbers, and most stay the same from click to click."""
    return numbers.format_decimal(value, locale=locale)


def counted(value: int, singular: str, plural: str | None = None) -> str:
    """1 → "1 contact", 1234 → "1,234 contacts"."""
    return f"{number(value)} {singular if value == 1 else plural or singular + 's'}"


def decimal(value: float | None) -> str:
    """0.123 → "0.12"."""
    if value is None or not isfinite(value):
        return NOTHING
    return numbers.format_decimal(value, "#,##0.00", locale=_locale)


def per_thousand(rate: Rate) -> str:
    """182 of 11,210 → "16.2 per 1,000"; zero without a denominator."""
    number_of = numbers.format_decimal(1000 * (rate.rate or 0), "#,##0.0", locale=_locale)
    return f"{number_of} per {number(1000)}"


def percent(share: float | None) -> str:
    """0.1234 → "12.3%"."""
    if share is None or not isfinite(share):
        return NOTHING
    return _percentage(float(share), _locale)


@lru_cache(4096)
def _percentage(share: float, locale: Locale) -> str:
    # The locale's own pattern, with one decimal.
    pattern = re.sub(r"0(?=\D*$)", "0.0", locale.percent_formats[None].pattern)
    return numbers.format_percent(share, pattern, locale=locale)


def part_of(part: int, whole: int) -> str:
    """The share of a part for a sentence: 1 of 8 → "12.5%", 1 of 9,000 → "less than 0.1%" and 8,999
    of them "more than 99.9%": "0.0%" would mean nobody, "100.0%" everybody."""
    share = part / whole
    if part and percent(share) == percent(0):
        return f"less than {percent(0.001)}"
    if part < whole and percent(share) == percent(1):
        return f"more than {percent(0.999)}"
    return percent(share)


def whole_percent(share: float) -> str:
    """0.5 → "50%"."""
    return numbers.format_percent(share, locale=_locale)


def points(difference: float | None) -> str:
    """0.012 → "+1.2 points"."""
    if difference is None or not isfinite(difference):
        return NOTHING
    return f"{_with_sign(difference * 100, _tenths)} points"


def _tenths(value: float) -> str:
    return numbers.format_decimal(value, "#,##0.0", locale=_locale)


def _with_sign(value: float, write: Callable[[float], str]) -> str:
    """Format with a plus or minus sign; without one if the value rounds to 0."""
    written = write(abs(value))
    if written == write(0):
        return written
    return f"{'+' if value > 0 else '−'}{written}"


def signed(value: float | None) -> str:
    """5 → "+5", -5 → "−5", 0 → "0"."""
    return NOTHING if value is None else _with_sign(value, number)


def has_percentage(new: int, old: int) -> bool:
    """Whether the change from `old` to `new` can be given in per cent.

    It cannot if `old` is too small to be meaningful, or if the sign changes.
    """
    return old >= SMALL_SAMPLE and new >= 0


def change(new: int, old: int) -> str:
    """The change from `old` to `new`: "+18.0%", or "+5" where a percentage would mislead."""
    return signed_percent(new / old - 1) if has_percentage(new, old) else signed(new - old)


def signed_percent(share: float) -> str:
    """0.18 → "+18.0%", 0.0001 → "0.0%"."""
    return _with_sign(share, percent) if isfinite(share) else NOTHING


def compared(new: int, old: int, before: str) -> str:
    """In words: "18.0% more than in the 30 days before"; `before` is "in the 30 days before"."""
    if new == old:
        return f"as many as {before}"
    if old <= 0:
        return f"after none {before}"
    by = percent(abs(new / old - 1)) if has_percentage(new, old) else number(abs(new - old))
    if by == percent(0):
        return f"about as many as {before}"
    return f"{by} {'more' if new > old else 'fewer'} than {before}"


def rate(value: Rate) -> str:
    """ "58.1% (1,234 of 2,123)"."""
    if value.rate is None:
        return NOTHING
    return f"{percent(value.rate)} ({number(value.numerator)} of {number(value.denominator)})"


def interval(value: Rate) -> str:
    """ "56.0% to 60.2%"."""
    if value.interval is None:
        return NOTHING
    low, high = value.interval
    return f"{percent(low)} to {percent(high)}"


def duration(hours: float | None) -> str:
    """76.2 → "3 d 4 h". Rounded to the minute, and to the hour from one day on."""
    if hours is None or not isfinite(hours):
        return NOTHING
    minutes = max(0, round(hours * 60))
    if minutes < 60:
        return f"{minutes} min"
    whole_hours, rest = divmod(minutes, 60)
    if whole_hours < 24:
        return f"{whole_hours} h {rest} min" if rest else f"{whole_hours} h"
    days, rest = divmod(round(hours), 24)
    return f"{number(days)} d {rest} h" if rest else f"{number(days)} d"


def signed_duration(hours: float) -> str:
    """1.5 → "+1 h 30 min", -0.25 → "−15 min", 0 → "0 min"."""
    return _with_sign(hours, duration)


def age(elapsed: timedelta) -> str:
    """ "just now", "5 min ago", "3 d 4 h ago"."""
    if elapsed < timedelta(minutes=1):
        return "just now"
    return f"{duration(elapsed / timedelta(hours=1))} ago"


def day(value: date) -> str:
    """ "1 Jun 2026"."""
    if _locale.language == "en":  # no comma, and unambiguous in British and American English
        return dates.format_date(value, "d MMM y", locale=_locale)
    return dates.format_skeleton("yMMMd", _at_noon(value), locale=_locale)


def named_day(value: date) -> str:
    """ "Mon 1 Jun 2026": people think of a busy day by its name."""
    if _locale.language == "en":
        return dates.format_date(value, "EEE d MMM y", locale=_locale)
    return dates.format_skeleton("yMMMEd", _at_noon(value), locale=_locale)


def date_box() -> str:
    """The format of date fields, with the locale's order and separator: "DD.MM.YYYY".

    Streamlit's date field supports only some orders; for others it is ISO 8601, and so for English
    without a country, where 11/1 would be ambiguous.
    """
    pattern = _locale.date_formats["short"].pattern
    order = "".join(dict.fromkeys(re.sub(r"[^dMy]", "", pattern)))
    if order not in {"dMy", "Mdy", "yMd"} or (_locale.language, _locale.territory) == (
        "en",
        None,
    ):
        return "YYYY-MM-DD"
    mark = next((each for each in "./-" if each in pattern), "-")
    parts = {"d": "DD", "M": "MM", "y": "YYYY"}
    return mark.join(parts[each] for each in order)


def month(value: date) -> str:
    """ "Jun 2026"."""
    return dates.format_skeleton("yMMM", _at_noon(value), locale=_locale)


def weekdays() -> list[str]:
    """Abbreviated names of the weekdays, from Monday."""
    names = dates.get_day_names("abbreviated", locale=_locale)
    return [names[day] for day in range(7)]


def weekday(value: date) -> str:
    """ "Monday"."""
    return dates.get_day_names("wide", locale=_locale)[value.weekday()]


def country(key: str) -> str:
    """The localised name for an alpha-2 code; see `countries.country_name`."""
    return countries.country_name(key, str(_locale))


def _at_noon(value: date) -> datetime:
    """The day as a datetime, which Babel's skeletons require."""
    return datetime(value.year, value.month, value.day, 12, tzinfo=UTC)


def moment(value: datetime, timezone: str) -> str:
    """ "22 Nov 2026, 10:24 (America/Sao_Paulo)"."""
    return f"{moment_of(value, timezone)} ({timezone})"


def moment_of(value: datetime | None, timezone: str) -> str:
    """ "22 Nov 2026, 10:24", without the zone, for tables that give it elsewhere."""
    if value is None or value != value:  # NaT is not itself
        return NOTHING
    local = local_time(value, timezone)
    return f"{day(local)}, {local:%H:%M}"


def local_time(value: datetime, timezone: str) -> datetime:
    """The time in a zone; in UTC if the year there is none that Python knows, as for a time that
    was never set, which some servers write as the first moment of the year 1."""
    moment = datetime.combine(value.date(), value.time(), value.tzinfo)  # not one of pandas
    try:
        return moment.astimezone(ZoneInfo(timezone))
    except OverflowError:
        return moment.astimezone(UTC)


def time_of_day(value: datetime, timezone: str) -> str:
    """ "07:53"."""
    return f"{value.astimezone(ZoneInfo(timezone)):%H:%M}"


def days(period: Period) -> str:
    """ "1 Jun 2026 to 30 Jun 2026"."""
    return span(period.start, period.end)


def span(start: date, end: date) -> str:
    """ "1 Jun 2026 to 30 Jun 2026", or "1 Jun 2026" for a single day."""
    return day(start) if start == end else f"{day(start)} to {day(end)}"


def listed(items: Iterable[str]) -> str:
    """ "a, b and c"."""
    *others, last = [*items] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def channel_name(key: str) -> str:
    return CHANNEL_NAMES.get(key, key)


def source_name(key: str) -> str:
    return SOURCE_NAMES.get(key, key)


def shortened(text: str, most: int = 28) -> str:
    """Text truncated to `most` characters, with an ellipsis, to fit a label."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def now() -> datetime:
    return datetime.now(UTC)
