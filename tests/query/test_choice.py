from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.query.choice import QUEUES, Choice
from lib.query.options import Option, Options, options_of
from lib.query.presets import COMPARISONS, LABELS
from lib.query.url import PARAMETERS, parameters, parse
from lib.reference.periods import FIRST_DAY, LAST_DAY, Period
from lib.settings import BASES
from lib.store.dimensions import (
    AGENT,
    CHANNEL,
    COUNTRY,
    DIMENSIONS,
    MISSING,
    TAG,
    TEAM,
    Dimension,
)
from tests.workspaces import Json, choosing, contact, conversation, on, tables_of, tagged

some = settings(derandomize=True, deadline=None)

OPTIONS = Options(
    {
        "channel": (
            Option("whatsapp", "WhatsApp", 5),
            Option("line", "line", 1),
            Option("none", "none", 1),
            Option(MISSING, "No channel", 1),
        ),
        "country": (
            Option("BR", "Brazil", 4),
            Option("VN", "Vietnam", 2),
            Option("unknown", "?", 1),
        ),
        "tag": (
            Option("601", "VIP", 3),
            Option("Ab", "upper", 2),
            Option("aB", "lower", 1),
            Option(MISSING, "Untagged", 1),
        ),
        "source": (Option("ads", "Ads", 3), Option("botLink", "Bot link", 1)),
        "team": (Option("201", "Sales", 2), Option("202", "Care", 1)),
        "agent": (Option("101", "Ana", 1), Option("102", "Bia", 3), Option(MISSING, "No agent", 2)),
    }
)
PLAIN = Choice()


def read(**given: str | list[str]) -> tuple[Choice, list[str]]:
    """What the parameters make; `from_` stands for `from`, a word of Python."""
    return parse(
        {
            name.rstrip("_"): value if isinstance(value, list) else [value]
            for name, value in given.items()
        },
        OPTIONS,
    )


# From the URL


def test_no_parameters_are_the_last_30_days_of_everybody() -> None:
    assert read() == (Choice("30d"), [])


@pytest.mark.parametrize("preset", [preset for preset in LABELS if preset != "dates"])
def test_a_preset_is_read(preset: str) -> None:
    assert read(period=preset) == (Choice(preset), [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"compare": "no"}, Choice(against="none")),
        ({"compare": "yes"}, PLAIN),
        ({"channel": "whatsapp"}, choosing(channel=("whatsapp",))),
        ({"channel": ["line", "none"]}, choosing(channel=("line", ""))),
        ({"country": ["VN", "unknown"]}, choosing(country=("VN", "unknown"))),
        ({"tag": "601"}, choosing(tag=("601",))),
        ({"team": ["202", "201"]}, choosing(team=("202", "201"))),
        ({"agent": ["102", "none"]}, choosing(agent=("102", ""))),
        ({"queue": "orphaned"}, Choice(queue="orphaned")),
        ({"queue": "unread"}, Choice(queue="unread")),
        ({"queue": "waiting"}, PLAIN),
        ({"countries": "recorded"}, Choice(recorded_only=True)),
        ({"countries": "all"}, PLAIN),
        ({"source": ["ads", "botLink"]}, choosing(source=("ads", "botLink"))),
        ({"compare": "year"}, Choice(against="year")),
        ({"compare": "previous"}, PLAIN),
        ({"bot": "answers"}, Choice(bot_answers=True)),
        ({"bot": "silent"}, Choice(bot_answers=False)),
        ({"tz": "America/Sao_Paulo"}, Choice(timezone="America/Sao_Paulo")),
        ({"basis": "subscribedAt"}, Choice(basis="subscribedAt")),
        ({"basis": "auto"}, Choice(basis="auto")),
        (
            {"from_": "2026-06-01", "to": "2026-06-30"},
            Choice("dates", date(2026, 6, 1), date(2026, 6, 30)),
        ),
        (
            {"period": "dates", "from_": "2026-06-01", "to": "2026-06-01"},
            Choice("dates", date(2026, 6, 1), date(2026, 6, 1)),
        ),
    ],
    ids=str,
)
def test_each_parameter_is_read(given: dict[str, str | list[str]], expected: Choice) -> None:
    assert read(**given) == (expected, [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"channel": "WhatsApp"}, choosing(channel=("whatsapp",))),
        ({"country": " br "}, choosing(country=("BR",))),
        ({"tz": "america/sao_paulo"}, Choice(timezone="America/Sao_Paulo")),
        ({"period": "7D"}, Choice("7d")),
        ({"basis": "CreatedAt"}, Choice(basis="createdAt")),
        ({"queue": " Unread "}, Choice(queue="unread")),
    ],
    ids=str,
)
def test_case_and_blanks_around_do_not_matter(given: dict[str, str], expected: Choice) -> None:
    assert read(**given) == (expected, [])


