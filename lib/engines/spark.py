"""Tables that a Spark Connect server reads: Apache Spark, Databricks, Sail. The server has to reach
the store under the same path or address; what is in memory is sent to it.
"""

import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import Any, TypeVar

import grpc
import narwhals as nw
import pyarrow as pa

from lib.engines.errors import EngineError
from lib.engines.where import Files, Where

with warnings.catch_warnings():
    # Of pandas 3, which it does not know yet. It is asked for Arrow only.
    warnings.simplefilter("ignore", FutureWarning)
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.pandas.types import from_arrow_schema

SECONDS = 60.0
RETRIES = 3
"""Of a call that did not reach the server; the client itself would go on for ten minutes."""

_UNREACHABLE = "Spark cannot be reached: see that its server is running."

Answer = TypeVar("Answer")


class Spark:
    """A source for `lib.engines.lazy.LazyEngine`: the server at `address`, like sc://host:15002.
    Answers several questions at once.

    A question may take `seconds`. Raises EngineError where there is no server.
    """

    name = "Spark"

    def __init__(self, where: Where, address: str, *, seconds: float = SECONDS) -> None:
        self.lock = nullcontext()
        self._where = where
        self._seconds = seconds
        self._tables: dict[str, nw.LazyFrame[Any]] = {}
        self._threads = ThreadPoolExecutor(8, "spark")
        self._session = self._in_time(lambda: _session(address))

    def table(self, name: str) -> nw.LazyFrame[Any]:
        if name not in self._tables:
            self._tables[name] = self._in_time(lambda: nw.from_native(self._read(name)))
        return self._tables[name]

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        return self._in_time(lambda: frame.collect("pyarrow").to_native())

    def _read(self, name: str) -> Any:
        found = self._where(name)
        if isinstance(found, Files):
            reader = self._session.read
            if found.schema is not None:
                reader = reader.schema(from_arrow_schema(found.schema))
            return reader.parquet(*found.addresses)
        # Of a table without rows it wants to be told the columns.
        return self._session.createDataFrame(found, from_arrow_schema(found.schema))

    def _in_time(self, ask: Callable[[], Answer]) -> Answer:
        tag = uuid.uuid4().hex

        def tagged() -> Answer:
            session = getattr(self, "_session", None)
            if session is None:
                return ask()
            session.addTag(tag)
            try:
                return ask()
            finally:
                session.removeTag(tag)

        asked = self._threads.submit(tagged)
        try:
            return asked.result(self._seconds)
        except TimeoutError:
            with suppress(PySparkException, grpc.RpcError):
                self._session.interruptTag(tag)
            raise EngineError(f"Spark had no answer within {self._seconds:g} seconds.") from None
        except grpc.RpcError:
            raise EngineError(_UNREACHABLE) from None
        except PySparkException as error:
            if "UNAVAILABLE" in str(error):  # its own exceptions for this differ by call
                raise EngineError(_UNREACHABLE) from None
            raise EngineError(
                "Spark could not answer: see that its server can read the store."
            ) from None


def _session(address: str) -> SparkSession:
    session = SparkSession(connection=address)
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return session
