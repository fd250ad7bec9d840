"""Saved views."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lib.query import saved_views
from lib.query.choice import Choice
from lib.query.options import Options
from lib.query.saved_views import (
    EVERYBODY,
    MOST_VIEWS,
    JsonFile,
    SavedView,
    SavedViewError,
    SavedViews,
    SharedDocument,
    of_workspace,
    opened,
    owner_of,
    secret_of,
    suggested_name,
)
from lib.settings import Settings
from lib.store.documents import BucketDocuments, documents_of
from tests.bucket import options_of, place_in
from tests.query.choices import OPTIONS
from tests.workspaces import choosing

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
VIPS = choosing("month", tag=("601",), country=("BR",), against="year")
ANA, BIA = owner_of("ana", b"secret"), owner_of("bia", b"secret")


@pytest.fixture(params=["folder", "bucket"])
def views(request: pytest.FixtureRequest, tmp_path: Path) -> SavedViews:
    if request.param == "folder":
        return SavedViews(JsonFile(tmp_path / "store" / "saved_views.json"))
    endpoint: str = request.getfixturevalue("endpoint")
    documents = BucketDocuments(place_in(endpoint, uuid.uuid4().hex))
    return SavedViews(SharedDocument(documents, "saved-views"))


def save(views: SavedViews, name: str, choice: Choice = VIPS, owner: str = ANA) -> SavedView:
    return views.save(name, choice, OPTIONS, page="tags", owner=owner, now=NOW)


def names(views: SavedViews, owner: str | None) -> list[str]:
    return [view.name for view in views.of(owner)]


def test_a_view_comes_back_as_the_choice_that_was_saved(views: SavedViews) -> None:
    save(views, "VIPs in Brazil")
    (view,) = views.of(ANA)
    assert (view.name, view.page) == ("VIPs in Brazil", "tags")
    assert opened(view, OPTIONS) == (VIPS, [])


def test_a_person_sees_their_own_and_those_for_everybody(views: SavedViews) -> None:
    save(views, "b", owner=ANA)
    save(views, "c", owner=BIA)
    save(views, "a", owner=EVERYBODY)
    assert names(views, ANA) == ["a", "b"]
    assert names(views, BIA) == ["a", "c"]
    assert names(views, None) == ["a"]


def test_saving_under_a_name_again_replaces_the_view(views: SavedViews) -> None:
    save(views, "VIPs")
    save(views, " vips ", Choice("7d"))
    save(views, "VIPs", owner=EVERYBODY)
    assert [(view.name, view.is_for_everybody) for view in views.of(ANA)] == [
        ("VIPs", True),
        ("vips", False),
    ]
    assert opened(views.of(ANA)[1], OPTIONS)[0] == Choice("7d")


@pytest.mark.parametrize(
    ("choice", "page", "taken", "name"),
    [
        (Choice(), "workload", [], "Last 30 days · Workload"),
        (choosing("today", country=("BR",)), "", [], "In Brazil · Today"),
        (
            Choice("dates", date(2026, 6, 1), date(2026, 6, 7)),
            "opt_in",
            [],
            "1 Jun 2026 to 7 Jun 2026 · Opt-in",
        ),
        (Choice(), "data", ["LAST 30 days · Data", "VIPs"], "Last 30 days · Data (2)"),
        (
            choosing(country=("BR", "MX", "DE"), channel=("whatsapp", "telegram")),
            "overview",
            [],
            "WhatsApp or telegram; in Brazil, MX or DE · Last 30 days ·…",
        ),
    ],
)
def test_a_view_without_a_name_is_named_after_what_it_shows(
    choice: Choice, page: str, taken: list[str], name: str
) -> None:
    assert suggested_name(choice, OPTIONS, page, taken) == name


def test_what_has_gone_from_the_workspace_is_said_by_its_name(views: SavedViews) -> None:
    save(views, "VIPs in Brazil")
    left = Options({"country": OPTIONS.by_dimension["country"]})
    choice, notes = opened(views.of(ANA)[0], left)
    assert choice == choosing("month", country=("BR",), against="year")
    assert notes == [
        "The tag “VIP” is no longer in this workspace; the saved view “VIPs in Brazil” opens "
        "without it."
    ]


def test_those_without_a_tag_and_a_tag_called_none_are_kept_apart(views: SavedViews) -> None:
    save(views, "untagged", choosing(tag=("",), channel=("none",)))
    assert opened(views.of(ANA)[0], OPTIONS) == (choosing(tag=("",), channel=("none",)), [])


def test_only_its_owners_delete_a_view(views: SavedViews) -> None:
    mine, ours = save(views, "mine"), save(views, "ours", owner=EVERYBODY)
    views.delete(mine.id, owners=[BIA])
    views.delete(ours.id, owners=[BIA])
    assert names(views, ANA) == ["mine", "ours"]
    views.delete(mine.id, owners=[ANA])
    assert names(views, ANA) == ["ours"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "needs a name"),
        (" \u202e ", "needs a name"),
        ("\u200b\0\x1b", "needs a name"),
        ("x" * 61, "at most 60 characters"),
        ("x" * 1_000_000, "at most 60 characters"),
    ],
    ids=["empty", "blank", "invisible", "long", "a megabyte"],
)
def test_a_name_has_to_be_one(views: SavedViews, name: str, why: str) -> None:
    with pytest.raises(SavedViewError, match=why):
        save(views, name)
    assert views.of(ANA) == []


def test_one_person_cannot_fill_the_store(views: SavedViews) -> None:
    for number in range(MOST_VIEWS):
        save(views, f"{number}")
    with pytest.raises(SavedViewError, match="delete one"):
        save(views, "one more")
    save(views, "0", Choice("7d"))
    save(views, "another's", owner=BIA)


def test_a_view_of_very_many_values_is_not_kept(views: SavedViews) -> None:
    """Every page of everybody would have to read it."""
    with pytest.raises(SavedViewError, match="too many filters"):
        save(views, "all tags", choosing(tag=tuple(str(number) for number in range(2_000))))
    assert views.of(ANA) == []


def test_what_would_be_too_large_to_be_read_is_not_written(
    views: SavedViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(views, "first")
    filling = save(views, "second", owner=BIA)
    monkeypatch.setattr(saved_views, "MOST_BYTES", 1_000)
    with pytest.raises(SavedViewError, match="no room"):
        save(views, "third", owner=BIA)
    assert names(views, ANA) == ["first"]
    views.delete(filling.id, owners=[BIA])
    save(views, "in its place", owner=BIA)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "__proto__", "<b onclick=x>**", "\u202eevil", "null", "a\r\nb", "'; --"],
)
def test_a_name_may_be_anything_and_stays_what_it_is(views: SavedViews, name: str) -> None:
    save(views, name)
    (view,) = views.of(ANA)
    assert view.name == name.replace("\u202e", "").replace("\r\n", " ")


def test_a_person_cannot_be_told_from_what_is_kept(tmp_path: Path) -> None:
    save(SavedViews(JsonFile(tmp_path / "store" / "saved_views.json")), "mine")
    kept = (tmp_path / "store" / "saved_views.json").read_text("utf-8")
    assert "ana" not in kept.lower().replace("601", "")
    assert owner_of("ana", b"secret") != owner_of("ana", b"another secret")
    assert owner_of("ana", b"secret") != owner_of("bia", b"secret")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"views": [{}]}', b"\xff", b'{"views": 1}', b"[" * 100_000],
    ids=["nothing", "no views", "a list", "no view", "no text", "a number", "very deep"],
)
def test_a_damaged_file_is_said_and_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "saved_views.json"
    path.write_bytes(content)
    views = SavedViews(JsonFile(path))
    with pytest.raises(SavedViewError, match="damaged"):
        views.of(ANA)
    with pytest.raises(SavedViewError, match="damaged"):
        save(views, "mine")
    assert path.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on Windows")
def test_nobody_waits_for_a_pipe_in_the_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "views.json")
    views = SavedViews(JsonFile(tmp_path / "views.json"))
    with pytest.raises(SavedViewError, match="could not be read"):
        views.of(ANA)
    with pytest.raises(SavedViewError, match="could not be saved"):
        save(views, "mine")
    os.mkfifo(tmp_path / "saved-views.key")
    with pytest.raises(OSError, match="not a file"):
        secret_of(Settings(token="t", store=str(tmp_path)))


def test_a_secret_that_could_not_be_written_is_made_again(tmp_path: Path) -> None:
    settings = Settings(token="t", store=str(tmp_path))
    (tmp_path / "saved-views.key").write_bytes(b"")  # the disk was full
    secret = secret_of(settings)
    assert len(secret) == 32
    assert secret_of(settings) == secret


def test_people_who_come_at_once_get_the_same_secret(tmp_path: Path) -> None:
    settings = Settings(token="t", store=str(tmp_path))
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: secret_of(settings), range(24)))
    assert found == {(tmp_path / "saved-views.key").read_bytes()}


def test_people_who_save_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "saved_views.json"

    def save_one(number: int) -> None:
        save(SavedViews(JsonFile(path)), f"{number:02}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(save_one, range(24)))
    assert names(SavedViews(JsonFile(path)), ANA) == [f"{number:02}" for number in range(24)]


def test_a_store_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(SavedViewError, match="cannot be written"):
        save(SavedViews(JsonFile(tmp_path / "store" / "saved_views.json")), "mine")


def test_replicas_share_views_and_the_secret_of_their_owners(endpoint: str) -> None:
    options = tuple(options_of(endpoint).items())
    settings = Settings(token="t", store=f"s3://ours/{uuid.uuid4().hex}", store_options=options)
    one, other = (
        SavedViews(SharedDocument(documents_of(settings), "saved-views", seconds=0))
        for _ in range(2)
    )
    save(one, "Ours", owner=EVERYBODY)
    assert names(other, None) == ["Ours"]
    secret = secret_of(settings)
    secret_of.__globals__["_secret_shared"].cache_clear()
    assert secret_of(settings) == secret
    assert of_workspace(settings) is not None
    assert of_workspace(Settings()) is None