def test_of_two_keys_that_differ_in_case_only_each_is_found_by_its_own() -> None:
    assert [read(tag=key)[0].keys(TAG) for key in ("Ab", "aB")] == [("Ab",), ("aB",)]


def test_a_value_given_twice_counts_once() -> None:
    assert read(channel=["line", "LINE", "line"]) == (choosing(channel=("line",)), [])


def test_blank_values_say_nothing() -> None:
    blank = {name: ["", "  "] for name in PARAMETERS}
    assert parse(blank, OPTIONS) == (PLAIN, [])


def test_dates_in_the_wrong_order_are_swapped_and_a_note_says_so() -> None:
    choice, notes = read(from_="2026-06-30", to="2026-06-01")
    assert choice == Choice("dates", date(2026, 6, 1), date(2026, 6, 30))
    assert notes == ["The dates were in the wrong order, so they were swapped."]


@pytest.mark.parametrize(
    "given",
    [
        {"from_": "2026-06-01"},
        {"to": "2026-06-01"},
        {"period": "dates"},
        {"period": "dates", "to": "2026-06-01"},
    ],
    ids=str,
)
def test_half_a_period_is_none(given: dict[str, str]) -> None:
    assert read(**given) == (PLAIN, ["A period needs both its first and its last day."])


def test_half_a_period_leaves_a_preset_in_force() -> None:
    assert read(period="7d", to="2026-06-01")[0] == Choice("7d")


def test_dates_win_over_a_preset_and_a_note_says_so() -> None:
    choice, notes = read(period="7d", from_="2026-06-01", to="2026-06-30")
    assert choice.preset == "dates"
    assert notes == ["The link gives a period and dates; the dates are used."]


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-6-1",
        "2026-02-29",
        "01/06/2026",
        "2026-06-01T00:00:00Z",
        "1969-12-30",
        "2200-01-01",
        "0001-01-01",
        "9999-12-31",
        "99999-01-01",
        "２０２６-06-01",
        "-2026-06-01",
    ],
)
def test_what_is_no_day_to_be_shown_is_dropped_with_one_note(text: str) -> None:
    assert read(from_=text, to="2026-06-30") == (
        PLAIN,
        [f"“{text}” is not a day that can be shown; days are written like 2026-06-01."],
    )


@pytest.mark.parametrize("day", [FIRST_DAY, LAST_DAY])
def test_the_first_and_the_last_day_can_be_shown(day: date) -> None:
    assert read(from_=f"{day}", to=f"{day}") == (Choice("dates", day, day), [])


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (
            {"period": "fortnight"},
            "“fortnight” is no period that this dashboard knows; the usual one is used.",
        ),
        (
            {"compare": "maybe"},
            "“maybe” is no way to compare, which is previous, year or no; the usual one is used.",
        ),
        ({"tz": "Mars/Olympus"}, "“Mars/Olympus” is no time zone; the usual one is used."),
        (
            {"basis": "updatedAt"},
            "“updatedAt” is no meaning of “subscribed” that this dashboard knows; "
            "the usual one is used.",
        ),
        (
            {"countries": "guessed"},
            "“guessed” is no choice of countries, which is recorded or all; the usual one is used.",
        ),
        (
            {"queue": "spam"},
            "“spam” is no list of conversations, which are waiting, orphaned and unread; "
            "the usual one is used.",
        ),
        (
            {"agent": "9"},
            "This workspace has no agent “9”; that part of the link is left out.",
        ),
        (
            {"channel": "fax"},
            "This workspace has no channel “fax”; that part of the link is left out.",
        ),
        (
            {"team": ["9", "8"]},
            "This workspace has no team “9” or “8”; that part of the link is left out.",
        ),
        (
            {"tag": ["1", "2", "3", "4", "5"]},
            "This workspace has no tag “1”, “2”, “3” or 2 others; "
            "that part of the link is left out.",
        ),
    ],
    ids=str,
)
def test_what_is_unknown_is_dropped_and_a_note_names_it(
    given: dict[str, str | list[str]], note: str
) -> None:
    assert read(**given) == (PLAIN, [note])


def test_of_a_parameter_given_twice_the_first_counts_and_a_note_says_so() -> None:
    assert read(period=["7d", "90d"]) == (
        Choice("7d"),
        ["The link gives period more than once; the first one is used."],
    )


