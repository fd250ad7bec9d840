from __future__ import annotations

import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from lib.chatbotx import client as client_module
from lib.chatbotx.client import Client, CountQuery, Patience, Query, RateLimiter
from lib.chatbotx.errors import (
    Cancelled,
    ChatbotXError,
    RequestRefused,
    ServerTrouble,
    TokenRefused,
    TooSlow,
    Unreachable,
    WrongAddress,
)
from lib.chatbotx.query import Bound
from tests.chatbotx.reading import QUICK, TOKEN, client_of, spread
from tests.fake_chatbotx import (
    CONTACTS_PATH,
    DATABASE_DOWN,
    JULY,
    NOVEMBER,
    OCTOBER,
    SIGN_IN_PAGE,
    Answer,
    CutShort,
    Drip,
    Dropped,
    FakeChatbotx,
    Fault,
    Flood,
    Garbled,
    Late,
    RecordedRequest,
    Workspace,
    error_answer,
    gateway_error,
    redirect,
    too_many_requests,
)

TWENTY = [str(number) for number in range(1, 21)]


@pytest.fixture
def server() -> Iterator[FakeChatbotx]:
    with FakeChatbotx({TOKEN: spread(20)}, JULY) as server:
        yield server


def always(fault: Fault) -> Callable[[RecordedRequest], Fault]:
    return lambda request: fault


def at_first(*faults: Fault) -> Callable[[RecordedRequest], Fault | None]:
    """Faults that replace the first answers; later ones are unaffected."""
    left = list(faults)
    return lambda request: left.pop(0) if left else None


def ask(server: FakeChatbotx, query: Query | None = None, **options: Any) -> list[str | None]:
    with client_of(server, **options) as client:
        return [contact.id for contact in client.contacts(query or Query()).contacts]


def error_at(base_url: str) -> ChatbotXError:
    with Client(base_url, TOKEN, patience=QUICK) as client, pytest.raises(ChatbotXError) as caught:
        client.contacts(Query())
    return caught.value


def error_of(server: FakeChatbotx, **options: Any) -> ChatbotXError:
    with pytest.raises(ChatbotXError) as caught:
        ask(server, **options)
    return caught.value


class TestRequest:
    def test_contacts_come_oldest_first(self, server: FakeChatbotx) -> None:
        assert ask(server) == TWENTY

    def test_contacts_come_newest_first_when_descending(self, server: FakeChatbotx) -> None:
        assert ask(server, Query(descending=True)) == TWENTY[::-1]

    def test_contacts_come_up_to_a_time(self, server: FakeChatbotx) -> None:
        until = Bound("lt", "2026-05-10T00:00:02.474Z")  # when the third was created
        assert ask(server, Query(until=until, descending=True)) == ["2", "1"]

    def test_contacts_come_from_a_time_on(self, server: FakeChatbotx) -> None:
        since = "2026-05-10T00:00:21.029Z"  # when the 18th was created: 17 x 1.237 s
        assert ask(server, Query(since=since)) == ["18", "19", "20"]

    def test_a_page_may_be_chosen(self, server: FakeChatbotx) -> None:
        assert ask(server, Query(page=3, per_page=6)) == TWENTY[12:18]

    def test_the_token_goes_into_one_header_and_nowhere_else(self, server: FakeChatbotx) -> None:
        ask(server)
        (request,) = server.requests
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert [name for name, value in request.headers.items() if TOKEN in value] == [
            "authorization"
        ]
        assert not [value for _, value in request.query if TOKEN in value]

    def test_custom_fields_are_not_asked_for(self, server: FakeChatbotx) -> None:
        ask(server)
        included = [value for name, value in server.requests[0].query if name == "include[]"]
        assert included == ["tags", "inboxes", "conversation"]

    def test_a_base_url_with_a_path_of_its_own_keeps_it(self, server: FakeChatbotx) -> None:
        ask(server)
        assert server.requests[0].path == CONTACTS_PATH

    def test_what_is_sent_is_counted(self, server: FakeChatbotx) -> None:
        server.faults = at_first(Dropped(), DATABASE_DOWN)
        with client_of(server) as client:
            client.contacts(Query())
            client.contacts(Query())
            assert (client.requests, client.retries) == (4, 2)


