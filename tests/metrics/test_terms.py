import pytest

from lib.metrics.terms import Basis, choose_basis
from tests.workspaces import ask, contact, terms

SUBSCRIBED = contact(subscribedAt="2026-06-01T00:00:00.000Z")
NOT = contact(subscribedAt=None)


@pytest.mark.parametrize(
    ("contacts", "basis"),
    [
        ([], "createdAt"),
        ([NOT], "createdAt"),
        ([SUBSCRIBED], "subscribedAt"),
        ([SUBSCRIBED, NOT], "subscribedAt"),
        ([SUBSCRIBED, NOT, NOT], "createdAt"),
        ([SUBSCRIBED, SUBSCRIBED, NOT, NOT, NOT], "createdAt"),
        ([SUBSCRIBED, SUBSCRIBED, NOT], "subscribedAt"),
    ],
    ids=["none at all", "0 of 1", "1 of 1", "exactly half", "1 of 3", "2 of 5", "2 of 3"],
)
def test_clock_is_subscribed_at_from_half_of_the_contacts_on(
    contacts: list[dict[str, object]], basis: str
) -> None:
    assert choose_basis(ask(*contacts)) == basis


def test_choice_of_the_manager_comes_before_the_data() -> None:
    assert choose_basis(ask(SUBSCRIBED), "createdAt") == "createdAt"


@pytest.mark.parametrize(
    ("basis", "column"), [("createdAt", "created"), ("subscribedAt", "subscribed")]
)
def test_subscription_time_is_in_the_column_of_the_basis(basis: Basis, column: str) -> None:
    assert terms(basis=basis).subscription == column
