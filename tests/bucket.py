"""A bucket for tests, from moto's server, which imitates Amazon S3."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from lib.store.place import Place

SECRET = "a-secret-that-nobody-may-see"

_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=us/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
    "Signature=x"
)


@contextmanager
def bucket_server() -> Iterator[str]:
    """Run the server with one bucket, `ours`; yields its URL.

    In a process of its own, as within this one it could deadlock with the test.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.put(f"{url}/ours", headers={"Authorization": _AUTHORIZATION})
                assert answer.status_code == 200
                break
            time.sleep(0.1)
        yield url
    finally:
        server.kill()
        server.wait()


def options_of(endpoint: str) -> dict[str, str]:
    """The options in `[store]` for this server."""
    return {
        "aws_endpoint_url": endpoint,
        "aws_region": "us-east-1",
        "aws_access_key_id": "us",
        "aws_secret_access_key": SECRET,
        "aws_allow_http": "true",
    }


def place_in(endpoint: str, folder: str) -> Place:
    return Place(f"s3://ours/{folder}", options_of(endpoint))