def test_an_unknown_value_takes_no_known_one_with_it() -> None:
    choice, notes = read(channel=["fax", "line"], country="BR")
    assert (choice, len(notes)) == (choosing(channel=("line",), country=("BR",)), 1)


def test_every_wrong_parameter_has_its_note() -> None:
    wrong = {name: ["wrong"] for name in PARAMETERS}
    choice, notes = parse(wrong, OPTIONS)
    assert (choice, len(notes)) == (PLAIN, len(PARAMETERS))


def test_parameters_of_others_are_none_of_our_business() -> None:
    assert parse({"utm_source": ["mail"], "embed": ["true"]}, OPTIONS) == (PLAIN, [])


def test_a_note_cuts_an_overlong_value() -> None:
    _, notes = read(channel="x" * 100_000)
    assert len(notes[0]) < 200


def test_more_values_than_a_person_chooses_are_cut_and_a_note_says_so() -> None:
    choice, notes = read(channel=["line"] * 1000 + ["whatsapp"])
    assert choice == choosing(channel=("line",))
    assert notes == ["The link gives more than 1,000 values for channel; the others are left out."]


def test_of_a_queue_given_twice_the_first_counts_and_a_note_says_so() -> None:
    assert read(queue=["unread", "orphaned"]) == (
        Choice(queue="unread"),
        ["The link gives queue more than once; the first one is used."],
    )


HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(
        ["__class__", "%00", "../../etc", "<script>", "=1+1", "NaN", "\u202e", "1e999"]
    ),
    st.sampled_from([option.key for key in DIMENSIONS for option in OPTIONS.of(key)]),
    st.sampled_from(["7d", "dates", "no", "2026-06-01", "2026-06-30", "UTC", "auto", "recorded"]),
    st.sampled_from(QUEUES),
)


@some
@given(st.dictionaries(st.sampled_from(PARAMETERS), st.lists(HOSTILE, max_size=4)))
def test_whatever_the_url_holds_makes_a_choice_that_survives_the_url(
    given: dict[str, list[str]],
) -> None:
    choice, _ = parse(given, OPTIONS)
    assert parse(parameters(choice), OPTIONS) == (choice, [])


# To the URL


def test_what_is_as_usual_is_not_in_the_url() -> None:
    assert parameters(PLAIN) == {name: [] for name in PARAMETERS}


def keys(dimension: Dimension) -> st.SearchStrategy[tuple[str, ...]]:
    known = [option.key for option in OPTIONS.of(dimension)]
    return st.lists(st.sampled_from(known), unique=True).map(tuple)


days = st.dates(FIRST_DAY, LAST_DAY)
choices = st.builds(
    choosing,
    preset=st.sampled_from([preset for preset in LABELS if preset != "dates"]),
    against=st.sampled_from(list(COMPARISONS)),
    channel=keys(CHANNEL),
    country=keys(COUNTRY),
    tag=keys(TAG),
    team=keys(TEAM),
    agent=keys(AGENT),
    recorded_only=st.booleans(),
    timezone=st.none() | st.sampled_from(sorted(available_timezones())),
    basis=st.none() | st.sampled_from(BASES),
    queue=st.sampled_from(QUEUES),
)
dated = st.builds(
    lambda choice, ends: replace(choice, preset="dates", start=min(ends), end=max(ends)),
    choices,
    st.tuples(days, days),
)


@some
@given(choices | dated)
def test_a_link_shows_the_same_to_a_colleague(choice: Choice) -> None:
    assert parse(parameters(choice), OPTIONS) == (choice, [])


# Which days


def period(preset: str, as_of: str, timezone: str = "UTC", first: str | None = None) -> Period:
    return Choice(preset).period(
        datetime.fromisoformat(as_of),
        timezone,
        None if first is None else datetime.fromisoformat(first),
    )


