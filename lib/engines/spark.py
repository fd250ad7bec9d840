"""A Spark Connect server as a source: Apache Spark, Databricks, Sail. The server must reach the
store under the same path or address; tables in memory are uploaded to it."""

import threading
import uuid
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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

_UNREACHABLE = (
    "Spark cannot be reached: see that its server is running and that CHATBOTX_ENGINE holds its "
    "address, then try again."
)
_REFUSED = "Spark refused the token: check CHATBOTX_ENGINE_TOKEN."

Answer = TypeVar("Answer")


class Spark:
    """`Source` for `lib.engines.lazy.LazyEngine`: the server at `address`, like sc://host:15002.
    Answers several questions concurrently.

    `seconds` is the time limit of a question. Raises EngineError if there is no server.
    """

    name = "Spark"

    def __init__(
        self, where: Where, address: str, *, seconds: float = SECONDS, token: str | None = None
    ) -> None:
        self.lock = nullcontext()
        self._where = where
        self._seconds = seconds
        self._tables: dict[str, nw.LazyFrame[Any]] = {}
        self._threads = ThreadPoolExecutor(8, "spark")
        self._asked = threading.local()
        self._session: SparkSession | None = None
        self._session = self._in_time(lambda: _session(address, token, self._report))

    def table(self, name: str) -> nw.LazyFrame[Any]:
        if name not in self._tables:
            self._tables[name] = self._in_time(lambda: nw.from_native(self._read(name)))
        return self._tables[name]

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        return self._in_time(lambda: frame.collect("pyarrow").to_native())

    def _read(self, name: str) -> Any:
        found, session = self._where(name), self._session
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
        is_cancelled = threading.Event()

        def tagged() -> Answer:
            self._asked.progress = progress
            session = self._session
            if session is None:
                return ask()
            session.addTag(tag)
            try:
                return ask()
            finally:
                session.removeTag(tag)

        def interrupt() -> None:
            is_cancelled.set()
            # In a thread, because the server may be slow to respond and the caller must not wait.
            threading.Thread(target=self._interrupt, args=(tag,), daemon=True).start()

        asked = self._threads.submit(tagged)
        try:
            with ended_by(interrupt, lambda: progress.share):
                return asked.result(self._seconds)
        except TimeoutError:
            self._interrupt(tag)
            raise too_slow(self.name, self._seconds) from None
        except (grpc.RpcError, PySparkException) as error:
            if is_cancelled.is_set():
                raise Cancelled from None
            raise _engine_error(self.name, error) from None

    def _interrupt(self, tag: str) -> None:
        session = self._session
        if session is not None:
            with suppress(PySparkException, grpc.RpcError):
                session.interruptTag(tag)

    def _report(self, stages: Iterable[StageInfo] | None, *_: object, **__: object) -> None:
        """Called by the client in the thread of the question it is about."""
        done = [(stage.num_completed_tasks, stage.num_tasks) for stage in stages or ()]
        tasks = sum(each for _, each in done)
        if tasks:
            self._asked.progress.share = min(1.0, sum(each for each, _ in done) / tasks)


class _Progress:
    """Progress of one question."""

    share: float | None = None


def _engine_error(name: str, error: Exception) -> EngineError:
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
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
    session.registerProgressHandler(report)
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return session
