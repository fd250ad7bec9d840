"""Alert messages: everything that has begun or ended, in one message."""

from collections.abc import Sequence

from lib.insights.alerts import Change
from lib.outputs.digest import Digest, Point, message
from lib.outputs.message import Message
from lib.outputs.views import address
from lib.query.view import View
from lib.reference import formatting
from lib.reference.periods import Period
from lib.settings import Settings

MOST_SHOWN = 20


def alert_message(
    tells: Sequence[Change],
    settings: Settings,
    timezone: str,
    view: View | None,
    dashboard: str | None,
) -> Message:
    """The message about these changes. `view` is the view they were judged under, which the links
    open; without it there are no links."""
    began = [each for each in tells if each.began]
    over = [each for each in tells if not each.began]

    def point(change: Change) -> Point:
        since = formatting.moment(change.since, timezone)
        link = None
        if view is not None:
            days = view.terms.period
            if change.days is not None:
                days = Period(*change.days, view.terms.timezone)
            link = address(
                dashboard,
                settings,
                view.choice,
                days,
                change.page,
                change.narrow,
                change.queue,
                change.wait,
            )
        why = f"Since {since}. {change.why}" if change.began else f"It ended {since}."
        return Point(change.sentence, why, link)

    sections = [
        (heading, tuple(map(point, changes[:MOST_SHOWN])))
        for heading, changes in (("Has begun", began), ("Is over", over))
        if changes
    ]
    left_out = max(0, len(began) - MOST_SHOWN) + max(0, len(over) - MOST_SHOWN)
    whose = "the demo workspace" if settings.is_demo else settings.label
    return message(
        Digest(
            title=" · ".join(["Audience", *([whose] if whose else [])]),
            sentence=_sentence(began, over),
            context=(),
            numbers=(),
            now="",
            sections=tuple(sections),
            warnings=(f"{formatting.counted(left_out, 'more is', 'more are')} on the Data page.",)
            if left_out
            else (),
            language=formatting.language(),
            foot="You are notified when an alert begins and when it ends, and not in between.",
        )
    )


def _sentence(began: Sequence[Change], over: Sequence[Change]) -> str:
    if len(began) == 1 and not over:
        return began[0].sentence
    if len(over) == 1 and not began:
        return f"Over: {over[0].sentence}"
    parts = []
    if began:
        parts.append(f"{formatting.counted(len(began), 'alert has', 'alerts have')} begun")
    if over:
        parts.append(f"{formatting.counted(len(over), 'alert is', 'alerts are')} over")
    return f"{formatting.listed(parts)}."
