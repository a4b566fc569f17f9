"""Header values that pika cannot read: they must not cost the connection, and with it the whole feed.

An error while pika reads a frame ends the connection. The message comes again, and ends the next one: nothing
behind it is ever delivered. The engine needs no header of the senders, so such a value is read as nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pika.data

# A time beyond the year 9999, such as milliseconds where seconds belong; a number that is none, or infinite.
_SIZES = {b"T": 8, b"f": 4, b"d": 8}
# Tables and lists that are nested deeper than Python can follow tell how long they are.
_NESTED = (b"A", b"F")

_read_value: Callable[[bytes, int], tuple[Any, int]] = pika.data.decode_value


def read_value(encoded: bytes, offset: int) -> tuple[Any, int]:
    """As ``pika.data.decode_value``; None for a value of a header that it cannot read."""
    try:
        return _read_value(encoded, offset)
    except (ValueError, OverflowError, OSError, RecursionError):
        kind, begin = encoded[offset : offset + 1], offset + 1
        if kind in _SIZES:
            return None, begin + _SIZES[kind]
        if kind in _NESTED:
            return None, begin + 4 + int(struct.unpack_from(">I", encoded, begin)[0])
        raise


def tolerate_headers() -> None:
    """Have pika read headers with :func:`read_value`; it offers no other place for that."""
    pika.data.decode_value = read_value
