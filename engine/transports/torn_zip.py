"""What can be read of a zip file that is cut off: its members by the headers before them, not by an index."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from engine.transports.unpacking import ZIP, Limits, UnreadableError, check_size

_HEADER = struct.Struct("<4sHHHHHLLLHH")
_DESCRIPTOR = b"PK\x07\x08"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZE_BEHIND, _UTF8 = 0x1, 0x8, 0x800
_IN_EXTRA = 0xFFFFFFFF
_BLOCK = 65536


@dataclass(frozen=True, slots=True)
class TornMember:
    """One member in the order of the file, to be read before the next one is asked for."""

    name: str
    content: io.BufferedReader


def members_of(file: IO[bytes], limits: Limits) -> Iterator[TornMember]:
    """Every member up to the tear; reading the last one may raise EOFError.

    Raises UnreadableError where the next member cannot be found or is not readable without the index, and
    where one unpacks to more than the limits allow.
    """
    position = 0
    while True:
        file.seek(position)
        head = file.read(_HEADER.size)
        if head[:4] != ZIP:
            return
        if len(head) < _HEADER.size:
            raise EOFError
        _, _, flags, method, _, _, crc, packed, _, name_length, extra_length = _HEADER.unpack(head)
        name = file.read(name_length)
        file.seek(extra_length, io.SEEK_CUR)
        if len(name) < name_length:
            raise EOFError
        text = name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        if flags & _ENCRYPTED:
            raise UnreadableError(f"{text} is encrypted")
        unknown = bool(flags & _SIZE_BEHIND) or packed == _IN_EXTRA
        if method not in {_STORED, _DEFLATED} or (method == _STORED and unknown):
            raise UnreadableError(f"{text} cannot be told apart from what follows without the index")
        content = _Content(file, packed if method == _STORED else None, None if unknown else crc, limits)
        yield TornMember(text, io.BufferedReader(content))
        content.skip()
        position = content.end
        if flags & _SIZE_BEHIND:
            position += _descriptor_length(file, position)


def _descriptor_length(file: IO[bytes], position: int) -> int:
    """Sizes of 4 or 8 bytes, with or without a signature: what follows tells which."""
    file.seek(position)
    behind = file.read(28)
    signed = 4 if behind.startswith(_DESCRIPTOR) else 0
    return next((size + signed for size in (12, 20) if behind[size + signed :][:2] == b"PK"), 12 + signed)


class _Content(io.RawIOBase):
    """The content of a member; ``stored`` is its length where it is not compressed."""

    def __init__(self, file: IO[bytes], stored: int | None, crc: int | None, limits: Limits) -> None:
        super().__init__()
        self._file = file
        self._begin = self.end = file.tell()
        self._limits = limits
        self._unpacked = 0
        self._left = stored
        self._inflating = zlib.decompressobj(-15)
        self._stated, self._crc = crc, 0
        self._ended = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, target: memoryview, /) -> int:  # type: ignore[override]
        """As many bytes as fit; raises EOFError at the tear, zlib.error for damage."""
        while not self._ended:
            data = self._next(len(target))
            if data:
                self._unpacked += len(data)
                check_size(self._unpacked, self.end - self._begin, self._limits)
                self._crc = zlib.crc32(data, self._crc)
                target[: len(data)] = data
                return len(data)
        stated, self._stated = self._stated, None
        if stated not in {None, self._crc}:
            raise zlib.error("checksum")
        return 0

    def skip(self) -> None:
        """To the end of it."""
        block = memoryview(bytearray(_BLOCK))
        while self.readinto(block):
            pass

    def _next(self, most: int) -> bytes:
        self._file.seek(self.end)
        if self._left is not None:
            data = self._file.read(min(most, self._left))
            self._left -= len(data)
            self.end += len(data)
            self._ended = not self._left
            if not data and not self._ended:
                raise EOFError
            return data
        packed = self._file.read(_BLOCK)
        data = self._inflating.decompress(packed, most)
        kept = self._inflating.unconsumed_tail or self._inflating.unused_data
        self.end += len(packed) - len(kept)
        self._ended = self._inflating.eof
        if not packed and not data and not self._ended:
            raise EOFError
        return data
