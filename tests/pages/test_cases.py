"""Small workspaces that other dashboards have been seen to get wrong."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lib.outputs.columns import Table
from tests.fake_chatbotx import FakeChatbotx, Workspace
from tests.pages.conftest import (
    Connect,
    answer,
    changes,
    chips,
    markup,
    numbers,
    open_page,
    table,
    text,
)

CASES = Path(__file__).parents[1] / "data" / "cases"

Opened = Callable[[str], None]


@pytest.fixture
def workspace(connect: Connect, edge_server: FakeChatbotx) -> Opened:
    """`workspace(name)` connects the dashboard to one of the cases."""

    def workspace(name: str) -> None:
        contacts = json.loads((CASES / f"{name}.json").read_text("utf-8"))
        edge_server.workspaces["case"] = Workspace(contacts)
        connect("case")

    return workspace


def options(page: AppTest, key: str) -> list[str]:
    """Options of a sidebar filter."""
    return list(page.multiselect(key=f"pick-{key}").options)


class TestTagsWithOneBeginning:
    def test_their_labels_differ_and_each_is_its_own_tag(self, workspace: Opened) -> None:
        workspace("filter-same-label")
        page = open_page(period="all")
        january, february = options(page, "tag")[:2]
        assert january != february
        page.multiselect(key="pick-tag").set_value(["702"]).run()
        assert page.query_params["tag"] == "702"
        assert "February" in chips(page)[0]

    def test_a_link_to_one_of_them_stays_on_it(self, workspace: Opened) -> None:
        workspace("filter-same-label")
        page = open_page(period="all", tag="702")
        assert page.multiselect(key="pick-tag").value == ["702"]
        assert "2026 February" in text(page)

    def test_choosing_all_of_them_chooses_each(self, workspace: Opened) -> None:
        workspace("filter-same-label")
        page = open_page(period="all")
        page.multiselect(key="pick-tag").set_value(["701", "702"]).run()
        assert page.query_params["tag"] == ["701", "702"]


class TestAChannelCalledNone:
    def test_it_is_a_channel_and_those_without_are_another_row(self, workspace: Opened) -> None:
        workspace("channel-called-none")
        offered = options(open_page(period="all"), "channel")
        assert len([label for label in offered if label.startswith("No channel")]) == 1
        assert len([label for label in offered if label.startswith("none")]) == 1

    def test_each_is_filtered_by_itself(self, workspace: Opened) -> None:
        workspace("channel-called-none")
        everybody = int(numbers(open_page(period="all"))["Contacts"])
        called_so = int(numbers(open_page(period="all", channel='"none"'))["Contacts"])
        without = int(numbers(open_page(period="all", channel="none"))["Contacts"])
        assert 0 < called_so < everybody
        assert 0 < without <= everybody - called_so


def test_no_name_turns_the_direction_of_the_text_beside_it(workspace: Opened) -> None:
    workspace("bidi-in-tables")
    offered = options(open_page(period="all"), "tag")
    assert not [label for label in offered if set(label) & set("\u202a\u202b\u202d\u202e\u2067")]
    assert len(offered) == len({label.replace("\u200b", "") for label in offered})


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [
        ("2010-01-01", "2026-06-30", "month"),
        ("1990-05-17", "2026-06-30", "quarter"),
        ("1969-12-31", "2199-12-31", "year"),
    ],
)
def test_channels_of_decades_are_drawn_and_counted_in_the_same_steps(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, start: str, end: str, step: str
) -> None:
    drawn: dict[str, tuple[go.Figure, Callable[[], Table]]] = {}

    def show(title: str, figure: go.Figure, table: Callable[[], Table], **_: object) -> None:
        drawn[title] = figure, table

    connect()
    monkeypatch.setattr("lib.ui.charts.show", show)
    open_page("channels", **{"from": start, "to": end})
    figure, table = drawn[f"New contacts per {step}"]
    first, *_, each_once = table().columns
    assert {len(column) for column in table().columns} == {len(first)}
    assert {len(trace.x) for trace in figure.data} == {len(first)}
    assert list(figure.data[-1].text) == [f"{number or ''}" for number in each_once.values]
    assert sum(each_once.values) == 137


def test_the_day_before_1970_can_be_chosen(connect: Connect, edge_server: FakeChatbotx) -> None:
    contact = json.loads((CASES / "filter-same-label.json").read_text("utf-8"))[0]
    contact |= {"createdAt": "1970-01-01T00:00:00.000Z"}
    edge_server.workspaces["case"] = Workspace([contact])
    connect("case")
    page = open_page(period="all", tz="America/Sao_Paulo")
    page.selectbox(key="pick-preset").set_value("dates").run()
    assert page.query_params["from"] == "1969-12-31"
    assert not page.warning
    assert numbers(page)["New"] == "1"


OCTOBER = {"from": "2026-10-01", "to": "2026-10-31"}


class TestAPeriodThatIsOver:
    def test_notes_say_what_came_in_it_and_not_since(self, workspace: Opened) -> None:
        workspace("overview-notes-past-period")
        beside = changes(open_page(**OCTOBER, bot="silent"))
        assert beside["Waiting for a person"].startswith("1 wrote")
        assert beside["Unassigned"].startswith("1 last active")

    def test_a_rate_changed_by_what_lies_between_the_two_ends(self, workspace: Opened) -> None:
        workspace("optin-change-past-period")
        assert changes(open_page(**OCTOBER))["Broadcast opt-in"].startswith("+25.0 points")


def test_growth_that_changes_its_sign_has_no_percentage(workspace: Opened) -> None:
    workspace("net-growth-percent")
    page = open_page(**{"from": "2026-11-01", "to": "2026-11-28"})
    assert changes(page)["Net growth"].startswith("−12 ")


def test_the_bar_of_the_others_counts_each_contact_once(workspace: Opened) -> None:
    workspace("other-bar-double-counts")
    page = open_page(period="all")
    page.button_group(key="overview-counted").set_value("All").run()
    charts = {
        json.loads(chart.proto.spec)["layout"]["yaxis"]["ticktext"][-1]: json.loads(
            chart.proto.spec
        )["data"][0]["text"][-1]
        for chart in page.get("plotly_chart")
        if "ticktext" in json.loads(chart.proto.spec)["layout"]["yaxis"]
    }
    assert [number for name, number in charts.items() if name.startswith("other")] == ["3"]


def test_a_wait_is_never_negative(workspace: Opened) -> None:
    workspace("negative-wait")
    page = open_page("workload", bot="silent")
    assert "0 min" in [row["Waiting"] for row in table(page, "Waiting")]
    assert "-35" not in markup(page)
    page = open_page("data")
    assert "when they wrote: 1" in text(page).replace("\\", "")


def test_tables_and_figures_write_a_name_alike(workspace: Opened) -> None:
    workspace("bidi-in-tables")
    page = open_page("tags", period="all")
    names = [row["Tag"] for row in table(page, "Tag")]
    assert not [name for name in names if set(name) & set("\u202a\u202b\u202d\u202e\u2067")]
    assert [name for name in names if name.startswith("evil")]


def test_no_channel_is_never_said_to_bring_people(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    contacts = json.loads((CASES / "filter-same-label.json").read_text("utf-8"))
    one = contacts[0] | {"createdAt": "2026-06-10T12:00:00.000Z"}
    whatsapp = [one | {"id": f"{n}"} for n in (1, 2)]
    without = [one | {"id": f"{n}", "contactInboxes": []} for n in range(3, 11)]
    edge_server.workspaces["case"] = Workspace(whatsapp + without)
    connect("case")
    june = {"from": "2026-06-01", "to": "2026-06-30"}
    assert "WhatsApp brought 2 of them" in answer(open_page(**june))
    assert "No channel" not in answer(open_page("channels", **june))


def test_a_single_day_is_told_beside_what_is_usual_on_its_weekday(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    days = ["2026-06-27"] * 3 + [f"2026-{day}" for day in ("06-20", "06-13", "06-06", "05-30")]
    days += ["2026-05-23"] * 2 + ["2026-06-28"]
    edge_server.workspaces["case"] = Workspace(
        [
            {"id": str(number), "createdAt": f"{day}T12:00:00.000Z", "updatedAt": None}
            for number, day in enumerate(days, 1)
        ]
    )
    connect("case")
    page = open_page(**{"from": "2026-06-27", "to": "2026-06-27"})
    assert "a usual Saturday has 1" in text(page)
    sunday = open_page(**{"from": "2026-06-28", "to": "2026-06-28"})
    assert "a usual Sunday has none" in text(sunday)


def test_a_channel_with_a_comma_in_its_name_is_one_channel_in_the_queue(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    contacts = json.loads((CASES / "negative-wait.json").read_text("utf-8"))
    for contact in contacts:
        for inbox in contact["contactInboxes"]:
            inbox["channel"] = inbox["inbox"]["channel"] = "sms, viber"
    edge_server.workspaces["case"] = Workspace(contacts)
    connect("case")
    page = open_page("workload", bot="silent")
    assert "sms, viber" in markup(page)
    assert "sms and" not in markup(page) + text(page)


Told = Callable[[int, int], str]


@pytest.fixture
def told(connect: Connect, edge_server: FakeChatbotx) -> Told:
    """`told(contacts, without_id)` is what the Data page says about that many contacts."""

    def told(contacts: int, without_id: int) -> str:
        sent = json.loads((CASES / "csv-locale.json").read_text("utf-8"))[: contacts + without_id]
        for contact in sent[contacts:]:
            contact["id"] = ""
        edge_server.workspaces["case"] = Workspace(sent)
        connect("case")
        return answer(open_page("data", period="all"))

    return told


class TestSentencesAboutOneContact:
    def test_the_only_one_of_a_workspace(self, told: Told) -> None:
        sentence = told(1, 0)
        assert sentence.startswith("The **only contact** that existed at ")
        assert sentence.endswith(" is here, exactly once.")

    def test_one_beside_others_that_could_not_be_counted(self, told: Told) -> None:
        assert told(1, 2) == (
            "**1 contact** is here, exactly once; 2 contacts could not be counted, as they have "
            "no id."
        )

    def test_one_that_could_not_be_counted_beside_others(self, told: Told) -> None:
        assert told(2, 1) == (
            "**2 contacts** are here, each exactly once; 1 contact could not be counted, as it "
            "has no id."
        )


def talking(**conversation: object) -> dict[str, object]:
    """A contact with an open conversation."""
    return {
        "id": "1",
        "createdAt": "2026-06-10T12:00:00.000Z",
        "updatedAt": None,
        "conversation": {"id": "9", "contactId": "1", "archivedAt": None} | conversation,
    }


WROTE = {"contactRepliedAt": "2026-06-20T12:00:00.000Z"}


@pytest.mark.parametrize(
    ("conversation", "sentence"),
    [
        pytest.param(
            {"botEnabled": True} | WROTE,
            "Nobody waits for a person: of 1 open conversation, 1 is left to the bot.",
            id="left to the bot",
        ),
        pytest.param(
            {"botEnabled": False},
            "Nobody is waiting: the only open conversation is answered.",
            id="answered",
        ),
        pytest.param(
            {"botEnabled": False} | WROTE,
            "**1 conversation** waits for a person, and has waited for a week or more; 1 open one "
            "is assigned to nobody.",
            id="waiting",
        ),
    ],
)
def test_a_workspace_with_one_open_conversation(
    connect: Connect,
    edge_server: FakeChatbotx,
    conversation: dict[str, object],
    sentence: str,
) -> None:
    edge_server.workspaces["case"] = Workspace([talking(**conversation)])
    connect("case")
    assert answer(open_page("workload")) == sentence


Saved = Callable[[str], list[list[str]]]


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> Saved:
    """`saved(key)` is the CSV of a table on the page opened last, split at semicolons."""
    offered: dict[object, Callable[[], bytes]] = {}
    draw = st.download_button

    def offer(label: str, data: Callable[[], bytes], **named: Any) -> bool:
        offered[named.get("key")] = data
        return draw(label, data, **named)

    monkeypatch.setattr(st, "download_button", offer)

    def saved(key: str) -> list[list[str]]:
        text = offered[f"csv-{key}"]().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))

    return saved


@pytest.mark.usefixtures("set_locale")
def test_a_file_for_brazil_has_raw_values_as_its_spreadsheets_read_them(
    connect: Connect, edge_server: FakeChatbotx, saved: Saved
) -> None:
    contacts = json.loads((CASES / "csv-locale.json").read_text("utf-8"))
    edge_server.workspaces["case"] = Workspace(contacts)
    connect("case", locale="pt-BR")
    open_page("tags", period="all")
    heads, client = saved("tags")[:2]
    row = dict(zip(heads, client, strict=True))
    assert (row["Tag"], row["Contacts"]) == ("Cliente", "6")
    # Two of six, with its Wilson interval in columns of its own.
    assert row["Broadcast opt-in"] == "0,333333"
    assert row["Broadcast likely range from"] == "0,096771"
    assert row["Broadcast likely range to"] == "0,700007"
    # A rate of nobody is empty, without a placeholder.
    assert row["E-mail opt-in"] == ""


def test_ids_that_came_with_other_contents_are_counted_on_the_page(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    """2,000 contacts, every second one sent under the ID of the next."""
    first = json.loads((CASES / "csv-locale.json").read_text("utf-8"))[0]
    contacts = [
        first
        | {
            "id": str(1 + number),
            "createdAt": f"2026-06-10T{number // 60:02}:{number % 60:02}:00.000Z",
            "fullName": f"P {number}",
        }
        for number in range(1000)
    ]
    contacts += [
        contact
        | {"id": str(1001 + number), "createdAt": contact["createdAt"].replace("-10T", "-11T")}
        for number, contact in enumerate(contacts)
    ]
    for place in range(0, 2000, 2):
        # The fake knows it by another ID than the one it sends.
        contacts[place] |= {"_id": contacts[place]["id"], "id": contacts[place + 1]["id"]}
    edge_server.workspaces["case"] = Workspace(contacts)
    connect("case")
    page = open_page("data", period="all")
    assert "Ids that came again with other contents | 1,000 |" in text(page).replace("\\", "")
    assert "All **1,000 contacts** that existed" in text(page)


def test_a_channel_that_brought_one_contact_brought_no_contacts_in_the_plural(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    contacts = json.loads((CASES / "filter-same-label.json").read_text("utf-8"))
    one = contacts[0] | {"createdAt": "2026-06-10T12:00:00.000Z"}
    edge_server.workspaces["case"] = Workspace([one])
    connect("case")
    days = {"from": "2026-06-10", "to": "2026-06-10"}
    for given in (days, days | {"channel": "whatsapp"}):
        sentence = answer(open_page("channels", **given))
        assert sentence == "**WhatsApp** brought 1 new contact on 10 Jun 2026."
    # With no other channel, nothing is faded, and nothing says so.
    assert "Faded" not in text(open_page("channels", **days, channel="whatsapp"))


def test_a_channel_that_is_chosen_alone_is_not_said_to_bring_a_share(connect: Connect) -> None:
    connect()
    sentence = answer(open_page("channels", channel="whatsapp", period="all"))
    assert sentence.startswith("**WhatsApp** brought ")
    assert " of the " not in sentence
    assert "fell most" not in sentence


def test_a_channel_that_brought_few_before_is_not_said_to_have_fallen(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    def came(number: int, day: str, channel: str) -> dict[str, object]:
        inbox = {"id": channel, "channel": channel, "inbox": {"id": channel, "name": channel}}
        created = f"2026-{day}T12:00:00.000Z"
        return {"id": str(number), "createdAt": created, "contactInboxes": [inbox]}

    before = [("telegram", 29), ("whatsapp", 31)]
    names = [channel for channel, number in before for _ in range(number)]
    contacts = [came(number, "05-20", channel) for number, channel in enumerate(names, 1)]
    contacts += [came(number, "06-10", "whatsapp") for number in range(101, 131)]
    edge_server.workspaces["case"] = Workspace(contacts)
    connect("case")
    sentence = open_page("channels", **{"from": "2026-06-01", "to": "2026-06-30"})
    assert "WhatsApp fell most: 30, after 31 " in answer(sentence)
