"""Decompression bombs are refused."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import pytest

from lib.chatbotx import body
from lib.chatbotx import client as client_module
from lib.chatbotx.client import Query
from lib.chatbotx.errors import ServerTrouble
from tests.chatbotx.reading import TOKEN, client_of, spread
from tests.fake_chatbotx import JULY, Answer, FakeChatbotx, gateway_error

PAGE = json.dumps({"data": spread(20), "pageCount": 1}).encode()


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def received(data: bytes, *encodings: str, status: int = 200) -> tuple[int, int]:
    """The number of contacts in an answer with these headers, and of requests that it took."""
    headers = tuple(("Content-Encoding", encoding) for encoding in encodings)
    answers = [Answer(status, data, headers=headers)]
    with (
        FakeChatbotx(
            {TOKEN: spread(3)}, JULY, faults=lambda _: answers.pop() if answers else None
        ) as server,
        client_of(server) as client,
    ):
        return client.contacts(Query()).received, client.requests


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", zipped(PAGE)),
        ("x-gzip", zipped(PAGE)),
        ("GZIP", zipped(PAGE)),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", raw_deflate(PAGE)),
        ("identity", PAGE),
        ("identity, gzip", zipped(PAGE)),
        ("", PAGE),
    ],
)
def test_what_was_asked_for_is_read(encoding: str, packed: bytes) -> None:
    assert received(packed, encoding) == (20, 1)


@pytest.mark.parametrize("piece", [1, 7, 2**18])
def test_it_is_read_whole_however_small_the_pieces(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "PIECE", piece)
    assert received(zipped(PAGE), "gzip") == (20, 1)


@pytest.mark.parametrize(
    "encodings",
    [
        ("gzip, gzip",),
        ("gzip", "gzip"),
        ("gzip,gzip,gzip",),
        ("deflate, gzip",),
        ("br",),
        ("zstd",),
        ("gzip, br",),
        ("quite new",),
    ],
    ids=repr,
)
def test_stacked_and_unknown_encodings_are_refused(encodings: tuple[str, ...]) -> None:
    with pytest.raises(ServerTrouble, match="compressed"):
        received(zipped(zipped(PAGE)), *encodings)


@pytest.mark.parametrize("packed", [b"not gzip", zipped(PAGE)[:50], b""])
def test_a_broken_body_is_requested_again(packed: bytes) -> None:
    assert received(packed, "gzip") == (3, 2)


def test_an_error_status_counts_whatever_the_encoding() -> None:
    assert received(gateway_error(502).body, "br", status=502) == (3, 2)


def test_a_decompression_bomb_is_refused_as_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kilobyte expands to a megabyte of blanks; no more than the limit is held in memory."""
    monkeypatch.setattr(client_module, "LARGEST_ANSWER", 2**21)
    bomb = zipped(b" " * 2**28)
    tracemalloc.start()
    try:
        with pytest.raises(ServerTrouble, match="far larger"):
            received(bomb, "gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**24


def test_a_byte_order_mark_is_passed_over() -> None:
    assert received(b"\xef\xbb\xbf" + PAGE) == (20, 1)
