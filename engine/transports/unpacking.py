"""The bytes of one file or member of an archive, unpacked where it is gzip, and why they cannot be had."""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
MEMBER = "zip member"

_MEGABYTE = 1_000_000
_TAR = b"ustar"
_TAR_PLACE = 257
_PACKED = (
    (ZIP, "a zip file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"BZh", "a bzip2 file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file"),
    (b"Rar!\x1a\x07", "a rar file"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an archive is taken for a decompression bomb, or for no HL7 at all.

    ``stretch_bytes``: the most that is in memory, and the most without the begin of a message;
    ``file_bytes``: the most that one compressed file may unpack to; ``ratio``: how many times its
    compressed size, once that is more than a megabyte. Laboratory messages come to 10 to 30 times, copies
    of a single message to several hundred, zero bytes to 1030.
    """

    stretch_bytes: int = 32 * _MEGABYTE
    file_bytes: int = 20_000 * _MEGABYTE
    ratio: int = 1000


class Readable(Protocol):
    """What an open file, standard input and a member of a zip file have in common."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes."""

    def read1(self, size: int, /) -> bytes:
        """What is at hand, at most ``size`` bytes."""

    def peek(self, size: int, /) -> bytes:
        """What comes next, about ``size`` bytes, without taking it."""


class UnreadableError(Exception):
    """Why a file, or the rest of it, is not read."""


_DAMAGED = (zlib.error, lzma.LZMAError, gzip.BadGzipFile)
# A damaged zip file raises whatever its bytes make of it: names that are no UTF-8, sizes below zero.
READING_ERRORS = (
    *_DAMAGED,
    OSError,
    EOFError,
    ValueError,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    UnreadableError,
)


@dataclass(slots=True)
class Source:
    """One file or member that is read; ``weight``: the bytes on disk for one that is read from it."""

    name: str
    file: Readable
    packing: str = "file"
    weight: float = 1.0
    consumed: int = 0


def blocks_of(source: Source, limits: Limits) -> Iterator[bytes]:
    """The content in blocks, unpacked where it is gzip. Raises one of ``READING_ERRORS``."""
    file = source.file
    head = file.peek(512)
    if not head.startswith(GZIP):
        _refuse_packed(head, " inside a zip file" if source.packing == MEMBER else "")
        while block := file.read1(_MEGABYTE):
            source.consumed += len(block)
            yield block
        return
    source.packing = f"gzip {source.packing}"
    counted = _Counted(file)
    unpacked = before = 0
    with gzip.GzipFile(fileobj=counted) as content:
        _refuse_packed(content.peek(512), " inside a gzip file")
        # read1, because read of a damaged file throws away what it has unpacked so far
        while block := content.read1(_MEGABYTE):
            unpacked += len(block)
            source.consumed += counted.count - before
            before = counted.count
            check_size(unpacked, counted.count, limits)
            yield block


class _Counted(io.RawIOBase):
    """A file that counts what is read from it; gzip itself does not say how much it has taken."""

    def __init__(self, file: Readable) -> None:
        super().__init__()
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes."""
        data = self._file.read(size)
        self.count += len(data)
        return data


def _refuse_packed(head: bytes, place: str) -> None:
    """Raises UnreadableError for what only another program unpacks; ``place`` is where it was found."""
    kinds = [kind for begin, kind in _PACKED if head.startswith(begin)]
    kinds += ["a tar file"] if head.startswith(_TAR, _TAR_PLACE) else []
    if kinds:
        raise UnreadableError(f"it is {kinds[0]}{place}; unpack it first")


def check_size(unpacked: int, packed: int, limits: Limits) -> None:
    """Raises UnreadableError where so many bytes out of so many are more than the limits allow."""
    if unpacked > limits.file_bytes:
        raise UnreadableError(f"it unpacks to more than {limits.file_bytes // _MEGABYTE} MB")
    if unpacked > _MEGABYTE and unpacked > packed * limits.ratio:
        raise UnreadableError(f"it unpacks to more than {limits.ratio} times its size")


def reason_of(error: Exception) -> str:
    """Why reading failed, in words; ``error`` is one of ``READING_ERRORS``."""
    if isinstance(error, EOFError):
        return "it ends too early, the file is incomplete"
    # bz2 says so with an OSError that has no number
    if isinstance(error, _DAMAGED) or (isinstance(error, OSError) and error.errno is None):
        return "its compressed data are damaged"
    if isinstance(error, zipfile.BadZipFile | ValueError) or getattr(error, "errno", None) == errno.EINVAL:
        return "the zip file is damaged or incomplete"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