class TestRefusals:
    @pytest.mark.parametrize("manners", [JULY, OCTOBER], ids=["500 in July", "401 in October"])
    def test_a_wrong_token_is_reported_and_not_retried(
        self, manners: Any, server: FakeChatbotx
    ) -> None:
        server.manners = manners
        assert isinstance(error_of(server, token="wrong"), TokenRefused)
        assert len(server.requests) == 1

    def test_a_token_without_the_scope_is_reported_and_not_retried(self) -> None:
        with FakeChatbotx({TOKEN: Workspace(forbidden=True)}, OCTOBER) as server:
            assert isinstance(error_of(server), TokenRefused)
            assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [400, 422])
    def test_a_request_rejected_as_malformed_is_reported_and_not_retried(
        self, status: int, server: FakeChatbotx
    ) -> None:
        server.faults = always(error_answer(status, "BAD_REQUEST"))
        assert isinstance(error_of(server), RequestRefused)
        assert len(server.requests) == 1

    def test_a_wrong_path_is_reported_and_not_retried(self, server: FakeChatbotx) -> None:
        error = error_at(server.base_url + "/v0")
        assert isinstance(error, WrongAddress)
        assert len(server.requests) == 1

    def test_a_base_url_without_api_is_reported_and_not_retried(self, server: FakeChatbotx) -> None:
        error = error_at(server.base_url.removesuffix("/api"))
        assert isinstance(error, WrongAddress)
        assert len(server.requests) == 1

    def test_a_web_page_is_reported_and_not_retried(self, server: FakeChatbotx) -> None:
        server.faults = always(SIGN_IN_PAGE)
        assert isinstance(error_of(server), WrongAddress)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_does_not_take_the_token_elsewhere(
        self, status: int, server: FakeChatbotx
    ) -> None:
        with FakeChatbotx({TOKEN: []}, JULY) as elsewhere:
            server.faults = always(redirect(f"{elsewhere.base_url}/v1/contacts", status))
            assert isinstance(error_of(server), WrongAddress)
            assert elsewhere.requests == []

    def test_a_redirect_is_not_followed_on_the_same_server_either(
        self, server: FakeChatbotx
    ) -> None:
        server.faults = at_first(redirect(f"{CONTACTS_PATH}?page=1", 308))
        assert isinstance(error_of(server), WrongAddress)
        assert len(server.requests) == 1


TROUBLES: dict[str, Fault] = {
    "database down": DATABASE_DOWN,
    "408": Answer(408),
    "425": Answer(425),
    "429": too_many_requests(),
    "502": gateway_error(502),
    "503": gateway_error(503),
    "504": gateway_error(504),
    "reset": Dropped(),
    "closed": Dropped(reset=False),
    "cut short": CutShort(),
    "cut short in chunks": CutShort(chunked=True),
    "cut at once": CutShort(share=0),
    "garbled": Garbled(),
    "empty": Answer(200),
    "no list": Answer(200, b'{"data":null}'),
    "late": Late(3600),
    "dripping": Drip(0.005),
}
NEVER = Late(3600)
"""An answer later than the timeout of tests: waiting for it fails the test."""

IMPATIENT = replace(QUICK, silence=0.4, answer=0.4)


def patience_for(trouble: Fault) -> Patience:
    """Short timeouts for slow answers; generous ones for those that come at once."""
    return IMPATIENT if isinstance(trouble, Late | Drip) else QUICK


