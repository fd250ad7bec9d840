from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.query.choice import QUEUES, WAITS, Choice
from lib.query.options import Option, Options
from lib.query.presets import COMPARISONS, LABELS
from lib.query.url import PARAMETERS, parameters, parse
from lib.reference.periods import FIRST_DAY, LAST_DAY
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
from tests.query.choices import OPTIONS
from tests.workspaces import choosing

some = settings(derandomize=True, deadline=None)
PLAIN = Choice()


def read(**given: str | list[str]) -> tuple[Choice, list[str]]:
    """The choice of these parameters; `from_` stands for `from`, a Python keyword."""
    return parse(
        {
            name.rstrip("_"): value if isinstance(value, list) else [value]
            for name, value in given.items()
        },
        OPTIONS,
    )


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
        ({"wait": "over_7d"}, Choice(wait="over_7d")),
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
        # Known to the machine, and no place that could be offered.
        ({"tz": "Factory"}, "“Factory” is no time zone; the usual one is used."),
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
    wait=st.none() | st.sampled_from(WAITS),
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


@pytest.mark.parametrize(
    ("written", "keys"),
    [("none", ""), ("NONE", ""), ('"none"', "none"), ('"None"', "none"), ("line", "line")],
)
def test_none_means_those_without_and_in_quotes_a_channel_of_that_name(
    written: str, keys: str
) -> None:
    assert read(channel=written) == (choosing(channel=(keys,)), [])


@pytest.mark.parametrize("key", ["", "none", "None", '"none"', '""none""', "nonesuch", '"', "x"])
def test_every_key_comes_back_from_the_url(key: str) -> None:
    options = Options({"tag": (Option(MISSING, "Untagged", 1), Option(key, key, 1))})
    choice = choosing(tag=(key,))
    assert parse(parameters(choice), options) == (choice, [])


def test_where_everybody_has_one_none_is_the_channel_of_that_name() -> None:
    options = Options({"channel": (Option("none", "none", 1),)})
    assert parse({"channel": ["none"]}, options) == (choosing(channel=("none",)), [])


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ({"source": "recorded"}, Choice(recorded_only=True)),
        ({"source": "Recorded"}, Choice(recorded_only=True)),
        ({"source": "all"}, PLAIN),
        ({"source": ["recorded", "ads"]}, choosing(recorded_only=True, source=("ads",))),
        ({"compare": "no"}, Choice(against="none")),
        ({"compare": "yes"}, PLAIN),
    ],
    ids=str,
)
def test_a_link_of_before_goes_on_meaning_what_it_meant(
    given: dict[str, str | list[str]], choice: Choice
) -> None:
    assert read(**given) == (choice, [])


def test_a_source_that_is_called_recorded_is_that_source() -> None:
    options = Options({"source": (Option("recorded", "recorded", 1),)})
    assert parse({"source": ["recorded"]}, options) == (choosing(source=("recorded",)), [])
