"""Readings of a snapshot: what alert rules are told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lib.chatbotx.verdict import Range, Verdict
from lib.insights.past import NothingRecorded
from lib.insights.readings import reading_of
from lib.query.choice import Choice
from lib.query.view import view_of
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from tests.workspaces import AS_OF, contact, tables_of

LONG_AGO = datetime(2025, 3, 1, tzinfo=UTC)
IMPORTED = (Range(LONG_AGO, LONG_AGO + timedelta(seconds=1)),)


@pytest.mark.parametrize(
    ("doubtful", "basis", "missing_until"),
    [
        ((), "createdAt", None),
        (IMPORTED, "createdAt", IMPORTED[0].last),
        (IMPORTED, "subscribedAt", AS_OF),
        (None, "createdAt", AS_OF),
    ],
    ids=["complete", "an import in doubt", "who may have subscribed since", "any may be missing"],
)
def test_up_to_when_contacts_may_be_missing(
    doubtful: tuple[Range, ...] | None, basis: str, missing_until: datetime | None
) -> None:
    verdict = Verdict(AS_OF, complete=doubtful == (), doubtful=doubtful)
    settings = Settings(basis=basis)  # type: ignore[arg-type]
    view = view_of(Snapshot(tables_of(contact()), verdict), Choice(), settings)
    assert reading_of(view, NothingRecorded()).missing_until == missing_until