class TestTroubles:
    @pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
    def test_a_temporary_error_is_waited_out(self, trouble: Fault, server: FakeChatbotx) -> None:
        server.faults = at_first(trouble, trouble)
        assert ask(server, patience=patience_for(trouble)) == TWENTY
        assert len(server.requests) == 3

    @pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
    def test_a_persistent_error_is_raised_after_the_last_attempt(
        self, trouble: Fault, server: FakeChatbotx
    ) -> None:
        server.faults = always(trouble)
        error = error_of(server, patience=replace(patience_for(trouble), attempts=3))
        assert isinstance(error, ServerTrouble | Unreachable)
        assert len(server.requests) == 3

    @pytest.mark.parametrize(
        ("trouble", "kind"),
        [
            (DATABASE_DOWN, ServerTrouble),
            (too_many_requests(), ServerTrouble),
            (Garbled(), ServerTrouble),
            (Dropped(), Unreachable),
            (CutShort(), Unreachable),
            (NEVER, Unreachable),
            (Drip(0.005), Unreachable),
        ],
        ids=lambda value: getattr(value, "__name__", type(value).__name__),
    )
    def test_the_error_says_what_went_wrong(
        self, trouble: Fault, kind: type[ChatbotXError], server: FakeChatbotx
    ) -> None:
        server.faults = always(trouble)
        patience = replace(patience_for(trouble), attempts=1)
        assert type(error_of(server, patience=patience)) is kind

    def test_a_closed_port_is_unreachable(self) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            base_url = f"http://127.0.0.1:{nobody.getsockname()[1]}/api"
            with Client(base_url, TOKEN, patience=QUICK) as client:
                with pytest.raises(Unreachable):
                    client.contacts(Query())
                assert client.requests == QUICK.attempts

    def test_an_answer_far_too_large_is_refused_and_not_retried(
        self, server: FakeChatbotx, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_module, "LARGEST_ANSWER", 200_000)
        server.faults = always(Flood(300_000))
        assert isinstance(error_of(server), ServerTrouble)
        assert len(server.requests) == 1

    def test_no_more_than_the_limit_is_read_of_a_huge_answer(self) -> None:
        """It takes no more time and memory than an answer at the limit."""
        sent = 0

        def gigabyte() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(1024):
                sent += 2**20
                yield b" " * 2**20

        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=gigabyte()))
        tracemalloc.start()
        with Client("http://127.0.0.1:9/api", TOKEN, patience=QUICK, transport=transport) as client:
            with pytest.raises(ServerTrouble):
                client.contacts(Query())
            assert client.requests == 1
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sent <= client_module.LARGEST_ANSWER + 2 * 2**20
        assert peak < 4 * client_module.LARGEST_ANSWER

    def test_a_connection_closed_while_it_was_idle_is_a_retry(self, server: FakeChatbotx) -> None:
        server.idle_seconds = 0.2
        with client_of(server, connections=1) as client:
            client.contacts(Query())
            while server.connections:
                time.sleep(0.01)
            assert client.contacts(Query()).received == 20

    def test_retries_are_allowed_in_proportion_to_answers(self, server: FakeChatbotx) -> None:
        """Here one for every two answers, so every fourth request may fail indefinitely."""
        server.faults = lambda request: DATABASE_DOWN if request.number % 4 == 0 else None
        patience = replace(QUICK, free_retries=0, retries_per_answer=0.5)
        with client_of(server, patience=patience) as client:
            for _ in range(60):
                client.contacts(Query())
            assert client.retries == 19

    def test_too_many_retries_for_the_answers_end_it(self, server: FakeChatbotx) -> None:
        """Two are free and each answer allows half of one, so the third is too many."""
        server.faults = lambda request: DATABASE_DOWN if request.number % 3 else None
        patience = replace(QUICK, free_retries=2, retries_per_answer=0.5)
        with client_of(server, patience=patience) as client:
            client.contacts(Query())
            with pytest.raises(ServerTrouble):
                client.contacts(Query())
            assert client.retries == 3

    def test_the_timeout_grows_with_the_contacts_that_a_page_skips(
        self, server: FakeChatbotx
    ) -> None:
        server.latency = 0.5
        patience = replace(IMPATIENT, per_skipped=0.1, attempts=1)
        with client_of(server, patience=patience) as client:
            with pytest.raises(Unreachable):
                client.contacts(Query())
            assert client.contacts(Query(page=2, per_page=10, skipped=10)).received == 10
            with pytest.raises(Unreachable):  # but only for the contacts that are skipped
                client.contacts(Query(page=2, per_page=10, skipped=1))

    def test_pauses_double_up_to_the_longest(self, server: FakeChatbotx) -> None:
        server.faults = lambda _: DATABASE_DOWN
        pauses: list[float] = []

        def sleep(seconds: float) -> bool:
            pauses.append(seconds)
            return False

        with pytest.raises(ServerTrouble):
            ask(server, patience=Patience(first_pause=1, longest_pause=5, attempts=6), sleep=sleep)
        for pause, middle in zip(pauses, (1, 2, 4, 5, 5), strict=True):
            assert 0.75 * middle <= pause <= 1.25 * middle


