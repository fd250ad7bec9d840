from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.engines.questions import Filter
from lib.query.choice import Choice
from lib.query.options import Options, counts_under, distinct_names, options_of, skeleton
from lib.store.dimensions import (
    AGENT,
    CHANNEL,
    COUNTRY,
    SOURCE,
    TAG,
    TEAM,
    Dimension,
)
from tests.query.choices import OPTIONS
from tests.workspaces import ask, came_by, contact, conversation, on, tagged

some = settings(derandomize=True, deadline=None)
PLAIN = Choice()


def test_options_are_by_size_then_by_key_and_end_with_those_who_have_none() -> None:
    options = options_of(
        ask(
            contact(on("sms")),
            contact(on("zalo")),
            contact(on("line", "zalo")),
            contact(),
            contact(),
        )
    )
    assert [(each.key, each.contacts) for each in options.of(CHANNEL)] == [
        ("zalo", 2),
        ("line", 1),
        ("sms", 1),
        ("", 2),
    ]


def test_options_have_the_names_that_people_know() -> None:
    options = options_of(
        ask(
            contact(on("smtp"), tagged("601"), {"country": "BR"}),
            contact(conversation(assignedInboxTeamId="201")),
        )
    )
    assert [each.name for each in options.of(CHANNEL)] == ["E-mail", "No channel"]
    assert [each.name for each in options.of(COUNTRY)] == ["Brazil", "Unknown country"]
    assert [each.name for each in options.of(TAG)] == ["name of 601", "Untagged"]
    assert [each.name for each in options.of(TEAM)] == ["name of 201"]


def test_agents_are_by_name_as_they_are_not_ranked_and_end_with_no_agent() -> None:
    names = {"101": "Zoé", "102": "ana", "103": "Bia", "104": "Bia"}
    held = [
        contact(conversation(assignedUserId=key, assignedUser={"id": key, "name": names[key]}))
        for key in ("101", "101", "103", "104", "102")
    ]
    nobodys = contact(conversation())
    options = options_of(ask(*held, nobodys, nobodys, contact()))
    assert [(each.name, each.contacts) for each in options.of(AGENT)] == [
        ("ana", 1),
        ("Bia (#103)", 1),
        ("Bia (#104)", 1),
        ("Zoé", 2),
        ("No agent", 2),
    ]
    assert options.name(AGENT, "") == "No agent"


def test_where_every_conversation_has_an_agent_no_agent_is_no_option() -> None:
    options = options_of(ask(contact(conversation(assignedUserId="101")), contact()))
    assert [each.name for each in options.of(AGENT)] == ["name of 101"]


def test_an_agent_called_no_agent_is_told_apart_from_having_none() -> None:
    agent = {"id": "2990001", "name": "No agent"}
    held = conversation(assignedUserId="2990001", assignedUser=agent)
    options = options_of(ask(contact(held), contact(conversation())))
    assert [each.name for each in options.of(AGENT)] == ["No agent (#0001)", "No agent"]


def test_an_empty_workspace_has_nothing_to_filter_by() -> None:
    assert options_of(ask()) == Options()


def named_tags(**names: str | None) -> Options:
    """Options of a workspace with one contact that has all these tags."""
    tags = [{"id": key.strip("_"), "name": name} for key, name in names.items()]
    return options_of(ask(contact(tags=tags)))


def test_two_tags_that_share_a_name_are_told_apart_by_the_end_of_their_ids() -> None:
    options = named_tags(_2990001="VIP", _2990002="VIP", _2990003="lead")
    assert [each.name for each in options.of(TAG)] == ["VIP (#0001)", "VIP (#0002)", "lead"]


def test_as_much_of_the_ids_is_shown_as_tells_them_apart() -> None:
    options = named_tags(_1990001="VIP", _2990001="VIP")
    assert [each.name for each in options.of(TAG)] == ["VIP (#1990001)", "VIP (#2990001)"]


def test_a_tag_called_untagged_is_told_apart_from_having_none() -> None:
    assert [each.name for each in named_tags(_2990001="Untagged").of(TAG)] == ["Untagged (#0001)"]


def test_a_tag_without_a_name_goes_by_its_id() -> None:
    assert [each.name for each in named_tags(_601=None).of(TAG)] == ["Tag 601"]


def test_a_key_that_no_longer_exists_is_its_own_name() -> None:
    assert OPTIONS.name(TAG, "999") == "999"


def labels(options: Options, dimension: Dimension = TAG) -> list[str]:
    return [each.label for each in options.of(dimension)]


def test_labels_that_a_cut_makes_equal_are_cut_where_they_are_the_same() -> None:
    options = named_tags(
        _701="Newsletter subscribers 2026 January", _702="Newsletter subscribers 2026 February"
    )
    assert labels(options) == [
        "Newsletter sub … bers 2026 January",
        "Newsletter sub … ers 2026 February",
    ]


