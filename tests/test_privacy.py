"""Personal data is dropped when an answer is decoded: none is kept, written or shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests import marked
from tests.searching import found_in
from tests.serving import ROOT, chatbotx


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Where each mark was found in a dashboard that had fetched, saved, reported and shown all."""
    folder = tmp_path_factory.mktemp("marked")
    (folder / "contacts.json").write_text(json.dumps(marked.contacts()), "utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATBOTX_")}
    with chatbotx("cbx_marked", file=folder / "contacts.json") as base_url:
        result = subprocess.run(
            [sys.executable, "-m", "tests.searching"],
            cwd=ROOT,
            env=clean
            | {
                "HOME": str(folder),
                "CHATBOTX_TOKEN": "cbx_marked",
                "CHATBOTX_BASE_URL": base_url,
                "CHATBOTX_SNAPSHOT_DIR": str(folder / "cache"),
                "CHATBOTX_OPEN_ACCESS": "yes",
            },
            input=json.dumps([marked.MARK, marked.DIGITS, marked.SHOWN]) + "\n",
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert result.returncode == 0, result.stderr
    assert not found_in(result.stderr, [marked.MARK, marked.DIGITS])
    places: Mapping[str, list[str]] = json.loads(result.stdout.splitlines()[-1])
    return places


# With ids, because pytest puts the names of tests into the environment, which is searched as well.
@pytest.mark.parametrize("mark", [marked.MARK, marked.DIGITS], ids=["text", "digits"])
def test_nothing_personal_is_in_memory_on_disk_in_logs_reports_or_pages(
    found: Mapping[str, list[str]], mark: str
) -> None:
    assert found.get(mark, []) == []


@pytest.mark.parametrize(
    "place",
    [
        "memory: DataFrame",
        "memory: str",
        "snapshot: tags, decoded",
        "snapshot: events, decoded",
        "report: JSON",
        "page: message",
    ],
)
def test_what_is_shown_openly_is_found_wherever_the_search_looks(
    found: Mapping[str, list[str]], place: str
) -> None:
    assert place in found[marked.SHOWN]


def test_every_personal_field_of_the_api_is_marked() -> None:
    contacts = marked.contacts(40)[20:]
    personal = ("firstName", "lastName", "fullName", "email", "avatar", "ref", "city", "notes")
    for name in (*personal, "location", "contactCustomFields", "contactInboxes"):
        assert found_in(json.dumps(contacts[0][name]), [marked.MARK]), name
    assert found_in(contacts[0]["phoneNumber"], [marked.DIGITS])
    conversations = [contact["conversation"] for contact in contacts if contact["conversation"]]
    agents = [each["assignedUser"] for each in conversations if each["assignedUser"]]
    assert agents
    assert all(found_in(agent["email"], [marked.MARK]) for agent in agents)
