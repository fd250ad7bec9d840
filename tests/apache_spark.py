"""Run the tests of engines against Apache Spark itself: `make spark`.

It brings 500 MB and needs Java 17, and its package excludes the client that the dashboard uses, so
it has an environment of its own and is no part of the other tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

TESTS = (
    "tests/engines",
    "tests/metrics",
    "tests/history/test_agreement.py",
    "tests/history/test_expected.py",
    "tests/history/test_opt_outs.py",
    "tests/insights/test_causes.py",
    "tests/outputs/test_report.py",
)
OPTIONS = ("-k", "Spark", "-p", "no:randomly", "-rs")
"""Only tests of Spark: other engines are part of the other tests."""

PATIENCE = 180
"""Maximum seconds for the server to start."""

MOST = 3_600
"""Maximum seconds for the tests, which take 12 minutes on two cores shared with other work."""


def main(arguments: Sequence[str]) -> int:
    if shutil.which("java") is None:
        sys.exit("Apache Spark needs Java 17: install it, and try again.")
    end_with_this_process()
    with server() as address:
        try:
            return subprocess.run(
                [sys.executable, "-m", "pytest", *TESTS, *OPTIONS, *arguments],
                env=os.environ | {"ENGINES": "spark", "SPARK_SERVER": address},
                check=False,
                timeout=MOST,
            ).returncode
        except subprocess.TimeoutExpired:
            sys.exit(f"The tests did not end within {MOST // 60} minutes.")


def end_with_this_process() -> None:
    """Let a server end that would otherwise outlive this process, if that is terminated."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated."))


@contextmanager
def server(settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """Run a Spark Connect server on the loopback interface, with these settings besides; yields its
    URL."""
    found = find_spec("pyspark")
    assert found is not None
    assert found.origin is not None
    home = Path(found.origin).parent
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "spark.ui.enabled": "false",
        # One partition a processor: the default of 200 slows down small tables.
        "spark.sql.shuffle.partitions": "2",
    } | {**settings}
    settings |= {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    with TemporaryDirectory() as folder:
        log = Path(folder, "server.log")
        command = [str(home / "bin" / "spark-submit"), "--master", "local[2]"]
        # Thousands of short queries are not worth compiling twice, for which Java has two threads.
        java = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        command += ["--driver-memory", "2g", "--driver-java-options", java]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
        with log.open("wb") as written:
            started = subprocess.Popen(
                [*command, "spark-internal"],
                cwd=folder,
                env=os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"},
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        try:
            _wait_for(port, started, log)
            yield f"sc://127.0.0.1:{port}"
        finally:
            # Scripts of Spark's start it: all of them end.
            os.killpg(started.pid, signal.SIGKILL)
            started.wait(30)


def _wait_for(port: int, started: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and started.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.5)
    sys.exit(f"Spark did not start. What it said last:\n{log.read_text()[-2000:]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
