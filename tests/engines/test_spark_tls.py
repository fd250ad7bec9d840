"""A Spark Connect server behind TLS, with a certificate of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
import narwhals as nw
import pytest

from lib.engines.errors import EngineError
from lib.engines.spark import Spark
from lib.engines.where import in_memory
from tests.engines.answering import needs_server, server_address
from tests.serving import ROOT
from tests.workspaces import tables_of

pytestmark = [
    needs_server,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing to make certificates with"),
]

AUTHORIZATION, TOKEN = "authorization", "token-of-the-engine"


@pytest.fixture(autouse=True)
def engine() -> None:
    """The tests here choose their engine."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that its own key has signed, and the key."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        f" -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return certificate, key


def asked(address: str, trusting: Path | None = None) -> str:
    """What a process prints that counts two contacts: gRPC reads its certificates only once."""
    trusted = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(trusting)} if trusting is not None else {}
    return subprocess.run(
        [sys.executable, "-m", "tests.engines.test_spark_tls", address],
        cwd=ROOT,
        env=os.environ | trusted,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    ).stdout.strip()


def count(address: str) -> object:
    try:
        source = Spark(in_memory(tables_of({}, {})), address, token=TOKEN)
        counted = source.collect(source.table("contacts").select(contacts=nw.len()))
    except EngineError as why:
        return why
    return counted["contacts"].to_pylist()


class Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC has no types
    """Passes every call on to the Spark Connect server."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self._to = grpc.insecure_channel(server_address().removeprefix("sc://"))

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        self.tokens += (value for name, value in call.invocation_metadata if name == AUTHORIZATION)
        pass_on = self._to.stream_stream(call.method)
        return grpc.stream_stream_rpc_method_handler(lambda requests, _: pass_on(requests))


class Refusing(Proxy):
    """Accepts no token."""

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            lambda _, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")
        )


@contextmanager
def encrypted(proxy: Proxy, certificate: tuple[Path, Path]) -> Iterator[str]:
    """Run the proxy behind TLS; yields its address."""
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[proxy])
    chain, key = (path.read_bytes() for path in certificate)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    server.start()
    try:
        yield f"sc://localhost:{port}/;use_ssl=true"
    finally:
        server.stop(None).wait()


def test_server_whose_certificate_is_trusted_gets_the_token_and_answers(
    certificate: tuple[Path, Path],
) -> None:
    proxy = Proxy()
    with encrypted(proxy, certificate) as address:
        assert asked(address, trusting=certificate[0]) == "[2]"
    assert {*proxy.tokens} == {f"Bearer {TOKEN}"}


def test_server_whose_certificate_is_not_trusted_is_not_sent_the_token(
    certificate: tuple[Path, Path],
) -> None:
    proxy = Proxy()
    with encrypted(proxy, certificate) as address:
        assert asked(address).startswith("Spark cannot be reached: ")
    assert proxy.tokens == []


def test_server_may_refuse_the_token(certificate: tuple[Path, Path]) -> None:
    with encrypted(Refusing(), certificate) as address:
        assert asked(address, trusting=certificate[0]) == (
            "Spark refused the token: check CHATBOTX_ENGINE_TOKEN."
        )


if __name__ == "__main__":
    sys.stdout.write(f"{count(sys.argv[1])}\n")
