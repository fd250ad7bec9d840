"""The rules of what is on screen, page by page: true words, true contexts, nothing to guess."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from lib.outputs.shown import Item, NumberShown, NumbersShown
from tests.fake_chatbotx import Contact, FakeChatbotx, Workspace
from tests.pages.conftest import (
    JUNE,
    Connect,
    answer,
    changes,
    markup,
    open_page,
    table,
    text,
)
from tests.switching import PATHS
from tests.workspaces import contact, conversation, on, tagged

RETIRED = (
    "Orphaned",
    "Reach at risk",
    "24-hour window",
    "Gini",
    "Awaiting reply",
    "How filled the fields are",
    "told by the language",
    "Repeated after trouble",
    "Way of reading",
    "Everything, to take with you",
    "Broadcast 95%",
    "Similarity",
    "Nobody came",
    "By month of subscription",
    "As a table",
)
"""Names that managers did not understand; each has a plain one."""


@pytest.mark.parametrize("name", PATHS)
def test_a_page_speaks_plainly_and_every_chart_has_its_message_in_words(
    connect: Connect, name: str
) -> None:
    connect()
    page = open_page(name, **JUNE)
    # What a number means stands behind a question mark, and may name the field's own term.
    told = re.sub("<details.*?</details>", "", markup(page), flags=re.DOTALL) + text(page)
    assert [word for word in RETIRED if word in told] == []
    assert bool(re.search(r"subscribed \W*createdAt", told)) == (name == "data")
    charts = page.get("plotly_chart")
    assert charts or name == "changes"
    assert [chart.proto.alt for chart in charts if not chart.proto.alt.endswith(".")] == []


@pytest.mark.parametrize(
    ("name", "cards"),
    [("countries", ["Contacts", "Countries"]), ("tags", ["Contacts", "Broadcast opt-in"])],
)
def test_a_number_of_today_beside_one_of_the_period_says_so(
    connect: Connect, name: str, cards: list[str]
) -> None:
    connect()
    beside = changes(open_page(name, **JUNE))
    assert [card for card in cards if not beside[card].startswith("right now")] == []


def test_of_a_period_that_is_over_the_overview_says_that_contacts_are_those_of_today(
    connect: Connect,
) -> None:
    connect()
    assert changes(open_page(**JUNE))["Contacts"].startswith("right now: ")


def test_the_shades_of_the_map_stand_for_the_same_under_a_filter(connect: Connect) -> None:
    connect()

    def scale(page: AppTest) -> str:
        found = re.search(r'class="scale".*?</p>', markup(page), re.DOTALL)
        assert found is not None
        return found[0]

    whole = scale(open_page("countries", **JUNE))
    # The largest country has more than ten.
    assert "20 new contacts" in whole
    assert scale(open_page("countries", **JUNE, country="BR")) == whole
    assert scale(open_page("countries", **JUNE, countries="recorded")) == whole


@pytest.mark.parametrize(
    "days", [JUNE, {"period": "dates", "from": "2026-06-10", "to": "2026-06-10"}]
)
def test_faded_bars_and_the_table_under_them_say_what_they_count(
    connect: Connect, days: dict[str, str]
) -> None:
    connect()
    faded = "Faded: the other channels, counted as without the filter by channel."
    within = "Only contacts that pass the filter by channel are counted."
    everybody = text(open_page("channels", **days))
    assert (faded in everybody, within in everybody) == (False, False)
    chosen = text(open_page("channels", **days, channel="whatsapp"))
    assert (faded in chosen, within in chosen) == (True, True)


@pytest.mark.parametrize(
    ("first", "step"), [("2026-06-17", "day"), ("2026-02-01", "week"), ("2024-06-01", "month")]
)
def test_a_title_says_what_a_bar_counts(connect: Connect, first: str, step: str) -> None:
    connect()
    days = JUNE | {"from": first}
    assert f"New and lost contacts per {step}" in [head.value for head in open_page(**days).header]


@pytest.mark.usefixtures("set_locale")
def test_a_date_that_ends_in_a_point_begins_no_list(connect: Connect) -> None:
    connect(locale="de-DE")
    page = open_page()
    told = [each.value for each in [*page.caption, *page.sidebar.caption, *page.markdown]]
    assert [each for each in told if re.match(r"\d+\. ", each)] == []
    assert [each for each in told if re.match(r"\d+\\. ", each)]


@pytest.mark.parametrize("channels", [["whatsapp", "telegram"], ["whatsapp"]])
def test_bars_higher_than_the_numbers_above_them_say_why(
    connect: Connect, edge_server: FakeChatbotx, channels: list[str]
) -> None:
    inboxes = [
        {"id": str(number), "channel": channel, "inbox": {"id": str(number), "name": channel}}
        for number, channel in enumerate(channels, 1)
    ]
    one = {"id": "1", "createdAt": "2026-06-10T12:00:00.000Z", "updatedAt": None}
    edge_server.workspaces["case"] = Workspace([one | {"contactInboxes": inboxes}])
    connect("case")
    why = "the numbers above them count each contact once."
    assert (why in text(open_page("channels", **JUNE))) == (len(channels) > 1)


def test_a_day_has_its_channels_as_bars_and_no_slab_of_time(connect: Connect) -> None:
    connect()
    page = open_page("channels", period="today", tz="UTC")
    heads = [head.value for head in page.header]
    assert "New contacts by channel" in heads
    assert "New contacts per day" not in heads


def test_a_bar_of_the_ages_filters_the_queue(connect: Connect) -> None:
    connect(bot_answers="no")
    page = open_page("workload")
    everybody = table(page, "Waiting")
    page = open_page("workload", wait="over_7d")
    long = table(page, "Waiting")
    assert 0 < len(long) <= len(everybody)
    days = [int(row["Waiting"].partition(" d")[0].replace(",", "")) for row in long]
    assert min(days) >= 7
    assert f"**{len(long)} conversations wait** for a person: 7 d and more." in text(page)
    page.button(key="chip-wait").click().run()
    assert len(table(page, "Waiting")) == len(everybody)
    assert "wait" not in page.query_params


def test_another_list_is_a_whole_one(connect: Connect) -> None:
    connect(bot_answers="no")
    page = open_page("workload", queue="orphaned", wait="any")
    page.button_group(key="pick-queue").set_value("unread").run()
    assert page.query_params["queue"] == "unread"
    assert "wait" not in page.query_params


def test_a_list_says_what_its_times_count_from(connect: Connect) -> None:
    """Of the unread, many are answered, and do not wait."""
    connect()
    states = {
        row["State"] for row in table(open_page("workload", queue="unread"), "Waiting or idle")
    }
    assert "answered" in states
    waiting = table(open_page("workload", queue="orphaned", wait="any"), "Waiting")
    assert {row["State"] for row in waiting} <= {"never answered", "waiting"}


@pytest.fixture
def show(connect: Connect, edge_server: FakeChatbotx) -> Callable[..., None]:
    """`show(contacts)` points the dashboard at a workspace of these."""

    def connect_to(*contacts: Contact) -> None:
        edge_server.workspaces["own"] = Workspace(
            {"id": f"{number}", "updatedAt": each["createdAt"]} | each
            for number, each in enumerate(contacts, 1)
        )
        connect("own")

    return connect_to


def test_a_finding_counts_the_conversations_that_its_link_lists(
    show: Callable[..., None],
) -> None:
    """Two wait for nobody, one of them for a week; somebody else's has waited for a week; one was
    handed over and answered."""

    def talk(days: float, **fields: object) -> Contact:
        said = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%S.000Z}"
        talking = conversation(contactRepliedAt=said, botEnabled=False, **fields)
        return contact(talking, createdAt="2026-06-10T12:00:00.000Z")

    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    show(talk(1), talk(9), talk(9, assignedUserId="101"), talk(2, adminRepliedAt=now))
    told = text(open_page("overview")).replace("\\", "")
    assert "2 people wait for an answer that nobody is assigned to give." in told
    assert "2 people have waited for an answer for 7 days or more." in told
    for queue, wait in (("orphaned", "any"), ("waiting", "over_7d")):
        assert len(table(open_page("workload", queue=queue, wait=wait), "Waiting")) == 2
    assert len(table(open_page("workload", queue="orphaned"), "Waiting or idle")) == 3


def test_a_tag_that_all_have_has_no_dot_among_those_that_can_be_compared(
    show: Callable[..., None],
) -> None:
    both, only_one = (
        contact(on("line"), tagged(*tags), createdAt="2026-06-10T12:00:00.000Z")
        for tags in (("1", "2"), ("1",))
    )
    show(*[both] * 30, only_one)
    (chart,) = (
        each
        for each in open_page("tags").get("plotly_chart")
        if each.proto.alt.startswith("Difference")
    )
    assert "for 1 tag with" in chart.proto.alt
    assert json.loads(chart.proto.spec)["layout"]["yaxis"]["ticktext"] == ["name of 2"]


def test_a_page_filtered_by_tag_says_what_the_tag_brought_and_who_of_them_is_still_active(
    show: Callable[..., None],
) -> None:
    def came(day: str, **others: str) -> Contact:
        return contact(on("line"), tagged("1"), createdAt=f"{day}T12:00:00.000Z", **others)

    show(
        came("2026-05-10"),
        came("2026-06-10"),
        came("2026-06-11", blockedAt="2026-06-12T12:00:00.000Z"),
        contact(on("line"), createdAt="2026-06-10T12:00:00.000Z"),
    )
    assert answer(open_page("tags", **JUNE, tag="1")) == (
        "**3 contacts** are tagged name of 1, 2 of them active. "
        "2 are new from 1 Jun 2026 to 30 Jun 2026, after 1 in the 30 days before."
    )
    assert answer(open_page("tags", **JUNE, compare="none", tag="none")) == (
        "**1 contact** is untagged, all of them active. 1 is new from 1 Jun 2026 to 30 Jun 2026."
    )


def test_where_nobody_has_an_address_no_rate_of_mails_is_given(show: Callable[..., None]) -> None:
    show(contact(on("line"), createdAt="2026-06-10T12:00:00.000Z"))
    said = answer(open_page("opt_in"))
    assert said.startswith(
        "We may broadcast to **0.0% (0 of 1)** of the active contacts on a channel; none has an "
        "e-mail address."
    )


def test_the_overview_names_who_brought_the_new_contacts_among_the_chosen_channels(
    show: Callable[..., None],
) -> None:
    show(
        *[contact(on("line", "sms"), createdAt="2026-06-10T12:00:00.000Z")] * 2,
        contact(on("line", "zalo"), createdAt="2026-06-12T12:00:00.000Z"),
    )
    chosen = open_page(**JUNE, channel=["sms", "zalo"])
    assert "sms brought 2 of them" in answer(chosen)
    one = open_page(**JUNE | {"from": "2026-06-12"})
    assert "line brought it." in answer(one)


def test_at_most_three_findings_are_shown_before_more_are_asked_for(connect: Connect) -> None:
    connect(bot_answers="no")
    page = open_page(**JUNE)
    shown, _, others = markup(page).partition('<details class="others">')
    assert 0 < shown.count("Why am I seeing this?") <= 3
    assert (others.count("Why am I seeing this?") > 0) == bool(others)


@pytest.mark.parametrize(("new", "said"), [(8, "5 of them"), (40, "62.5% of them")])
def test_of_few_new_contacts_no_share_is_said(
    show: Callable[..., None], new: int, said: str
) -> None:
    show(
        *[
            contact(on(channel), createdAt="2026-06-10T12:00:00.000Z")
            for channel in ["whatsapp"] * (new * 5 // 8) + ["zalo"] * (new * 3 // 8)
        ]
    )
    assert f"WhatsApp brought {said}." in text(open_page("overview", **JUNE))


def test_since_the_first_contact_all_have_come_and_no_card_says_so(connect: Connect) -> None:
    connect()
    assert "wrote since the first contact" not in markup(open_page("overview", period="all"))
    assert "wrote in the last 90 days" in markup(open_page("overview", period="90d"))


def test_a_page_of_one_country_says_how_many_of_all_are_there(connect: Connect) -> None:
    connect()
    rows = {
        row["Country"]: row["Contacts"] for row in table(open_page("countries", **JUNE), "Country")
    }
    of_all = f"{100 * int(rows['Brazil']) / 137:.1f}%"
    said = text(open_page("countries", **JUNE, country="BR"))
    assert f"**{rows['Brazil']} contacts** are in Brazil, {of_all} of all." in said
    assert "All contacts are in" not in said
    other = text(open_page("countries", **JUNE, country="BR", channel="whatsapp"))
    assert "of those who pass the other filters." in other


@pytest.mark.parametrize(
    "chosen",
    [JUNE, JUNE | {"channel": "whatsapp"}, {"period": "all"}, {"period": "90d"}],
    ids=["June", "WhatsApp in June", "all", "90 days"],
)
def test_the_number_on_a_card_is_where_its_line_ends(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str]
) -> None:
    drawn: list[NumberShown] = []
    monkeypatch.setattr("lib.ui.cards.recorder.note", lambda item: drawn.extend(cards_in(item)))
    connect()
    open_page("overview", **chosen)
    cards = {card.name: card for card in drawn}
    net, new, contacts = cards["Net growth"], cards["New"], cards["Contacts"]
    assert net.trend[-1] == net.raw
    assert sum(new.trend) == new.raw
    assert contacts.trend == () or contacts.trend[-1] == contacts.raw


def cards_in(item: Item) -> Sequence[NumberShown]:
    return item.numbers if isinstance(item, NumbersShown) else ()


@pytest.mark.usefixtures("demo")
def test_the_sidebar_has_all_its_parts() -> None:
    page = open_page("overview")
    page.session_state["definitions"] = True
    sidebar = page.run().sidebar
    assert [each.label for each in sidebar.selectbox] == [
        "Period",
        "Compare with",
        "Time zone",
        "Subscribed means",
    ]
    assert [each.label for each in sidebar.multiselect] == [
        "Channels",
        "Countries",
        "Tags",
        "Sources",
        "Teams",
        "Agents",
    ]
    assert [each.label for each in sidebar.toggle] == [
        "The bot answers by itself",
        "Only recorded countries",
    ]
    assert "Reset" in [each.label for each in sidebar.button]
