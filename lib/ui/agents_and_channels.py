"""Open conversations by agent and channel."""

from lib.charts.heat import filled, grid
from lib.metrics import workload
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import formatting
from lib.store.dimensions import AGENT, CHANNEL, MISSING
from lib.ui import charts


def show(view: View) -> None:
    """Draw a grid; a click on a cell filters the dashboard by an agent and a channel."""
    lines = view.compute(workload.by_agent_and_channel)
    order = sorted(
        lines.index, key=lambda key: (key == MISSING, view.options.name(AGENT, key).casefold())
    )
    lines = lines.reindex(order)
    names = [view.options.name(AGENT, key) for key in lines.index]
    heads = [formatting.channel_name(key) for key in lines.columns]
    most = (
        f"{formatting.number(int(lines.to_numpy().max()))}, are with "
        f"{names[int(lines.max(axis=1).argmax())]}."
        if len(lines)
        else "none."
    )
    charts.show(
        "Agents and channels",
        grid(lines, names, heads, "open") if len(lines) else None,
        lambda: Table(
            (
                column("Agent", names, of.TEXT),
                *(
                    column(head, lines[key], of.COUNT)
                    for head, key in zip(heads, lines.columns, strict=True)
                ),
            )
        ),
        key="agents-channels",
        alt=f"Open conversations of {formatting.counted(len(names), 'agent')} by channel; the "
        f"most, {most}",
        view=view,
        clicks=[
            [
                _cell(view.choice, str(lines.index[row]), str(lines.columns[place]))
                for row, place in filled(lines)
            ]
        ],
        explanation="Open conversations. A contact on two channels counts in both.",
        if_empty="There is no open conversation.",
    )


def _cell(choice: Choice, agent: str, channel: str) -> Choice:
    """The choice filtered by this agent and channel, or without both filters if it already is."""
    both = choice.limited_to(AGENT, (agent,)).limited_to(CHANNEL, (channel,))
    return both if both != choice else both.limited_to(AGENT, ()).limited_to(CHANNEL, ())
