import pytest

from lib.metrics.engagement import Engagement, engagement, inboxes
from tests.workspaces import (
    Json,
    ask,
    before_as_of,
    contact,
    conversation,
    in_inboxes,
    terms,
)

BLOCKED = {"blockedAt": "2020-02-01T00:00:00.000Z"}


def found(*contacts: Json) -> Engagement:
    return engagement(ask(*contacts), terms())


def active(**ago: float) -> Json:
    return contact(conversation(lastActivityAt=before_as_of(**ago)))


def wrote(**ago: float) -> Json:
    """A contact who last wrote so long ago."""
    link = {"inboxId": "1", "channel": "sms", "lastIncomingMessageAt": before_as_of(**ago)}
    return contact(contactInboxes=[link])


def test_of_no_contacts_is_zero_and_the_window_absent() -> None:
    assert found() == Engagement(0, 0, None, 0)


class TestActivity:
    @pytest.mark.parametrize(
        ("ago", "in_7_days", "in_30_days"),
        [
            ({"hours": 1}, 1, 1),
            ({"days": 7}, 1, 1),
            ({"days": 7, "milliseconds": 1}, 0, 1),
            ({"days": 30}, 0, 1),
            ({"days": 30, "milliseconds": 1}, 0, 0),
            ({"days": -1}, 1, 1),
        ],
        ids=["an hour", "7 days", "longer", "30 days", "longer still", "in the future"],
    )
    def test_counts_from_the_edge_on(
        self, ago: dict[str, float], in_7_days: int, in_30_days: int
    ) -> None:
        numbers = found(active(**ago))

        assert (numbers.active_7d, numbers.active_30d) == (in_7_days, in_30_days)

    def test_of_blocked_contacts_does_not_count(self) -> None:
        assert found(contact(active(hours=1), BLOCKED)).active_30d == 0


class TestWindow:
    @pytest.mark.parametrize(
        ("ago", "inside"), [({"hours": 24}, 1), ({"hours": 24, "milliseconds": 1}, 0)]
    )
    def test_is_open_for_24_hours(self, ago: dict[str, float], inside: int) -> None:
        assert found(wrote(**ago)).window_24h == inside

    def test_counts_the_latest_message_in_any_inbox(self) -> None:
        late, early = wrote(hours=1), wrote(days=9)
        links = [*early["contactInboxes"], *late["contactInboxes"], *early["contactInboxes"]]

        assert found(contact(contactInboxes=links)).window_24h == 1

    def test_is_absent_where_no_contact_carries_the_field(self) -> None:
        assert found(active(hours=1)).window_24h is None

    def test_is_zero_where_only_a_blocked_contact_wrote(self) -> None:
        assert found(contact(wrote(hours=1), BLOCKED), contact()).window_24h == 0

    def test_of_a_selection_in_which_nobody_wrote_is_zero_not_absent(self) -> None:
        selected = ask(wrote(hours=1), contact(), only=[2])

        assert engagement(selected, terms()).window_24h == 0


class TestReachAtRisk:
    @pytest.mark.parametrize(
        ("statuses", "at_risk"),
        [
            ({}, 0),
            ({"a": "connected"}, 0),
            ({"a": " Connected "}, 0),
            ({"a": "disconnected"}, 1),
            ({"a": None}, 1),
            ({"a": "disconnected", "b": "connected"}, 0),
            ({"a": "disconnected", "b": "expired"}, 1),
        ],
        ids=[
            "no inbox",
            "fine",
            "fine, written so",
            "cut off",
            "unknown",
            "one works",
            "none works",
        ],
    )
    def test_is_of_contacts_with_inboxes_none_of_which_is_connected(
        self, statuses: dict[str, str | None], at_risk: int
    ) -> None:
        assert found(contact(in_inboxes(**statuses))).reach_at_risk == at_risk

    def test_is_of_active_contacts(self) -> None:
        assert found(contact(in_inboxes(a="disconnected"), BLOCKED)).reach_at_risk == 0


class TestInboxes:
    def test_have_their_contacts_by_size(self) -> None:
        tables = ask(
            contact(in_inboxes(a="connected", b="disconnected")),
            contact(in_inboxes(b="disconnected")),
            contact(in_inboxes(b="disconnected"), BLOCKED),
        )

        table = inboxes(tables)

        assert table[["contacts", "active", "at_risk"]].to_dict("index") == {
            "b": {"contacts": 3, "active": 2, "at_risk": 1},
            "a": {"contacts": 1, "active": 1, "at_risk": 0},
        }
        assert list(table.index) == ["b", "a"]

    def test_say_what_they_are(self) -> None:
        row = inboxes(ask(contact(in_inboxes(a="expired")))).loc["a"]

        assert (row["name"], row["channel"], row["status"]) == ("a", "whatsapp", "expired")

    def test_of_a_selection_are_all_of_them(self) -> None:
        table = inboxes(
            ask(contact(in_inboxes(a="connected")), contact(in_inboxes(b="connected")), only=[1])
        )

        assert table["contacts"].to_dict() == {"a": 1, "b": 0}

    def test_of_no_contacts_are_none(self) -> None:
        assert inboxes(ask()).empty