def test_labels_that_differ_in_their_middle_alone_have_the_end_of_their_ids() -> None:
    before, after = "x" * 30, "y" * 30
    options = named_tags(_1990001=f"{before}1{after}", _1990002=f"{before}2{after}")
    assert [label[-8:] for label in labels(options)] == [" (#0001)", " (#0002)"]


@pytest.mark.parametrize(
    "other",
    ["V\u200bIP", "\u202eVIP\u202c", "\u2067VIP\u2069", "VIP\u200f", "VІP", "VΙР", "VlP", "ＶＩＰ"],
    ids=ascii,
)
def test_names_that_look_alike_are_told_apart(other: str) -> None:
    options = named_tags(_2990001="VIP", _2990002=other)
    names = [each.name for each in options.of(TAG)]
    assert [name[-8:] for name in names] == [" (#0001)", " (#0002)"]
    assert [label[-8:] for label in labels(options)] == [" (#0001)", " (#0002)"]


class Key(str):
    """A key that counts how often a part of it is taken."""

    parts = 0
    __slots__ = ()

    def __getitem__(self, place: Any) -> str:
        Key.parts += 1
        return super().__getitem__(place)


def test_many_that_look_alike_do_not_have_to_be_compared_each_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Key, "parts", 0)
    found = distinct_names({Key(10_000 + number): "VIP" for number in range(500)})
    assert len(set(found.values())) == 500
    assert Key.parts < 5 * 500


def test_upper_and_lower_case_are_told_apart_by_themselves() -> None:
    assert labels(named_tags(_1="VIP", _2="vip")) == ["VIP", "vip"]


def test_a_name_does_not_turn_the_direction_of_what_follows() -> None:
    assert labels(named_tags(_1="\u202eevil\u2066")) == ["evil"]


def test_a_name_that_pretends_to_be_told_apart_is_told_apart_too() -> None:
    options = named_tags(_2990001="VIP", _2990002="VIP", _2990003="VIP (#0001)")
    assert len(set(labels(options))) == 3


def test_a_channel_called_none_is_a_channel_beside_those_without() -> None:
    options = options_of(ask(contact(on("none")), contact(on("none")), contact()))
    assert [(each.key, each.name, each.contacts) for each in options.of(CHANNEL)] == [
        ("none", "none", 2),
        ("", "No channel", 1),
    ]


def test_a_channel_called_no_channel_is_told_apart_from_having_none() -> None:
    options = options_of(ask(contact(on("no channel")), contact()))
    assert labels(options, CHANNEL) == ["no channel", "No channel"]
    options = options_of(ask(contact(tags=[{"id": "1", "name": "Untagged"}]), contact()))
    assert len(set(labels(options))) == 2


def test_sources_are_offered_where_the_server_tells_of_any() -> None:
    options = options_of(ask(contact(came_by("ads")), contact(came_by("botLink")), contact()))
    assert [(each.key, each.name) for each in options.of(SOURCE)] == [
        ("ads", "Ads"),
        ("botLink", "Bot link"),
        ("", "No source"),
    ]
    assert options_of(ask(contact(on("line")))).of(SOURCE) == ()


NAMES = st.text(st.sampled_from("aAl1I|oO0 VΙІ\u200b\u202e(#)·… é"), max_size=40)


@some
@given(st.lists(NAMES, max_size=12))
def test_no_two_labels_look_alike(names: list[str]) -> None:
    tags = [{"id": f"{1000 + number}", "name": name} for number, name in enumerate(names)]
    options = options_of(ask(contact(tags=tags))).of(TAG)
    assert len({skeleton(each.label) for each in options}) == len(options)
    assert len({skeleton(each.name) for each in options}) == len(options)


def test_a_list_counts_under_the_other_filters_and_not_under_its_own() -> None:
    asked = ask(
        contact(on("line"), tagged("1")),
        contact(on("line", "sms"), tagged("2")),
        contact(on("sms"), tagged("1")),
        contact(tagged("1")),
    )
    counts = counts_under(asked.under, Filter.to({"channel": ("line",)}), options_of(asked))
    assert counts["tag"] == {"1": 1, "2": 1}
    assert counts["channel"] == {"line": 2, "sms": 2, "": 1}


def test_a_value_that_nobody_is_left_with_counts_0() -> None:
    asked = ask(contact(on("line"), tagged("1")), contact(on("sms"), tagged("2")))
    limits = Filter.to({"tag": ("1",), "channel": ("sms",)})
    counts = counts_under(asked.under, limits, options_of(asked))
    assert counts["channel"] == {"line": 1, "sms": 0}
    assert counts["tag"] == {"1": 0, "2": 1}
