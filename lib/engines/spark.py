"""A Spark Connect server as a source: Apache Spark, Databricks, Sail. The server must reach the
store under the same path or address; tables in memory are uploaded to it."""

import atexit
import threading
import uuid
import warnings
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import nullcontext, suppress
from typing import Any, TypeVar
from urllib.parse import quote

import grpc
import narwhals as nw
import pyarrow as pa

from lib.engines.errors import EngineError, too_slow, unreadable
from lib.engines.flights import Cancelled, ended_by
from lib.engines.where import Files, Where

with warnings.catch_warnings():
    # PySpark warns about pandas 3; only Arrow is used here.
    warnings.simplefilter("ignore", FutureWarning)
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.connect.shell.progress import StageInfo
    from pyspark.sql.pandas.types import from_arrow_schema

SECONDS = 60.0
RETRIES = 3
"""Retries of a call that did not reach the server; by default the client retries for ten
minutes."""

AT_ONCE = 8
"""Maximum number of questions that wait for the server at once."""

INTERRUPTS = 30
"""Maximum number of attempts, one a second, to interrupt a question."""

PARTS = {
    "spark.sql.files.maxPartitionBytes": 2**30,
    "spark.sql.files.openCostInBytes": 2**24,
}
"""Largest and smallest parts of files that are read at a time. Between the two Spark makes one for
each core. Each shuffles a row per group: more parts would shuffle more."""

_UNREACHABLE = (
    "Spark cannot be reached: see that its server is running and that CHATBOTX_ENGINE holds its "
    "address, then try again."
)
_REFUSED = "Spark refused the token: check CHATBOTX_ENGINE_TOKEN."

Answer = TypeVar("Answer")


class Spark:
    """`lib.engines.selection.Source`: the server at `address`, like sc://host:15002.
    Answers several questions concurrently.

    `seconds` is the time limit of a question, `session` Spark's own. Raises EngineError if there is
    no server.
    """

    name = "Spark"
    is_embedded = False

    def __init__(
        self, where: Where, address: str, *, seconds: float = SECONDS, token: str | None = None
    ) -> None:
        self.lock = nullcontext()
        self._where = where
        self.seconds = seconds
        self._tables: dict[str, nw.LazyFrame[Any]] = {}
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._asked = _Asked()
        self.session: SparkSession | None = None
        self.session = self._in_time(lambda: _session(address, token, self._asked.report))
        # There is a session for each snapshot. None is ended when this process ends: a server that
        # does not respond would keep it from ending, and one that does ends idle sessions itself.
        weakref.finalize(self, _end, self.session).atexit = False

    def table(self, name: str) -> nw.LazyFrame[Any]:
        if name not in self._tables:
            self._tables[name] = self._in_time(lambda: nw.from_native(self._read(name)))
        return self._tables[name]

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        return self._in_time(lambda: frame.collect("pyarrow").to_native())

    def _read(self, name: str) -> Any:
        found, session = self._where(name), self.session
        assert session is not None
        if isinstance(found, Files):
            reader = session.read
            if found.schema is not None:
                reader = reader.schema(from_arrow_schema(found.schema))
            return reader.parquet(*found.addresses)
        # For a table without rows it needs the schema.
        return session.createDataFrame(found, from_arrow_schema(found.schema))

    def _in_time(self, ask: Callable[[], Answer]) -> Answer:
        tag = uuid.uuid4().hex
        progress = _Progress()
        answer: Future[Answer] = Future()
        has_ended = threading.Event()

        def tagged() -> Answer:
            self._asked.progress = progress
            session = self.session
            if session is None:
                return ask()
            session.addTag(tag)
            try:
                return ask()
            finally:
                session.removeTag(tag)

        def work() -> None:
            try:
                with self._turns, suppress(InvalidStateError):  # nobody waits any more
                    _settle(answer, tagged)
            finally:
                has_ended.set()

        def interrupt() -> None:
            """In a thread, as nobody must wait for a server that is slow to respond, if at all."""
            answer.cancel()
            threading.Thread(
                target=self._interrupt, args=(tag, has_ended), name="spark", daemon=True
            ).start()

        # A process can end in spite of a daemon thread that waits for a server.
        thread = threading.Thread(target=work, name="spark", daemon=True)
        try:
            with ended_by(interrupt, lambda: progress.share):
                thread.start()
                return answer.result(self.seconds)
        except TimeoutError:
            interrupt()
            raise too_slow(self.name, self.seconds) from None
        except CancelledError:
            raise Cancelled from None
        except (grpc.RpcError, PySparkException) as error:
            raise engine_error(self.name, error) from None

    def _interrupt(self, tag: str, has_ended: threading.Event) -> None:
        """Interrupt a question, repeatedly since it may not have reached the server yet."""
        session = self.session
        if session is None:
            return
        for _ in range(INTERRUPTS):
            with suppress(Exception):  # whatever is wrong, the next attempt may succeed
                session.interruptTag(tag)
            if has_ended.wait(1):
                return


def _settle(answer: Future[Answer], ask: Callable[[], Answer]) -> None:
    """Set the result or the error of a future. Raises InvalidStateError if it was cancelled."""
    if answer.cancelled():
        return
    try:
        found = ask()
    except BaseException as error:  # noqa: BLE001 - raised by whoever waits
        answer.set_exception(error)
    else:
        answer.set_result(found)


class _Progress:
    """Progress of one question."""

    share: float | None = None


class _Asked(threading.local):
    """The question that a thread is asking."""

    progress = _Progress()

    def report(self, stages: Iterable[StageInfo] | None, *_: object, **__: object) -> None:
        """Called by the client in the thread of the question it is about."""
        done = [(stage.num_completed_tasks, stage.num_tasks) for stage in stages or ()]
        tasks = sum(each for _, each in done)
        if tasks:
            self.progress.share = min(1.0, sum(each for each, _ in done) / tasks)


def engine_error(name: str, error: Exception) -> EngineError:
    """The error in our own words: Spark's contain addresses and differ by call."""
    code = error.code() if isinstance(error, grpc.RpcError) and hasattr(error, "code") else None
    text = f"{code} {error}"
    if "UNAUTHENTICATED" in text or "PERMISSION_DENIED" in text:
        return EngineError(_REFUSED)
    if isinstance(error, grpc.RpcError) or "UNAVAILABLE" in text:
        return EngineError(_UNREACHABLE)
    return unreadable(name)


def _session(address: str, token: str | None, report: Any) -> SparkSession:
    if token is not None:
        address = (
            f"{address if '/' in address[5:] else f'{address}/'};token={quote(token, safe='')}"
        )
    session = SparkSession(connection=address)
    # It would keep the session for as long as this process runs.
    atexit.unregister(session.client._on_exit)
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
    session.registerProgressHandler(report)
    session.conf.set("spark.sql.session.timeZone", "UTC")
    for name, size in PARTS.items():
        with suppress(PySparkException, grpc.RpcError):  # not every server lets its clients set it
            session.conf.set(name, size)
    return session


def _end(session: SparkSession) -> None:
    """Release a session without waiting for the server."""

    def end() -> None:
        # `SparkSession.stop` would hold a lock of all sessions meanwhile.
        with suppress(Exception):  # the server may be gone, and ends idle sessions itself
            session.client.release_session()
        session.client.close()

    threading.Thread(target=end, name="spark", daemon=True).start()
