"""Each page on the recorded workspace, with its hostile names. Expected numbers are those of the
recorded report for June 2026 in São Paulo (tests/data/expected)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from lib.reference import escaping
from lib.settings.hosting import is_on_community_cloud
from lib.ui.tables import MOST_ROWS
from tests.fake_chatbotx import Contact, FakeChatbotx
from tests.pages.conftest import (
    JUNE,
    Connect,
    Row,
    answer,
    changes,
    chips,
    downloads,
    links,
    markup,
    numbers,
    open_page,
    question,
    remove,
    table,
    tables,
    text,
)

EXPECTED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data/expected/edge-sao-paulo-june.json").read_text("utf-8")
)
HOSTILE = "<b>bold</b><script>alert(1)</script>"


def test_overview_shows_growth_opt_in_and_workload(connect: Connect) -> None:
    connect()
    page = open_page(**JUNE)
    assert question(page) == "How is our audience doing?"
    assert numbers(page) == {
        "New": "25",
        "Net growth": "+24",
        "Contacts": "137",
        "Broadcast opt-in": "51.2%",
        "Waiting for a person": "9",
        "Unassigned": "53",
    }
    assert "25 new contacts" in answer(page)
    assert "45.7% fewer than in the 30 days before" in answer(page)


def test_overview_compares_with_the_period_before(connect: Connect) -> None:
    connect()
    assert changes(open_page(**JUNE))["New"] == "−45.7% vs 46"


def test_overview_compares_nothing_when_told_not_to(connect: Connect) -> None:
    connect()
    page = open_page(**JUNE, compare="no")
    assert not [beside for beside in changes(page).values() if "vs" in beside or "%" in beside]
    assert "before" not in answer(page)


def test_channels_are_those_of_the_report_beside_the_distinct_total(connect: Connect) -> None:
    connect()
    page = open_page("channels", **JUNE)
    rows = table(page, "Channel")
    shown = [(row["Contacts"], row["Active"], row["New"], row["New before"]) for row in rows]
    assert shown == [
        tuple(str(row[key]) for key in ("contacts", "active", "new", "new_previous"))
        for row in EXPECTED["channels"]
    ]
    assert rows[0]["Channel"] == "WhatsApp"
    assert rows[-1]["Channel"] == "No channel"
    assert "**137 contacts**" in text(page)


def test_countries_are_those_of_the_report_with_how_they_were_told(connect: Connect) -> None:
    connect()
    page = open_page("countries", **JUNE)
    assert [row["Contacts"] for row in table(page, "Country")] == [
        str(row["contacts"]) for row in EXPECTED["countries"]
    ]
    assert {row["Country is"]: row["Contacts"] for row in table(page, "Country is")} == {
        "recorded in ChatbotX": "88",
        "inferred from the phone number": "47",
        "inferred from the time zone": "0",
        "guessed from language": "0",
        "not known": "2",
    }
    assert "43.8%" in answer(page)  # 60 of 137 in Brazil


def test_tags_are_those_of_the_report_as_plain_text(connect: Connect) -> None:
    connect()
    page = open_page("tags", **JUNE)
    rows = table(page, "Tag")
    names = [escaping.visible(row["tag"] or "Untagged").strip() for row in EXPECTED["tags"]]
    assert [row["Tag"] for row in rows] == names
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
    assert "51.2% (65 of 127)" in answer(page)


def test_workload_shows_what_does_not_depend_on_the_day(connect: Connect) -> None:
    connect()
    page = open_page("workload")
    expected = EXPECTED["workload"]
    shown = numbers(page)
    assert changes(page)["Waiting for a person"] == (
        f"of {expected['open']} open, {expected['left_to_bot']} left to the bot"
    )
    assert shown["Waiting for a person"] == str(expected["awaiting_reply"])
    assert shown["Never answered"] == str(expected["never_answered"])
    assert shown["Handed over, nobody took it"] == str(expected["orphaned_handoff"])


def test_agents_are_those_of_the_report_with_their_load_drawn_beside_their_numbers(
    connect: Connect,
) -> None:
    connect()
    page = open_page("workload")
    agents = EXPECTED["workload"]["agents"]
    assert {row["Agent"]: row["Open"] for row in table(page, "Agent")} == {
        agent["name"]: str(agent["open"]) for agent in agents
    }
    assert markup(page).count('class="stack"') == len(agents)


def test_those_come_first_for_whom_most_people_wait(connect: Connect) -> None:
    connect(bot_answers="no")
    waiting = [int(row["Waiting"]) for row in table(open_page("workload"), "Agent")]
    assert waiting == sorted(waiting, reverse=True)
    assert waiting[0] > 0


def test_data_says_how_evenly_work_is_shared(connect: Connect) -> None:
    connect()
    page = open_page("data")
    assert numbers(page)["How evenly work is shared"] == "0.25"
    assert [row["Team"] for row in table(page, "Team")] == [
        team["name"] for team in EXPECTED["workload"]["teams"]
    ]


def test_data_says_that_nothing_is_missing(connect: Connect) -> None:
    connect()
    page = open_page("data")
    assert answer(page).startswith("All **137 contacts**")
    fields = {row["Field"]: row["Contacts"] for row in table(page, "Field")}
    assert fields["subscribedAt"] == "1"
    assert fields["createdAt"] == "137"


def test_data_says_where_the_disk_does_not_last_and_what_to_do(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    assert "CHATBOTX_STORE" not in text(open_page("data"))
    monkeypatch.setattr(
        "lib.settings.hosting.is_on_community_cloud",
        lambda: is_on_community_cloud(Path("/mount/src/audience/lib/settings/hosting.py")),
    )
    said = text(open_page("data"))
    assert "Streamlit Community Cloud keeps no disk" in said
    assert "CHATBOTX_STORE" in said


@pytest.mark.parametrize(
    "name", ["overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data"]
)
def test_no_page_lets_a_strangers_name_be_markup(connect: Connect, name: str) -> None:
    connect()
    page = open_page(name, **JUNE, tag=["604", "605"])
    elements = [*page.title, *page.markdown, *page.caption, *page.header]
    assert not [each.value for each in elements if "<script>" in each.value]
    assert "<script>alert" not in markup(page)
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
        assert "(UTC)" in text(page)

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


ZONE = {"tz": JUNE["tz"]}


class TestChips:
    def test_without_a_filter_there_are_none(self, connect: Connect) -> None:
        connect()
        assert chips(open_page(**ZONE)) == []

    @pytest.mark.parametrize("name", ["overview", "workload"])
    def test_every_limit_in_the_link_has_one(self, connect: Connect, name: str) -> None:
        connect()
        page = open_page(
            name,
            **JUNE,
            channel=["whatsapp", "tiktok"],
            country="US",
            tag="607",
            team="201",
            agent="none",
            source="recorded",
            compare="no",
            queue="unread",
        )
        assert chips(page) == [
            "WhatsApp",
            "TikTok",
            "United States",
            "spaced",
            "Support",
            "No agent",
            "Recorded countries",
            "1 Jun 2026 to 30 Jun 2026",
        ]

    def test_a_click_takes_off_its_limit_and_no_other(self, connect: Connect) -> None:
        connect()
        page = open_page("channels", **JUNE, channel=["whatsapp", "telegram"], country="BR")
        both = numbers(page)["Contacts"]
        remove(page, "Telegram")
        assert chips(page) == ["WhatsApp", "Brazil", "1 Jun 2026 to 30 Jun 2026"]
        assert int(numbers(page)["Contacts"]) < int(both)
        remove(page, "Brazil")
        assert numbers(page)["Contacts"] == "35"
        remove(page, "WhatsApp")
        assert numbers(page)["Contacts"] == "137"
        assert chips(page) == ["1 Jun 2026 to 30 Jun 2026"]

    def test_a_click_on_the_days_goes_back_to_the_usual_period(self, connect: Connect) -> None:
        connect()
        page = open_page("channels", **JUNE, channel="whatsapp")
        remove(page, "1 Jun 2026 to 30 Jun 2026")
        assert chips(page) == ["WhatsApp"]
        assert page.selectbox(key="pick-preset").value == "30d"

    def test_a_click_on_recorded_countries_counts_the_others_again(self, connect: Connect) -> None:
        connect()
        page = open_page("channels", **JUNE, source="recorded")
        assert numbers(page)["Contacts"] == "88"
        remove(page, "Recorded countries")
        assert numbers(page)["Contacts"] == "137"

    def test_a_strangers_name_on_one_is_plain_text(self, connect: Connect) -> None:
        connect()
        (label,) = chips(open_page(**ZONE, tag="604"))
        assert label == "<b>bold</b><script>alert(1)…"

    def test_so_many_that_they_would_fill_the_page_are_counted(self, connect: Connect) -> None:
        connect()
        tags = [tag["tag_id"] or "none" for tag in EXPECTED["tags"]]
        countries = [row["country"] for row in EXPECTED["countries"]]
        more = len(tags) + len(countries) - 12
        page = open_page(**ZONE, tag=tags, country=countries)
        assert more > 0
        assert len(chips(page)) == 12
        assert f"and {more} more" in text(page)


def pointers(page: AppTest) -> dict[str, tuple[str, dict[str, list[str]]]]:
    """Page and parameters behind the link of each finding, by what it says when hovered."""
    return {
        link.title: (link.page, link.parameters)
        for link in links(page)
        if link.title.startswith("Look at: ")
    }


def test_what_a_bar_left_is_told_below_the_head_and_nothing_of_the_whole(connect: Connect) -> None:
    connect()
    assert "What is this made of?" not in text(open_page(period="all"))
    assert "What is this made of?" in text(open_page(period="all", channel="whatsapp"))


def test_a_page_is_shared_by_a_link_one_with_fixed_dates_a_file_a_workbook_and_csv(
    connect: Connect,
) -> None:
    connect()
    page = open_page(channel="whatsapp")
    here, fixed = (parse_qs(code.value.partition("?")[2]) for code in page.code)
    assert here == {"channel": ["whatsapp"]}
    assert fixed.keys() == {"from", "to", "channel"}
    assert {"Page as a file", "Workbook (XLSX)", "Tables as CSV"} <= {*downloads(page)}


class TestWorthALook:
    """The recorded workspace has been silent since June 2026, so these findings persist."""

    WAITING = "9 people have waited for an answer for 7 days or more."
    ORPHANED = "6 people wait for an answer that nobody is assigned to give."
    INBOX = "The inbox “WhatsApp VN” is disconnected: nothing else reaches 10 contacts."

    def test_overview_tells_who_waits_and_who_cannot_be_reached(self, connect: Connect) -> None:
        connect()
        told = text(open_page(**JUNE)).replace("\\", "")
        places = [told.index(each) for each in (self.ORPHANED, self.WAITING, self.INBOX)]
        assert places == sorted(places)

    def test_each_leads_to_the_page_and_the_choice_under_which_it_can_be_seen(
        self, connect: Connect
    ) -> None:
        connect()
        june = {name: [value] for name, value in JUNE.items()}
        assert pointers(open_page(**JUNE)) == {
            f"Look at: {self.WAITING}": ("workload", june | {"wait": ["over_7d"]}),
            f"Look at: {self.ORPHANED}": (
                "workload",
                june | {"queue": ["orphaned"], "wait": ["any"]},
            ),
            f"Look at: {self.INBOX}": ("channels", june | {"channel": ["whatsapp"]}),
        }

    def test_a_verb_leads_to_each(self, connect: Connect) -> None:
        connect()
        labels = {
            link.label for link in links(open_page(**JUNE)) if link.title.startswith("Look at: ")
        }
        assert labels == {"See the 6 →", "See the 9 →", "See who can't be reached →"}

    def test_links_keep_the_filters(self, connect: Connect) -> None:
        connect()
        found = pointers(open_page(**JUNE, country="BR", compare="no"))
        assert found
        for _, parameters in found.values():
            assert (parameters["country"], parameters["compare"]) == (["BR"], ["no"])

    def test_where_nothing_stands_out_it_says_so(self, connect: Connect) -> None:
        connect()
        page = open_page(**ZONE, team="202")  # all of its conversations are answered
        assert pointers(page) == {}
        assert "Nothing stands out" in text(page)


SPACE = "/space/2990000000000000002/inbox?conversationId="


def listed(page: AppTest) -> list[str]:
    """IDs of the listed conversations, from their links."""
    return [str(row.link).partition("conversationId=")[2] for row in queue(page)]


def queue(page: AppTest) -> list[Row]:
    """Rows of the list of conversations."""
    (head,) = set(re.findall("Waiting or idle", markup(page))) or {"Waiting"}
    return table(page, head)


class TestQueue:
    ORPHANED = (
        "2809879131586860130",
        "2878589821255980100",
        "2947844093239399452",
        "2947844093239399462",
        "2953815030497580030",
        "2962034796790060010",
    )
    """Of the recorded workspace: the bot is off and nobody is assigned; oldest first."""

    def test_lists_those_who_wait_the_longest_wait_first(self, connect: Connect) -> None:
        connect()
        page = open_page("workload", **JUNE)
        since = [
            datetime.strptime(f"{row['Since']} +0000", "%d %b %Y, %H:%M %z") for row in queue(page)
        ]
        assert len(since) == EXPECTED["workload"]["awaiting_reply"] == 9
        assert since == sorted(since)
        assert "**9 conversations wait** for a person" in text(page)

    def test_switch_lists_orphaned_handoffs(self, connect: Connect) -> None:
        connect()
        page = open_page("workload", **JUNE)
        page.button_group(key="pick-queue").set_value("orphaned").run()
        assert sorted(listed(page)) == sorted(self.ORPHANED)
        assert "**6 conversations were** handed over and nobody took them" in text(page)

    def test_switch_lists_unread_conversations(
        self, connect: Connect, edge_contacts: list[Contact]
    ) -> None:
        connect()
        page = open_page("workload", **JUNE)
        page.button_group(key="pick-queue").set_value("unread").run()
        unread = [each["conversation"]["id"] for each in edge_contacts if is_unread(each)]
        assert len(unread) == EXPECTED["workload"]["unread"]
        assert sorted(listed(page)) == sorted(unread)
        assert f"**{len(unread)} conversations are** unread" in text(page)

    def test_a_link_opens_the_list_that_it_names_the_oldest_first(self, connect: Connect) -> None:
        connect()
        page = open_page("workload", **JUNE, queue="orphaned")
        assert listed(page) == list(self.ORPHANED)
        first = queue(page)[0]
        assert (first["Since"], first["State"], first["Agent"], first["Team"]) == (
            "27 Apr 2025, 15:56",
            "never answered",
            "–",
            "–",
        )

    def test_is_of_those_who_pass_the_filters(self, connect: Connect) -> None:
        connect()
        page = open_page("workload", **JUNE, queue="orphaned", channel="zalo")
        assert listed(page) == ["2947844093239399452"]

    def test_links_lead_to_the_conversation_in_chatbotx(
        self, connect: Connect, edge_server: FakeChatbotx
    ) -> None:
        connect()
        page = open_page("workload", **JUNE, queue="orphaned")
        origin = edge_server.base_url.removesuffix("/api")
        assert [row.link for row in queue(page)] == [
            f"{origin}{SPACE}{each}" for each in self.ORPHANED
        ]

    @pytest.mark.parametrize("which", ["waiting", "orphaned", "unread"])
    def test_says_nothing_personal_of_a_contact(
        self, connect: Connect, edge_contacts: list[Contact], which: str
    ) -> None:
        connect()
        page = open_page("workload", **JUNE, queue=which)
        shown = markup(page) + text(page)
        told = [
            str(each[field])
            for each in edge_contacts
            for field in ("fullName", "email", "phoneNumber", "avatar")
            if each[field]
        ]
        assert queue(page)
        assert not [each for each in told if each in shown]

    @pytest.mark.usefixtures("demo")
    def test_the_demo_has_no_link_and_says_why(self) -> None:
        page = open_page("workload")
        assert "ChatbotX" not in queue(page)[0].cells
        assert "The demo has no ChatbotX to open them in." in text(page)

    @pytest.mark.usefixtures("demo")
    def test_before_a_page_is_printed_a_long_list_shows_all_its_rows_for_one_run(self) -> None:
        page = open_page("workload")
        assert len(queue(page)) == MOST_ROWS
        everybody = int(numbers(page)["Waiting for a person"])
        assert everybody > MOST_ROWS
        page.button(key="all-rows-queue-waiting").click().run()
        assert len(queue(page)) == everybody
        assert len(queue(page.run())) == MOST_ROWS


def is_unread(contact: Contact) -> bool:
    each = contact["conversation"]
    # All recorded times have the same format, so they compare as text.
    return (
        contact["blockedAt"] is None
        and each is not None
        and each["archivedAt"] is None
        and each["lastActivityAt"] is not None
        and each["agentLastReadAt"] is not None
        and each["lastActivityAt"] > each["agentLastReadAt"]
    )


class TestDownloads:
    def test_data_offers_everything_to_take_along(self, connect: Connect) -> None:
        connect()
        page = open_page("data", **JUNE)
        assert {"All tables (Parquet)", "All numbers (JSON)"} <= {*downloads(page)}

    @pytest.mark.parametrize(
        "name",
        ["overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data"],
    )
    def test_every_page_and_every_table_that_is_shown_can_be_taken_along(
        self, connect: Connect, name: str
    ) -> None:
        connect()
        page = open_page(name, **JUNE)
        offered = downloads(page)
        assert offered.count("Page as a file") == 1
        assert offered.count("Workbook (XLSX)") == 1
        assert offered.count("Download CSV") == tables(page)


@pytest.mark.usefixtures("set_locale")
def test_tables_and_axes_are_written_as_the_operator_asks(connect: Connect) -> None:
    connect(locale="pt_BR")
    page = open_page("channels", **JUNE)
    rows = table(page, "Channel")
    assert all(re.fullmatch(r"\d+,\d%", row["Share of contacts"]) for row in rows)
    assert all(re.fullmatch(r"[+−]?\d+,\d%|–", row["Change in %"]) for row in rows)
    chart = page.get("plotly_chart")[0]
    assert json.loads(chart.proto.config)["locale"] == "pt-BR"
