"""In which form messages lie in a file, told from its content, for people who know what they put there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

_LOOKED_AT = 65536
_BATCH_HEADER = re.compile(rb"[\s\x00\x0b]*(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[FB]HS[^A-Za-z0-9\s]")
_FRAME = re.compile(rb"[\s\x00]*\x0b")
_LINE_END = re.compile(rb"[\r\n]+")
_HEADER = re.compile(rb"(?:^|[\r\n\x0b])[ \t\0]*(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\0?M\0?S\0?H")
# MSH with encoding characters, as prose that speaks of MSH has it not
_HEADER_INSIDE = re.compile(rb"[^\r\n\x0b]MSH([^A-Za-z0-9\s])[^A-Za-z0-9\s]{3,5}\1")
_BEFORE = re.compile(rb"(?:\xef\xbb\xbf|[\s\0])*")
_FILLING = b" \t\0\x1a"
_WRITTEN_END = rb"(\\r\\n|\\r|\\n|<CR><LF>|<CR>)"
_ESCAPE = rb"(\\(?:[HNFSTREPL]|[XCMZ][0-9A-Fa-f]*|\.[a-z]{2}[+-]?[0-9]*)\\)"


class Form(StrEnum):
    """How the messages of one file are put together."""

    FRAMES = "MLLP captures"
    BATCH = "FHS/BHS batches"
    SINGLE = "one message each"
    LINES = "one message a line"
    WRITTEN = "one message a line, segment ends written as \\r"
    INSIDE = "MSH inside lines"
    SEVERAL = "messages one after the other"
    NONE = "no HL7"


def form_of(content: bytes, messages: int) -> Form:
    """The form of a file that begins with ``content`` and holds so many messages."""
    head = content[:_LOOKED_AT]
    if not messages:
        return Form.NONE
    header = _HEADER.search(head)
    if _FRAME.match(head) or (header is not None and header.group().startswith(b"\x0b")):
        return Form.FRAMES
    if _BATCH_HEADER.match(head.replace(b"\0", b"")):
        return Form.BATCH
    if messages == 1:
        inside = _HEADER_INSIDE.search(head) is not None and _HEADER.search(head) is None
        return Form.INSIDE if inside else Form.SINGLE
    lines = [line.strip() for line in head.split(b"\n")]
    starts = [line.startswith(b"MSH") for line in lines if line]
    return Form.LINES if all(starts) and b"\rMSH" not in head else Form.SEVERAL


def with_real_ends(content: bytes) -> bytes:
    r"""The same with CR for segment ends that a log or a database export has written out: ``\rPID|``.

    Only where every line is a message by itself, and the first has such an end before a segment with its
    own field separator: HL7 knows ``\R\`` and ``\X0D\`` within a field, and they stay. Otherwise it is
    ``content`` itself.
    """
    before = _BEFORE.match(content)
    begin = before.end() if before else 0
    if not content.startswith(b"MSH", begin):
        return content
    line_end = _LINE_END.search(content, begin)
    separator = re.escape(content[begin + 3 : begin + 4])
    segment = rb"[A-Z][A-Z0-9]{2}" + separator
    ends = re.compile(_WRITTEN_END + rb"(?=" + segment + rb")")
    written = ends.search(content, begin, line_end.start() if line_end else len(content))
    lines = (line.strip(_FILLING) for line in content[begin:].splitlines()) if written else ()
    if not written or not all(line.startswith(b"MSH") for line in lines if line):
        return content
    end = rb"(?:" + re.escape(written.group(1)) + rb")+"
    # the end of an escape is none of a segment: ``\\T\\rDNA|`` is a text
    found = re.compile(_ESCAPE + rb"|" + end + rb"(?=" + segment + rb"|[ \t]*(?:[\r\n]|\Z))")
    return found.sub(lambda match: match.group(1) or b"\r", content)


@dataclass(slots=True)
class Meter:
    """What was read so far: ``position`` in bytes as they are on disk, and how many files of which form."""

    position: float = 0.0
    forms: Counter[tuple[str, Form]] = field(default_factory=Counter)

    def __str__(self) -> str:
        """``12 zip members (FHS/BHS batches), 1 file (no HL7)``."""
        return ", ".join(
            f"{count} {packing}{'s' if count > 1 else ''} ({form})"
            for (packing, form), count in sorted(self.forms.items())
        )
