"""Decompress a response body piece by piece, as protection against decompression bombs."""

import zlib
from collections.abc import Iterator

import httpx

ACCEPT_ENCODING = "gzip, deflate"

PIECE = 2**18
"""Maximum number of bytes decompressed before the caller sees them."""


class RefusedEncoding(Exception):
    """The body has more than one Content-Encoding, or one that was not offered."""


class BrokenEncoding(Exception):
    """The body does not match its Content-Encoding."""


def pieces_of(response: httpx.Response) -> Iterator[bytes]:
    """Yield the decoded body; if it is compressed, at most `PIECE` bytes at a time.

    Encodings can be stacked, and each layer can multiply the size by up to a thousand: 3.5 kB
    become 4.2 GB. Raises RefusedEncoding for more than one layer or for an encoding that was not
    offered, BrokenEncoding, and what httpx raises.
    """
    named = response.headers.get("content-encoding", "").lower().split(",")
    layers = [layer.strip() for layer in named if layer.strip() not in ("", "identity")]
    if len(layers) > 1:
        raise RefusedEncoding
    if response.is_stream_consumed:  # created in this process, for example by the demo
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
    """Yield the decompressed body. `window` is zlib's wbits; None for deflate, which servers send
    both with and without a zlib header."""
    inflater = None
    for compressed in raw:
        if inflater is None:
            has_header = compressed[:1] and compressed[0] & 0x0F == zlib.DEFLATED
            deflate = zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
            inflater = zlib.decompressobj(deflate if window is None else window)
        while not inflater.eof:
            try:
                piece = inflater.decompress(compressed, PIECE)
            except zlib.error as error:
                raise BrokenEncoding from error
            yield piece
            compressed = inflater.unconsumed_tail
            if not compressed and len(piece) < PIECE:
                break
