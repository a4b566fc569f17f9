"""The lazy ER7 reader: :func:`parse` only finds the segments, everything else is split when touched.

Python-hl7 and hl7apy build every leaf of a message; a result message of which ten leaves are wanted
then costs milliseconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timezone
from functools import lru_cache, partial
from itertools import count
from zoneinfo import ZoneInfo

from engine.errors import ContentError
from engine.hl7.charset import UndeclaredCharset, decode
from engine.hl7.delimiters import Delimiters, is_field_separator, read_delimiters
from engine.hl7.grouping import PatientGroup, ResultGrouping, group_results
from engine.hl7.pharmacy import PharmacyGroup, group_pharmacy
from engine.hl7.segment import MAX_NAME, HeaderSegment, PlainSegment, ReadSegment
from engine.hl7.times import TimeUnreadableError, offset_of, read_moment
from engine.model.disposition import Reason
from engine.model.moment import Moment

MAX_BYTES = 10_000_000
MAX_SEGMENTS = 200_000

# fmt: off
_KNOWN = frozenset({
    "MSH", "FHS", "BHS", "BTS", "FTS", "SFT", "UAC", "MSA", "ERR", "EVN", "PID", "PD1", "NK1",
    "PV1", "PV2", "MRG", "AL1", "DG1", "IN1", "IN2", "GT1", "ORC", "OBR", "OBX", "NTE", "SPM",
    "SAC", "TQ1", "TQ2", "CTD", "CTI", "FT1", "PRT", "TXA", "DSC", "RXO", "RXE", "RXD", "RXG",
    "RXA", "RXR", "RXC",
})
# fmt: on
_ENVELOPE = frozenset({"FHS", "BHS"})
_WITH_SEPARATORS = frozenset({"MSH", "FHS", "BHS"})
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_EDGES = " \t\0\x0b\x1c\ufeff"
_FRAMING = "\0\x0b\x1c"


class Message:
    """One message: its header, its segments in the order sent, and its groups.

    ``segments`` holds every segment, the header and those that no grouping uses; ``segment_count`` is
    their number. ``warnings`` are codes of what was tolerated; they name no content.
    """

    __slots__ = (
        "_event",
        "_grouping",
        "_sender",
        "charset",
        "header",
        "segments",
        "warnings",
    )

    def __init__(
        self, header: ReadSegment, segments: Sequence[ReadSegment], charset: str, warnings: tuple[str, ...]
    ) -> None:
        self.header = header
        self.segments = segments
        self.charset = charset
        self.warnings = warnings
        self._grouping: ResultGrouping | None = None
        self._sender: tuple[str, str] | None = None
        self._event: tuple[str, str] | None = None

    @property
    def sending_application(self) -> str:
        """The namespace of MSH-3."""
        return self._sent_by()[0]

    @property
    def sending_facility(self) -> str:
        """The namespace of MSH-4."""
        return self._sent_by()[1]

    @property
    def type(self) -> str:
        """The message code of MSH-9 in upper case: ``ORU``."""
        return self._told()[0]

    @property
    def trigger(self) -> str:
        """The trigger event of MSH-9; R01 of an ORU without one, the only one of old versions."""
        return self._told()[1]

    def _sent_by(self) -> tuple[str, str]:
        if self._sender is None:
            self._sender = (self.header.text(3).strip(), self.header.text(4).strip())
        return self._sender

    def _told(self) -> tuple[str, str]:
        if self._event is None:
            self._event = _type_and_trigger(self.header)
        return self._event

    @property
    def segment_count(self) -> int:
        """How many segments were sent; equals ``handled + ignored``."""
        return len(self.segments)

    @property
    def handled(self) -> int:
        """How many segments the result grouping uses, the header included."""
        return self.grouping.handled

    @property
    def ignored(self) -> int:
        """How many segments the result grouping passes over (Z segments, NK1, DSC and the like)."""
        return self.grouping.ignored

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.header.text(10)

    @property
    def processing_id(self) -> str:
        """MSH-11 component 1, table 0103: P, T, D, N or V."""
        return self.header.text(11).strip().upper()

    @property
    def processing_mode(self) -> str:
        """MSH-11 component 2, table 0207: A, R, I, T or empty (not present means T)."""
        return self.header.text(11, 2).strip().upper()

    @property
    def version(self) -> str:
        """MSH-12 component 1: ``2.5`` of ``2.5^GBR``."""
        return self.header.text(12).strip()

    @property
    def offset(self) -> timezone | None:
        """The UTC offset of MSH-7, which is the default of every time in the message (S:MSH-7)."""
        return offset_of(self.header.text(7))

    def time(self, site_zone: ZoneInfo) -> Moment | None:
        """MSH-7, in the sender's zone when it has no offset; None when it is empty or unreadable."""
        try:
            return read_moment(self.header.text(7), site_zone)
        except TimeUnreadableError:
            return None

    @property
    def grouping(self) -> ResultGrouping:
        """The segments of a result message, by patient and order, and how many were used."""
        if self._grouping is None:
            self._grouping = group_results(self.segments)
        return self._grouping

    def patients(self) -> tuple[PatientGroup, ...]:
        """The results by patient and order (ORU^R01 and its kin)."""
        return self.grouping.patients

    def pharmacy(self) -> tuple[PharmacyGroup, ...]:
        """The orders by patient (OMP, ORM, RDE, RDS, RGV, RAS)."""
        return group_pharmacy(self.segments).patients