@pytest.mark.parametrize(
    ("preset", "as_of", "start", "end"),
    [
        ("7d", "2026-07-01T12:00Z", "2026-06-25", "2026-07-01"),
        ("30d", "2026-07-01T12:00Z", "2026-06-02", "2026-07-01"),
        ("90d", "2026-07-01T12:00Z", "2026-04-03", "2026-07-01"),
        ("30d", "2024-03-01T12:00Z", "2024-02-01", "2024-03-01"),
        ("month", "2026-07-01T12:00Z", "2026-07-01", "2026-07-01"),
        ("month", "2024-02-29T12:00Z", "2024-02-01", "2024-02-29"),
        ("last-month", "2026-07-01T12:00Z", "2026-06-01", "2026-06-30"),
        ("last-month", "2026-01-31T12:00Z", "2025-12-01", "2025-12-31"),
        ("last-month", "2024-03-31T12:00Z", "2024-02-01", "2024-02-29"),
        ("last-month", "2026-03-31T12:00Z", "2026-02-01", "2026-02-28"),
        ("year", "2026-07-01T12:00Z", "2026-01-01", "2026-07-01"),
        ("year", "2024-12-31T12:00Z", "2024-01-01", "2024-12-31"),
    ],
)
def test_a_preset_means_whole_days_up_to_today(
    preset: str, as_of: str, start: str, end: str
) -> None:
    assert period(preset, as_of) == Period(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("timezone", "month"),
    [("UTC", 1), ("America/Sao_Paulo", 12), ("Pacific/Kiritimati", 1), ("Pacific/Pago_Pago", 12)],
)
def test_today_is_that_of_the_zone(timezone: str, month: int) -> None:
    # Half past midnight on New Year's Day in London.
    assert period("month", "2026-01-01T00:30Z", timezone).start.month == month


def test_last_month_across_the_year_is_told_by_the_zone() -> None:
    in_brazil = period("last-month", "2026-01-01T00:30Z", "America/Sao_Paulo")
    assert (in_brazil.start, in_brazil.end) == (date(2025, 11, 1), date(2025, 11, 30))


def test_all_begins_with_the_first_subscription_in_the_zone() -> None:
    whole = period("all", "2026-07-01T12:00Z", "America/Sao_Paulo", first="2024-03-01T02:00Z")
    assert (whole.start, whole.end) == (date(2024, 2, 29), date(2026, 7, 1))


def test_all_is_today_where_nobody_subscribed() -> None:
    assert period("all", "2026-07-01T12:00Z") == Period(date(2026, 7, 1), date(2026, 7, 1))


def test_all_is_today_where_clocks_say_that_everybody_is_still_to_come() -> None:
    whole = period("all", "2026-07-01T12:00Z", first="2026-08-01T00:00Z")
    assert whole == Period(date(2026, 7, 1), date(2026, 7, 1))


@pytest.mark.parametrize("timezone", ["UTC", "America/Sao_Paulo", "Asia/Tokyo"])
def test_all_does_not_begin_in_the_year_1_where_a_clock_was_never_set(timezone: str) -> None:
    assert period("all", "2026-07-01T12:00Z", timezone, "0001-01-01T00:00Z").start.year >= 1969


def test_dates_are_taken_as_they_are() -> None:
    choice = Choice("dates", date(2030, 1, 1), date(2030, 1, 2))
    assert choice.period(datetime(2026, 7, 1, tzinfo=UTC), "Asia/Tokyo", None) == Period(
        date(2030, 1, 1), date(2030, 1, 2), "Asia/Tokyo"
    )


# Which contacts


def passing(choice: Choice, *contacts: Json) -> list[int]:
    """The numbers, from 1, of the contacts that pass."""
    tables = tables_of(*contacts)
    rows = choice.rows(tables)
    ids = tables.contacts["id"] if rows is None else tables.contacts["id"][rows]
    return sorted(int(each) for each in ids)


def in_country(country: str) -> Json:
    return {"country": country}


def test_no_filter_lets_all_pass_without_looking_at_them() -> None:
    assert Choice("7d").rows(tables_of(contact(), contact())) is None


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


# The values that exist


