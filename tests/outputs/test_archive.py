"""Exported data of the filtered contacts."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from lib.chatbotx.crawl import Verdict
from lib.outputs.archive import numbers_json, tables_zip
from lib.outputs.report import report
from lib.query.choice import Choice
from lib.query.view import View, view_of
from lib.settings import Settings
from lib.store.dimensions import CHANNEL
from lib.store.snapshot import Snapshot
from tests.workspaces import Json, contact, conversation, on, tables_of, tagged

AS_OF = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
JUNE = Choice("dates", date(2026, 6, 1), date(2026, 6, 30), timezone="America/Sao_Paulo")
ON_LINE = JUNE.limited_to(CHANNEL, ("line",))
CONTACTS = (
    contact(on("line"), tagged("601"), createdAt="2026-06-10T12:00:00Z"),
    contact(
        on("line", "sms"),
        conversation(
            assignedUserId="7", assignedInboxTeamId="8", lastActivityAt="2026-06-30T12:00:00Z"
        ),
        createdAt="2026-05-10T12:00:00Z",
    ),
    contact(tagged("602"), createdAt="2026-06-11T12:00:00Z", blockedAt="2026-06-12T12:00:00Z"),
)
VERDICT = Verdict(AS_OF, complete=False, warnings=("2 contacts may be missing.",))


def june_view(choice: Choice = JUNE) -> View:
    return view_of(Snapshot(tables_of(*CONTACTS), VERDICT, "42"), choice, Settings())


def unpacked(view: View) -> tuple[Json, dict[str, pd.DataFrame]]:
    with zipfile.ZipFile(io.BytesIO(tables_zip(view))) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(files.pop("about.json"))
    tables = {
        name.removesuffix(".parquet"): pd.read_parquet(io.BytesIO(content))
        for name, content in files.items()
    }
    return about, tables


@pytest.mark.parametrize("choice", [JUNE, ON_LINE], ids=["all", "filtered"])
def test_the_tables_come_back_as_they_were(choice: Choice) -> None:
    view = june_view(choice)
    about, tables = unpacked(view)
    assert list(tables) == list(view.asked.tables().frames())
    for name, table in view.asked.tables().frames().items():
        # Parquet does not store the type of empty categories.
        pd.testing.assert_frame_equal(tables[name], table, check_categorical=bool(len(table)))
    assert about["rows"] == {name: len(table) for name, table in tables.items()}


def test_only_the_chosen_contacts_are_in_the_tables() -> None:
    _, tables = unpacked(june_view(ON_LINE))
    assert tables["contacts"]["id"].tolist() == [2, 1]
    assert tables["contact_tags"][["contact", "tag"]].to_numpy().tolist() == [[1, "601"]]


def test_the_tables_say_what_they_are() -> None:
    about, _ = unpacked(june_view(ON_LINE))
    del about["rows"]
    assert about == {
        "workspace_id": "42",
        "demo": False,
        "as_of": "2026-07-01T12:30:00Z",
        "timezone": "America/Sao_Paulo",
        "period": {"start": "2026-06-01", "end": "2026-06-30"},
        "subscription_basis": "createdAt",
        "filters": {
            "from": ["2026-06-01"],
            "to": ["2026-06-30"],
            "channel": ["line"],
            "tz": ["America/Sao_Paulo"],
        },
        "filters_in_words": "line",
        "complete": False,
        "warnings": ["2 contacts may be missing."],
    }


def test_the_same_view_makes_the_same_file() -> None:
    assert tables_zip(june_view()) == tables_zip(june_view())


def test_the_numbers_are_those_of_the_report() -> None:
    view = june_view()
    numbers = json.loads(numbers_json(view))
    filters = numbers.pop("filters")
    assert numbers == json.loads(json.dumps(report(view.snapshot, view.terms)))
    assert "channel" not in filters


def test_the_numbers_are_of_the_chosen_rows() -> None:
    view = june_view(ON_LINE)
    numbers = json.loads(numbers_json(view))
    chosen = Snapshot(tables_of(*CONTACTS[:2]), VERDICT, "42")
    expected = json.loads(json.dumps(report(chosen, view.terms)))
    assert numbers.pop("filters")["channel"] == ["line"]
    # How the workspace was read does not depend on the filters.
    assert (numbers.pop("crawl")["contacts"], expected.pop("crawl")["contacts"]) == (3, 2)
    assert numbers == expected
    assert (numbers["audience"]["contacts"], numbers["workload"]["open"]) == (2, 1)
