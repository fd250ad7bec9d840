"""Where are our contacts?"""

import pandas as pd
import streamlit as st

from lib.charts.heat import arrivals
from lib.charts.world import layers, round_above, world
from lib.metrics import audience
from lib.metrics.tails import Counted
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.countries import UNKNOWN
from lib.reference.regions import alpha3
from lib.store.dimensions import COUNTRY
from lib.ui import breakdowns, cards, charts, clicks, deferred, head, tables
from lib.ui.cards import Number

_HOW = {
    "recorded": "recorded in ChatbotX",
    "phone": "inferred from the phone number",
    "timezone": "inferred from the time zone",
    "locale": "guessed from language",
    "unknown": "not known",
}


def show(view: View) -> None:
    total = view.compute(audience.audience, view.terms)
    by_country = view.compute(audience.by_country, view.terms)
    known = by_country.drop(index=UNKNOWN, errors="ignore")
    unknown = total.contacts - int(known["contacts"].sum())
    sentence = _of_chosen(view) or _sentence(known, unknown, total.contacts)
    sentence = f"{sentence} {breakdowns.rose_most(by_country, COUNTRY, view)}".strip()
    head.show("Where are our contacts?", sentence, view, explains=True)
    cards.numbers(
        [
            Number("new", total.new, total.new_before),
            Number("contacts", total.contacts, note="right now"),
            Number(
                "country",
                len(known),
                name="Countries",
                note=f"right now, {formatting.counted(unknown, 'contact')} unknown"
                if unknown
                else "right now",
            ),
        ],
        view,
    )
    deferred.numbers_are_sent()
    counted = breakdowns.pick_counted("countries-counted")
    left, right = st.columns([3, 2])
    with left:
        _map(view, counted)
    with right:
        breakdowns.ranking(view, COUNTRY, key="country-ranking", most=8, counted=counted)
    breakdowns.show(
        "Countries",
        by_country,
        COUNTRY,
        key="countries",
        view=view,
        note="Countries add up to the total of "
        f"**{formatting.counted(total.contacts, 'contact')}**, unknown included.",
    )
    left, right = st.columns(2)
    with left:
        _arrivals(view, total)
    with right:
        _how_known(view, total)


def _of_chosen(view: View) -> str | None:
    """How many of all are in the countries that the view is filtered by: that all of these are
    would tell nobody anything."""
    keys = view.choice.keys(COUNTRY)
    if not set(keys) - {UNKNOWN}:
        return None
    whole = view.without(COUNTRY)
    which = escaping.markdown(Choice().limited_to(COUNTRY, keys).in_words(view.options))
    of_all = "of all" if not whole.choice.is_filtered else "of those who pass the other filters"
    are = "is" if view.contacts == 1 else "are"
    return (
        f"**{formatting.counted(view.contacts, 'contact')}** {are} {which}, "
        f"{formatting.part_of(view.contacts, whole.contacts)} {of_all}."
    )


def _sentence(known: pd.DataFrame, unknown: int, contacts: int) -> str:
    if not len(known):
        return "The country of no contact is known."
    first = escaping.markdown(formatting.country(str(known.index[0])))
    if len(known) == 1 and not unknown:
        return f"All contacts are in {first}."
    sentence = (
        f"**{formatting.part_of(int(known['contacts'].iloc[0]), contacts)}** of the contacts are "
        f"in {first}; they come from {formatting.counted(len(known), 'country', 'countries')}."
    )
    if unknown:
        sentence += f" The country of {formatting.part_of(unknown, contacts)} is not known."
    return sentence


def _map(view: View, counted: Counted) -> None:
    whole = view.without(COUNTRY)
    found = whole.compute(audience.by_country, whole.terms)
    shown = found[found[counted] > 0]
    what = "new contacts" if counted == "new" else "contacts"
    numbers = {str(key): int(shown[counted][key]) for key in shown.index if alpha3(str(key))}
    chosen = view.choice.keys(COUNTRY)
    most = max(numbers, key=lambda key: numbers[key], default=None)
    darkest = round_above(_largest(view, counted))
    charts.show(
        "On the map",
        world(numbers, what, darkest, chosen) if numbers else None,
        lambda: breakdowns.breakdown(found, COUNTRY, whole),
        key="world",
        alt=f"World map of {what}; the most are in "
        f"{formatting.country(most) if most else 'no country'}.",
        view=view,
        clicks=[clicks.on_keys(COUNTRY, keys, view) for keys in layers(numbers, chosen)],
        explanation="The stronger the colour, the more, by orders of magnitude.",
        scale=("1", formatting.counted(darkest, what.removesuffix("s"))),
        if_empty=view.nothing("No new contacts whose country is known")
        if counted == "new"
        else "The country of no contact is known.",
    )


def _largest(view: View, counted: Counted) -> int:
    """Number of contacts in the largest known country, ignoring filters: the scale stays that of
    the whole workspace."""
    whole = view.unfiltered
    found = whole.compute(audience.by_country, whole.terms).drop(index=UNKNOWN, errors="ignore")
    return int(found[counted].max()) if len(found) else 0


def _arrivals(view: View, total: audience.Audience) -> None:
    week = view.compute(audience.arrivals, view.terms)
    charts.show(
        "When new contacts arrive",
        None if view.is_to_come and not total.new else arrivals(week),
        Table(
            (
                column("Weekday", formatting.weekdays(), of.TEXT),
                *(column(f"{hour:02d}:00", week[hour], of.COUNT) for hour in week.columns),
            )
        ),
        key="arrivals",
        alt=f"{formatting.counted(total.new, 'new contact')} by weekday and hour in "
        f"{view.terms.timezone}.",
        view=view,
        explanation=f"Hours are those of {view.terms.timezone}.",
        scale=("0", f"{formatting.number(max(1, int(week.to_numpy().max())))} in an hour"),
        if_empty=view.nothing("No new contacts"),
    )


def _how_known(view: View, total: audience.Audience) -> None:
    sources = view.compute(audience.country_sources)
    tables.show(
        "How we know the country",
        Table(
            (
                column("Country is", list(_HOW.values()), of.TEXT),
                column("Contacts", [int(sources.get(how, 0)) for how in _HOW], of.COUNT),
                column(
                    "Share of contacts",
                    [float(sources.get(how, 0)) / max(1, total.contacts) for how in _HOW],
                    of.SHARE,
                ),
            )
        ),
        key="country-sources",
        view=view,
        note="“Only recorded countries”, under Settings, leaves out all but the first.",
    )
