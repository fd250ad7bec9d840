import pytest

from lib.metrics.cohorts import cohorts
from lib.metrics.terms import Basis
from tests.workspaces import Json, ask, before_as_of, contact, conversation, terms

LONG_AGO = "2020-02-01T00:00:00.000Z"


def found(
    *contacts: Json, timezone: str = "UTC", basis: Basis = "createdAt"
) -> dict[str, tuple[int, ...]]:
    """By month: contacts, still_active, broadcast, active_30d."""
    table = cohorts(ask(*contacts), terms(timezone=timezone, basis=basis))
    months = [str(month)[:7] for month in table.index]
    return dict(zip(months, map(tuple, table.to_numpy().tolist()), strict=True))


def test_of_no_contacts_are_none() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("moment", "timezone", "month"),
    [
        ("2026-06-01T00:00:00.000Z", "UTC", "2026-06"),
        ("2026-05-31T23:59:59.999Z", "UTC", "2026-05"),
        ("2026-06-01T02:59:59.999Z", "America/Sao_Paulo", "2026-05"),
        ("2026-06-01T03:00:00.000Z", "America/Sao_Paulo", "2026-06"),
        ("2026-05-31T18:15:00.000Z", "Asia/Kathmandu", "2026-06"),
        ("2026-05-31T18:14:59.999Z", "Asia/Kathmandu", "2026-05"),
        ("2025-12-31T10:00:00.000Z", "Pacific/Kiritimati", "2026-01"),
    ],
)
def test_month_is_that_of_the_zone(moment: str, timezone: str, month: str) -> None:
    assert list(found(contact(createdAt=moment), timezone=timezone)) == [month]


def test_months_without_contacts_are_left_out() -> None:
    first, last = "2025-12-10T00:00:00.000Z", "2026-02-10T00:00:00.000Z"

    assert list(found(contact(createdAt=last), contact(createdAt=first))) == ["2025-12", "2026-02"]


def test_shares_are_of_the_members_still_active() -> None:
    opted_in = contact(
        conversation(lastActivityAt=before_as_of(days=30)), broadcastSubscribedAt=LONG_AGO
    )

    assert found(opted_in, contact(), contact(opted_in, blockedAt=LONG_AGO)) == {
        "2020-01": (3, 2, 1, 1)
    }


def test_activity_counts_for_thirty_days() -> None:
    quiet = contact(conversation(lastActivityAt=before_as_of(days=30, milliseconds=1)))

    assert found(quiet) == {"2020-01": (1, 1, 0, 0)}


def test_contact_that_never_subscribed_is_in_no_cohort() -> None:
    subscribed = contact(subscribedAt="2026-03-10T00:00:00.000Z")

    assert found(subscribed, contact(), basis="subscribedAt") == {"2026-03": (1, 1, 0, 0)}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
@pytest.mark.parametrize("timezone", ["Asia/Tokyo", "America/Sao_Paulo"])
def test_time_at_the_end_of_the_calendar_does_no_harm(moment: str, timezone: str) -> None:
    contacts = [contact(createdAt=moment), contact(createdAt="2026-03-10T00:00:00.000Z")]

    assert found(*contacts, timezone=timezone)["2026-03"] == (1, 1, 0, 0)
