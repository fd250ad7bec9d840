"""Each page on the recorded workspace, with its hostile names. Expected numbers are those of the
recorded report for June 2026 in São Paulo (tests/data/expected)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pages.conftest import JUNE, Connect, numbers, open_page, table, text

EXPECTED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data/expected/edge-sao-paulo-june.json").read_text("utf-8")
)
HOSTILE = "<b>bold</b><script>alert(1)</script>"


def test_overview_shows_growth_opt_in_and_workload(connect: Connect) -> None:
    connect()
    page = open_page(**JUNE)
    assert page.title[0].value == "How is our audience doing?"
    assert numbers(page) == {
        "Contacts": "137",
        "New": "25",
        "Net growth": "+24",
        "Broadcast opt-in": "51.2%",
        "E-mail opt-in": "89.4%",
        "Awaiting reply": "47",
        "Unassigned": "53",
    }
    assert "25 new contacts" in page.markdown[0].value
    assert "45.7% fewer than in the 30 days before" in page.markdown[0].value


def test_overview_compares_with_the_period_before(connect: Connect) -> None:
    connect()
    deltas = {metric.label: metric.delta for metric in open_page(**JUNE).metric}
    assert deltas["New"] == "-45.7%"  # 25 after 46


def test_overview_compares_nothing_when_told_not_to(connect: Connect) -> None:
    connect()
    page = open_page(**JUNE, compare="no")
    assert not [metric.delta for metric in page.metric if metric.delta]
    assert "before" not in page.markdown[0].value


def test_channels_are_those_of_the_report_beside_the_distinct_total(connect: Connect) -> None:
    connect()
    page = open_page("channels", **JUNE)
    rows = table(page, "Channel")
    shown = [(row["Contacts"], row["Active"], row["New"], row["New before"]) for row in rows]
    assert shown == [
        (row["contacts"], row["active"], row["new"], row["new_previous"])
        for row in EXPECTED["channels"]
    ]
    assert rows[0]["Channel"] == "WhatsApp"
    assert rows[-1]["Channel"] == "No channel"
    assert "**137 contacts**" in text(page)


def test_countries_are_those_of_the_report_with_how_they_were_told(connect: Connect) -> None:
    connect()
    page = open_page("countries", **JUNE)
    assert [row["Contacts"] for row in table(page, "Country")] == [
        row["contacts"] for row in EXPECTED["countries"]
    ]
    assert {row["Country is"]: row["Contacts"] for row in table(page, "Country is")} == {
        "recorded in ChatbotX": 88,
        "told by the phone number": 47,
        "told by the time zone": 0,
        "told by the language's region": 0,
        "not known": 2,
    }
    assert "43.8%" in page.markdown[0].value  # 60 of 137 in Brazil


def test_tags_are_those_of_the_report_as_plain_text(connect: Connect) -> None:
    connect()
    page = open_page("tags", **JUNE)
    rows = table(page, "Tag")
    assert [row["Tag"] for row in rows] == [row["tag"] for row in EXPECTED["tags"]]
    assert HOSTILE in [row["Tag"] for row in rows]
    assert HOSTILE not in text(page)


def test_opt_in_shows_rates_with_what_they_are_of(connect: Connect) -> None:
    connect()
    page = open_page("opt_in", **JUNE)
    assert numbers(page) == {
        "Broadcast opt-in": "51.2%",
        "E-mail opt-in": "89.4%",
        "Verified e-mail": "10.6%",
    }
    assert "51.2% (65 of 127)" in page.markdown[0].value


def test_workload_shows_what_does_not_depend_on_the_day(connect: Connect) -> None:
    connect()
    page = open_page("workload")
    expected = EXPECTED["workload"]
    shown = numbers(page)
    assert shown["Open conversations"] == str(expected["open"])
    assert shown["Awaiting reply"] == str(expected["awaiting_reply"])
    assert shown["Never answered"] == str(expected["never_answered"])
    assert shown["Orphaned hand-offs"] == str(expected["orphaned_handoff"])
    assert shown["Balance (Gini)"] == "0.25"
    assert {row["Agent"]: row["Open"] for row in table(page, "Agent")} == {
        agent["name"]: agent["open"] for agent in expected["agents"]
    }
    assert [row["Team"] for row in table(page, "Team")] == [
        team["name"] for team in expected["teams"]
    ]


def test_data_says_that_nothing_is_missing(connect: Connect) -> None:
    connect()
    page = open_page("data")
    assert page.markdown[0].value.startswith("All **137 contacts**")
    fields = {row["Field"]: row["Contacts"] for row in table(page, "Field")}
    assert fields["subscribedAt"] == 1
    assert fields["createdAt"] == 137


@pytest.mark.parametrize(
    "name", ["overview", "channels", "countries", "tags", "opt_in", "workload", "data"]
)
def test_no_page_lets_a_strangers_name_be_markup(connect: Connect, name: str) -> None:
    connect()
    page = open_page(name, **JUNE, tag=["604", "605"])
    assert "<script>" not in text(page)
    assert not [metric.label for metric in page.metric if "<" in metric.label]
    for chart in page.get("plotly_chart"):
        assert "<script>" not in chart.proto.spec


class TestFilters:
    def test_a_channel_in_the_link_narrows_every_number(self, connect: Connect) -> None:
        connect()
        page = open_page("channels", **JUNE, channel="whatsapp")
        assert numbers(page)["Contacts"] == "35"
        assert "only WhatsApp" in text(page)

    def test_values_of_one_filter_add_and_filters_combine(self, connect: Connect) -> None:
        connect()
        one = open_page(**JUNE, channel=["whatsapp", "telegram"], country="BR")
        brazil = open_page(**JUNE, country="BR")
        assert int(numbers(one)["Contacts"]) < int(numbers(brazil)["Contacts"]) == 60

    def test_an_unknown_value_is_dropped_with_a_note_and_nothing_else(
        self, connect: Connect
    ) -> None:
        connect()
        page = open_page(**JUNE, channel=["fax", "whatsapp"])
        assert numbers(page)["Contacts"] == "35"
        assert "“fax”" in page.warning[0].value

    def test_reversed_dates_are_swapped_with_a_note(self, connect: Connect) -> None:
        connect()
        page = open_page(**{"from": "2026-06-30", "to": "2026-06-01", "tz": "America/Sao_Paulo"})
        assert numbers(page)["New"] == "25"
        assert "swapped" in page.warning[0].value

    def test_an_unknown_zone_leaves_the_usual_one(self, connect: Connect) -> None:
        connect()
        page = open_page(tz="Mars/Olympus")
        assert "Olympus" in page.warning[0].value
        assert "UTC" in page.caption[0].value

    def test_an_unknown_parameter_changes_nothing(self, connect: Connect) -> None:
        connect()
        page = open_page(**JUNE, nonsense="1")
        assert numbers(page)["Contacts"] == "137"
        assert not page.warning

    def test_choosing_a_channel_narrows_and_reset_widens(self, connect: Connect) -> None:
        connect()
        page = open_page(**JUNE)
        page.multiselect(key="pick-channel").select("whatsapp").run()
        assert numbers(page)["Contacts"] == "35"
        next(button for button in page.button if button.label == "Reset").click().run()
        assert numbers(page)["Contacts"] == "137"
        assert page.selectbox(key="pick-preset").value == "30d"

    def test_nothing_passes_says_so_and_offers_the_way_back(self, connect: Connect) -> None:
        connect()
        page = open_page(**JUNE, channel="smtp", country="TW")
        assert page.title[0].value == "No contact passes these filters"
        next(button for button in page.button if button.label == "Show all contacts").click().run()
        assert numbers(page)["Contacts"] == "137"
        assert numbers(page)["New"] == "25"
