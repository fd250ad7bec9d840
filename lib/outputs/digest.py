"""Digest of a view: what a manager reads without opening the dashboard.

It says what the Overview says: the sentence, six numbers with their changes where known, findings,
opt-outs and answers since the last digest. It never names a contact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lib.insights.alerts import Alert
from lib.insights.findings import findings
from lib.insights.past import Level, NothingRecorded, Past
from lib.metrics import audience, opt_in, workload
from lib.outputs.message import Attachment, Line, Link, Message, Text, one_line, text
from lib.outputs.views import Named, address
from lib.query.view import TO_COME, View
from lib.reference import formatting, glossary
from lib.reference.periods import ONE_DAY, Period, day_of
from lib.reference.rates import Rate
from lib.settings import Settings
from lib.store.dimensions import CHANNEL

TEMPLATES = Path(__file__).parent / "templates"

NOT_RECORDED = "change not recorded"

MOST_POINTS = 3
MOST_BARS = 6
MOST_DAYS = 14


@dataclass(frozen=True)
class Number:
    """A card; `change` says by how much and since when, empty if unknown."""

    name: str
    value: str
    change: str = ""


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart; `share` of the largest value, from 0 to 1."""

    name: str
    value: str
    share: float


@dataclass(frozen=True)
class Point:
    """A sentence, its evidence, and a link."""

    sentence: str
    why: str = ""
    link: str | None = None
    verb: str = "See it"


@dataclass(frozen=True)
class Digest:
    """Contents of a digest as plain text; names in it are untrusted. `news` is what of the sentence
    goes into the subject, if not all of it."""

    title: str
    sentence: str
    context: tuple[str, ...]
    numbers: tuple[Number, ...]
    now: str
    bars: tuple[tuple[str, tuple[Bar, ...]], ...] = ()
    sections: tuple[tuple[str, tuple[Point, ...]], ...] = ()
    since: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    link: str | None = None
    language: str = "en"
    foot: str = ""
    news: str = ""


def digest(
    named: Named,
    settings: Settings,
    *,
    now: datetime,
    since: datetime | None = None,
    past: Past | None = None,
    dashboard: str | None = None,
    alerts: Mapping[str, Alert] | None = None,
) -> Digest:
    """The digest of a view at `now` (UTC), covering the time `since` the last one (default: a
    week).

    `alerts` is the recipient's alert state, of which the firing ones are listed; `dashboard` is the
    URL that links start with.
    """
    view = named.view
    past = past or NothingRecorded()
    since = since or now - timedelta(days=7)
    terms = view.terms
    limits = view.choice.in_words(view.options)

    def link(
        page: str,
        narrow: Sequence[tuple[str, str]] = (),
        queue: str | None = None,
        wait: str | None = None,
        days: tuple[date, date] | None = None,
    ) -> Any:
        during = terms.period if days is None else Period(*days, terms.timezone)
        given = tuple(narrow)
        return address(dashboard, settings, view.choice, during, page, given, queue, wait)

    going_on = [
        Point(
            each.sentence,
            f"Since {formatting.moment(each.since, terms.timezone)}"
            + ("." if each.known else "; it is not known whether this is still so."),
            link(each.page, each.narrow, each.queue, each.wait, each.days),
        )
        for each in (alerts or {}).values()
        if each.firing
    ]
    worth_a_look = [
        Point(
            each.sentence,
            each.evidence,
            link(
                each.page,
                [(dimension.key, key) for dimension, key in each.narrow],
                each.queue,
                each.wait,
                each.days,
            ),
        )
        for each in findings(view)[:MOST_POINTS]
    ]
    return Digest(
        title=_title(view, settings, limits),
        sentence=_sentence(view),
        news=_news(view),
        context=(
            f"{formatting.days(terms.period)} ({terms.timezone})",
            *([f"only {limits}"] if limits else []),
        ),
        numbers=_numbers(view, past),
        now=f"Right now means {formatting.moment(terms.as_of, terms.timezone)}.",
        bars=_bars(view),
        sections=_sections(going_on, worth_a_look),
        since=_since(view, past, since),
        warnings=(*_warnings(view, settings, now), *named.notes),
        link=link("overview"),
        language=formatting.language(),
        foot=_foot(view, dashboard),
    )


def _sections(
    going_on: Sequence[Point], worth_a_look: Sequence[Point]
) -> tuple[tuple[str, tuple[Point, ...]], ...]:
    named = ("Going on", tuple(going_on)), ("Worth a look", tuple(worth_a_look))
    return tuple((heading, points) for heading, points in named if points)


