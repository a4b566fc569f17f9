"""Reading archives of messages: files, folders, .gz, .zip and standard input, of any size.

Compressed or not is told from the content, not from the name. At most one stretch of a file is in memory
at a time. What cannot be read is one defect with file and place, and the rest is read all the same.
"""

from __future__ import annotations

import errno
import glob
import gzip
import io
import lzma
import re
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from engine.errors import ConfigError, Defect
from engine.hl7.framing import read_stream
from engine.transports.forms import Form, Meter, form_of

STANDARD_INPUT = "-"

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_HEADER = re.compile(rb"[\r\n\x0b]MSH[^A-Za-z0-9\s]")
# MSH in ASCII, or in either kind of UTF-16
_ANY_HEADER = re.compile(rb"MSH|M\0S\0H")
# a file that was cut off, or put together from parts, shows in these
_COUNT_WARNINGS = ("batch trailer", "file trailer")
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class ArchiveMessage:
    """One message with its place: ``source`` is ``day.zip/results.hl7#3``, counted from 1."""

    source: str
    body: bytes


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


Tell = Callable[[Defect], None]


@dataclass(frozen=True, slots=True)
class _Reports:
    """Where to tell what was not read, what was read and looks odd, and how far it has come."""

    defect: Tell
    remark: Tell
    meter: Meter
    standard_input: IO[bytes] | None = None


def _ignore(_remark: Defect) -> None:
    pass


class _File(Protocol):
    """What an open file, standard input and a member of a zip file have in common."""

    def read(self, size: int, /) -> bytes: ...

    def read1(self, size: int, /) -> bytes: ...

    def peek(self, size: int, /) -> bytes: ...


class _UnreadableError(Exception):
    """Why a file, or the rest of it, is not read."""


_DAMAGED = (zlib.error, lzma.LZMAError, gzip.BadGzipFile)
# A damaged zip file raises whatever its bytes make of it: names that are no UTF-8, sizes below zero.
_READING_ERRORS = (
    *_DAMAGED,
    OSError,
    EOFError,
    ValueError,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    _UnreadableError,
)


def read_archive(
    paths: Iterable[str | Path],
    on_defect: Tell | None = None,
    limits: Limits | None = None,
    on_remark: Tell | None = None,
    meter: Meter | None = None,
    standard_input: IO[bytes] | None = None,
) -> Iterator[ArchiveMessage]:
    """Yield every message below ``paths``: files, folders (all files, sorted, hidden ones left out), ``-``.

    A path with ``*``, ``?`` or ``[...]`` stands for all that it matches, sorted, one with ``**`` for all
    files that it matches. ``meter`` is kept up to date; ``standard_input`` is read instead of the real one.
    Raises ConfigError at once for a path that does not exist. A file that cannot be read, or not to its
    end, goes to ``on_defect`` when it is come to; without ``on_defect`` all are raised together, as a
    ConfigError, after everything that can be read was yielded. The counts of batch trailers are compared
    in files of up to one stretch; a difference goes to ``on_remark``, and every message is yielded. The
    last message of a damaged file may be cut off and is not yielded. A file without any MSH segment is
    yielded as one message: the intake quarantines it by name.
    """
    given = _named(paths)
    defects: list[Defect] = []
    tell = _Reports(on_defect or defects.append, on_remark or _ignore, meter or Meter(), standard_input)
    return _read_all(given, defects, limits or Limits(), tell)


def files_of(paths: Iterable[str | Path]) -> list[Path]:
    """The files that :func:`read_archive` reads, in that order, standard input left out."""
    named = (Path(path) for path in _named(paths) if path != STANDARD_INPUT)
    return [file for path in named for file in _files(path, _ignore)]


def _named(paths: Iterable[str | Path]) -> list[str]:
    """Patterns put in full; raises ConfigError with every path that is not there."""
    named: list[str] = []
    missing: list[Defect] = []
    for path in map(str, paths):
        if path == STANDARD_INPUT or Path(path).exists():
            named.append(path)
        elif found := _matching(path):
            named += found
        else:
            hint = "no file has a name like this" if glob.has_magic(path) else ""
            missing.append(Defect(path, 0, "no such file or folder", hint))
    if missing:
        raise ConfigError(missing)
    return named


def _matching(pattern: str) -> list[str]:
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  a Path would take the pattern apart
    return [path for path in found if Path(path).is_file()] if "**" in pattern else found


def _read_all(
    paths: list[str], defects: list[Defect], limits: Limits, tell: _Reports
) -> Iterator[ArchiveMessage]:
    for path in paths:
        if path == STANDARD_INPUT:
            source = tell.standard_input or sys.stdin.buffer
            yield from _read_file("stdin", cast("io.BufferedReader", source), limits, tell)
            continue
        for file in _files(Path(path), tell.defect):
            begin = tell.meter.position
            try:
                with file.open("rb") as opened:
                    yield from _read_file(file.as_posix(), opened, limits, tell)
                tell.meter.position = begin + file.stat().st_size
            except OSError as error:
                tell.defect(Defect(file.as_posix(), 0, f"cannot be read: {_reason(error)}"))
    if defects:
        raise ConfigError(defects)


def _files(path: Path, on_defect: Tell) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not files:
        on_defect(Defect(path.as_posix(), 0, "the folder holds no files"))
    return files


