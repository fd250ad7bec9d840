"""Findings about people who wait for an answer: rules over the workload."""

from collections.abc import Iterator

from lib.insights.chance import z_of
from lib.insights.finding import URGENCY, Finding
from lib.metrics import workload
from lib.query.view import View
from lib.reference import formatting
from lib.reference.rates import Rate, wilson


def orphaned_handoff(view: View) -> Iterator[Finding]:
    """People await a reply, the bot is off, and no agent or team is assigned."""
    waiting = view.compute(workload.longest_waits, view.terms)
    if waiting.orphaned:
        yield Finding(
            "orphaned-handoff",
            f"{formatting.counted(waiting.orphaned, 'person waits', 'people wait')} for an "
            f"answer that "
            "nobody is assigned to give.",
            "The bot is off, and the conversation is with no agent and no team. "
            f"The longest wait is {formatting.duration(waiting.orphaned_hours)}; "
            "a single person is enough to be listed.",
            "workload",
            queue="orphaned",
            wait="any",
            verb=_link_label(waiting.orphaned),
            weight=waiting.orphaned * URGENCY["orphaned-handoff"],
        )


def waiting_long(view: View) -> Iterator[Finding]:
    """People are in the last bucket of the waiting time: 7 days or more."""
    load = view.compute(workload.workload, view.terms)
    longest = view.compute(workload.longest_waits, view.terms).hours
    long = load.waiting["over_7d"]
    if long:
        have = "person has" if long == 1 else "people have"
        yield Finding(
            "waiting-long",
            f"{formatting.number(long)} {have} waited for an answer for 7 days or more.",
            f"That is {formatting.rate(Rate(long, load.awaiting_reply))} of those who await one. "
            f"The longest wait is {formatting.duration(longest)}." + _left_to_bot(load.left_to_bot),
            "workload",
            queue="waiting",
            wait="over_7d",
            verb=_link_label(long),
            weight=long * URGENCY["waiting-long"],
        )


def _link_label(people: int) -> str:
    return f"See the {formatting.number(people)}" if people > 1 else "See who"


def _left_to_bot(number: int) -> str:
    if not number:
        return ""
    are = "is" if number == 1 else "are"
    return f" {formatting.number(number)} more {are} left to the bot, and not counted here."


LEAST_AGENTS = 3
LEAST_HELD = 20
UNEVEN = 2
"""As a multiple of the equal share."""


def load_uneven(view: View) -> Iterator[Finding]:
    """The busiest agent holds more than twice the equal share, by the lower end of the Wilson
    interval. The busiest was picked from all agents, so the interval is widened for that many
    comparisons.

    Only without filters: some agents serve a single team or country. The agent is not named.
    """
    if view.choice.is_filtered:
        return
    held = view.compute(workload.by_agent, view.terms)["open"].tolist()
    agents, total = len(held), sum(held)
    if agents < LEAST_AGENTS or total < LEAST_HELD:
        return
    busiest, equal = Rate(max(held), total), 1 / agents
    low, _ = wilson(busiest, z_of(agents))
    if low > UNEVEN * equal:
        yield Finding(
            "load-uneven",
            f"One agent holds {formatting.rate(busiest)} of the open conversations that "
            f"{formatting.number(agents)} agents share.",
            f"An equal share would be {formatting.percent(equal)}. Allowing for chance, the "
            f"busiest "
            f"holds at least {formatting.percent(low)}; listed above "
            f"{formatting.percent(UNEVEN * equal)}.",
            "workload",
            verb="Compare the agents",
            weight=(busiest.numerator - total * equal) * URGENCY["load-uneven"],
        )