def _title(view: View, settings: Settings, limits: str) -> str:
    whose = "the demo workspace" if settings.is_demo else settings.label
    parts = ["Audience", *([whose] if whose else []), *([limits] if limits else [])]
    return " · ".join(parts)


def _sentence(view: View) -> str:
    waiting = view.compute(workload.workload, view.terms).awaiting_reply
    who = formatting.counted(waiting, "person waits", "people wait") if waiting else "Nobody waits"
    return f"{_news(view)}. {who} for an answer right now."


def _news(view: View) -> str:
    """Who came, without a full stop."""
    total = view.compute(audience.audience, view.terms)
    if _is_blank(view, total):
        return TO_COME.removesuffix(".")
    change = _change_of_new(view, total)
    came = f"{formatting.counted(total.new, 'new contact')} {view.during}"
    return f"{came}, {change}" if change else came


def _is_blank(view: View, total: audience.Audience) -> bool:
    """Whether the period is still to come: zeros would sound like news."""
    return view.is_to_come and not total.new


def _change_of_new(view: View, total: audience.Audience) -> str:
    """In words; empty if the view compares with nothing."""
    if not view.compares:
        return ""
    return formatting.compared(total.new, total.new_before, view.before)


def _numbers(view: View, past: Past) -> tuple[Number, ...]:
    """The six numbers. A change is the difference between the current value and the level recorded
    at the start of the period; if none was recorded, no change is given, since it cannot be
    inferred from contacts that still exist."""
    terms = view.terms
    total = view.compute(audience.audience, terms)
    rates = view.compute(opt_in.opt_in)
    load = view.compute(workload.workload, terms)
    start = terms.period.first_moment
    opening = _opening(view, past)
    when = f"since {formatting.day(day_of(start, terms.timezone))}"

    def moved(value: int, level: int | None) -> str:
        if level is None:
            return NOT_RECORDED
        return f"{formatting.signed(value - level)} {when}"

    new = formatting.number(total.new), _change_of_new(view, total)
    net = (
        formatting.signed(total.net),
        f"after {formatting.signed(total.net_before)} {view.before}" if view.compares else "",
    )
    if _is_blank(view, total):
        new = net = formatting.NOTHING, "still to come"
    return (
        Number(glossary.name("new"), *new),
        Number(glossary.name("net"), *net),
        Number(
            glossary.name("contacts"),
            formatting.number(total.contacts),
            moved(total.contacts, opening.contacts if opening else None),
        ),
        Number(
            glossary.name("broadcast"),
            formatting.percent(rates.broadcast.rate),
            _points(rates.broadcast, opening.broadcast if opening else None, when),
        ),
        Number(
            "Waiting for a person",
            formatting.number(load.awaiting_reply),
            moved(load.awaiting_reply, opening.waiting if opening else None),
        ),
        Number(
            glossary.name("unassigned"),
            formatting.number(load.unassigned),
            moved(load.unassigned, opening.unassigned if opening else None),
        ),
    )


OLDEST_OPENING = timedelta(days=2)


def _opening(view: View, past: Past) -> Level | None:
    """The last level recorded before the period began, at most `OLDEST_OPENING` earlier; None if it
    has not begun."""
    if view.is_to_come:
        return None
    start = view.terms.period.first_moment
    levels = past.levels(view.choice, start - OLDEST_OPENING, start)
    return levels[-1] if levels else None


def _points(now: Rate, then: Rate | None, when: str) -> str:
    if then is None or now.rate is None or then.rate is None or now.is_small or then.is_small:
        return NOT_RECORDED
    return f"{formatting.points(now.rate - then.rate)} {when}"


def _bars(view: View) -> tuple[tuple[str, tuple[Bar, ...]], ...]:
    terms = view.terms
    found = []
    if 1 < terms.period.number_of_days <= MOST_DAYS and not view.is_to_come:
        daily = view.compute(audience.by_day, terms)["new"]
        today = day_of(terms.as_of, terms.timezone)
        names = [
            "Today so far"
            if day.date() == today
            else f"{formatting.weekdays()[day.weekday()]}, {formatting.day(day)}"
            for day in daily.index
        ]
        found.append(("New contacts per day", _ranked(names, daily.tolist())))
    channels = view.compute(audience.by_channel, terms)["new"]
    channels = channels[channels > 0].sort_values(ascending=False, kind="stable")
    shown = channels.head(MOST_BARS)
    names = view.names(CHANNEL, shown.to_frame())
    if len(channels) > 1:
        title = "New contacts by channel"
        if len(channels) > MOST_BARS:
            title += f" (the first {MOST_BARS} of {formatting.number(len(channels))})"
        found.append((title, _ranked(names, shown.tolist())))
    return tuple(found)


