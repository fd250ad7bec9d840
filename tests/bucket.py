"""A bucket to test with: moto's server, which imitates Amazon's S3."""

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
    """Its address; it has one bucket, `ours`. A process of its own: in this one it might wait for
    us while we wait for it."""
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
    """`[store]` of the settings for it."""
    return {
        "aws_endpoint_url": endpoint,
        "aws_region": "us-east-1",
        "aws_access_key_id": "us",
        "aws_secret_access_key": SECRET,
        "aws_allow_http": "true",
    }


def place_in(endpoint: str, folder: str) -> Place:
    return Place(f"s3://ours/{folder}", options_of(endpoint))
