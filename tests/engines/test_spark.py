"""Failures of a Spark Connect server, and their messages."""

from __future__ import annotations

import gc
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import narwhals as nw
import pyarrow as pa
import pytest

from lib.engines import flights
from lib.engines.errors import EngineError
from lib.engines.flights import Cancelled, Flight
from lib.engines.results import Results
from lib.engines.spark import Spark, engine_error
from lib.engines.where import Where, in_memory
from tests.engines.answering import needs_server, server_address
from tests.workspaces import tables_of

# The client also warns of what it then raises.
pytestmark = pytest.mark.filterwarnings("ignore:.RETRIES_EXCEEDED")


@pytest.fixture(autouse=True)
def engine() -> None:
    """The tests here choose their engine."""


@contextmanager
def nobody_listens() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        yield f"sc://127.0.0.1:{taken.getsockname()[1]}"


def test_server_that_is_not_there_is_a_sentence() -> None:
    with (
        nobody_listens() as address,
        pytest.raises(EngineError, match=r"^Spark cannot be reached: .* try again\.$"),
    ):
        Spark(in_memory(tables_of()), address)


def test_token_that_is_refused_is_a_sentence_without_it() -> None:
    refusal = grpc.RpcError("UNAUTHENTICATED: token abc at sc://spark.example.com")
    assert str(engine_error("Spark", refusal)) == (
        "Spark refused the token: check CHATBOTX_ENGINE_TOKEN."
    )


def test_server_that_does_not_respond_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"sc://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineError, match=r"^Spark had no answer within 0\.2 seconds\. "):
            Spark(in_memory(tables_of()), address, seconds=0.2)


def many_by_many(source: Spark) -> nw.LazyFrame[Any]:
    """A query that takes minutes."""
    one, other = source.table("contacts"), source.table("contacts").rename({"row": "other"})
    return one.join(other, how="cross").select(total=(nw.col("row") * nw.col("other") % 7).sum())


def rows(number: int) -> Where:
    return lambda _: pa.table({"row": pa.array(range(number), pa.int64())})


@needs_server
def test_answer_that_takes_too_long_is_given_up_and_the_next_is_given() -> None:
    source = Spark(rows(30_000), server_address(), seconds=300)
    takes_minutes = many_by_many(source)
    source.seconds = 0.2
    with pytest.raises(EngineError, match=r"^Spark had no answer within 0.2 seconds\. "):
        source.collect(takes_minutes)
    source.seconds = 300.0
    counted = source.collect(source.table("contacts").select(contacts=nw.len()))
    assert counted["contacts"].to_pylist() == [30_000]


@needs_server
def test_question_that_nobody_waits_for_any_more_is_cancelled_on_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flights, "GRACE", 0.0)
    asked, ended, interrupted = threading.Event(), threading.Event(), threading.Event()
    source = Spark(rows(30_000), server_address(), seconds=600)
    takes_a_while = many_by_many(source)
    monkeypatch.setattr(source.session, "addTag", lambda _: asked.set())
    monkeypatch.setattr(source.session, "interruptTag", lambda _: interrupted.set())

    def move_on_once_it_is_asked(_: Flight) -> None:
        assert asked.wait(60)
        raise InterruptedError

    def ask() -> pa.Table:
        try:
            return source.collect(takes_a_while)
        except Cancelled:
            ended.set()
            raise

    with pytest.raises(InterruptedError), flights.watched(move_on_once_it_is_asked):
        Results().get(source, "question", ask)
    assert ended.wait(60)
    assert interrupted.wait(60)


@needs_server
def test_session_of_a_snapshot_that_is_gone_is_released() -> None:
    source = Spark(rows(10), server_address(), seconds=300)
    source.collect(source.table("contacts").select(contacts=nw.len()))
    assert source.session is not None
    client, released = source.session.client, threading.Event()
    release = client.release_session

    def release_and_tell() -> None:
        release()
        released.set()

    client.release_session = release_and_tell  # type: ignore[method-assign]
    is_alive = weakref.ref(source)
    del source
    while is_alive():  # the thread that asked last may not have ended
        gc.collect()
    assert released.wait(60)


@needs_server
def test_server_that_dies_after_it_was_asked_is_a_sentence() -> None:
    with Wire(server_address()) as wire:
        source = Spark(rows(10), wire.address, seconds=300)
        counted = source.table("contacts").select(contacts=nw.len())
        assert source.collect(counted)["contacts"].to_pylist() == [10]
        wire.cut()
        with pytest.raises(EngineError, match=r"^Spark cannot be reached: "):
            source.collect(counted)


@needs_server
def test_server_that_dies_in_mid_question_is_a_sentence() -> None:
    with Wire(server_address()) as wire, ThreadPoolExecutor(1) as pool:
        source = Spark(rows(30_000), wire.address, seconds=300)
        takes_a_while = many_by_many(source)
        before = wire.sent
        asked = pool.submit(source.collect, takes_a_while)
        while wire.sent == before:
            time.sleep(0.001)
        wire.cut()
        with pytest.raises(EngineError, match=r"^Spark cannot be reached: "):
            asked.result(300)


@pytest.mark.parametrize("why", ["UNAVAILABLE: Socket closed", "connection reset"])
def test_connection_that_breaks_in_mid_question_is_a_sentence(why: str) -> None:
    said = str(engine_error("Spark", grpc.RpcError(why)))
    assert said.startswith("Spark cannot be reached: ")
    assert why not in said


class Wire:
    """A proxy between client and server that can be cut, and counts the bytes sent by each."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("sc://").partition(":")
        self._to = host, int(port)
        self.sent = self.received = 0
        self._listens = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._is_cut = False

    @property
    def address(self) -> str:
        return f"sc://127.0.0.1:{self._listens.getsockname()[1]}"

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def cut(self) -> None:
        """As if the server had died: nobody listens any more."""
        self._is_cut = True
        for each in (self._listens, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listens.accept()
                server = socket.create_connection(self._to)
                self._open += [client, server]
                if self._is_cut:  # meanwhile
                    self.cut()
                    return
                for one, other in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._pass_on, args=(one, other, one is client), daemon=True
                    ).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, is_sent: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
                if is_sent:
                    self.sent += len(data)
                else:
                    self.received += len(data)