class Clock:
    """A clock that shows the time it is set to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestRetryAfter:
    PATIENCE = Patience(first_pause=0.5, longest_hold=120)

    def pauses_before(self, server: FakeChatbotx) -> list[float]:
        """How long the client waits before it asks again, by a clock that only waiting moves."""
        clock, waited = Clock(), list[float]()

        def sleep(seconds: float) -> bool:
            waited.append(seconds)
            clock.now += seconds
            return False

        ask(server, patience=self.PATIENCE, rate_limiter=RateLimiter(None, clock), sleep=sleep)
        return waited

    @pytest.mark.parametrize("status", [429, 503])
    def test_seconds(self, status: int, server: FakeChatbotx) -> None:
        server.faults = at_first(Answer(status, headers=(("Retry-After", "7"),)))
        assert self.pauses_before(server) == [7]

    def test_a_date(self, server: FakeChatbotx) -> None:
        soon = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
        server.faults = at_first(too_many_requests(soon))
        (pause,) = self.pauses_before(server)
        assert 35 < pause <= 40

    @pytest.mark.parametrize(
        "header",
        [
            *(None, "", "soon", "-5", "nan", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo"),
            "Wed, 21 Oct 99999999999 07:28:00 GMT",
            "Wed, 21 Oct 2026 07:28:00 +99999999999999",
        ],
    )
    def test_an_unusable_retry_after_is_ignored(
        self, header: str | None, server: FakeChatbotx
    ) -> None:
        server.faults = at_first(too_many_requests(header))
        (pause,) = self.pauses_before(server)
        assert 0.375 <= pause <= 0.625

    @pytest.mark.parametrize("header", ["3600", "1e400", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_a_long_retry_after_is_honoured_up_to_the_limit(
        self, header: str, server: FakeChatbotx
    ) -> None:
        server.faults = at_first(too_many_requests(header))
        assert self.pauses_before(server) == [120]

    @pytest.mark.parametrize("status", [429, 503])
    def test_seconds_in_the_message(self, status: int, server: FakeChatbotx) -> None:
        server.faults = at_first(
            error_answer(status, "tooManyRequests", "Too many requests. Retry after 7s.")
        )
        assert self.pauses_before(server) == [7]

    @pytest.mark.parametrize(
        "message", ["Retry after s.", "Retry after -7s.", "Retry after 7 days"]
    )
    def test_a_message_that_says_no_seconds(self, message: str, server: FakeChatbotx) -> None:
        server.faults = at_first(error_answer(429, "tooManyRequests", message))
        (pause,) = self.pauses_before(server)
        assert 0.375 <= pause <= 0.625

    def test_a_date_is_measured_by_the_clock_of_the_server(self, server: FakeChatbotx) -> None:
        """The local clock may be wrong by a day."""
        now, then = "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:09 GMT"
        refusal = Answer(429, headers=(("Retry-After", then), ("Date", now)), dated=False)
        server.faults = at_first(refusal)
        assert self.pauses_before(server) == [9]


class TestCount:
    """The server's own count, which must never be required."""

    QUERY = CountQuery("2026-05-10T00:00:00.000Z", Bound("lte", "2026-05-10T00:00:09.999Z"))

    def counted(self, server: FakeChatbotx, seconds: float = 5.0) -> int | None:
        with client_of(server) as client:
            return client.count(self.QUERY, time.monotonic() + seconds)

    def test_it_is_of_the_time_asked_for(self, server: FakeChatbotx) -> None:
        server.manners = NOVEMBER
        assert self.counted(server) == 9  # 0 to 8 x 1.237 s: the tenth is created at 11.1 s

    def test_older_servers_have_none(self, server: FakeChatbotx) -> None:
        assert self.counted(server) is None
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            SIGN_IN_PAGE,
            error_answer(401, "INVALID_CHATBOT_TOKEN"),
            error_answer(403, "FORBIDDEN"),
            error_answer(422, "invalidRequestData"),
            redirect("/sign-in"),
            DATABASE_DOWN,
            gateway_error(502),
            Dropped(),
            Garbled(),
            Flood(10**9),
            Drip(0.005),
            NEVER,
            *(Answer(200, body) for body in (b"", b"7", b"[]", b'{"total":"7"}', b'{"total":-1}')),
        ],
        ids=repr,
    )
    def test_any_other_answer_to_the_count_is_no_error(
        self, answer: Fault, server: FakeChatbotx
    ) -> None:
        server.faults = always(answer)
        assert self.counted(server, seconds=0.2) is None

    def test_cancelling_ends_it(self, server: FakeChatbotx) -> None:
        cancelled = threading.Event()
        server.faults = always(NEVER)
        with client_of(server, cancelled=cancelled) as client:
            cancel = threading.Timer(0.05, cancelled.set)
            cancel.start()
            with pytest.raises(Cancelled):
                client.count(self.QUERY, time.monotonic() + NEVER.seconds)
            cancel.join()


