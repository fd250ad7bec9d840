"""Count the contacts outside the groups that are shown: the number beside "other (n)"."""

from typing import Literal

from lib.engines.questions import Engine, Filter
from lib.metrics import audience
from lib.metrics.terms import Terms
from lib.store.dimensions import Dimension

Counted = Literal["contacts", "new"]
"""All contacts, or those who came in the period."""


def outside(
    asked: Engine, terms: Terms, dimension: Dimension, shown: tuple[str, ...], counted: Counted
) -> int:
    """Number of contacts in any group other than those `shown`, each counted once.

    Contacts without a value form a group as well.
    """
    others = [str(key) for key in asked.count(by=dimension).index if key not in shown]
    if not others:
        return 0
    rest = asked.under(Filter.to({dimension.key: others}))
    return int(rest.count(audience.facts(terms)).iloc[0][counted])
