"""World map of contacts."""

from collections.abc import Collection, Mapping
from math import log10

import plotly.graph_objects as go

from lib.charts.style import FADED, figure_of
from lib.reference import escaping, formatting
from lib.reference.regions import alpha3


def world(
    contacts: Mapping[str, int],
    what: str,
    scale_to: int | None = None,
    chosen: Collection[str] = (),
) -> go.Figure:
    """Countries (alpha-2 codes) shaded by number, on a logarithmic scale.

    `scale_to` is the number with the darkest shade: at least that of the largest country in the
    whole workspace, so that a country keeps its shade under any filter. If `chosen` contains
    countries, all others are faded.
    """
    most = max([scale_to or 0, *(contacts[key] for layer in layers(contacts) for key in layer), 1])
    drawn = [
        go.Choropleth(
            locations=[alpha3(key) for key in layer],
            z=[log10(contacts[key] + 1) for key in layer],
            zmin=0,
            zmax=log10(most + 1),
            customdata=[
                f"{escaping.plotly(formatting.country(key))}: "
                f"{formatting.number(contacts[key])} {what}"
                for key in layer
            ],
            hovertemplate="%{customdata}<extra></extra>",
            # Plotly's colour bar would need inline styles, which the page's CSP forbids.
            showscale=False,
            marker={
                "line": {"width": 0.4, "color": "rgba(128,128,128,0.5)"},
                "opacity": FADED if place else 1,
            },
        )
        for place, layer in enumerate(layers(contacts, chosen))
    ]
    return figure_of(
        *drawn,
        height=310,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        geo={
            # Cuts a little of the Pacific off on both sides, so that the land fills the card.
            "projection": {"type": "natural earth", "scale": 1.12},
            "fitbounds": False,
            "showframe": False,
            "showcoastlines": False,
            "showland": True,
            "landcolor": "rgba(128,140,150,0.18)",
            "showlakes": False,
            "bgcolor": "rgba(0,0,0,0)",
            "lataxis": {"range": [-56, 78]},
        },
    )


def layers(contacts: Mapping[str, int], chosen: Collection[str] = ()) -> list[list[str]]:
    """The countries that the map can draw, by trace: those that are chosen, and all others, since
    Plotly gives a trace of a map one opacity. Without a choice, all."""
    known = [key for key in contacts if alpha3(key)]
    if not chosen:
        return [known]
    return [
        [key for key in known if key in chosen],
        [key for key in known if key not in chosen],
    ]


def round_above(number: int) -> int:
    """The end of a scale up to `number`: a round number of two digits at most, at least 10."""
    step = int(10 ** max(1, len(str(number)) - 2))
    return max(1, -(-number // step)) * step
