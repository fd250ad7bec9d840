"""Findings about contacts we cannot reach, or may not write to."""

from collections.abc import Iterator

import pandas as pd

from lib.insights.chance import z_of
from lib.insights.finding import URGENCY, Finding, known, largest
from lib.metrics import engagement, opt_in
from lib.query.view import View
from lib.reference import formatting
from lib.reference.rates import Rate, newcombe
from lib.store.dimensions import CHANNEL, COUNTRY, Dimension


def inbox_disconnected(view: View) -> Iterator[Finding]:
    """Inboxes that report not being connected, and some of whose contacts are in no connected
    inbox.

    An inbox without a status is not taken for a broken one.
    """
    table = view.compute(engagement.inboxes)
    table = table[(table["at_risk"] > 0) & table["status"].notna()]
    chosen = view.choice.keys(CHANNEL)
    columns = (table[column] for column in ("name", "channel", "status", "at_risk"))
    for inbox_id, name, channel, status, at_risk in zip(table.index, *columns, strict=True):
        if status == engagement.CONNECTED or (chosen and channel not in chosen):
            continue
        channel = None if pd.isna(channel) else channel
        on = f" of {view.options.name(CHANNEL, channel)}" if channel else ""
        inbox = f"An inbox{on}" if pd.isna(name) else f"The inbox “{name}”"
        state = "disconnected" if status == "disconnected" else "not connected"
        offered = {option.key for option in view.options.of(CHANNEL)}
        yield Finding(
            "inbox-disconnected",
            f"{inbox} is {state}: nothing else reaches "
            f"{formatting.counted(int(at_risk), 'contact')}.",
            f"Its status is “{status}”, and these active contacts are in no inbox that is "
            "connected. A single contact is enough to be listed.",
            "channels",
            narrow=((CHANNEL, channel),) if channel in offered else (),
            subject=str(inbox_id),
            verb="See who can't be reached",
            weight=int(at_risk) * URGENCY["inbox-disconnected"],
        )


OPT_IN_GAP = -0.10


def opt_in_differs(view: View) -> Iterator[Finding]:
    """The channel, and the country, whose broadcast opt-in rate is lower than that of all others by
    more than ten points: the interval of the difference (Newcombe 1998, method 10) ends below."""
    total = view.compute(opt_in.opt_in).broadcast
    yield from largest(_lower_opt_ins(view, CHANNEL, "on", total))
    yield from largest(_lower_opt_ins(view, COUNTRY, "in", total))


def _lower_opt_ins(view: View, dimension: Dimension, phrase: str, total: Rate) -> Iterator[Finding]:
    table = known(view, dimension)
    pairs = {}
    for key, on_channel, broadcast in zip(
        table.index, table["on_channel"], table["broadcast"], strict=True
    ):
        own = Rate(int(broadcast), int(on_channel))
        rest = Rate(total.numerator - own.numerator, total.denominator - own.denominator)
        if not (own.is_small or rest.is_small):
            pairs[str(key)] = own, rest
    for key, (own, rest) in pairs.items():
        _, high = newcombe(own, rest, z_of(len(pairs)))
        if high < OPT_IN_GAP:
            gap = (rest.rate or 0) - (own.rate or 0)
            yield Finding(
                "opt-in-differs",
                f"Fewer people {phrase} {view.options.name(dimension, key)} have opted in to "
                f"broadcasts: {formatting.percent(own.rate)}, against "
                f"{formatting.percent(rest.rate)} of all "
                "others.",
                f"{formatting.rate(own)} against {formatting.rate(rest)}. Allowing for chance, the "
                f"difference is {formatting.points(high)} or more; listed beyond "
                f"{formatting.points(OPT_IN_GAP)}.",
                "opt_in",
                narrow=((dimension, key),),
                verb="Compare the rates",
                weight=own.denominator * gap * URGENCY["opt-in-differs"],
            )
