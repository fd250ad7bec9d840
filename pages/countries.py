"""Where are they?"""

import pandas as pd
import streamlit as st

from lib.charts import figures
from lib.metrics import audience
from lib.query.view import View
from lib.reference import countries, formatting
from lib.store.dimensions import COUNTRY
from lib.ui import cards
from lib.ui.cards import Number


def show(view: View) -> None:
    terms = view.terms
    total = view.compute(audience.audience, terms)
    by_country = view.compute(audience.by_country, terms)
    names = view.names(COUNTRY, by_country)
    known = by_country.drop(index=countries.UNKNOWN, errors="ignore")
    unknown = total.contacts - int(known["contacts"].sum())

    if len(known):
        first = formatting.country(str(known.index[0]))
        sentence = (
            f"**{formatting.percent(known['contacts'].iloc[0] / total.contacts)}** of the contacts "
            f"are in "
            f"{formatting.markdown(first)}; they come from "
            f"{formatting.counted(len(known), 'country', 'countries')}."
        )
    else:
        sentence = "The country of no contact is known."
    if unknown:
        sentence += f" Of {formatting.percent(unknown / total.contacts)} the country is not known."
    cards.headline("Where are they?", sentence, view)

    cards.numbers(
        [
            Number("contacts", formatting.number(total.contacts)),
            Number("new", formatting.number(total.new), total.new, total.new_before),
            Number(
                "country",
                formatting.number(len(known)),
                name="Countries",
                note=f"{formatting.number(unknown)} unknown",
            ),
        ],
        view,
    )

    def rows_shown() -> pd.DataFrame:
        return cards.breakdown(by_country, "country", "Country", view)

    on_map = [key for key in by_country.index if countries.alpha3(str(key))]
    left, right = st.columns([3, 2])
    with left:
        cards.chart(
            "On the map",
            figures.world(
                {str(key): int(n) for key, n in by_country["contacts"].items()}, "contacts"
            ),
            rows_shown,
            key="world",
            alt=f"World map of contacts; the most are in {names[0]}.",
            view=view,
            clicks=[cards.clicks_on(COUNTRY, on_map, view)],
            explanation="The darker, the more contacts, by orders of magnitude.",
        )
    with right:
        cards.chart(
            "Ranking",
            figures.ranking(
                dict(zip(names, by_country["contacts"].tolist(), strict=True)), "contacts", most=9
            ),
            rows_shown,
            key="country-ranking",
            alt="Contacts by country: "
            + formatting.listed(
                f"{name} {formatting.number(value)}"
                for name, value in zip(names[:5], by_country["contacts"], strict=False)
            )
            + ".",
            view=view,
            clicks=[cards.clicks_on(COUNTRY, by_country.index[:9], view)],
        )

    cards.breakdown_table(
        "Countries",
        by_country,
        "country",
        key="countries",
        view=view,
        note=f"Countries add up to the total of "
        f"**{formatting.counted(total.contacts, 'contact')}**, "
        "unknown included.",
    )

    left, right = st.columns(2)
    with left:
        week = view.compute(audience.arrivals, terms)
        flat = week.set_axis([f"{hour:02d}:00" for hour in week.columns], axis="columns")
        flat.insert(0, "Weekday", formatting.weekdays())
        cards.chart(
            "When new contacts arrive",
            figures.arrivals(week),
            flat,
            key="arrivals",
            alt=f"{formatting.counted(total.new, 'new contact')} by weekday and hour in "
            f"{terms.timezone}.",
            view=view,
            explanation=f"Hours are those of {terms.timezone}.",
        )
    with right:
        sources = view.compute(audience.country_sources)
        how = {
            "recorded": "recorded in ChatbotX",
            "phone": "told by the phone number",
            "timezone": "told by the time zone",
            "locale": "told by the language's region",
            "unknown": "not known",
        }
        cards.table(
            "How we know the country",
            pd.DataFrame(
                {
                    "Country is": list(how.values()),
                    "Contacts": [int(sources.get(source, 0)) for source in how],
                    "Share of contacts": [
                        sources.get(source, 0) / total.contacts for source in how
                    ],
                }
            ),
            key="country-sources",
            view=view,
            note="“Only recorded countries”, under Settings, leaves out all but the first.",
        )