def _ranked(names: Sequence[str], values: Sequence[int]) -> tuple[Bar, ...]:
    most = max([*values, 1])
    return tuple(
        Bar(formatting.shortened(name, 40), formatting.number(value), value / most)
        for name, value in zip(names, values, strict=True)
    )


def _since(view: View, past: Past, since: datetime) -> tuple[str, ...]:
    """Opt-outs and answers since the last digest."""
    terms = view.terms
    if past.recorded_since is None:
        return ("Opt-outs and answers appear once history is recorded.",)
    first, last = day_of(since, terms.timezone), day_of(terms.as_of, terms.timezone) - ONE_DAY
    said = []
    if first <= last:
        days = past.opt_outs(view.choice, Period(first, last, terms.timezone))
        if days:
            opted_out = formatting.counted(sum(days.values()), "person", "people")
            recorded = formatting.span(min(days), max(days))
            if gap := (max(days) - min(days)).days + 1 - len(days):
                recorded += f", without {formatting.counted(gap, 'day that was', 'days that were')}"
                recorded += " not recorded"
            said.append(f"{opted_out} opted out ({recorded}).")
    answers = past.answers(view.choice, since, terms.as_of)
    if answers is not None:
        sentence = formatting.counted(
            answers.answered, "person was answered", "people were answered"
        )
        sentence += f" since {formatting.moment_of(since, terms.timezone)}"
        if answers.median_hours is not None:
            sentence += f", half of them within {formatting.duration(answers.median_hours)}"
        said.append(f"{sentence}.")
    if not said:
        began = day_of(past.recorded_since, terms.timezone)
        return (f"Opt-outs and answers: recorded since {formatting.day(began)}.",)
    return tuple(said)


OLD = timedelta(hours=3)


def _warnings(view: View, settings: Settings, now: datetime) -> tuple[str, ...]:
    said = []
    age = now - view.terms.as_of
    if age > OLD:
        is_due = age > timedelta(minutes=settings.refresh_minutes)
        why = ": it could not be fetched since" if is_due else ""
        said.append(f"This data is {formatting.duration(age / timedelta(hours=1))} old{why}.")
    if not view.snapshot.verdict.complete:
        said.append("Some contacts may be missing: the data could not be fetched completely.")
    return tuple(said)


def _foot(view: View, dashboard: str | None) -> str:
    counted = f"{formatting.counted(view.snapshot.contacts, 'contact')} in the workspace."
    return counted if dashboard is None else f"{counted} Links ask for the usual sign-in."


def gone(sentence: str, settings: Settings, dashboard: str | None) -> Digest:
    """Digest that says that a view cannot be shown."""
    return Digest(
        title="Audience · this view cannot be shown",
        sentence=sentence,
        context=(),
        numbers=(),
        now="",
        warnings=("Nothing is shown in its place, because it would be about other contacts.",),
        link=dashboard,
        language=formatting.language(),
    )


def message(written: Digest, attachments: tuple[Attachment, ...] = ()) -> Message:
    """The digest as a message for mail and chat; attachments go with mail only."""
    return Message(
        subject=_subject(written),
        lines=tuple(_lines(written)),
        plain=_rendered("digest.txt.j2", written),
        html=_rendered("digest.html.j2", written),
        attachments=attachments,
    )


def _subject(written: Digest) -> str:
    # A full stop ends no sentence within a name or a German date.
    return f"{written.title}: {written.news or written.sentence.rstrip('.')}"


def _lines(written: Digest) -> list[Line]:
    """The digest for chat: the same, shorter."""
    lines = [text(written.title, strong=True), text(written.sentence)]
    lines += [text(f"⚠ {each}") for each in written.warnings]
    for each in written.numbers:
        change = f" ({each.change})" if each.change else ""
        lines.append((Text(f"{each.name}: "), Text(each.value, strong=True), Text(change)))
    for heading, points in written.sections:
        lines.append(text(heading, strong=True))
        lines += [
            (Text(f"• {point.sentence} "), Link(point.verb, point.link))
            if point.link
            else text(f"• {point.sentence}")
            for point in points
        ]
    lines += [text(each) for each in written.since]
    if written.context:
        lines.append(text(" · ".join(written.context)))
    if written.link:
        lines.append((Link("Open this view", written.link),))
    return lines


@cache
def _environment(*, escapes: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escapes,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Every value is rendered on one line, without bidirectional controls.
    environment.finalize = _shown
    return environment


def _shown(value: Any) -> Any:
    return one_line(value) if type(value) is str else value


def _rendered(name: str, written: Digest) -> str:
    template = _environment(escapes=name.endswith(".html.j2")).get_template(name)
    return template.render(digest=written)