def _read_file(
    name: str, file: io.BufferedReader, limits: Limits, tell: _Reports
) -> Iterator[ArchiveMessage]:
    head = file.peek(4)[:4]
    if head not in (_ZIP, _EMPTY_ZIP):
        yield from _read_stretches(_Stream(name, file), limits, tell)
        return
    with tempfile.TemporaryFile() as copy:
        source: IO[bytes] = file
        if not file.seekable():  # the contents of a zip file are listed at its end
            shutil.copyfileobj(file, copy)
            source = copy
        try:
            archive = zipfile.ZipFile(source)
        except _READING_ERRORS as error:
            tell.defect(Defect(name, 0, f"cannot be read: {_reason(error)}"))
            return
        with archive:
            for member in sorted(archive.infolist(), key=lambda one: one.filename):
                parts = member.filename.split("/")
                if not (member.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith(".")):
                    yield from _read_member(f"{name}/{member.filename}", archive, member, limits, tell)


def _read_member(
    name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits, tell: _Reports
) -> Iterator[ArchiveMessage]:
    try:
        if member.flag_bits & 1:
            raise _UnreadableError("it is encrypted; unpack it with its password first")
        _check_size(member.file_size, member.compress_size, limits)
        opened = archive.open(member)
    except _READING_ERRORS as error:
        tell.defect(Defect(name, 0, f"cannot be read: {_reason(error)}"))
        return
    weight = member.compress_size / max(member.file_size, 1)
    with opened:
        stream = _Stream(name, cast("_File", opened), "zip member", weight)
        yield from _read_stretches(stream, limits, tell)


@dataclass(slots=True)
class _Stream:
    """One file or member that is read; ``weight``: the bytes on disk for one that is read from it."""

    name: str
    file: _File
    packing: str = "file"
    weight: float = 1.0
    consumed: int = 0


def _read_stretches(source: _Stream, limits: Limits, tell: _Reports) -> Iterator[ArchiveMessage]:
    number = 0
    head = b""
    form: Form | None = None
    try:
        for stretch, whole in _stretches(_blocks(source, limits), limits):
            if not stretch and not number:
                raise _UnreadableError("it is empty")
            head = head or stretch[:65536]
            begin, size = tell.meter.position, source.consumed * source.weight
            source.consumed = 0
            if not number and _ANY_HEADER.search(stretch) is None:
                # Not ours to judge: as one message it meets the quarantine, and is counted there.
                number += 1
                form = Form.NONE
                yield ArchiveMessage(f"{source.name}#{number}", stretch)
                continue
            stream = read_stream(stretch)
            read = 0
            for body in stream.messages:
                number += 1
                read += len(body)
                tell.meter.position = begin + size * read / len(stretch)
                yield ArchiveMessage(f"{source.name}#{number}", body)
            tell.meter.position = begin + size
            for warning in stream.warnings if whole else ():
                if warning.startswith(_COUNT_WARNINGS):
                    tell.remark(Defect(source.name, 0, warning))
    except _READING_ERRORS as error:
        beyond = f" beyond message {number}" if number else ""
        tell.defect(Defect(source.name, 0, f"cannot be read{beyond}: {_reason(error)}"))
    if head:
        tell.meter.forms[source.packing, form or form_of(head, number)] += 1


def _blocks(source: _Stream, limits: Limits) -> Iterator[bytes]:
    """The content in blocks, unpacked where it is gzip."""
    file = source.file
    head = file.peek(4)[:4]
    if head == _ZIP:
        raise _UnreadableError("it is a zip file inside a zip file; unpack it first")
    if not head.startswith(_GZIP):
        while block := file.read1(_MEGABYTE):
            source.consumed += len(block)
            yield block
        return
    source.packing = f"gzip {source.packing}"
    counted = _Counted(file)
    unpacked = before = 0
    with gzip.GzipFile(fileobj=counted) as content:
        # read1, because read of a damaged file throws away what it has unpacked so far
        while block := content.read1(_MEGABYTE):
            unpacked += len(block)
            source.consumed += counted.count - before
            before = counted.count
            _check_size(unpacked, counted.count, limits)
            yield block


class _Counted(io.RawIOBase):
    """A file that counts what is read from it; gzip itself does not say how much it has taken."""

    def __init__(self, file: _File) -> None:
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


def _check_size(unpacked: int, packed: int, limits: Limits) -> None:
    if unpacked > limits.file_bytes:
        raise _UnreadableError(f"it unpacks to more than {limits.file_bytes // _MEGABYTE} MB")
    if unpacked > _MEGABYTE and unpacked > packed * limits.ratio:
        raise _UnreadableError(f"it unpacks to more than {limits.ratio} times its size")


def _stretches(blocks: Iterator[bytes], limits: Limits) -> Iterator[tuple[bytes, bool]]:
    """Cut the content before the begin of a message wherever a stretch is full.

    The flag tells that this is all of it. When reading fails, what is complete comes first.
    """
    pending = bytearray()
    whole = True
    try:
        for block in blocks:
            pending += block
            if len(pending) >= limits.stretch_bytes:
                cut = _last_header(pending)
                if not cut:
                    size = limits.stretch_bytes // _MEGABYTE
                    raise _UnreadableError(f"no message begins within {size} MB")
                whole = False
                yield bytes(pending[:cut]), whole
                del pending[:cut]
    except _READING_ERRORS:
        if cut := _last_header(pending):
            yield bytes(pending[:cut]), False
        raise
    yield bytes(pending), whole


def _last_header(data: bytearray) -> int:
    """Where the last message begins; 0 where only one, or none, does."""
    end = len(data)
    while True:
        found = max(data.rfind(edge + b"MSH", 0, end) for edge in (b"\r", b"\n", b"\x0b"))
        if found < 0:
            return 0
        if _HEADER.match(data, found):
            return found + 1
        end = found


def _reason(error: Exception) -> str:
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
