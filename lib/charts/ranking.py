"""Groups ranked by size. Figure, click targets, alt text and table all derive from one object."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lib.charts.style import (
    FADED,
    FIXED,
    PETROL,
    TICKS,
    figure_of,
    labelled_rows,
    labels_of,
    room_for,
    row_keys,
)
from lib.reference import formatting


@dataclass(frozen=True)
class Tail:
    """What a ranking leaves out: the number of groups, and of contacts that are in any of them. A
    contact in several groups counts once."""

    groups: int
    value: int

    @property
    def name(self) -> str:
        return f"other ({formatting.number(self.groups)})"


@dataclass(frozen=True)
class Ranking:
    """Ranked groups: keys, names and values in order, and the tail of the rest.

    `what` is the noun of what is counted ("contacts"). If `chosen` contains keys of the ranking,
    all other bars are drawn faded.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[int, ...]
    what: str = "contacts"
    tail: Tail | None = None
    chosen: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        keys: Sequence[str],
        names: Sequence[str],
        values: Sequence[int],
        *,
        what: str = "contacts",
        most: int = 12,
        outside: Callable[[tuple[str, ...]], int] | None = None,
        chosen: Collection[str] = (),
    ) -> "Ranking":
        """The first `most` groups, and chosen ones even if they come later. A single group more is
        shown too: "other (1)" would take as much space.

        `outside(keys)` counts the contacts that are in any group but these, each once. Without it,
        groups do not overlap and the tail is their sum.
        """
        most += len(keys) == most + 1
        picked = frozenset(map(str, chosen))
        late = [row for row, key in enumerate(keys) if row >= most and str(key) in picked][:most]
        rows = [*range(min(most - len(late), len(keys))), *late]
        shown = tuple(str(keys[row]) for row in rows)
        tail = None
        if len(keys) > len(rows):
            rest = sum(map(int, values)) - sum(int(values[row]) for row in rows)
            tail = Tail(len(keys) - len(rows), rest if outside is None else outside(shown))
        return cls(
            shown,
            tuple(names[row] for row in rows),
            tuple(int(values[row]) for row in rows),
            what,
            tail,
            picked & frozenset(shown),
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def bars(self) -> list[tuple[str, int]]:
        """Name and value of each bar, from top to bottom."""
        found = list(zip(self.names, self.values, strict=True))
        return [*found, (self.tail.name, self.tail.value)] if self.tail else found

    def figure(self, colours: Mapping[str, str] | None = None) -> go.Figure:
        """Horizontal bars with their values beside them; `colours` are by key."""
        colour_of = colours or {}
        numbers = [value for _, value in self.bars]
        labels = labels_of([name for name, _ in self.bars])
        shades = [
            _shade(colour_of.get(key, PETROL), bool(self.chosen) and key not in self.chosen)
            for key in self.keys
        ]
        if self.tail:
            shades.append(_shade(PETROL, bool(self.chosen)))
        written = [formatting.number(value) for value in numbers]
        bars = go.Bar(
            y=row_keys(labels),
            x=numbers,
            orientation="h",
            marker={"color": shades},
            text=written,
            textposition="outside",
            textfont=TICKS,
            cliponaxis=False,
            customdata=[
                f"{label}: {number} {self.what}"
                for label, number in zip(labels, written, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
        return figure_of(
            bars,
            height=60 + 30 * len(labels),
            margin={"l": room_for(labels), "r": 8, "t": 8, "b": 8},
            xaxis={"visible": False, "range": [0, max([*numbers, 1]) * 1.3], **FIXED},
            yaxis=labelled_rows(labels) | {"showgrid": False, **FIXED},
        )

    def alt(self, title: str) -> str:
        """The alt text: "New contacts by channel: WhatsApp 12 and Telegram 3." """
        written = [f"{name} {formatting.number(value)}" for name, value in self.bars[:6]]
        if len(self.bars) > len(written):
            written.append(f"{formatting.number(len(self.bars) - len(written))} others")
        return f"{title}: {formatting.listed(written) or 'none'}."


def _shade(colour: str, is_faded: bool) -> str:
    # The alpha is in the colour: with `marker.opacity`, Plotly does not report clicks on bars with
    # text.
    return f"{colour}{round(FADED * 255):02X}" if is_faded else colour
