from __future__ import annotations

import itertools
import json
import math
import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.chatbotx.client import Client, Patience, Query
from lib.chatbotx.crawl import Progress, crawl
from lib.chatbotx.errors import Cancelled, ServerTrouble, TokenRefused, TooSlow
from lib.chatbotx.schema import Answer
from lib.chatbotx.schema import Contact as Decoded
from tests import effort
from tests.chatbotx.reading import (
    BEGAN,
    QUICK,
    TOKEN,
    Read,
    client_of,
    contact,
    ids,
    read,
    read_with,
    read_workspace,
    spread,
    tied,
    time_of,
)
from tests.effort import SEEDS
from tests.fake_chatbotx import (
    CONTACTS_PATH,
    COUNT_PATH,
    DATABASE_DOWN,
    JULY,
    JUNE,
    NOVEMBER,
    OCTOBER,
    Contact,
    CutShort,
    Dropped,
    FakeChatbotx,
    Fault,
    Garbled,
    Late,
    Manners,
    RecordedRequest,
    Workspace,
    error_answer,
    gateway_error,
    seeded_faults,
    too_many_requests,
)
from tests.fake_chatbotx import Answer as Sent

MANNERS = {
    "June": JUNE,
    "July": JULY,
    "October": replace(OCTOBER, rate_limit=None, address_rate_limit=None),
    "November": replace(NOVEMBER, rate_limit=None, address_rate_limit=None),
    "minutes": replace(NOVEMBER, rate_limit=None, address_rate_limit=None, filters_by_seconds=60),
}
SMALL_PAGES = {name: replace(manners, per_page_cap=7) for name, manners in MANNERS.items()}
WALKERS = [1, 2, 4, 8] if effort.IS_WHOLE else [1, 4]

by_manners = pytest.mark.parametrize("manners", MANNERS.values(), ids=MANNERS)
by_small_pages = pytest.mark.parametrize("manners", SMALL_PAGES.values(), ids=SMALL_PAGES)
by_walkers = pytest.mark.parametrize("walkers", WALKERS)


def assert_all_there_once(crawled: Read, contacts: list[Contact]) -> None:
    assert crawled.ids == ids(contacts)
    assert set(crawled.fed.values()) <= {1}
    assert crawled.verdict.complete


