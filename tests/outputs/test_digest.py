"""Contents of a digest, and HTML that mail clients can show."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest

from lib.insights.alerts import Alert
from lib.insights.past import Answers, Level, Past
from lib.outputs.digest import Digest, digest, gone, message
from lib.outputs.message import TEAMS
from lib.outputs.views import view_named
from lib.reference.rates import Rate
from lib.settings import Settings
from tests.insights.alerting import MadeUpPast
from tests.outputs.digesting import snapshot_of
from tests.workspaces import (
    AS_OF,
    before_as_of,
    contact,
    conversation,
    in_inboxes,
    on,
    tagged,
)

SETTINGS = Settings(token="token", label="Sales")
HOSTILE = '<img src=x onerror="alert(1)"> </td></table> \u202etxt & {{ 7*7 }} \r\n.\r\n'


def new(number: int, channel: str, days: float) -> list[dict[str, object]]:
    return [contact(on(channel), createdAt=before_as_of(days=days)) for _ in range(number)]


def written(
    *contacts: dict[str, object],
    view: str = "",
    past: Past | None = None,
    alerts: dict[str, Alert] | None = None,
    complete: bool = True,
    hours_later: float = 0,
    settings: Settings = SETTINGS,
) -> Digest:
    snapshot = snapshot_of(*contacts, complete=complete)
    return digest(
        view_named(view, snapshot, settings),
        settings,
        now=AS_OF + timedelta(hours=hours_later),
        past=past,
        alerts=alerts,
        dashboard="https://audience.example.com",
    )


def numbers(found: Digest) -> dict[str, tuple[str, str]]:
    return {each.name: (each.value, each.change) for each in found.numbers}


def test_the_link_of_a_finding_about_a_day_opens_that_day() -> None:
    found = written(contact(), *new(30, "whatsapp", 4.5))
    (point,) = dict(found.sections)["Worth a look"]
    assert point.sentence.startswith("Friday, 26 Jun 2026 brought 30 new contacts")
    assert point.link is not None
    assert "from=2026-06-26&to=2026-06-26" in point.link


def test_the_link_of_a_finding_opens_the_conversations_that_it_counts() -> None:
    found = written(contact(conversation(contactRepliedAt=before_as_of(days=9), botEnabled=False)))
    links = {point.sentence: point.link for point in dict(found.sections)["Worth a look"]}
    assert {re.sub(r".*&queue", "queue", str(link)) for link in links.values()} == {
        "queue=orphaned&wait=any",
        "queue=waiting&wait=over_7d",
    }


def test_of_a_period_to_come_no_digest_says_that_nobody_came() -> None:
    levels = MadeUpPast([Level(AS_OF - timedelta(days=1), 1, 0, 0)])
    found = written(contact(), view="from=2026-07-02&to=2026-07-08", past=levels)
    assert found.sentence == ("This period is still to come. Nobody waits for an answer right now.")
    assert numbers(found)["New"] == numbers(found)["Net growth"] == ("–", "still to come")
    assert numbers(found)["Contacts"] == ("1", "change not recorded")
    assert "New contacts per day" not in dict(found.bars)


class Elements(HTMLParser):
    """Elements and addresses in a document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def test_the_sentence_says_what_came_and_who_waits() -> None:
    found = written(
        *new(36, "whatsapp", 2), *new(30, "telegram", 9),
        contact(conversation(contactRepliedAt=before_as_of(hours=3), botEnabled=False)),
    )  # fmt: skip
    assert found.sentence == (
        "36 new contacts in the last 7 days, 20.0% more than in the 7 days before. "
        "1 person waits for an answer right now."
    )
    assert found.title == "Audience · Sales"


def test_a_change_of_few_is_told_as_a_difference() -> None:
    found = written(*new(6, "whatsapp", 2), *new(4, "telegram", 9))
    assert numbers(found)["New"] == ("6", "2 more than in the 7 days before")


def test_changes_are_those_between_the_recorded_ends_of_the_period() -> None:
    opening = Level(AS_OF - timedelta(days=7), 40, 5, 2, broadcast=Rate(10, 40))
    contacts = [
        *[contact(on("whatsapp"), broadcastSubscribedAt=before_as_of(days=1)) for _ in range(24)],
        *[contact(on("whatsapp")) for _ in range(24)],
        contact(
            on("whatsapp"), conversation(contactRepliedAt=before_as_of(hours=3), botEnabled=False)
        ),
    ]
    found = numbers(written(*contacts, past=MadeUpPast([opening])))
    assert found["Contacts"] == ("49", "+9 since 25 Jun 2026")
    assert found["Broadcast opt-in"] == ("49.0%", "+24.0 points since 25 Jun 2026")
    assert found["Waiting for a person"] == ("1", "−4 since 25 Jun 2026")
    assert found["Unassigned"] == ("1", "−1 since 25 Jun 2026")


def test_without_a_record_no_change_is_inferred() -> None:
    found = numbers(written(*new(40, "whatsapp", 2)))
    for name in ("Contacts", "Broadcast opt-in", "Waiting for a person", "Unassigned"):
        assert found[name][1] == "change not recorded"


def test_opt_outs_and_answers_are_of_the_time_since_the_last_one() -> None:
    past = MadeUpPast(
        [Level(AS_OF - timedelta(days=40), 1, 0, 0)],
        {date(2026, 6, 29): 2, date(2026, 6, 30): 3},
        Answers(12, 10, 1.5),
    )
    found = written(contact(), past=past)
    assert found.since == (
        "5 people opted out (29 Jun 2026 to 30 Jun 2026).",
        "12 people were answered since 24 Jun 2026, 00:00, half of them within 1 h 30 min.",
    )