class TestEnds:
    def test_the_time_for_a_crawl_ends_the_waiting(self, server: FakeChatbotx) -> None:
        server.faults = always(too_many_requests(f"{NEVER.seconds}"))
        patience = replace(QUICK, longest_hold=NEVER.seconds, crawl=NEVER.seconds - 1)
        assert isinstance(error_of(server, patience=patience), TooSlow)

    def test_the_time_for_a_crawl_ends_an_answer_that_does_not_come(
        self, server: FakeChatbotx
    ) -> None:
        server.faults = always(NEVER)
        error = error_of(server, patience=replace(QUICK, silence=NEVER.seconds, crawl=0.1))
        assert isinstance(error, TooSlow)

    @pytest.mark.parametrize(
        "fault",
        [NEVER, Drip(0.005), Drip(NEVER.seconds), too_many_requests(f"{NEVER.seconds}"), None],
        ids=["no answer", "dripping", "silent in the middle", "waiting", "before"],
    )
    def test_cancelling_ends_a_request_at_once(
        self, fault: Fault | None, server: FakeChatbotx
    ) -> None:
        cancelled = threading.Event()
        server.faults = (lambda request: fault) if fault else None
        if fault is None:
            cancelled.set()
        long = NEVER.seconds
        patience = replace(QUICK, silence=long, longest_hold=long, crawl=2 * long)
        with client_of(server, cancelled=cancelled, patience=patience) as client:
            cancel = threading.Timer(0.03, cancelled.set)
            cancel.start()
            with pytest.raises(Cancelled):
                client.contacts(Query())
            cancel.join()

    def test_cancelling_ends_the_requests_of_all_threads(self, server: FakeChatbotx) -> None:
        server.faults = always(NEVER)
        errors: list[BaseException] = []

        def work(client: Client) -> None:
            try:
                client.contacts(Query())
            except ChatbotXError as error:
                errors.append(error)

        with client_of(
            server, connections=8, patience=replace(QUICK, silence=NEVER.seconds)
        ) as client:
            threads = [threading.Thread(target=work, args=(client,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            while len(server.requests) < 8:
                time.sleep(0.001)
            client.cancelled.set()
            for thread in threads:
                thread.join()
        assert [type(error) for error in errors] == [Cancelled] * 8

    def test_aborting_does_not_set_the_caller_s_event(self, server: FakeChatbotx) -> None:
        cancelled = threading.Event()
        with client_of(server, cancelled=cancelled) as client:
            client.abort()
            with pytest.raises(Cancelled):
                client.contacts(Query())
        assert not cancelled.is_set()

    def test_closing_closes_every_connection(self, server: FakeChatbotx) -> None:
        with client_of(server) as client:
            client.contacts(Query())
            assert server.connections == 1
        while server.connections:  # the server has yet to see it
            time.sleep(0.001)


class TestPace:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    def starts(self, rate_limiter: RateLimiter, clock: Clock, seconds: float) -> int:
        """How many requests can start within `seconds` if the limit is polled continuously."""
        end, started = clock.now + seconds, 0
        while clock.now < end:
            delay = rate_limiter.delay()
            if delay:
                clock.now = min(clock.now + delay, end)
            else:
                started += 1
        return started

    def test_the_limit_holds_in_every_ten_seconds(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(100, clock)
        assert [self.starts(rate_limiter, clock, 10) for _ in range(3)] == [100, 100, 100]

    def test_no_ten_seconds_see_more_wherever_they_begin(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(5, clock)
        begun = []
        for tenth in range(400):
            clock.now = 1000 + tenth / 10
            if tenth % 7 < 3 and not rate_limiter.delay():
                begun.append(clock.now)
        assert max(sum(1 for t in begun if s <= t < s + 9.999) for s in begun) == 5

    def test_without_a_limit_nobody_waits(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(None, clock)
        assert {rate_limiter.delay() for _ in range(10_000)} == {0.0}

    def test_a_request_waits_no_longer_than_needed(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(2, clock)
        rate_limiter.delay()
        clock.now += 4
        rate_limiter.delay()
        assert rate_limiter.delay() == 6

    def test_a_pause_holds_everybody(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(None, clock)
        rate_limiter.hold(7, clock.now)
        assert rate_limiter.delay() == 7
        clock.now += 7
        assert rate_limiter.delay() == 0

    def test_a_shorter_pause_does_not_end_a_longer_one(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(None, clock)
        rate_limiter.hold(7, clock.now)
        rate_limiter.hold(1, clock.now)
        assert rate_limiter.delay() == 7

    def test_a_refusal_slows_down_below_what_was_sent(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(200, clock)
        for _ in range(120):
            rate_limiter.delay()
        rate_limiter.hold(0, clock.now)
        assert rate_limiter.per_10s == 108

    def test_an_early_refusal_slows_down_only_moderately(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(100, clock)
        rate_limiter.delay()
        rate_limiter.hold(0, clock.now)
        assert rate_limiter.per_10s == 45

    def test_a_refusal_sets_no_limit_where_none_is_wanted(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(None, clock)
        rate_limiter.hold(0, clock.now)
        assert {rate_limiter.delay() for _ in range(10_000)} == {0.0}

    def test_requests_that_are_refused_together_are_one_refusal(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(100, clock)
        for _ in range(100):
            rate_limiter.delay()
        asked_at = clock.now
        for _ in range(8):
            clock.now += 0.01
            rate_limiter.hold(1, asked_at)
        assert rate_limiter.per_10s == 90

    def test_a_refusal_of_what_was_asked_since_slows_down_again(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(100, clock)
        for requests in (100, 90):
            clock.now += 9.5
            for _ in range(requests):
                assert rate_limiter.delay() == 0
            clock.now += 1
            rate_limiter.hold(0, clock.now - 1)
        assert rate_limiter.per_10s == 81

    def test_refusals_caused_by_other_clients_do_not_stop_it(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(100, clock)
        for _ in range(200):
            clock.now += 1
            rate_limiter.hold(1, clock.now)
        assert rate_limiter.per_10s == 20

    def test_a_low_configured_rate_is_never_raised(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(5, clock)
        rate_limiter.delay()
        rate_limiter.hold(0, clock.now)
        assert rate_limiter.per_10s == 5

    def test_the_rate_recovers_slowly_up_to_the_configured_one(self, clock: Clock) -> None:
        rate_limiter = RateLimiter(100, clock)
        for _ in range(100):
            rate_limiter.delay()
        rate_limiter.hold(0, clock.now)
        paces = []
        for _ in range(4):
            clock.now += 10
            rate_limiter.delay()
            paces.append(rate_limiter.per_10s)
        assert paces == [95, 100, 100, 100]

    def test_an_unknown_server_limit_costs_few_refusals(self, clock: Clock) -> None:
        def sleep(seconds: float) -> bool:
            clock.now += seconds
            return False

        def take_time(server: FakeChatbotx, request: RecordedRequest) -> None:
            clock.now += 0.01

        with (
            FakeChatbotx(
                {TOKEN: spread(1)}, OCTOBER, clock=clock, between_requests=take_time
            ) as server,
            client_of(server, rate_limiter=RateLimiter(500, clock), sleep=sleep) as client,
        ):
            for _ in range(600):  # which takes a minute at the 120 per 10 s that October allows
                client.contacts(Query())
            assert 1 <= client.retries <= 4
            assert clock.now < 1000 + 80


ALL_FAULTS: dict[str, Fault | None] = {
    **TROUBLES,
    "fine": None,
    "refused": error_answer(401, "INVALID_CHATBOT_TOKEN", f"no such token: {TOKEN}"),
    "forbidden": error_answer(403, "FORBIDDEN", f"not with {TOKEN}"),
    "malformed": error_answer(400, "BAD_REQUEST", TOKEN),
    "elsewhere": redirect("http://127.0.0.1:9/"),
    "web page": SIGN_IN_PAGE,
}


class TestSecrecy:
    @pytest.mark.parametrize("fault", ALL_FAULTS.values(), ids=ALL_FAULTS)
    def test_the_token_is_in_no_log_and_in_no_error(
        self, fault: Fault | None, server: FakeChatbotx, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        for name in ("httpx", "httpcore"):
            caplog.set_level(logging.DEBUG, logger=name)
        server.faults = lambda request: fault
        shown = []
        with client_of(server, patience=replace(IMPATIENT, attempts=2)) as client:
            shown += [repr(client), str(client)]
            try:
                client.contacts(Query())
            except ChatbotXError as error:
                shown += traceback.format_exception(error)
                shown += [repr(each) for each in chain_of(error)]
        assert caplog.records
        shown += [record.getMessage() for record in caplog.records]
        shown += [repr(record.args) for record in caplog.records]
        assert not [text for text in shown if TOKEN in text]

    @pytest.mark.parametrize("name", sorted(ALL_FAULTS.keys() - {"fine"}))
    def test_errors_do_not_name_the_address(self, name: str, server: FakeChatbotx) -> None:
        fault = ALL_FAULTS[name]
        assert fault is not None
        server.faults = always(fault)
        message = str(error_of(server, patience=replace(IMPATIENT, attempts=1)))
        assert "127.0.0.1" not in message


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class TestEnvironment:
    def test_an_unencrypted_token_is_not_sent_through_a_proxy(
        self, server: FakeChatbotx, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with FakeChatbotx({}, JULY) as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.base_url)
            with Client(server.base_url, TOKEN, patience=QUICK) as client:
                assert client.contacts(Query()).received == 20
            assert proxy.requests == []

    def test_an_invalid_proxy_is_reported_as_unreachable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy.example")
        with pytest.raises(Unreachable):
            Client("https://chatbotx.example/api", TOKEN)

    def test_a_proxy_is_used_for_https(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        assert isinstance(error_at("https://chatbotx.example/api"), Unreachable)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing to make a certificate with")
def test_cancelling_ends_an_encrypted_request_at_once(tmp_path: Path) -> None:
    """Another thread must not touch the state of a TLS connection, only its socket."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    trusting = ssl.create_default_context(cafile=str(certificate))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    asked = threading.Event()

    def listen(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with serving.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(65536)
            asked.set()
            encrypted.recv(1)  # until the other side closes the connection

    def cancel_once_asked(client: Client) -> None:
        asked.wait()
        client.cancelled.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        client = Client(
            f"https://127.0.0.1:{listener.getsockname()[1]}/api",
            TOKEN,
            patience=QUICK,
            transport=httpx.HTTPTransport(verify=trusting),
        )
        with client:
            cancel = threading.Thread(target=cancel_once_asked, args=(client,))
            cancel.start()
            with pytest.raises(Cancelled):
                client.contacts(Query())
            assert asked.is_set()
            cancel.join()
        thread.join()
