"""Page file attached to a digest, made from a view without a browser.

It contains what the Overview shows of that view: numbers, findings, days, and new contacts by
dimension.
"""

from collections.abc import Iterable
from datetime import date

from lib.charts.growth import growth
from lib.charts.steps import step_for, stepped
from lib.metrics import audience
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.outputs.digest import Digest
from lib.outputs.message import Attachment
from lib.outputs.page_file import page_html
from lib.outputs.shown import (
    FigureShown,
    Item,
    NumberShown,
    NumbersShown,
    Page,
    PointsShown,
    TableShown,
)
from lib.query.view import View
from lib.reference import escaping, formatting, glossary
from lib.reference.periods import day_of
from lib.store.dimensions import CHANNEL, COUNTRY, SOURCE, TAG

_COUNTED_BY = {
    CHANNEL: audience.by_channel,
    COUNTRY: audience.by_country,
    TAG: audience.by_tag,
    SOURCE: audience.by_source,
}


def attachment(written: Digest, view: View) -> Attachment:
    """The page of a digest's view, as a single HTML file that works offline."""
    period = view.terms.period
    name = f"audience-{period.start.isoformat()}-{period.end.isoformat()}.html"
    return Attachment(name, "text/html", page_html(page_of(written, view)))


def page_of(written: Digest, view: View) -> Page:
    """Contents of the file, from top to bottom."""
    limits = view.choice.in_words(view.options)
    context = (
        ("Period", formatting.days(view.terms.period)),
        ("Filters", limits or "none"),
        ("Time zone", view.terms.timezone),
        ("Data as of", formatting.moment(view.terms.as_of, view.terms.timezone)),
        *(("Note", warning) for warning in written.warnings),
    )
    items: list[Item] = [NumbersShown(tuple(_numbers(written)))]
    for heading, points in written.sections:
        items.append(
            PointsShown(
                heading,
                tuple(
                    f"**{escaping.markdown(each.sentence)}** {escaping.markdown(each.why)}"
                    for each in points
                ),
            )
        )
    if written.since:
        items.append(
            PointsShown("Since the last digest", tuple(map(escaping.markdown, written.since)))
        )
    items.append(_growth(view))
    items += _groups(view)
    return Page(written.title, escaping.markdown(written.sentence), context, tuple(items))


def _numbers(written: Digest) -> Iterable[NumberShown]:
    meanings = {term.name: term.meaning for term in glossary.TERMS.values()}
    for each in written.numbers:
        yield NumberShown(each.name, each.value, each.change, None, meanings.get(each.name, ""))


def _growth(view: View) -> FigureShown:
    total = view.compute(audience.audience, view.terms)
    daily = view.compute(audience.by_day, view.terms)
    step = step_for(view.terms.period.number_of_days)
    table = stepped(daily, step)
    today: date = day_of(view.terms.as_of, view.terms.timezone)
    return FigureShown(
        f"New and lost contacts per {step}",
        growth(daily, step, today) if total.new or total.lost else None,
        f"{formatting.counted(total.new, 'new contact')} and {formatting.number(total.lost)} lost "
        f"{view.during}.",
        table=lambda: Table(
            (
                column("From", list(table.index), of.DAY),
                column("New", table["new"], of.COUNT),
                column("Lost", table["lost"], of.COUNT),
            )
        ),
    )


def _groups(view: View) -> Iterable[TableShown]:
    """Contacts by dimension, for each one that has any."""
    for dimension, metric in _COUNTED_BY.items():
        counted = view.compute(metric, view.terms)
        if not len(counted):
            continue
        yield TableShown(
            f"By {dimension.noun}",
            Table(
                (
                    column(dimension.noun.capitalize(), view.names(dimension, counted), of.TEXT),
                    column("Contacts", counted["contacts"], of.COUNT),
                    column("New", counted["new"], of.COUNT),
                )
            ),
        )
