"""Bodies that come compressed."""

from __future__ import annotations

import zlib
from typing import Final

ENCODINGS: Final = ("gzip", "deflate")
_EITHER: Final = 32
"""Added to the window's size: zlib finds out whether the header is gzip's or its own."""


class TooLong(Exception):
    """The body decodes to more than the limit."""


class Garbled(Exception):
    """The body is not what its encoding says, or ends too early."""


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its encoding, one of ENCODINGS; never more than limit + 1 bytes are made of it. "deflate" means zlib's format (RFC
    9110); some clients send it without zlib's header, which is read as well. Raises TooLong and Garbled."""
    try:
        return _inflated(body, _EITHER + zlib.MAX_WBITS, limit)
    except zlib.error:
        if encoding != "deflate":
            raise Garbled from None
    try:
        return _inflated(body, -zlib.MAX_WBITS, limit)
    except zlib.error:
        raise Garbled from None


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """Raises zlib.error, TooLong and Garbled."""
    out = bytearray()
    while body:  # gzip allows several members, one after the other
        member = zlib.decompressobj(window)
        out += member.decompress(body, limit + 1 - len(out))
        if len(out) > limit or member.unconsumed_tail:
            raise TooLong
        if not member.eof:
            raise Garbled
        body = member.unused_data
    return bytes(out)
