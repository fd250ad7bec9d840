import gc
import weakref
from datetime import date, timedelta

import numpy as np
import pytest

from lib.engines.memory import MemoryEngine
from lib.engines.questions import Bins, Expressions, Facts, Filter
from lib.metrics import audience, opt_in, workload
from lib.reference.periods import Period
from lib.store.dimensions import COUNTRY
from tests.engines.test_questions import bots
from tests.workspaces import contact, on, tables_of, terms


def test_looks_at_the_contacts_once_however_often_it_is_asked() -> None:
    asked, looked = MemoryEngine(tables_of(contact(on("sms")), contact())), []

    def about() -> Expressions:
        looked.append("again")
        return bots()

    for channel in ("sms", "", "line"):
        asked.under(Filter.to({"channel": [channel]})).count(Facts(about))
    asked.count(Facts(about), COUNTRY)

    assert looked == ["again"]


def test_tables_go_with_the_last_who_holds_them_and_not_when_the_collector_comes() -> None:
    tables = tables_of(contact(on("line")), contact(blockedAt="2026-06-02T00:00:00Z"))
    asked = MemoryEngine(tables)
    opt_in.over_time(asked, terms())
    audience.by_day(asked, terms())
    audience.by_channel(asked.under(Filter.to({"channel": ["line"]})), terms())
    workload.backlog_by_day(asked, terms())
    last = weakref.ref(tables)
    gc.disable()
    try:
        del tables, asked
        assert last() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("first", "last", "zone"),
    [
        (date(2026, 6, 1), date(2026, 6, 1), "UTC"),
        (date(2026, 3, 20), date(2026, 11, 5), "Europe/Berlin"),
        (
            date(2026, 3, 30),
            date(2026, 4, 10),
            "Australia/Lord_Howe",
        ),  # 30 minutes back
        (date(2026, 6, 1), date(2026, 6, 9), "Asia/Kathmandu"),
        (date(2011, 12, 28), date(2012, 1, 2), "Pacific/Apia"),  # without 30 December
        (date(2011, 12, 30), date(2011, 12, 30), "Pacific/Apia"),
        (date(1971, 12, 1), date(1972, 2, 1), "Africa/Monrovia"),  # from -00:44:30 to 0
        (date(1971, 6, 1), date(1973, 6, 1), "Africa/Monrovia"),  # too long for the grid
    ],
)
def test_a_time_is_in_the_step_that_has_begun_by_then(first: date, last: date, zone: str) -> None:
    period, a_microsecond = Period(first, last, zone), timedelta(microseconds=1)
    edges = period.edges()
    times = [edge + by for edge in edges for by in (-a_microsecond, timedelta(0), a_microsecond)]
    tables = tables_of(*({} for _ in times), {})
    tables.contacts["blocked"] = [*times, None]

    counted = MemoryEngine(tables).over_time(Bins(("blocked",), period))["contacts"]

    begun = [sum(edge <= moment for edge in edges) for moment in times]
    assert counted.tolist() == np.bincount([*begun, len(edges)], minlength=len(edges) + 1).tolist()