class TestUnchangingWorkspaces:
    @by_manners
    @by_walkers
    @pytest.mark.parametrize("count", [0, 1, 2, 49, 50, 51, 100, 137, 3000])
    def test_all_contacts_are_there_once(self, count: int, walkers: int, manners: Manners) -> None:
        contacts = spread(count)
        crawled, _ = read_workspace(contacts, manners, connections=walkers)
        assert_all_there_once(crawled, contacts)
        assert crawled.verdict.by_key

    @by_manners
    @by_walkers
    @pytest.mark.parametrize("count", [25, 49, 50, 51, 500])
    def test_contacts_of_one_time_are_there_once(
        self, count: int, walkers: int, manners: Manners
    ) -> None:
        contacts = tied(count)
        crawled, _ = read_workspace(contacts, manners, connections=walkers)
        assert_all_there_once(crawled, contacts)

    @by_small_pages
    @by_walkers
    @pytest.mark.parametrize("count", [1, 6, 7, 8, 50])
    @pytest.mark.parametrize("place", ["first", "in the middle", "last"])
    def test_contacts_of_one_time_among_others_are_there_once(
        self, place: str, count: int, walkers: int, manners: Manners
    ) -> None:
        milliseconds = {"first": 0, "in the middle": 1237 * 15, "last": 1237 * 30}[place]
        contacts = spread(30) + tied(count, milliseconds)
        crawled, _ = read_workspace(contacts, manners, connections=walkers)
        assert_all_there_once(crawled, contacts)

    def test_the_recorded_workspace_is_there_once(self, edge_contacts: list[Contact]) -> None:
        crawled, _ = read_workspace(edge_contacts, JULY)
        assert_all_there_once(crawled, edge_contacts)

    @by_walkers
    def test_a_count_that_is_capped_ends_nothing(self, walkers: int) -> None:
        manners = replace(SMALL_PAGES["October"], counted_up_to=14)
        contacts = spread(60) + tied(40, 1237 * 20)
        crawled, _ = read_workspace(contacts, manners, connections=walkers)
        assert_all_there_once(crawled, contacts)

    @settings(
        max_examples=effort.of(40),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_all_contacts_are_there_once_however_they_are_spread(self, data: st.DataObject) -> None:
        clusters = data.draw(
            st.lists(
                st.tuples(
                    st.integers(0, 10**8),  # start, in milliseconds into the day
                    st.integers(1, 40),  # contacts
                    st.sampled_from([0, 0, 1, 3, 1000, 10**7]),  # duration in milliseconds
                ),
                max_size=5,
            )
        )
        random = Random(data.draw(st.integers(0, 2**32)))
        numbers = random.sample(range(1, 10**6), sum(count for _, count, _ in clusters))
        contacts = [
            contact(numbers.pop(), begin + random.randint(0, within), random.randrange(1000))
            for begin, count, within in clusters
            for _ in range(count)
        ]
        manners = data.draw(st.sampled_from(list(SMALL_PAGES.values())))
        walkers = data.draw(st.sampled_from(WALKERS))
        crawled, _ = read_workspace(contacts, manners, connections=walkers)
        assert_all_there_once(crawled, contacts)


class TestServersThatDoNotDoAsAsked:
    @pytest.mark.parametrize("count", [0, 1, 2, 49, 50, 51, 100, 137, 1000])
    @pytest.mark.parametrize(
        "manners",
        [replace(JULY, ignores_filter=True), replace(JULY, ignores_sort=True)],
        ids=["no filter", "no sort"],
    )
    def test_all_contacts_are_there(self, manners: Manners, count: int) -> None:
        contacts = spread(count)
        crawled, _ = read_workspace(contacts, manners)
        assert crawled.ids == ids(contacts)
        assert crawled.verdict.complete

    def test_the_verdict_says_that_a_server_was_read_by_page(self) -> None:
        crawled, _ = read_workspace(spread(137), replace(JULY, ignores_sort=True))
        assert not crawled.verdict.by_key

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("newest_first", [True, False], ids=["ties", "everything"])
    @pytest.mark.parametrize("tie", [2, 30])
    def test_contacts_lost_by_an_unstable_order_are_found_or_reported(
        self, tie: int, newest_first: bool, seed: int
    ) -> None:
        contacts = spread(36) + tied(tie, 1237 * 34.5)
        manners = replace(
            JULY, per_page_cap=7, ignores_sort=True, ignores_filter=True, newest_first=newest_first
        )
        with FakeChatbotx({TOKEN: contacts}, manners, seed=seed) as server:
            crawled = read(server)
        missing = set(ids(contacts)) - set(crawled.ids)
        assert crawled.verdict.complete is not bool(missing)

    @pytest.mark.parametrize("tie", [7, 8, 21, 60])
    @pytest.mark.parametrize("walkers", WALKERS)
    def test_older_contacts_behind_a_page_of_the_newest_are_not_overlooked(
        self, walkers: int, tie: int
    ) -> None:
        """The first page of a server that ignores the sort may happen to be in order."""
        contacts = spread(20) + tied(tie, 1237 * 40)
        manners = replace(JULY, per_page_cap=7, ignores_sort=True)
        crawled, _ = read_workspace(contacts, manners, connections=walkers)
        missing = set(ids(contacts)) - set(crawled.ids)
        assert not missing & set(ids(spread(20)))
        assert crawled.verdict.complete is not bool(missing)

    def test_a_server_that_forgets_the_sort_on_the_way_is_read_by_pages(self) -> None:
        def forget(server: FakeChatbotx, request: RecordedRequest) -> None:
            if request.number == 12:
                server.manners = replace(server.manners, ignores_sort=True)

        contacts = spread(200)
        with FakeChatbotx(
            {TOKEN: contacts}, SMALL_PAGES["July"], between_requests=forget
        ) as server:
            crawled = read(server)
        assert crawled.ids == ids(contacts)
        assert (crawled.verdict.complete, crawled.verdict.by_key) == (True, False)

    @pytest.mark.parametrize("contacts", [spread(3), tied(3), spread(1)], ids=len)
    def test_a_server_that_always_sends_the_same_page_is_reported(
        self, contacts: list[Contact]
    ) -> None:
        body = json.dumps({"data": contacts, "pageCount": 5}).encode()
        with FakeChatbotx({}, JULY, faults=lambda request: Sent(200, body)) as server:
            crawled = read(server)
        assert crawled.ids == ids(contacts)
        assert not crawled.verdict.complete
        assert crawled.verdict.doubtful != ()

    @pytest.mark.parametrize("ignores_filter", [False, True])
    def test_a_server_that_always_sends_the_first_page_is_reported(
        self, ignores_filter: bool
    ) -> None:
        manners = replace(JULY, per_page_cap=7, ignores_filter=ignores_filter)
        contacts = tied(30) + spread(30, step=100)
        crawled = read_through(Pages(lambda page: 1), contacts, manners)
        assert not crawled.verdict.complete
        # After a walk by page, any contact may be missing.
        assert (crawled.verdict.doubtful is None) is not crawled.verdict.by_key
        assert set(crawled.ids) < set(ids(contacts))

    @pytest.mark.parametrize("ignores_filter", [False, True])
    @pytest.mark.parametrize("count", [27, 28])
    def test_a_server_that_sends_the_last_page_beyond_it_is_read_to_its_end(
        self, count: int, ignores_filter: bool
    ) -> None:
        manners = replace(JULY, per_page_cap=7, ignores_filter=ignores_filter)
        contacts = tied(count)
        crawled = read_through(Pages(lambda page: min(page, 4)), contacts, manners)
        assert crawled.ids == ids(contacts)
        assert crawled.verdict.complete

    def test_a_server_that_begins_again_after_the_last_page_is_read_to_its_end(self) -> None:
        manners = replace(JULY, per_page_cap=7, ignores_filter=True)
        contacts = spread(28)
        crawled = read_through(Pages(lambda page: (page - 1) % 4 + 1), contacts, manners)
        assert crawled.ids == ids(contacts)
        assert crawled.verdict.complete


class Pages(httpx.HTTPTransport):
    """A server that maps page numbers to others."""

    def __init__(self, understood: Callable[[int], int]) -> None:
        super().__init__(verify=False, limits=httpx.Limits(max_connections=4))
        self._understood = understood

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        page = self._understood(int(request.url.params["page"]))
        request.url = request.url.copy_set_param("page", page)
        return super().handle_request(request)


def read_through(transport: httpx.BaseTransport, contacts: list[Contact], manners: Manners) -> Read:
    with (
        FakeChatbotx({TOKEN: contacts}, manners) as server,
        Client(server.base_url, TOKEN, patience=QUICK, transport=transport) as client,
    ):
        return read_with(client)


class TestOddContacts:
    @by_small_pages
    @pytest.mark.parametrize("nameless", [1, 7, 40])
    def test_contacts_without_id_are_counted_and_left_out(
        self, nameless: int, manners: Manners
    ) -> None:
        contacts = spread(40, step=100)
        odd = [
            {"createdAt": time_of(50 + 100 * place), "_id": str(900 + place)}
            for place in range(nameless)
        ]
        crawled, _ = read_workspace(contacts + odd, manners)
        assert_all_there_once(crawled, contacts)
        assert crawled.verdict.without_id == nameless

    @by_small_pages
    def test_contacts_without_id_among_many_of_one_time_are_counted_once(
        self, manners: Manners
    ) -> None:
        contacts = spread(10) + tied(20, 3000)
        odd = [{"createdAt": time_of(3000), "_id": str(900 + place)} for place in range(30)]
        crawled, _ = read_workspace(contacts + odd, manners)
        assert_all_there_once(crawled, contacts)
        assert crawled.verdict.without_id == 30

    def test_contacts_without_id_are_counted_once_where_pages_are_read_again(self) -> None:
        contacts = spread(30, step=10_000)
        odd = [{"createdAt": time_of(9999 * place), "_id": str(900 + place)} for place in range(30)]
        manners = replace(JULY, per_page_cap=7, ignores_filter=True)
        crawled, _ = read_workspace(contacts + odd, manners)
        assert crawled.ids == ids(contacts)
        assert (crawled.verdict.by_key, crawled.verdict.without_id) == (False, 30)

    def test_a_workspace_of_contacts_without_id_is_read_to_its_end(self) -> None:
        odd = [{"createdAt": time_of(1000 * place), "_id": str(900 + place)} for place in range(60)]
        manners = replace(JULY, per_page_cap=7)
        crawled, _ = read_workspace(odd, manners)
        assert (crawled.ids, crawled.verdict.without_id) == ([], 60)
        assert crawled.verdict.complete

    @by_small_pages
    @by_walkers
    @pytest.mark.parametrize("shown", [None, "", "yesterday", 17, ["2026-05-10"]], ids=repr)
    def test_an_unreadable_creation_time_costs_no_contact(
        self, shown: Any, walkers: int, manners: Manners
    ) -> None:
        contacts = spread(60, step=100) + tied(20, 2950)
        for each in (*contacts[3:60:5], *contacts[70:75]):
            each["_createdAt"], each["createdAt"] = each["createdAt"], shown
        crawled, _ = read_workspace(contacts, manners, connections=walkers)
        # Contacts without a readable time may be read in every slice that borders on them.
        assert crawled.ids == ids(contacts)
        assert set(crawled.fed.values()) <= set(range(1, max(2, walkers) + 1))
        assert crawled.verdict.complete
        assert crawled.verdict.by_key

    @by_walkers
    @pytest.mark.parametrize("timeless", [1, 6, 7, 20])
    def test_contacts_that_were_never_created_cost_no_contact(
        self, timeless: int, walkers: int
    ) -> None:
        contacts = spread(40) + [
            {**contact(900 + place, 0), "createdAt": None} for place in range(timeless)
        ]
        crawled, _ = read_workspace(contacts, SMALL_PAGES["July"], connections=walkers)
        assert crawled.ids == ids(contacts)
        assert crawled.verdict.complete

    @pytest.mark.parametrize(
        "write",
        [
            lambda text: text.replace("Z", "+00:00"),
            lambda text: text.replace("T", " ").replace("Z", "+00"),
            lambda text: text.replace("Z", ""),
            lambda text: text.replace(".", ","),
        ],
        ids=["offset", "blank", "no zone", "comma"],
    )
    def test_times_in_another_format_are_understood(self, write: Callable[[str], str]) -> None:
        contacts = [
            {**each, "createdAt": write(each["createdAt"])}
            for each in spread(60, step=100) + tied(20, 2950)
        ]
        crawled, _ = read_workspace(contacts, SMALL_PAGES["July"])
        assert_all_there_once(crawled, contacts)
        assert crawled.verdict.by_key

    def test_contacts_of_the_end_of_time_are_there_once(self) -> None:
        contacts = spread(20) + [
            {**contact(900 + place, 0), "createdAt": "9999-12-31T23:59:59.999Z"}
            for place in range(20)
        ]
        crawled, _ = read_workspace(contacts, SMALL_PAGES["July"])
        assert_all_there_once(crawled, contacts)

    def test_unreadable_values_are_counted_once_a_contact(self) -> None:
        contacts = spread(60, step=100) + tied(20, 2950)
        for each in contacts[::4]:
            each["emailOptIn"] = "yes"
        crawled, _ = read_workspace(contacts, SMALL_PAGES["July"])
        assert crawled.verdict.unreadable == {"emailOptIn": 20}


KINDS = ["insert", "delete", "update", "retag", "all of them"]


class Changes:
    """Changes a workspace before each answer, and tracks which contacts existed throughout."""

    def __init__(self, workspace: Workspace, kind: str, random: Random) -> None:
        self.workspace = workspace
        self.throughout = {each["id"] for each in workspace.contacts}
        self._kinds = KINDS[:-1] if kind == KINDS[-1] else [kind]
        self._random = random
        self._often = random.choice((0.05, 0.3, 0.9))
        self._times = [each["createdAt"] for each in workspace.contacts]

    def __call__(self, server: FakeChatbotx, request: RecordedRequest) -> None:
        while self._random.random() < self._often:
            getattr(self, f"_{self._random.choice(self._kinds)}")()
            if self._random.random() < 0.5:
                return

    def _any(self) -> str | None:
        there = [each["id"] for each in self.workspace.contacts]
        return self._random.choice(there) if there else None

    def _insert(self) -> None:
        created = self._random.choice(
            (
                self._random.choice(self._times),
                time_of(self._random.uniform(-1e6, 1e5)),
                time_of(self._random.uniform(1e6, 2e6)),
            )
        )
        number = str(self._random.randrange(10**12))
        self.workspace.insert(
            {
                "id": number,
                "createdAt": created,
                "_createdAtMicros": self._random.randrange(1000),
                "updatedAt": created,
            }
        )

    def _delete(self) -> None:
        if gone := self._any():
            self.workspace.delete(gone)
            self.throughout.discard(gone)

    def _update(self) -> None:
        if changed := self._any():
            self.workspace.update(changed, updatedAt=time_of(self._random.uniform(1e6, 2e6)))

    def _retag(self) -> None:
        if changed := self._any():
            self.workspace.update(changed, tags=[{"id": str(self._random.randrange(5))}])


def changing_workspace(random: Random) -> Workspace:
    return Workspace(
        [
            *spread(random.randrange(60), step=random.choice((1, 50, 1000))),
            *tied(random.randrange(40), random.choice((0, 500, 20_000)), first=10_001),
            *tied(random.randrange(12), random.choice((1, 900, 90_000)), first=20_001),
        ]
    )


FAULTS: list[Fault] = [
    Dropped(),
    Dropped(reset=False),
    CutShort(),
    CutShort(chunked=True),
    Garbled(),
    DATABASE_DOWN,
    gateway_error(502),
    gateway_error(504),
    too_many_requests("0"),
]


class TestChangingWorkspaces:
    """The workspace changes between requests, for several seeds of each kind of change.

    Odd seeds also inject faults.
    """

    @pytest.fixture
    def server(self) -> Iterator[FakeChatbotx]:
        with FakeChatbotx({}, JULY) as server:
            yield server
            assert not server.errors

    @pytest.mark.parametrize("faults", [False, True], ids=["without faults", "with faults"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_contacts_that_existed_throughout_come_once(
        self, kind: str, faults: bool, server: FakeChatbotx
    ) -> None:
        for seed in range(faults, SEEDS, 2):
            random = Random(f"{kind} {faults} {seed}")
            workspace = changing_workspace(random)
            changes = Changes(workspace, kind, random)
            token = f"{kind} {faults} {seed}".replace(" ", "-")
            server.workspaces[token] = workspace
            server.manners = random.choice(list(SMALL_PAGES.values()))
            server.faults = (
                seeded_faults(seed, 0.15, FAULTS, at_most_in_a_row=4) if faults else None
            )
            server.between_requests = changes
            crawled = read(server, token=token, connections=random.choice((1, 2, 4, 8)))
            server.between_requests = server.faults = None
            del server.workspaces[token]

            missing = changes.throughout - set(crawled.ids)
            assert not missing or crawled.verdict.warnings, f"{missing} lost, seed {seed}"
            assert len(crawled.ids) == len(set(crawled.ids)), f"twice, seed {seed}"
            if kind in ("update", "retag"):
                assert crawled.verdict.complete, f"{crawled.verdict.warnings}, seed {seed}"


def page_of(request: RecordedRequest) -> int:
    return int(request.value("page") or 0)


class TestContactsOfOneTime:
    """A tie fills pages that shift when a contact is deleted, so each overlaps the previous one.

    Five are older and five newer than the twenty, and a page holds six. With one walker request 4
    is the first page of the tie, and requests 5 to 10 read its rows 5-9, 6-11, 10-14, 12-17, 15-19
    and 18-23: pages of 5 and 6 that start with a row of the previous page.
    """

    CONTACTS = spread(10, step=100) + tied(20, 450)

    def crawled(self, change: Callable[[Workspace, RecordedRequest], None]) -> tuple[Read, int]:
        with FakeChatbotx(
            {TOKEN: self.CONTACTS},
            replace(JULY, per_page_cap=6),
            between_requests=lambda server, request: change(server.workspaces[TOKEN], request),
        ) as server:
            crawled = read(server, connections=1)
        return crawled, sum(request.path == CONTACTS_PATH for request in server.requests)

    def test_pages_that_overlap_are_enough(self) -> None:
        crawled, requests = self.crawled(lambda workspace, request: None)
        assert_all_there_once(crawled, self.CONTACTS)
        assert requests == 3 + 7

    def test_a_contact_that_slips_through_is_found_by_stepping_back(self) -> None:
        def delete(workspace: Workspace, request: RecordedRequest) -> None:
            if request.number == 6:  # then row 10 becomes row 9, and rows 6-11 begin with row 7
                workspace.delete("10001")

        crawled, _ = self.crawled(delete)
        assert_all_there_once(crawled, self.CONTACTS)

    def test_contacts_that_come_after_them_are_read_with_them(self) -> None:
        def insert(workspace: Workspace, request: RecordedRequest) -> None:
            if request.number == 8:
                workspace.insert(contact(20_000, 450, micros=999))

        crawled, requests = self.crawled(insert)
        assert_all_there_once(crawled, [*self.CONTACTS, contact(20_000, 450)])
        assert requests == 3 + 7

    def test_deletions_that_never_end_cost_requests_and_no_contact(self) -> None:
        left = ids(tied(20))

        def delete(workspace: Workspace, request: RecordedRequest) -> None:
            if page_of(request) > 1:
                workspace.delete(left.pop(0))

        crawled, _ = self.crawled(delete)
        assert set(ids(spread(10)) + left) <= set(crawled.ids)
        assert set(crawled.fed.values()) == {1}
        assert crawled.verdict.complete

    def test_a_contact_that_changes_before_it_comes_again_is_passed_on_again(self) -> None:
        def update(workspace: Workspace, request: RecordedRequest) -> None:
            if request.number == 5:  # row 5 is the last of the first page, first of the next
                workspace.update("10006", updatedAt=time_of(10**6), emailOptIn=True)

        crawled, _ = self.crawled(update)
        assert crawled.fed["10006"] == 2
        assert (crawled.verdict.duplicates, crawled.verdict.repeated_differently) == (1, 1)
        assert crawled.verdict.complete
        kept = crawled.tables.contacts.set_index("id")
        assert kept.loc[10006, "email_opt_in"]

    def test_a_contact_that_changes_elsewhere_is_passed_on_once(self) -> None:
        def update(workspace: Workspace, request: RecordedRequest) -> None:
            workspace.update("1", updatedAt=time_of(10**6 + request.number))

        crawled, _ = self.crawled(update)
        assert (crawled.fed["1"], crawled.verdict.duplicates) == (1, 0)

    @by_small_pages
    def test_a_long_tie_is_read_from_both_ends_by_all_free_walkers(self, manners: Manners) -> None:
        with FakeChatbotx({TOKEN: tied(300)}, manners, latency=0.04) as server:
            crawled = read(server, connections=4)
        assert_all_there_once(crawled, tied(300))
        if manners.filters_by_seconds <= 1:
            assert server.max_deep_in_flight > 2
            assert max(skipped_by(request) for request in server.requests) < 180

    def test_deep_pages_that_are_slow_are_read_one_at_a_time(self) -> None:
        manners = replace(SMALL_PAGES["July"], seconds_per_skipped_contact=0.0001)
        contacts = tied(200) + tied(150, 9000, first=20_001) + spread(50, step=400)
        with FakeChatbotx({TOKEN: contacts}, manners, latency=0.002) as server:
            crawled = read(server, connections=4, patience=replace(QUICK, slow_page=0))
        assert_all_there_once(crawled, contacts)
        assert server.max_deep_in_flight <= 2  # until the first one turned out to be slow
        assert max(skipped_by(request) for request in server.requests) < 120

    def test_timeouts_grow_with_the_depth_of_a_page(self) -> None:
        """Each skipped contact takes the server 4 ms; the timeout without skipping is 0.2 s."""
        manners = replace(SMALL_PAGES["July"], seconds_per_skipped_contact=0.004)
        patience = replace(QUICK, silence=0.2, answer=0.2, per_skipped=0.04)
        with FakeChatbotx({TOKEN: tied(80)}, manners) as server:
            crawled = read(server, connections=2, patience=patience)
        assert_all_there_once(crawled, tied(80))


def skipped_by(request: RecordedRequest) -> int:
    """How many contacts precede the page, if the server respects the requested page size."""
    size = int(request.value("perPage") or 0)
    return (page_of(request) - 1) * size


class TestEffort:
    def test_no_more_requests_are_in_flight_than_connections(self) -> None:
        with FakeChatbotx({TOKEN: spread(400)}, SMALL_PAGES["July"], latency=0.02) as server:
            read(server, connections=3)
        assert server.max_in_flight == 3

    def test_a_workspace_of_one_page_takes_two_requests_and_a_try_to_count(self) -> None:
        _, server = read_workspace(spread(50), JULY)
        assert [request.path for request in server.requests] == [
            CONTACTS_PATH,
            CONTACTS_PATH,
            COUNT_PATH,
        ]

    def test_an_empty_workspace_takes_one_request(self) -> None:
        _, server = read_workspace([], JULY)
        assert len(server.requests) == 1

    @by_walkers
    def test_few_more_requests_are_made_than_there_are_pages(self, walkers: int) -> None:
        """Each page repeats the last contact of the previous one, so a page of 7 adds 6.

        The rest of the allowance is for the ends of slices.
        """
        contacts = spread(1200)
        with FakeChatbotx({TOKEN: contacts}, SMALL_PAGES["July"], latency=0.001) as server:
            crawled = read(server, connections=walkers)
        assert_all_there_once(crawled, contacts)
        assert len(server.requests) <= 200 + 6 * walkers

    def test_walkers_share_contacts_created_in_a_burst(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two quiet years, then an hour in which nearly all contacts were created."""
        quiet = [contact(1 + place, place * 10**9) for place in range(60)]
        rush = [contact(1001 + place, 59.5 * 10**9 + place * 3600) for place in range(1000)]
        pages: Counter[int] = Counter()
        one = Client.contacts

        def counted(client: Client, query: Query) -> Answer:
            pages[threading.get_ident()] += 1
            return one(client, query)

        monkeypatch.setattr(Client, "contacts", counted)
        with FakeChatbotx({TOKEN: quiet + rush}, SMALL_PAGES["July"], latency=0.015) as server:
            crawled = read(server, connections=8)
        assert_all_there_once(crawled, quiet + rush)
        assert len(server.requests) < 300
        assert max(pages.values()) < pages.total() / 2

    def test_contacts_created_during_the_crawl_do_not_make_it_endless(self) -> None:
        """Ten are created before each answer, more than fit on a page."""
        contacts = spread(60)

        def create(server: FakeChatbotx, request: RecordedRequest) -> None:
            for place in range(10):
                number = 10_000 + 10 * request.number + place
                server.workspaces[TOKEN].insert(contact(number, 1237 * number))

        with FakeChatbotx(
            {TOKEN: contacts}, SMALL_PAGES["July"], between_requests=create
        ) as server:
            crawled = read(server)
        assert set(ids(contacts)) <= set(crawled.ids)
        assert crawled.verdict.complete
        assert len(server.requests) < 40


class TestImports:
    """Many contacts a second, in consecutive seconds."""

    @staticmethod
    def imported(random: Random) -> list[Contact]:
        """Bursts of up to 300, at up to 60 a second or within a single millisecond."""
        contacts = spread(random.randrange(100), step=random.choice((1000, 60_000)))
        for first in range(10_000, 10_000 + 1000 * random.randrange(1, 4), 1000):
            begin, count = random.randrange(10**6), random.randrange(300)
            step = random.choice((0, 1, 16, 40, 150))
            contacts += [contact(first + n, begin + n * step, n % 1000) for n in range(count)]
        return contacts

    @pytest.mark.parametrize("cap", [7, 50])
    @pytest.mark.parametrize("name", MANNERS)
    def test_they_are_there_once_for_few_requests(self, name: str, cap: int) -> None:
        """At most 1.3 a page plus 20, for pages of 50, the smallest that real servers send.

        With pages of 7, or times truncated to the minute, a single walk over contacts that stand
        still already needs up to 1.8 a page (`fewest_requests`). There it is at most twice that,
        plus 20: four walkers also read twice the grains in which they meet, which are long where
        they are minutes.
        """
        manners = replace(MANNERS[name], per_page_cap=cap)
        grain = GRAINS.get(name, 1)
        for seed in range(max(3, SEEDS // 20)):
            random = Random(f"{name} {cap} {seed}")
            contacts = self.imported(random)
            with FakeChatbotx({TOKEN: contacts}, manners) as server:
                crawled = read(server, connections=random.choice((1, 2, 4)))
            assert_all_there_once(crawled, contacts)
            assert crawled.verdict.by_key or len(contacts) <= cap
            allowed = 4.0 if name == "minutes" else 2.0
            most = allowed * fewest_requests(contacts, cap, grain) + 20
            if name != "minutes" and cap == 50:
                most = 1.3 * len(contacts) / cap + 20
            assert len(server.requests) <= most, f"seed {seed}"


GRAINS = {"November": 1000, "minutes": 60_000}
"""Milliseconds to which servers truncate times in filters."""


def fewest_requests(contacts: list[Contact], cap: int, grain: int) -> int:
    """The requests of a single walk over contacts that do not change.

    A filter can only begin with a whole `grain`, so the next page begins with the grain in which
    the last one ended, whose contacts come again. Where one grain fills a page, it is read by page
    number, and each page has to begin with the last contact of the one before: otherwise a contact
    that slips through after a deletion would not be noticed.
    """
    times = (datetime.fromisoformat(str(each["createdAt"])).timestamp() for each in contacts)
    grains = sorted(int(time * 1000) // grain for time in times)
    first = requests = 0
    while True:
        requests += 1
        page = grains[first : first + cap]
        if len(page) < cap:
            return requests
        begin, end = bisect_left(grains, page[-1]), bisect_right(grains, page[-1])
        if begin > first:
            first = begin
        else:
            requests += max(0, math.ceil((end - begin - cap) / (cap - 1)))
            first = end


class TestFewestRequests:
    def test_pages_that_end_within_a_grain_have_it_again(self) -> None:
        # Four a second: a page of seven has one whole second, so each second costs a request.
        contacts = [contact(place, 250 * place) for place in range(40)]
        assert fewest_requests(contacts, 7, 1000) == 10

    def test_a_tie_costs_a_contact_of_each_further_page(self) -> None:
        # 7 + 6 + 6, and an empty page that ends the walk.
        assert fewest_requests(tied(19), 7, 1) == 4

    def test_single_contacts_come_again_once_a_page(self) -> None:
        assert fewest_requests(spread(13), 7, 1) == 3


class TestVerdict:
    def test_what_was_asked_is_counted(self) -> None:
        faults = seeded_faults(1, 0.3, FAULTS, at_most_in_a_row=2)
        with FakeChatbotx({TOKEN: spread(200)}, SMALL_PAGES["July"], faults=faults) as server:
            crawled = read(server)
        verdict = crawled.verdict
        assert verdict.requests == len(server.requests)
        assert verdict.retries > 0
        # One request for the number of contacts, one for the count endpoint, which July lacks.
        assert verdict.pages == verdict.requests - verdict.retries - 2
        assert (verdict.began, verdict.by_key, verdict.warnings) == (BEGAN, True, ())

    @pytest.mark.parametrize("name", MANNERS)
    def test_ids_that_came_again_with_other_contents_are_counted(self, name: str) -> None:
        """The fake stores one contact per id, so it is told to send some with the id of others."""
        contacts = spread(2000)
        for place in range(0, 2000, 2):
            contacts[place]["_id"] = contacts[place]["id"]
            contacts[place]["id"] = contacts[place + 1]["id"]
        crawled, _ = read_workspace(contacts, MANNERS[name])
        assert crawled.verdict.repeated_differently == 1000
        assert crawled.verdict.complete
        assert len(crawled.ids) == 1000

    def test_ids_that_came_again_unchanged_are_not(self) -> None:
        manners = replace(JULY, per_page_cap=7, ignores_sort=True)
        crawled, _ = read_workspace(spread(60), manners)
        assert (crawled.verdict.by_key, crawled.verdict.repeated_differently) == (False, 0)

    @pytest.mark.parametrize("name", MANNERS)
    def test_a_crawl_that_began_before_everything_has_everything(self, name: str) -> None:
        """Local clocks can be wrong, so nothing that is read may depend on them."""
        fed: list[Decoded] = []
        with (
            FakeChatbotx({TOKEN: spread(200)}, SMALL_PAGES[name]) as server,
            client_of(server) as client,
        ):
            verdict = crawl(client, fed.extend, began=datetime(1970, 1, 1, tzinfo=UTC))
        assert len({each.id for each in fed}) == len(fed) == 200
        assert verdict.complete

    def test_progress_grows_to_all_that_there_are(self) -> None:
        crawled, _ = read_workspace(spread(200), SMALL_PAGES["October"])
        counts = [seen.contacts for seen in crawled.progress]
        assert counts == sorted(counts)
        assert counts[-1] == 200
        assert {seen.expected for seen in crawled.progress} == {200}
        assert crawled.progress[-1].share == 1.0

    def test_progress_reports_retries_while_nothing_arrives(self) -> None:
        seen: list[Progress] = []
        with FakeChatbotx({"edge": []}, faults=lambda request: DATABASE_DOWN) as server:
            patience = Patience(first_pause=0.12, longest_pause=0.12, attempts=3)
            with (
                Client(server.base_url, "edge", patience=patience) as client,
                pytest.raises(ServerTrouble),
            ):
                crawl(client, lambda contacts: None, began=BEGAN, on_progress=seen.append)
        assert seen
        assert all(progress.contacts == 0 and progress.retries for progress in seen)

    def test_progress_does_not_believe_a_count_that_is_capped(self) -> None:
        manners = replace(SMALL_PAGES["October"], counted_up_to=70)
        crawled, _ = read_workspace(spread(200), manners)
        assert {seen.expected for seen in crawled.progress} <= {70, None}
        assert crawled.progress[-1].share is None

    def test_progress_estimates_what_is_left(self) -> None:
        seen = Progress(contacts=50, expected=200, seconds=10)
        assert (seen.share, seen.seconds_left) == (0.25, 30)

    @pytest.mark.parametrize("seen", [Progress(), Progress(contacts=5), Progress(expected=5)])
    def test_progress_estimates_nothing_from_nothing(self, seen: Progress) -> None:
        assert seen.seconds_left is None


def calls_end_with(crawling: Callable[[list[str]], None]) -> bool:
    """Whether callbacks are no longer called after the crawl has ended."""
    calls: list[str] = []
    others = set(threading.enumerate())
    crawling(calls)
    before = len(calls)
    for thread in set(threading.enumerate()) - others:
        thread.join()
    return len(calls) == before


class TestErrors:
    def test_a_large_workspace_is_read_even_if_every_twelfth_request_fails(self) -> None:
        """Of the 2,400 pages of 120,000 contacts, about 200 fail. Here a tenth of that."""
        faults = seeded_faults(3, 0.08, FAULTS, at_most_in_a_row=5)
        patience = replace(QUICK, free_retries=10, retries_per_answer=Patience().retries_per_answer)
        with FakeChatbotx({TOKEN: spread(12_000)}, JULY, faults=faults) as server:
            crawled = read(server, patience=patience)
        assert_all_there_once(crawled, spread(12_000))
        assert crawled.verdict.retries > 10


class TestFailures:
    def test_a_token_revoked_during_the_crawl_ends_it(self) -> None:
        cancelled = threading.Event()
        with FakeChatbotx(
            {TOKEN: spread(400)},
            SMALL_PAGES["July"],
            faults=lambda request: (
                error_answer(500, "INVALID_CHATBOT_TOKEN") if request.number > 20 else None
            ),
        ) as server:
            with pytest.raises(TokenRefused):
                read(server, cancelled=cancelled)
            assert len(server.requests) <= 24
        assert not cancelled.is_set()  # it belongs to the caller, who may start another crawl

    def test_a_server_that_is_gone_for_good_ends_the_crawl(self) -> None:
        with (
            FakeChatbotx(
                {TOKEN: spread(400)},
                SMALL_PAGES["July"],
                faults=lambda request: DATABASE_DOWN if request.number > 20 else None,
            ) as server,
            pytest.raises(ServerTrouble),
        ):
            read(server)

    @pytest.mark.parametrize("whose", ["sink", "on_progress"])
    def test_an_error_in_a_callback_ends_the_crawl(self, whose: str) -> None:
        def fail(_: object) -> None:
            raise KeyError(whose)

        def ignore(_: object) -> None:
            """Ignores progress."""

        listeners: dict[str, Any] = {"sink": ignore, "on_progress": ignore} | {whose: fail}
        with (
            FakeChatbotx({TOKEN: spread(400)}, SMALL_PAGES["July"]) as server,
            client_of(server) as client,
            pytest.raises(KeyError, match=whose),
        ):
            crawl(client, began=BEGAN, **listeners)

    @pytest.mark.parametrize("ignores_sort", [False, True], ids=["by key", "by pages"])
    @pytest.mark.parametrize("number", [1, 2, 10, 30])
    def test_cancelling_ends_the_crawl_at_once(self, number: int, ignores_sort: bool) -> None:
        """Even if answers that take longer than a test may are in flight."""
        manners = replace(SMALL_PAGES["July"], ignores_sort=ignores_sort)
        cancelled = threading.Event()

        def crawling(calls: list[str]) -> None:
            with (
                FakeChatbotx(
                    {TOKEN: spread(400)},
                    manners,
                    faults=lambda request: Late(3600) if request.number >= number else None,
                ) as server,
                client_of(server, cancelled=cancelled) as client,
            ):
                cancel = threading.Timer(0.15, cancelled.set)
                cancel.start()
                with pytest.raises(Cancelled):
                    crawl(
                        client,
                        lambda contacts: calls.append("sink"),
                        began=BEGAN,
                        on_progress=lambda seen: calls.append("progress"),
                    )
                cancel.join()

        assert calls_end_with(crawling)

    def test_the_time_allowed_ends_the_crawl(self) -> None:
        with (
            FakeChatbotx({TOKEN: spread(400)}, SMALL_PAGES["July"], latency=0.05) as server,
            pytest.raises(TooSlow),
        ):
            read(server, patience=replace(QUICK, crawl=0.3))

    @pytest.mark.parametrize("seed", range(effort.of(40)))
    def test_sixteen_walkers_never_deadlock(self, seed: int) -> None:
        """Whatever happens to any of them at any point."""
        random = Random(seed)
        contacts = (
            spread(random.randrange(1, 200), step=random.choice((1, 1000)))
            + tied(random.choice((0, 10, 100)), 500)
            + tied(random.choice((0, 10, 100)), 9000, first=20_001)
        )
        happens_at = random.randrange(1, 60)
        happens = random.choice(("refused", "down", "unsorted", "cancelled", "fails", "nothing"))
        cancelled = threading.Event()
        fed = itertools.count()

        def meanwhile(server: FakeChatbotx, request: RecordedRequest) -> None:
            if request.number == happens_at:
                if happens == "unsorted":
                    server.manners = replace(server.manners, ignores_sort=True)
                if happens == "cancelled":
                    cancelled.set()

        def fault(request: RecordedRequest) -> Fault | None:
            if request.number == happens_at and happens == "refused":
                return error_answer(401, "INVALID_CHATBOT_TOKEN")
            return DATABASE_DOWN if request.number >= happens_at and happens == "down" else None

        def sink(decoded: list[Decoded]) -> None:
            if happens == "fails" and next(fed) == happens_at // 4:
                raise KeyError("sink")

        expected = {
            "refused": TokenRefused,
            "down": ServerTrouble,
            "cancelled": Cancelled,
            "fails": KeyError,
        }
        with (
            FakeChatbotx(
                {TOKEN: contacts},
                SMALL_PAGES["July"],
                between_requests=meanwhile,
                faults=fault,
                latency=random.choice((0, 0.002)),
            ) as server,
            client_of(server, connections=16, cancelled=cancelled) as client,
        ):
            outcome: Any = None
            try:
                outcome = crawl(client, sink, began=BEGAN)
            except (TokenRefused, ServerTrouble, Cancelled, KeyError) as error:
                outcome = error
            # Not if everything was read by then and only the server's count was requested.
            has_happened = any(
                request.number >= happens_at and request.path == CONTACTS_PATH
                for request in server.requests
            )
        if happens in expected and has_happened and happens != "fails":
            assert type(outcome) is expected[happens]
        elif not isinstance(outcome, KeyError):
            assert outcome.complete or happens == "unsorted"
