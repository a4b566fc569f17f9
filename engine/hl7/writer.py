"""Writing ER7: escaped leaves, composites, and segments whose fields are placed by their number.

Free text becomes :data:`Er7` only through :func:`leaf` or :func:`formatted`, so that a type checker sees
any text that could bring separators of its own into a message (HL7 v2.9 2.4.4 separators, 2.6 escapes).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import NewType

Er7 = NewType("Er7", str)
"""Text in wire form: escaped, and free of control characters."""

FIELD_SEPARATOR = "|"
ENCODING_CHARACTERS = "^~\\&"
SEGMENT_TERMINATOR = "\r"
EMPTY = Er7("")

_DELETE_INDICATOR = '""'
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"})
_LINE_BREAK = Er7("\\.br\\")
# Overrides and isolates make a screen show digits in another order than they were sent: 21 for 12.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SPACING_CONTROLS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85")


def clean(text: str) -> str:
    """Text fit for one line: line ends and tabs become a space, other control characters go.

    Characters that reorder their neighbours on a screen go too; half a surrogate pair, which no
    encoding can write, becomes U+FFFD. Spaces at the ends go, because readers strip them.
    """
    if text.isascii() and text.isprintable():  # nearly always, and much faster
        return text.strip()
    return "".join(map(_cleaned, text.replace("\r\n", "\n"))).strip()


def _cleaned(character: str) -> str:
    category = unicodedata.category(character)
    if character in _SPACING_CONTROLS or category in ("Zl", "Zp"):
        return " "
    if category == "Cc" or character in _REORDERING:
        return ""
    return "\ufffd" if category == "Cs" else character


def leaf(text: str) -> Er7:
    """Escape free text for a component or subcomponent of any type, on one line.

    A text of two double quotes is written as nothing: on the wire it would mean "delete the stored
    value" (HL7 v2.9 2.4.3.1).
    """
    cleaned = clean(text)
    return EMPTY if cleaned == _DELETE_INDICATOR else Er7(cleaned.translate(_ESCAPES))


def formatted(lines: Iterable[str]) -> Er7:
    r"""Lines of free text for FT or TX, joined by the ``\.br\`` escape (HL7 v2.9 2.6.7)."""
    return Er7(_LINE_BREAK.join(leaf(part) for line in lines for part in line.splitlines()))


def composite(*components: Er7) -> Er7:
    """Components in order; empty ones at the end are not written."""
    return Er7("^".join(components).rstrip("^"))


def components(*texts: str) -> Er7:
    """Free texts as the components of one repetition."""
    return composite(*map(leaf, texts))


def subcomponents(*texts: str) -> Er7:
    """Free texts as the subcomponents of one component."""
    return Er7("&".join(map(leaf, texts)).rstrip("&"))


def repeat(*repetitions: Er7) -> Er7:
    """Repetitions of one field; empty ones are not written."""
    return Er7("~".join(filter(None, repetitions)))


def timestamp(at: datetime, *, milliseconds: bool = False) -> Er7:
    """DTM with seconds, or milliseconds, and the offset of ``at`` (HL7 v2.9 2A.3.22).

    An offset that has seconds, which DTM cannot write, is changed for the same instant in UTC.
    """
    offset = at.utcoffset()
    if offset is not None and offset.total_seconds() % 60:
        at = at.astimezone(UTC)
    fraction = f".{at.microsecond // 1000:03d}" if milliseconds else ""
    # strftime does not pad a year before 1000
    return Er7(f"{at.year:04d}{at:%m%d%H%M%S}{fraction}{at:%z}")


def day(on: date) -> Er7:
    """DT: a date without time."""
    return Er7(f"{on.year:04d}{on:%m%d}")


def segment(name: str, fields: Mapping[int, Er7]) -> Er7:
    """One segment without its terminator; ``fields`` maps field number to content.

    MSH-1 and MSH-2 are written here and may not be given.
    """
    last = max((number for number, content in fields.items() if content), default=0)
    if name != "MSH":
        return Er7(FIELD_SEPARATOR.join([name, *(fields.get(number, "") for number in range(1, last + 1))]))
    contents = (fields.get(number, "") for number in range(3, last + 1))
    return Er7(FIELD_SEPARATOR.join(["MSH", ENCODING_CHARACTERS, *contents]))


def message(segments: Iterable[Er7]) -> bytes:
    """Segments as one UTF-8 message, each with its carriage return."""
    return "".join(content + SEGMENT_TERMINATOR for content in segments).encode()
