from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.engines.memory import MemoryEngine
from lib.query.choice import Choice
from lib.store.dimensions import (
    AGENT,
    CHANNEL,
    COUNTRY,
    TAG,
    TEAM,
)
from tests.workspaces import Json, came_by, choosing, contact, conversation, on, tables_of, tagged

some = settings(derandomize=True, deadline=None)
PLAIN = Choice()


def passing(choice: Choice, *contacts: Json) -> list[int]:
    """Numbers, from 1, of the contacts that pass."""
    asked = MemoryEngine(tables_of(*contacts)).under(choice.limits)
    return sorted(int(each) for each in asked.tables().contacts["id"])


def in_country(country: str) -> Json:
    return {"country": country}


def test_no_filter_lets_all_pass_without_looking_at_them() -> None:
    asked = MemoryEngine(tables_of(contact(), contact()))
    assert asked.under(Choice("7d").limits) is asked


def test_any_of_the_chosen_channels_will_do() -> None:
    contacts = [contact(on("line")), contact(on("sms", "zalo")), contact(on("zalo")), contact()]
    assert passing(choosing(channel=("line", "sms")), *contacts) == [1, 2]


def test_any_of_the_chosen_tags_will_do() -> None:
    contacts = [contact(tagged("1")), contact(tagged("2", "3")), contact(tagged("3")), contact()]
    assert passing(choosing(tag=("1", "2")), *contacts) == [1, 2]


def test_any_of_the_chosen_countries_will_do() -> None:
    contacts = [contact(in_country(key)) for key in ("BR", "VN", "US")] + [contact()]
    assert passing(choosing(country=("BR", "unknown")), *contacts) == [1, 4]


def test_any_of_the_chosen_teams_will_do() -> None:
    contacts = [contact(conversation(assignedInboxTeamId=team)) for team in ("1", "2", None)]
    assert passing(choosing(team=("2",)), *contacts) == [2]


def test_any_of_the_chosen_agents_will_do() -> None:
    contacts = [contact(conversation(assignedUserId=agent)) for agent in ("1", "2", "3", None)]
    assert passing(choosing(agent=("1", "3")), *contacts, contact()) == [1, 3]


def test_no_agent_means_conversations_that_no_agent_has() -> None:
    contacts = [
        contact(conversation(assignedUserId="101")),
        contact(conversation(assignedInboxTeamId="7")),
        contact(conversation(archivedAt="2026-06-01T00:00:00Z")),
        contact(),
    ]
    assert passing(choosing(agent=("",)), *contacts) == [2, 3]


def test_no_agent_can_be_chosen_like_an_agent() -> None:
    contacts = [contact(conversation(assignedUserId=agent)) for agent in ("101", "102", None)]
    assert passing(choosing(agent=("", "102")), *contacts, contact()) == [2, 3]


def test_all_the_filters_have_to_be_passed() -> None:
    contacts = [
        contact(on("line"), in_country("BR"), tagged("1")),
        contact(on("line"), in_country("BR")),
        contact(on("line"), in_country("VN"), tagged("1")),
        contact(on("sms"), in_country("BR"), tagged("1")),
    ]
    assert passing(choosing(channel=("line",), country=("BR",), tag=("1",)), *contacts) == [1]


def test_no_channel_can_be_chosen_like_a_channel() -> None:
    contacts = [contact(on("line")), contact(on("sms")), contact()]
    assert passing(choosing(channel=("", "sms")), *contacts) == [2, 3]


def test_untagged_can_be_chosen_like_a_tag() -> None:
    contacts = [contact(tagged("1")), contact(tagged("2")), contact()]
    assert passing(choosing(tag=("", "2")), *contacts) == [2, 3]


def test_only_recorded_countries_leaves_out_what_was_told_by_a_phone_number() -> None:
    contacts = [contact(in_country("BR")), contact(phoneNumber="+5511987654321"), contact()]
    assert passing(Choice(recorded_only=True), *contacts) == [1]


def test_a_filter_that_nobody_passes_leaves_nobody() -> None:
    contacts = [contact(on("line"), in_country("BR")), contact(on("sms"), in_country("VN"))]
    assert passing(choosing(channel=("line",), country=("VN",)), *contacts) == []


CHANNELS, TAGS, TEAMS = ["line", "sms", "zalo"], ["1", "2", "3"], ["7", "8"]
AGENTS = ["101", "102"]
COUNTRIES = {"BR": "BR", "VN": "VN", None: "unknown"}
people = st.fixed_dictionaries(
    {
        "channels": st.lists(st.sampled_from(CHANNELS), unique=True),
        "tags": st.lists(st.sampled_from(TAGS), unique=True),
        "country": st.sampled_from(list(COUNTRIES)),
        "team": st.sampled_from([*TEAMS, None]),
        "agent": st.sampled_from([*AGENTS, None]),
        "has_conversation": st.booleans(),
    }
)
filters = st.builds(
    choosing,
    channel=st.lists(st.sampled_from([*CHANNELS, ""]), unique=True).map(tuple),
    tag=st.lists(st.sampled_from([*TAGS, ""]), unique=True).map(tuple),
    country=st.lists(st.sampled_from(list(COUNTRIES.values())), unique=True).map(tuple),
    team=st.lists(st.sampled_from(TEAMS), unique=True).map(tuple),
    agent=st.lists(st.sampled_from([*AGENTS, ""]), unique=True).map(tuple),
    recorded_only=st.booleans(),
)


def passes(person: dict[str, Any], choice: Choice) -> bool:
    def any_of(chosen: tuple[str, ...], had: list[str]) -> bool:
        return not chosen or any(key in chosen for key in had)

    talks = person["has_conversation"]
    return (
        any_of(choice.keys(CHANNEL), person["channels"] or [""])
        and any_of(choice.keys(TAG), person["tags"] or [""])
        and any_of(choice.keys(COUNTRY), [COUNTRIES[person["country"]]])
        and any_of(choice.keys(TEAM), [person["team"] or ""] if talks else [])
        and any_of(choice.keys(AGENT), [person["agent"] or ""] if talks else [])
        and (not choice.recorded_only or person["country"] is not None)
    )


@some
@given(st.lists(people, min_size=1, max_size=12), filters)
def test_the_rows_are_those_that_a_plain_reading_of_the_rules_gives(
    everybody: list[dict[str, Any]], choice: Choice
) -> None:
    contacts = [
        contact(
            on(*person["channels"]),
            tagged(*person["tags"]),
            in_country(person["country"]),
            conversation(assignedInboxTeamId=person["team"], assignedUserId=person["agent"])
            if person["has_conversation"]
            else {},
        )
        for person in everybody
    ]
    expected = [number for number, person in enumerate(everybody, 1) if passes(person, choice)]
    assert passing(choice, *contacts) == expected


def test_a_channel_called_none_is_not_the_lack_of_one() -> None:
    contacts = [contact(on("none")), contact(on("line")), contact()]
    assert passing(choosing(channel=("none",)), *contacts) == [1]
    assert passing(choosing(channel=("",)), *contacts) == [3]


def test_any_of_the_chosen_sources_will_do() -> None:
    contacts = [contact(came_by("ads")), contact(came_by("api", "webchat")), contact()]
    assert passing(choosing(source=("ads", "webchat")), *contacts) == [1, 2]
    assert passing(choosing(source=("", "ads")), *contacts) == [1, 3]


def test_no_team_means_conversations_that_no_team_has() -> None:
    contacts = [contact(conversation(assignedInboxTeamId=team)) for team in ("1", None)]
    assert passing(choosing(team=("",)), *contacts, contact()) == [2]