def _type_and_trigger(header: ReadSegment) -> tuple[str, str]:
    code = header.text(9).strip().upper()
    trigger = header.text(9, 2).strip().upper()
    if "_" in code and not trigger:
        # "ORU_R01" in the first component. The name of a structure is not in general that of its trigger
        # (A08 is sent as ADT_A01), so that this is only done where nothing else was sent.
        code, _, trigger = code.partition("_")
    if code == "ORU" and not trigger and header.text(9, 3).strip().upper() in ("", "ORU_R01"):
        trigger = "R01"
    return code, trigger


def parse(
    body: bytes,
    charset_when_undeclared: UndeclaredCharset = "cp1252",
    *,
    max_bytes: int = MAX_BYTES,
    max_segments: int = MAX_SEGMENTS,
) -> Message:
    """Read one message from its bytes.

    ``charset_when_undeclared`` is a codec name, or a function from MSH-3.1 and MSH-4.1 to one. Raises
    ContentError, and nothing else, for bytes that cannot be used: TOO_LARGE (bytes, segments, fields of a
    segment, parts of a field), NO_HEADER, CHARSET, or UNREADABLE (no encoding characters, or two headers).
    Takes time linear in the size of the message.
    """
    if len(body) > max_bytes:
        raise ContentError(Reason.TOO_LARGE, "message", f"{len(body)} bytes, at most {max_bytes} are read")
    text, charset, warnings = decode(body, charset_when_undeclared)
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    lines = text.split("\r")
    if len(lines) > max_segments and sum(map(bool, lines)) > max_segments:
        place = f"segment {max_segments + 1}"
        raise ContentError(Reason.TOO_LARGE, place, f"more than {max_segments} segments are not read")
    return _Assembly(charset, warnings).message(_cleaned(lines, text))


def _cleaned(lines: list[str], text: str) -> list[str]:
    """Take framing bytes and NUL from the ends of lines; a NUL inside becomes a replacement character.

    It is not dropped there: that would make a number of two.
    """
    if "\0" not in text and "\x0b" not in text and "\x1c" not in text:
        return lines
    return [line.strip(_FRAMING).replace("\0", "\ufffd") for line in lines]


@lru_cache(maxsize=64)
def _known_starts(separator: str) -> dict[str, str]:
    """The first four characters of the lines that are plainly a segment, with its name."""
    return {name + separator: name for name in _KNOWN if name not in _WITH_SEPARATORS}