def test_options_are_by_size_then_by_key_and_end_with_those_who_have_none() -> None:
    options = options_of(
        tables_of(
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
        tables_of(
            contact(on("smtp"), tagged("601"), in_country("BR")),
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
    options = options_of(tables_of(*held, nobodys, nobodys, contact()))
    assert [(each.name, each.contacts) for each in options.of(AGENT)] == [
        ("ana", 1),
        ("Bia (#103)", 1),
        ("Bia (#104)", 1),
        ("Zoé", 2),
        ("No agent", 2),
    ]
    assert options.name(AGENT, "") == "No agent"


def test_where_every_conversation_has_an_agent_no_agent_is_no_option() -> None:
    options = options_of(tables_of(contact(conversation(assignedUserId="101")), contact()))
    assert [each.name for each in options.of(AGENT)] == ["name of 101"]


def test_an_agent_called_no_agent_is_told_apart_from_having_none() -> None:
    agent = {"id": "2990001", "name": "No agent"}
    held = conversation(assignedUserId="2990001", assignedUser=agent)
    options = options_of(tables_of(contact(held), contact(conversation())))
    assert [each.name for each in options.of(AGENT)] == ["No agent (#0001)", "No agent"]


def test_an_empty_workspace_has_nothing_to_filter_by() -> None:
    assert options_of(tables_of()) == Options()


def named_tags(**names: str | None) -> Options:
    """The options of a workspace in which one contact has all these tags."""
    tags = [{"id": key.strip("_"), "name": name} for key, name in names.items()]
    return options_of(tables_of(contact(tags=tags)))


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


# In words


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (PLAIN, ""),
        (Choice("7d", against="none", timezone="UTC"), ""),
        (choosing(channel=("whatsapp",)), "WhatsApp"),
        (choosing(channel=("whatsapp", "line")), "WhatsApp or line"),
        (choosing(channel=("",)), "no channel"),
        (choosing(country=("BR", "VN", "unknown")), "in Brazil, Vietnam or an unknown country"),
        (choosing(tag=("601",)), "tagged VIP"),
        (choosing(tag=("",)), "untagged"),
        (choosing(tag=("601", "")), "tagged VIP or untagged"),
        (choosing(team=("201", "202")), "with team Sales or Care"),
        (choosing(agent=("101", "102")), "with agent Ana or Bia"),
        (choosing(agent=("",)), "with no agent"),
        (choosing(agent=("101", "")), "with agent Ana or none"),
        (Choice(recorded_only=True), "with a recorded country"),
        (Choice(queue="unread"), ""),
        (
            choosing(
                channel=("line",), country=("BR",), tag=("601",), team=("201",), agent=("102",)
            ),
            "line; in Brazil; tagged VIP; with team Sales; with agent Bia",
        ),
    ],
    ids=str,
)
def test_the_filters_read_as_words(choice: Choice, said: str) -> None:
    assert choice.in_words(OPTIONS) == said


@pytest.mark.parametrize(
    ("choice", "is_filtered"),
    [
        (PLAIN, False),
        (Choice("7d"), False),
        (Choice(queue="unread"), False),
        (choosing(tag=("601",)), True),
        (choosing(agent=("",)), True),
        (Choice(recorded_only=True), True),
    ],
)
def test_a_period_is_no_filter(choice: Choice, is_filtered: bool) -> None:
    assert choice.is_filtered == is_filtered


EVERYTHING = choosing(
    "dates",
    date(2026, 6, 1),
    date(2026, 6, 30),
    channel=("a",),
    country=("b",),
    tag=("c",),
    team=("d",),
    agent=("e",),
    recorded_only=True,
    timezone="America/Sao_Paulo",
    basis="subscribedAt",
    queue="orphaned",
)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_one_filter_can_be_set_and_the_others_stay(dimension: Dimension) -> None:
    choice = replace(EVERYTHING, against="none")
    limited = choice.limited_to(dimension, ("x", "y"))
    assert limited.keys(dimension) == ("x", "y")
    assert limited.limited_to(dimension, choice.keys(dimension)) == choice


# By a click


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_click_limits_to_one_value_and_another_one_takes_the_limit_off(
    dimension: Dimension,
) -> None:
    once = PLAIN.toggled(dimension, "x")
    assert once == PLAIN.limited_to(dimension, ("x",))
    assert once.toggled(dimension, "x") == PLAIN


@pytest.mark.parametrize("chosen", [("y",), ("x", "y"), ("y", "x")], ids=str)
def test_a_click_on_one_value_leaves_it_alone_whatever_else_was_chosen(
    chosen: tuple[str, ...],
) -> None:
    assert choosing(tag=chosen).toggled(TAG, "x") == choosing(tag=("x",))


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_click_leaves_everything_else_as_it_is(dimension: Dimension) -> None:
    toggled = EVERYTHING.toggled(dimension, "x")
    assert toggled.limited_to(dimension, EVERYTHING.keys(dimension)) == EVERYTHING


def test_a_click_on_days_shows_these_alone_and_another_one_the_usual_period() -> None:
    day = date(2026, 6, 10)
    once = choosing("90d", tag=("601",)).on_days(day, day)
    assert once == choosing("dates", day, day, tag=("601",))
    assert once.on_days(day, day) == choosing("30d", tag=("601",))


def test_a_click_on_other_days_shows_those() -> None:
    june, day = EVERYTHING, date(2026, 6, 10)
    assert june.on_days(day, day) == replace(june, start=day, end=day)


def test_unfiltered_is_everybody_in_the_same_period_and_on_the_same_terms() -> None:
    assert EVERYTHING.unfiltered == Choice(
        "dates",
        date(2026, 6, 1),
        date(2026, 6, 30),
        timezone="America/Sao_Paulo",
        basis="subscribedAt",
        queue="orphaned",
    )
    assert not EVERYTHING.unfiltered.is_filtered
