"""Small workspaces that other dashboards have been seen to show wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.fake_chatbotx import FakeChatbotx, Workspace
from tests.pages.conftest import (
    Connect,
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
    """What a filter of the sidebar offers."""
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

    def test_what_has_not_begun_has_nothing_in_it(self, workspace: Opened) -> None:
        workspace("overview-notes-past-period")
        beside = changes(open_page(**{"from": "2027-01-01", "to": "2027-01-31"}, bot="silent"))
        assert beside["Waiting for a person"].startswith("0 wrote")
        assert beside["Unassigned"].startswith("0 last active")

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
    assert "WhatsApp brought 20.0% of them" in open_page(**june).markdown[0].value
    assert "No channel" not in open_page("channels", **june).markdown[0].value


def test_a_single_day_is_told_beside_what_is_usual_on_its_weekday(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    days = ["2026-06-27"] * 3 + [f"2026-{day}" for day in ("06-20", "06-13", "06-06", "05-30")]
    days += ["2026-05-23"] * 2
    edge_server.workspaces["case"] = Workspace(
        [
            {"id": str(number), "createdAt": f"{day}T12:00:00.000Z", "updatedAt": None}
            for number, day in enumerate(days, 1)
        ]
    )
    connect("case")
    page = open_page(**{"from": "2026-06-27", "to": "2026-06-27"})
    assert "a usual Saturday has 1" in text(page)


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


def test_contacts_that_could_not_be_counted_are_not_passed_over(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    contacts = json.loads((CASES / "csv-locale.json").read_text("utf-8"))[:3]
    for contact in contacts[1:]:
        contact["id"] = ""
    edge_server.workspaces["case"] = Workspace(contacts)
    connect("case")
    page = open_page("data", period="all")
    assert "2 contacts could not be counted" in text(page)
