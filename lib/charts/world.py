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
    known = {key: value for key, value in contacts.items() if alpha3(key)}
    most = max([scale_to or 0, *known.values(), 1])
    shades = go.Choropleth(
        locations=[alpha3(key) for key in known],
        z=[log10(value + 1) for value in known.values()],
        zmin=0,
        zmax=log10(most + 1),
        customdata=[
            f"{escaping.plotly(formatting.country(key))}: {formatting.number(value)} {what}"
            for key, value in known.items()
        ],
        hovertemplate="%{customdata}<extra></extra>",
        # Plotly's colour bar would need inline styles, which the page's CSP forbids.
        showscale=False,
        marker={"line": {"width": 0.4, "color": "rgba(128,128,128,0.5)"}},
        # Of a map, Plotly takes no opacity for each place.
        selectedpoints=[row for row, key in enumerate(known) if key in chosen] if chosen else None,
        unselected={"marker": {"opacity": FADED}},
    )
    return figure_of(
        shades,
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


def round_above(number: int) -> int:
    """The end of a scale up to `number`: a round number of two digits at most, at least 10."""
    step = int(10 ** max(1, len(str(number)) - 2))
    return max(1, -(-number // step)) * step
