"""The body of an answer, decompressed piece by piece, so that a small one cannot become huge."""

import zlib
from collections.abc import Iterator

import httpx

ACCEPT_ENCODING = "gzip, deflate"

_PIECE = 2**18
"""Bytes that are decompressed at most before the caller looks at them."""


class RefusedEncoding(Exception):
    """The body is encoded twice, or in a way that was not asked for."""


class BrokenEncoding(Exception):
    """The body is not what its Content-Encoding says."""


def pieces_of(response: httpx.Response) -> Iterator[bytes]:
    """The decoded body, at most `_PIECE` bytes at a time as far as it is compressed.

    Compression may be stacked, and each layer multiplies what the one before has made by up to a
    thousand: 3.5 kB become 4.2 GB. Raises RefusedEncoding for more than one layer or an encoding
    that was not asked for, BrokenEncoding, and what httpx raises.
    """
    named = response.headers.get("content-encoding", "").lower().split(",")
    layers = [layer.strip() for layer in named if layer.strip() not in ("", "identity")]
    if len(layers) > 1:
        raise RefusedEncoding
    if response.is_stream_consumed:  # made in this process, as by the demo
        yield response.content
    elif not layers:
        yield from response.iter_raw()
    elif layers in (["gzip"], ["x-gzip"]):
        yield from _inflated(response.iter_raw(), 16 + zlib.MAX_WBITS)
    elif layers == ["deflate"]:
        yield from _inflated(response.iter_raw(), None)
    else:
        raise RefusedEncoding


def _inflated(raw: Iterator[bytes], window: int | None) -> Iterator[bytes]:
    """`window` is what zlib calls wbits; None is either of the two that pass for deflate."""
    inflater = None
    for compressed in raw:
        if inflater is None:
            has_header = compressed[:1] and compressed[0] & 0x0F == zlib.DEFLATED
            deflate = zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
            inflater = zlib.decompressobj(deflate if window is None else window)
        while not inflater.eof:
            try:
                piece = inflater.decompress(compressed, _PIECE)
            except zlib.error as error:
                raise BrokenEncoding from error
            yield piece
            compressed = inflater.unconsumed_tail
            if not compressed and len(piece) < _PIECE:
                break
