import gc
import weakref

from lib.engines.memory import MemoryEngine
from lib.engines.questions import Expressions, Facts, Filter
from lib.metrics import audience, opt_in, workload
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
