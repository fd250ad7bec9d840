"""The view of a digest: a query, a saved view, or the whole workspace; and what happens when it is
gone."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from lib.outputs.views import ViewGone, address, view_named
from lib.query.choice import Choice
from lib.query.url import parse
from lib.query.view import options
from lib.settings import Settings
from lib.store.dimensions import CHANNEL, TAG
from lib.store.snapshot import Snapshot
from tests.outputs.digesting import snapshot_of
from tests.workspaces import contact, on, tagged

SETTINGS = Settings(timezone="America/Sao_Paulo")


@pytest.fixture
def snapshot() -> Snapshot:
    return snapshot_of(contact(on("whatsapp"), tagged("601")), contact(on("telegram")))


def test_without_a_name_it_is_the_whole_workspace_in_the_last_week(snapshot: Snapshot) -> None:
    view = view_named("", snapshot, SETTINGS).view
    assert not view.choice.is_filtered
    assert view.terms.period.number_of_days == 7
    assert view.terms.timezone == "America/Sao_Paulo"


def test_a_query_is_that_of_a_link(snapshot: Snapshot) -> None:
    named = view_named("period=30d&channel=whatsapp", snapshot, SETTINGS)
    assert named.view.choice.keys(CHANNEL) == ("whatsapp",)
    assert named.notes == ()


def test_a_saved_view_is_found_by_its_name(snapshot: Snapshot) -> None:
    saved = {"Sales": "?channel=telegram"}
    named = view_named("Sales", snapshot, SETTINGS, saved.get)
    assert named.view.choice.keys(CHANNEL) == ("telegram",)


def test_the_name_of_a_saved_view_may_look_like_a_query(snapshot: Snapshot) -> None:
    saved = {"channel = ours": "channel=telegram"}
    named = view_named("channel = ours", snapshot, SETTINGS, saved.get)
    assert named.view.choice.keys(CHANNEL) == ("telegram",)


@pytest.mark.parametrize("query", ["chanel=whatsapp", "period=7d&chanel=whatsapp", "Ads = Brazil"])
def test_a_filter_that_is_misspelt_does_not_stand_for_everybody(
    snapshot: Snapshot, query: str
) -> None:
    with pytest.raises(ViewGone, match="copy the link again"):
        view_named(query, snapshot, SETTINGS)


def test_a_link_may_name_its_workspace(snapshot: Snapshot) -> None:
    named = view_named("channel=telegram&workspace=sales", snapshot, SETTINGS)
    assert named.view.choice.keys(CHANNEL) == ("telegram",)


def test_a_link_of_another_workspace_is_not_shown_of_this_one(snapshot: Snapshot) -> None:
    ours = Settings(token="token", name="sales")
    assert view_named("period=7d&workspace=Sales", snapshot, ours).notes == ()
    with pytest.raises(ViewGone, match="another workspace"):
        view_named("period=7d&workspace=support", snapshot, ours)


@pytest.mark.parametrize("name", ["tag=999", "channel=whatsapp&tag=999", "agent=5&period=7d"])
def test_a_view_whose_filter_is_gone_is_not_shown_without_it(snapshot: Snapshot, name: str) -> None:
    with pytest.raises(ViewGone, match=r"This workspace has no (tag|agent)"):
        view_named(name, snapshot, SETTINGS)


def test_a_saved_view_that_is_gone_is_said(snapshot: Snapshot) -> None:
    with pytest.raises(ViewGone, match="no saved view “Sales”"):
        view_named("Sales", snapshot, SETTINGS)


def test_one_of_two_tags_that_is_gone_is_only_noted(snapshot: Snapshot) -> None:
    named = view_named("tag=601&tag=999", snapshot, SETTINGS)
    assert named.view.choice.keys(TAG) == ("601",)
    assert len(named.notes) == 1


def test_a_link_opens_the_same_days_whenever_it_is_opened(snapshot: Snapshot) -> None:
    view = view_named("period=7d&channel=whatsapp", snapshot, SETTINGS).view
    found = address("https://a.example/base", SETTINGS, view.choice, view.terms.period, "workload")
    assert found is not None
    parts = urlsplit(found)
    assert parts.path == "/base/workload"
    opened, notes = parse(parse_qs(parts.query), options(snapshot, SETTINGS))
    assert notes == []
    assert (opened.start, opened.end) == (view.terms.period.start, view.terms.period.end)
    assert opened.keys(CHANNEL) == ("whatsapp",)


def test_a_link_names_its_workspace_and_holds_what_strangers_wrote_as_a_value(
    snapshot: Snapshot,
) -> None:
    view = view_named("", snapshot, SETTINGS).view
    hostile = 'x&tag=1#"><script>\r\n'
    found = address(
        "https://a.example",
        Settings(name="sales"),
        view.choice,
        view.terms.period,
        narrow=(("channel", hostile),),
    )
    assert found is not None
    assert found.isascii()
    assert not set('<>"\r\n ') & set(found)
    query = parse_qs(urlsplit(found).query)
    assert query["workspace"] == ["sales"]
    assert query["channel"] == [hostile]
    assert "tag" not in query


def test_without_an_address_of_the_dashboard_there_are_no_links(snapshot: Snapshot) -> None:
    view = view_named("", snapshot, SETTINGS).view
    assert address(None, SETTINGS, Choice(), view.terms.period) is None
