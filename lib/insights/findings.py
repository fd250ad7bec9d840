"""The few findings that rules pick from the numbers ("Worth a look"), each with its evidence.

Findings are not noise. Where a rule compares, a confidence interval has to lie beyond the
threshold, and it is widened for the number of keys compared.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from lib.insights import arrivals, changed, reach, waiting
from lib.insights.chance import pace
from lib.insights.finding import URGENCY, Finding
from lib.query.view import View

__all__ = [
    "MOST",
    "MOST_OF_ONE_RULE",
    "SHOWN",
    "URGENCY",
    "Finding",
    "every_finding",
    "findings",
    "pace",
]

MOST = 5
SHOWN = 3
"""Shown at once; the others are behind "2 more"."""

MOST_OF_ONE_RULE = 2

_RULES: tuple[Callable[[View], Iterable[Finding]], ...] = (
    waiting.orphaned_handoff,
    waiting.waiting_long,
    waiting.load_uneven,
    reach.inbox_disconnected,
    reach.opt_in_differs,
    arrivals.channels_changed,
    arrivals.countries_changed,
    arrivals.blocked_more,
    arrivals.outlier_day,
    changed.backlog_grows,
    changed.opt_outs_more,
    changed.answers_slower,
    changed.deleted_more,
    changed.load_doubled,
)


def findings(view: View) -> list[Finding]:
    """The findings to show, at most `MOST` and at most two per rule: by descending weight, then
    rule and sentence."""
    told: Counter[str] = Counter()
    kept = []
    for each in every_finding(view):
        told[each.rule] += 1
        if told[each.rule] <= MOST_OF_ONE_RULE:
            kept.append(each)
    return kept[:MOST]


def every_finding(view: View) -> list[Finding]:
    """All findings, in the same order."""
    return sorted(
        (each for rule in _RULES for each in rule(view)),
        key=lambda each: (-each.weight, each.rule, each.sentence),
    )
