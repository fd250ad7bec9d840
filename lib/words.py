"""Numbers, times and names as people read them. Text from strangers is made harmless here."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import dates, lists, numbers

from lib.metrics.rates import Rate
from lib.periods import Period

LOCALE = "en"
NOTHING = "–"
"""Stands for what does not exist, which is not the same as 0."""

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
    "none": "No channel",
}


def number(value: float | None) -> str:
    """1234 → "1,234"."""
    return NOTHING if value is None else numbers.format_decimal(round(value), locale=LOCALE)


def counted(value: int, singular: str, plural: str | None = None) -> str:
    """1 → "1 contact", 1234 → "1,234 contacts"."""
    return f"{number(value)} {singular if value == 1 else plural or singular + 's'}"


def percent(share: float | None) -> str:
    """0.1234 → "12.3%"."""
    if share is None:
        return NOTHING
    return numbers.format_percent(share, "#,##0.0%", locale=LOCALE)


def points(difference: float | None) -> str:
    """0.012 → "+1.2 points"."""
    if difference is None:
        return NOTHING
    return f"{difference * 100:+.1f} points".replace("-", "−")


def signed(value: int) -> str:
    """5 → "+5", -5 → "−5", 0 → "0"."""
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{number(abs(value))}"


def change(new: int, old: int) -> str | None:
    """By how much `new` exceeds `old`, like "+18.0%"; None where there is nothing to compare to."""
    if old <= 0:
        return None
    share = new / old - 1
    sign = "+" if share > 0 else "−" if share < 0 else ""
    return sign + percent(abs(share))


def compared(new: int, old: int, before: str) -> str:
    """In words: "18.0% more than in the 30 days before"."""
    if new == old:
        return f"as many as in {before}"
    if old <= 0:
        return f"after none in {before}"
    more = "more" if new > old else "fewer"
    return f"{percent(abs(new / old - 1))} {more} than in {before}"


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
    """76.2 → "3 d 4 h"."""
    if hours is None or hours != hours:
        return NOTHING
    minutes = max(0, round(hours * 60))
    days, rest = divmod(minutes, 24 * 60)
    whole_hours, rest = divmod(rest, 60)
    if days:
        return f"{number(days)} d {whole_hours} h" if whole_hours else f"{number(days)} d"
    if whole_hours:
        return f"{whole_hours} h {rest} min" if rest else f"{whole_hours} h"
    return f"{rest} min"


def age(elapsed: timedelta) -> str:
    """How long ago: "just now", "5 min ago", "3 d 4 h ago"."""
    if elapsed < timedelta(minutes=1):
        return "just now"
    return f"{duration(elapsed / timedelta(hours=1))} ago"


def day(value: date) -> str:
    """ "1 Jun 2026"."""
    return dates.format_date(value, "d MMM y", locale=LOCALE)


def month(value: date) -> str:
    """ "Jun 2026"."""
    return dates.format_date(value, "MMM y", locale=LOCALE)


def moment(value: datetime, timezone: str) -> str:
    """ "22 Nov 2026, 10:24 (America/Sao_Paulo)"."""
    local = value.astimezone(ZoneInfo(timezone))
    return f"{dates.format_datetime(local, 'd MMM y, HH:mm', locale=LOCALE)} ({timezone})"


def days(period: Period) -> str:
    """ "1 Jun 2026 to 30 Jun 2026"."""
    if period.start == period.end:
        return day(period.start)
    return f"{day(period.start)} to {day(period.end)}"


def listed(items: Iterable[str]) -> str:
    """ "a, b and c"."""
    return lists.format_list(list(items), locale=LOCALE).replace(", and ", " and ")


def channel_name(key: str) -> str:
    return CHANNEL_NAMES.get(key, key)


def shortened(text: str, most: int = 28) -> str:
    """A name that may fill a page, cut to fit a label."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LINE_BREAKS = re.compile(r"\s+")


def markdown(text: str) -> str:
    """Text of strangers within Markdown: shown as it is, whatever it holds."""
    return _PUNCTUATION.sub(r"\\\1", _LINE_BREAKS.sub(" ", text))


def plotly(text: str) -> str:
    """Text of strangers within a figure: no pseudo-HTML, no LaTeX between dollar signs."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINE_BREAKS.sub(" ", escaped).replace("$", "\u200b$")


def spreadsheet(text: str) -> str:
    """Text of strangers within a cell: a leading apostrophe where it would run as a formula."""
    return (
        f"'{text}"
        if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
        else text
    )


def now() -> datetime:
    return datetime.now(UTC)
