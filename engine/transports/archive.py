"""Reading archives of messages: files, folders, .gz, .zip and standard input, of any size.

Compressed or not is told from the content, not from the name. At most one stretch of a file is in memory
at a time. What cannot be read is one defect with file and place, and the rest is read all the same.
"""

from __future__ import annotations

import glob
import io
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, cast

from engine.errors import ConfigError, Defect
from engine.hl7.framing import OUTSIDE, read_stream
from engine.transports.endings import Endings
from engine.transports.forms import Form, Meter, form_of, with_real_ends
from engine.transports.torn_zip import members_of
from engine.transports.unpacking import (
    EMPTY_ZIP,
    MEMBER,
    READING_ERRORS,
    ZIP,
    Limits,
    Readable,
    Source,
    UnreadableError,
    blocks_of,
    check_size,
    reason_of,
)

STANDARD_INPUT = "-"

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
    last message of a damaged file, and that of a last frame without end, may be cut off and is not yielded:
    a defect says so; other signs of a cut file go to ``on_remark``. A file without any MSH segment is
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
                tell.defect(Defect(file.as_posix(), 0, f"cannot be read: {reason_of(error)}"))
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
    if head not in (ZIP, EMPTY_ZIP):
        yield from _read_stretches(Source(name, file), limits, tell)
        return
    with tempfile.TemporaryFile() as copy:
        source: IO[bytes] = file
        if not file.seekable():  # the contents of a zip file are listed at its end
            shutil.copyfileobj(file, copy)
            source = copy
        if not zipfile.is_zipfile(source):
            yield from _read_torn(name, source, limits, tell)
            return
        try:
            archive = zipfile.ZipFile(source)
        except READING_ERRORS as error:
            tell.defect(Defect(name, 0, f"cannot be read: {reason_of(error)}", "nothing of it was read"))
            return
        with archive:
            members = [member for member in archive.infolist() if not _is_by_the_way(member.filename)]
            if not members:
                tell.defect(Defect(name, 0, "the zip file holds no files"))
            for member in sorted(members, key=lambda one: one.filename):
                yield from _read_member(f"{name}/{member.filename}", archive, member, limits, tell)


def _is_by_the_way(member: str) -> bool:
    """A folder, a hidden file, or what macOS adds."""
    parts = member.split("/")
    return not parts[-1] or parts[0] == "__MACOSX" or parts[-1].startswith(".")


def _read_torn(name: str, file: IO[bytes], limits: Limits, tell: _Reports) -> Iterator[ArchiveMessage]:
    """The members up to where the file is cut off; the one within which it ends is told by itself."""
    last = ""
    reason = "its index at the end is missing"
    try:
        for member in members_of(file, limits):
            last = member.name
            if not _is_by_the_way(last):
                source = Source(f"{name}/{last}", member.content, MEMBER)
                yield from _read_stretches(source, limits, tell)
    except READING_ERRORS as error:
        reason = reason_of(error)
    beyond = (
        f"the zip file is incomplete beyond {last}" if last else "cannot be read: the zip file is incomplete"
    )
    tell.defect(
        Defect(name, 0, f"{beyond}: {reason}", "bring it again; what came before was read" if last else "")
    )


def _read_member(
    name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits, tell: _Reports
) -> Iterator[ArchiveMessage]:
    try:
        if member.flag_bits & 1:
            raise UnreadableError("it is encrypted; unpack it with its password first")
        check_size(member.file_size, member.compress_size, limits)
        opened = archive.open(member)
    except READING_ERRORS as error:
        tell.defect(Defect(name, 0, f"cannot be read: {reason_of(error)}"))
        return
    weight = member.compress_size / max(member.file_size, 1)
    with opened:
        stream = Source(name, cast("Readable", opened), MEMBER, weight)
        yield from _read_stretches(stream, limits, tell)


def _read_stretches(source: Source, limits: Limits, tell: _Reports) -> Iterator[ArchiveMessage]:
    number = 0
    head = b""
    form: Form | None = None
    outside = False
    endings = Endings()
    try:
        for stretch in _stretches(blocks_of(source, limits), limits):
            if not stretch.content and not number:
                raise UnreadableError("it is empty")
            head = head or stretch.content[:65536]
            begin, size = tell.meter.position, source.consumed * source.weight
            source.consumed = 0
            if not number and _ANY_HEADER.search(stretch.content) is None:
                # Not ours to judge: as one message it meets the quarantine, and is counted there.
                number += 1
                form = Form.NONE
                yield ArchiveMessage(f"{source.name}#{number}", stretch.content)
                continue
            content = with_real_ends(stretch.content)
            form = form or (None if content is stretch.content else Form.WRITTEN)
            stream = read_stream(content)
            endings.read(content, stream.messages)
            cut_off = stretch.last and endings.is_cut_off()
            read = 0
            for body in stream.messages[:-1] if cut_off else stream.messages:
                number += 1
                read += len(body)
                tell.meter.position = begin + size * read / len(content)
                yield ArchiveMessage(f"{source.name}#{number}", body)
            tell.meter.position = begin + size
            if cut_off:
                ends = f"ends within message {number + 1}: the last frame has no end"
                tell.defect(Defect(source.name, 0, ends, "that message is not read"))
            odd = [warning for warning in stream.warnings if warning.startswith(_COUNT_WARNINGS)]
            outside = outside or OUTSIDE in stream.warnings
            for remark in (
                *(odd if stretch.whole else ()),
                *([OUTSIDE] if outside and stretch.last else ()),
                *(endings.remarks(number) if stretch.last else ()),
            ):
                tell.remark(Defect(source.name, 0, remark))
    except READING_ERRORS as error:
        beyond = f" beyond message {number}" if number else ""
        tell.defect(Defect(source.name, 0, f"cannot be read{beyond}: {reason_of(error)}"))
    if head:
        form = form or form_of(head, number)
        tell.meter.forms[source.packing, form] += 1
        if form is Form.INSIDE:
            hint = "take away what stands before it in each line"
            tell.remark(Defect(source.name, 0, "MSH inside lines: no message was told apart", hint))


class _Stretch(NamedTuple):
    """A part of a file: its last one, and the whole of it."""

    content: bytes
    last: bool
    whole: bool


def _stretches(blocks: Iterator[bytes], limits: Limits) -> Iterator[_Stretch]:
    """Cut the content before the begin of a message wherever a stretch is full.

    When reading fails, what is complete comes first, and none is the last.
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
                    raise UnreadableError(f"no message begins within {size} MB")
                whole = False
                yield _Stretch(bytes(pending[:cut]), last=False, whole=False)
                del pending[:cut]
    except READING_ERRORS:
        if cut := _last_header(pending):
            yield _Stretch(bytes(pending[:cut]), last=False, whole=False)
        raise
    yield _Stretch(bytes(pending), last=True, whole=whole)


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
