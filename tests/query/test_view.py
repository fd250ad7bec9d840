from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from lib.chatbotx.crawl import Verdict
from lib.engines.questions import Engine
from lib.metrics.audience import by_tag
from lib.metrics.terms import Terms
from lib.query.choice import Choice
from lib.query.view import View, options, view_of
from lib.settings import Settings
from lib.store.dimensions import TAG
from lib.store.snapshot import Snapshot
from tests.workspaces import AS_OF, Json, choosing, contact, on, tables_of, tagged

SETTINGS = Settings(timezone="America/Sao_Paulo")
EVERYBODY = Choice()


def snapshot_of(*contacts: Json) -> Snapshot:
    return Snapshot(tables_of(*contacts), Verdict(AS_OF))


@pytest.fixture
def snapshot() -> Snapshot:
    return snapshot_of(
        contact(on("line"), tagged("601"), createdAt="2026-06-30T12:00:00Z"),
        contact(on("line"), createdAt="2025-01-02T01:00:00Z"),
        contact(on("sms"), createdAt="2026-02-01T12:00:00Z"),
    )


class Counting:
    """A metric that counts contacts and its own calls."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, asked: Engine, *arguments: object) -> int:
        self.asked += 1
        return int(asked.count()["contacts"][0])


def seen(snapshot: Snapshot, choice: Choice = EVERYBODY, settings: Settings = SETTINGS) -> View:
    return view_of(snapshot, choice, settings)


def test_a_number_is_reckoned_once_for_all_who_make_the_same_choice(snapshot: Snapshot) -> None:
    metric = Counting()
    numbers = [seen(snapshot, choosing(channel=("line",))).compute(metric) for _ in range(3)]
    assert (numbers, metric.asked) == ([2, 2, 2], 1)


def test_the_order_of_the_chosen_values_makes_no_other_choice(snapshot: Snapshot) -> None:
    metric = Counting()
    for channels in (("line", "sms"), ("sms", "line")):
        seen(snapshot, choosing(channel=channels)).compute(metric)
    assert metric.asked == 1


def test_other_filters_have_their_own_numbers(snapshot: Snapshot) -> None:
    metric = Counting()
    choices = [
        Choice(),
        choosing(channel=("line",)),
        choosing(tag=("601",)),
        choosing(channel=("sms",)),
    ]
    assert [seen(snapshot, choice).compute(metric) for choice in choices] == [3, 2, 1, 1]


def test_recorded_countries_have_their_own_numbers() -> None:
    snapshot = snapshot_of(contact(country="BR"), contact())
    metric = Counting()
    choices = [Choice(), Choice(recorded_only=True)]
    assert [seen(snapshot, choice).compute(metric) for choice in choices] == [2, 1]


def test_a_channel_is_not_taken_for_a_tag_of_the_same_key() -> None:
    snapshot = snapshot_of(contact(on("7")), contact(tagged("7")), contact(tagged("7")))
    metric = Counting()
    by_channel = seen(snapshot, choosing(channel=("7",))).compute(metric)
    assert (by_channel, seen(snapshot, choosing(tag=("7",))).compute(metric)) == (1, 2)


def test_other_terms_have_their_own_numbers(snapshot: Snapshot) -> None:
    def ask(asked: Engine, terms: Terms) -> Terms:
        return terms

    views = [seen(snapshot, choice) for choice in (Choice("7d"), Choice("30d"), Choice("year"))]
    assert [view.compute(ask, view.terms) for view in views] == [view.terms for view in views]


def test_other_metrics_have_their_own_numbers(snapshot: Snapshot) -> None:
    view = seen(snapshot)
    assert (view.compute(Counting()), view.compute(lambda asked: len(asked.names("tags")))) == (
        3,
        1,
    )


def test_another_snapshot_has_its_own_numbers(snapshot: Snapshot) -> None:
    metric = Counting()
    other = snapshot_of(contact())
    assert (seen(snapshot).compute(metric), seen(other).compute(metric)) == (3, 1)


def test_what_raises_is_not_kept_and_tried_again(snapshot: Snapshot) -> None:
    attempts = []

    def at_second(asked: Engine) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("not yet")
        return "done"

    with pytest.raises(ValueError, match="not yet"):
        seen(snapshot).compute(at_second)
    assert seen(snapshot).compute(at_second) == "done"


def test_many_who_ask_at_once_wait_for_one_reckoning(snapshot: Snapshot) -> None:
    asked, may_go = threading.Semaphore(0), threading.Event()
    reckonings = []

    def slow(asked: Engine) -> int:
        reckonings.append(threading.current_thread().name)
        may_go.wait(60)
        return 7

    numbers: list[int] = []

    def ask() -> None:
        view = seen(snapshot)
        asked.release()
        numbers.append(view.compute(slow))

    viewers = [threading.Thread(target=ask) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for _ in viewers:
        asked.acquire()
    may_go.set()
    for viewer in viewers:
        viewer.join(60)
    assert (numbers, len(reckonings)) == ([7] * 8, 1)


def test_one_slow_number_holds_up_no_other(snapshot: Snapshot) -> None:
    begun, may_go = threading.Event(), threading.Event()

    def slow(asked: Engine) -> int:
        begun.set()
        may_go.wait(60)
        return 7

    viewer = threading.Thread(target=lambda: seen(snapshot).compute(slow))
    viewer.start()
    begun.wait(60)
    number = seen(snapshot).compute(Counting())
    may_go.set()
    viewer.join(60)
    assert number == 3


def test_numbers_go_with_their_snapshot_at_once() -> None:
    class Result:
        pass

    snapshot = snapshot_of(contact(on("line"), tagged("601")))
    view = seen(snapshot, choosing(channel=("line",)))
    result = weakref.ref(view.compute(lambda tables: Result()))
    view.compute(by_tag, view.terms)
    tables, selected = weakref.ref(snapshot.tables), weakref.ref(view.asked)
    kept = weakref.ref(snapshot)
    assert result() is not None

    gc.disable()  # a million contacts must not wait for it
    try:
        del snapshot, view
        assert [each() for each in (kept, tables, selected, result)] == [None] * 4
    finally:
        gc.enable()


def test_the_whole_workspace_is_not_copied(snapshot: Snapshot) -> None:
    assert seen(snapshot).asked.tables() is snapshot.tables


def test_the_zone_and_the_basis_are_the_operators_until_somebody_chooses(
    snapshot: Snapshot,
) -> None:
    operator = seen(snapshot, settings=Settings(timezone="Asia/Tokyo", basis="subscribedAt")).terms
    chosen = seen(snapshot, Choice(timezone="UTC", basis="createdAt")).terms
    assert (operator.timezone, operator.basis) == ("Asia/Tokyo", "subscribedAt")
    assert (chosen.timezone, chosen.basis) == ("UTC", "createdAt")


def test_now_is_the_instant_of_the_snapshot(snapshot: Snapshot) -> None:
    terms = seen(snapshot, Choice("7d", timezone="Asia/Tokyo")).terms
    assert (terms.as_of, terms.period.end) == (AS_OF, date(2026, 7, 1))


def test_all_begins_with_the_first_contact_in_the_zone(snapshot: Snapshot) -> None:
    # 2025-01-02T01:00Z is still New Year's Day in São Paulo.
    assert seen(snapshot, Choice("all")).terms.period.start == date(2025, 1, 1)


def test_all_begins_with_the_first_contact_whatever_is_filtered(snapshot: Snapshot) -> None:
    period = seen(snapshot, choosing("all", channel=("sms",))).terms.period
    assert period.start == date(2025, 1, 1)


def test_all_of_an_empty_workspace_is_today() -> None:
    period = seen(snapshot_of(), Choice("all", timezone="UTC")).terms.period
    assert (period.start, period.end) == (date(2026, 7, 1), date(2026, 7, 1))


def test_a_view_is_empty_where_nobody_passes(snapshot: Snapshot) -> None:
    nobody = choosing(channel=("sms",), tag=("601",))
    assert [seen(snapshot, each).is_empty for each in (Choice(), nobody)] == [False, True]


def test_a_workspace_without_contacts_is_empty() -> None:
    assert seen(snapshot_of()).is_empty


def test_whether_anybody_passes_is_told_without_copying_their_rows(snapshot: Snapshot) -> None:
    view = seen(snapshot, choosing(tag=("601",)))
    assert not view.is_empty
    assert "contacts" not in vars(view.asked.tables())


@pytest.mark.parametrize(
    ("choice", "compares"),
    [(Choice(), True), (Choice(against="none"), False), (Choice("all"), False)],
)
def test_all_time_is_compared_with_nothing(
    snapshot: Snapshot, choice: Choice, compares: bool
) -> None:
    assert seen(snapshot, choice).compares == compares


def test_keys_of_a_table_get_the_names_that_people_know(snapshot: Snapshot) -> None:
    view = seen(snapshot)
    assert view.names(TAG, view.compute(by_tag, view.terms)) == ["Untagged", "name of 601"]


def test_the_options_are_made_once(snapshot: Snapshot) -> None:
    assert options(snapshot, Settings()) is options(snapshot, Settings())
    assert seen(snapshot).options is options(snapshot, Settings())


DATES = Choice("dates", date(2026, 6, 1), date(2026, 6, 30))


@pytest.mark.parametrize(
    ("choice", "during", "before"),
    [
        (Choice("7d"), "in the last 7 days", "in the 7 days before"),
        (Choice("30d"), "in the last 30 days", "in the 30 days before"),
        (Choice("90d"), "in the last 90 days", "in the 90 days before"),
        (Choice("month"), "this month", "in the month before"),
        (Choice("last-month"), "last month", "in the month before"),
        (Choice("year"), "this year", "in the year before"),
        (DATES, "from 1 Jun 2026 to 30 Jun 2026", "in the 30 days before"),
        (replace(DATES, end=date(2026, 6, 1)), "on 1 Jun 2026", "on the Monday before"),
        (
            replace(DATES, start=date(2020, 1, 1)),
            "from 1 Jan 2020 to 30 Jun 2026",
            "in the 2,373 days before",
        ),
    ],
    ids=str,
)
def test_the_period_reads_as_part_of_a_sentence(
    snapshot: Snapshot, choice: Choice, during: str, before: str
) -> None:
    # In São Paulo it is 30 June at AS_OF.
    view = seen(snapshot, choice)
    assert (view.during, view.before) == (during, before)


def test_all_time_reads_as_part_of_a_sentence(snapshot: Snapshot) -> None:
    assert seen(snapshot, Choice("all")).during == "since the first contact"


def test_the_first_of_a_month_is_compared_with_the_month_before() -> None:
    snapshot = Snapshot(tables_of(contact()), Verdict(datetime(2026, 7, 1, 12, tzinfo=UTC)))
    assert seen(snapshot, Choice("month")).before == "in the month before"


def test_a_view_knows_where_chatbotx_shows_a_conversation(snapshot: Snapshot) -> None:
    settings = Settings(token="t", base_url="https://example.com/api")
    assert seen(replace(snapshot, workspace_id="299"), settings=settings).inbox_url == (
        "https://example.com/space/299/inbox?conversationId="
    )


def test_a_view_of_the_demo_knows_no_such_place(snapshot: Snapshot) -> None:
    assert seen(replace(snapshot, workspace_id="299"), settings=Settings()).inbox_url is None


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2199-01-01", "2199-01-02", "This period has not begun: the data is of"),
        ("2024-12-31", "2024-12-31", "was over before the first contact came, on 1 Jan 2025."),
        ("2024-12-31", "2025-01-01", None),
        ("2025-01-01", "2025-01-01", None),
    ],
)
def test_a_period_to_come_or_before_the_first_contact_says_so(
    snapshot: Snapshot, start: str, end: str, said: str | None
) -> None:
    choice = Choice("dates", date.fromisoformat(start), date.fromisoformat(end))
    view = seen(snapshot, choice)
    assert (view.caveat is None) if said is None else (said in (view.caveat or ""))
    is_to_come = said is not None and "has not begun" in said
    assert view.is_to_come == is_to_come
    assert (view.nothing("Nothing") == "This period is still to come.") == is_to_come


def test_an_empty_workspace_has_no_first_contact_to_be_before() -> None:
    choice = Choice("dates", date(2000, 1, 1), date(2000, 1, 1))
    assert seen(snapshot_of(), choice).caveat is None


@pytest.mark.parametrize(
    ("configured", "chosen", "answers"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_whether_the_bot_answers_is_as_configured_until_somebody_chooses(
    snapshot: Snapshot, configured: bool, chosen: bool | None, answers: bool
) -> None:
    view = seen(snapshot, Choice(bot_answers=chosen), Settings(bot_answers=configured))
    assert view.terms.bot_answers == answers