def test_a_day_that_was_not_recorded_is_not_one_without_opt_outs() -> None:
    past = MadeUpPast(
        [Level(AS_OF - timedelta(days=40), 1, 0, 0)],
        {date(2026, 6, 27): 2, date(2026, 6, 30): 3},
    )
    (sentence,) = written(contact(), past=past).since
    assert sentence == (
        "5 people opted out (27 Jun 2026 to 30 Jun 2026, without 2 days that were not recorded)."
    )


def test_what_stands_out_and_what_goes_on_is_told_with_a_link() -> None:
    alert = Alert("backlog", True, AS_OF, sentence="300 people wait.", queue="waiting")
    over = Alert("unassigned", False, AS_OF, told=True, sentence="No more.")
    found = written(
        contact(conversation(contactRepliedAt=before_as_of(days=9), botEnabled=False)),
        alerts={"backlog": alert, "unassigned": over},
    )
    headings = [heading for heading, _ in found.sections]
    assert headings == ["Going on", "Worth a look"]
    (going_on,) = found.sections[0][1]
    assert going_on.sentence == "300 people wait."
    assert going_on.link is not None
    assert "queue=waiting" in going_on.link
    assert "No more." not in message(found).plain


def test_data_that_is_old_or_not_complete_is_said_first() -> None:
    found = written(contact(), complete=False, hours_later=5)
    assert found.warnings == (
        "This data is 5 h old: it could not be fetched since.",
        "Some contacts may be missing: the data could not be fetched completely.",
    )


def test_data_that_is_seldom_fetched_did_not_fail_to_be() -> None:
    twice_a_day = replace(SETTINGS, refresh_minutes=720)
    found = [written(contact(), hours_later=hours, settings=twice_a_day) for hours in (5, 13)]
    assert [each.warnings for each in found] == [
        ("This data is 5 h old.",),
        ("This data is 13 h old: it could not be fetched since.",),
    ]


def test_no_contact_is_named() -> None:
    person = contact(
        on("whatsapp"), conversation(contactRepliedAt=before_as_of(days=9), botEnabled=False),
        firstName="Esmeralda", lastName="Vasconcelos", phoneNumber="+5511987654321",
        email="esmeralda@example.org",
    )  # fmt: skip
    sent = message(written(person))
    for text in (sent.plain, sent.html, sent.subject, TEAMS.write(sent.lines)):
        for secret in ("Esmeralda", "Vasconcelos", "987654321", "example.org"):
            assert secret not in text


def test_the_view_sees_no_more_than_its_filters_let_pass() -> None:
    found = written(
        *new(9, "whatsapp", 2), *new(4, "telegram", 2), view="period=7d&channel=telegram"
    )
    assert numbers(found)["New"][0] == "4"
    assert numbers(found)["Contacts"][0] == "4"
    assert "only Telegram" in found.context


@pytest.fixture
def full() -> Digest:
    """A digest with everything in it, and names by strangers."""
    alert = Alert("backlog", True, AS_OF, sentence=f"Backlog {HOSTILE}", why=HOSTILE)
    return written(
        *new(5, HOSTILE, 1), *new(5, "telegram", 2),
        contact(in_inboxes(**{HOSTILE: "disconnected"})),
        contact(tagged("601")),
        alerts={"backlog": alert}, complete=False,
        past=MadeUpPast([Level(AS_OF - timedelta(days=7), 40, 5, 2)]),
    )  # fmt: skip


def test_the_html_loads_nothing_and_runs_nothing(full: Digest) -> None:
    found = Elements(message(full).html)
    assert not {"script", "img", "link", "iframe", "form", "svg", "object"} & set(found.tags)
    for tag, name, value in found.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "srcset", "background")
        if name == "href":
            assert tag == "a"
            assert value.startswith("https://audience.example.com/")
    html = message(full).html
    assert not re.search(r"url\(|@import|expression\(", html)


def test_what_strangers_wrote_is_text_in_the_html(full: Digest) -> None:
    html = message(full).html
    assert "&lt;img src=x" in html
    assert "\u202e" not in html
    assert "49" not in re.findall(r"txt &amp; (\S+)", html)


def test_a_name_ends_no_line_of_the_plain_text(full: Digest) -> None:
    assert not any(line.strip() == "." for line in message(full).plain.splitlines())


def test_the_html_is_small_enough_for_mail_programs_that_cut() -> None:
    # Gmail clips mails at 102 kB.
    busy = [each for n in range(30) for each in new(3, f"channel {n} {'x' * 200}", 1)]
    assert len(message(written(*busy)).html.encode()) < 60_000


def test_the_plain_text_says_the_same(full: Digest) -> None:
    plain = message(full).plain
    for said in (full.sentence, *[each.value for each in full.numbers], *full.since):
        assert said in plain


def test_numbers_are_written_as_in_the_operators_country(
    set_locale: Callable[[str], None],
) -> None:
    set_locale("de")
    found = written(*new(1200, "whatsapp", 2), *new(1000, "whatsapp", 9))
    assert numbers(found)["New"][0] == "1.200"
    assert 'lang="de"' in message(found).html


def test_an_empty_workspace_has_a_digest_too() -> None:
    found = written()
    assert found.sentence.startswith("0 new contacts in the last 7 days")
    assert message(found).html


def test_a_view_that_is_gone_is_one_sentence() -> None:
    found = message(gone("This workspace has no tag “x”.", SETTINGS, None))
    assert "This workspace has no tag “x”." in found.plain
    assert "Contacts" not in found.plain