class _Assembly:
    """Turns lines into segments: passes over blank lines and joins wrapped ones."""

    __slots__ = ("_charset", "_numbers", "_segments", "_warnings", "_wrapped")

    def __init__(self, charset: str, warnings: tuple[str, ...]) -> None:
        self._charset = charset
        self._warnings = dict.fromkeys(warnings)
        self._segments: list[ReadSegment] = []
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(partial(count, 1))
        self._wrapped: dict[int, list[str]] = {}

    def message(self, lines: list[str]) -> Message:
        start = _header_position(lines)
        header_line = lines[start].lstrip(_EDGES)
        separator = header_line[3]
        encoding = header_line[4:].partition(separator)[0]
        delimiters, warnings = read_delimiters(separator, encoding, self._charset)
        for line in lines[:start]:
            self._before_header(line, delimiters)
        self._warnings.update(dict.fromkeys(warnings))
        segments = self._segments
        header = self._add("MSH", header_line, delimiters)
        kind = PlainSegment if delimiters.are_unused("\r".join(lines[start + 1 :])) else ReadSegment
        known = _known_starts(separator)
        before = len(segments)
        numbers = self._numbers
        try:
            segments += [
                kind(name := known[line[:4]], next(numbers[name]), line, delimiters)
                for line in lines[start + 1 :]
                if line
            ]
        except KeyError:
            del segments[before:]
            numbers.clear()
            for segment in segments:
                next(numbers[segment.name])
            for line in lines[start + 1 :]:
                self._any_line(line, delimiters)
        for index, texts in self._wrapped.items():
            segments[index].append_lines(texts)
        if max(map(len, lines)) > MAX_NAME or self._wrapped:
            for segment in segments:
                segment.refuse_excess()
        return Message(header, segments, self._charset, tuple(self._warnings))

    def _add(self, name: str, line: str, delimiters: Delimiters) -> ReadSegment:
        kind = HeaderSegment if name in _WITH_SEPARATORS else ReadSegment
        segment = kind(name, next(self._numbers[name]), line, delimiters)
        self._segments.append(segment)
        return segment

    def _before_header(self, line: str, delimiters: Delimiters) -> None:
        """Comments and a batch envelope may stand there; results of which the header is lost may not."""
        stripped = line.lstrip(_EDGES)
        name = stripped[:3]
        if name in _ENVELOPE:
            self._add(name, stripped, delimiters)
        elif name in _KNOWN and is_field_separator(stripped[3:4]):
            raise ContentError(Reason.NO_HEADER, f"{name}[1]", "a segment stands before the MSH segment")
        elif stripped:
            self._warnings["text_before_header"] = None

    def _any_line(self, line: str, delimiters: Delimiters) -> None:
        """A line after the header: a segment, perhaps indented or of unknown name, wrapped text, or blank."""
        stripped = line.lstrip(_EDGES)
        name = stripped[:3]
        if stripped[3:4] == delimiters.field:
            is_segment = _NAME.fullmatch(name) is not None or name.upper() in _KNOWN
        else:
            # A name on its own; "LOW" alone on a line is rather the end of a wrapped comment.
            is_segment = len(stripped.rstrip()) == 3 and (name in _KNOWN or name[0] == "Z")
        if is_segment:
            if name.upper() == "MSH":
                detail = "more than one message in one delivery; the sender must send each on its own"
                raise ContentError(Reason.UNREADABLE, "MSH[2]", detail)
            if stripped != line:
                self._warnings["segment_indented"] = None
            if name != name.upper():
                self._warnings["segment_name_case"] = None
            self._add(name.upper(), stripped, delimiters)
        elif stripped:
            self._warnings["text_wrapped"] = None
            self._wrapped.setdefault(len(self._segments) - 1, []).append(line)


def _header_position(lines: list[str]) -> int:
    for position, line in enumerate(lines):
        start = line if line[:3] == "MSH" else line.lstrip(_EDGES)
        if start[:3] == "MSH" and is_field_separator(start[3:4]):
            return position
    raise ContentError(Reason.NO_HEADER, "message", "no line starts with MSH and a separator")
