"""From bytes to text, once, before anything is split (HL7 v2.9 MSH-18, table 0211)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from engine.errors import ContentError
from engine.model.disposition import Reason

UndeclaredCharset = Callable[[str, str], str] | str
"""The charset of a sender that declares none: a codec name, or a function of MSH-3.1 and MSH-4.1."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_ASCII = "ascii"
_LATIN = {f"8859{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)}
_CODECS = {
    # Keys are upper case letters and digits only. Table 0211 first, then what senders write instead.
    "ASCII": _ASCII,
    "ISOIR6": _ASCII,
    **_LATIN,
    "ISOIR14": "shift_jis",  # JIS X 0201: its half-width katakana are the single bytes of Shift JIS
    "ISOIR87": "iso2022_jp_ext",
    "ISOIR159": "iso2022_jp_ext",
    "GB180302000": "gb18030",
    "KSX1001": "euc_kr",
    "BIG5": "big5",
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UNICODEUTF16": "utf-16",
    "UNICODEUTF32": "utf-32",
    "UTF8": "utf-8",
    "UTF16": "utf-16",
    "UTF32": "utf-32",
    "USASCII": _ASCII,
    **{f"ISO{key}": codec for key, codec in _LATIN.items()},
    "LATIN1": "iso8859-1",
    "ISOIR100": "iso8859-1",
    "ISOIR192": "utf-8",
    "CP1252": "cp1252",
    "WINDOWS1252": "cp1252",
    "GB18030": "gb18030",
    "SHIFTJIS": "shift_jis",
    "EUCKR": "euc_kr",
}
_WIDE = frozenset({"utf-16", "utf-32"})
_MULTIBYTE = frozenset({"gb18030", "big5", "euc_kr", "shift_jis"})
_HEADER_FIELDS = 40  # MSH has 25 or fewer, two-byte characters may hold further bytes of the separator
_SHIFTING = frozenset({"iso2022_jp_ext"})  # all bytes are 7-bit, an escape sequence changes their meaning
_NOT_IN_A_NAME = re.compile(r"[^A-Z0-9]")
_LINE = re.compile(rb"[^\r\n]+")
_MARKS = re.compile(rb"\A(?:\xef\xbb\xbf)+")
_WIDE_STARTS = (
    # The marks and the first letters; the 32-bit forms begin like the 16-bit ones and come first.
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"M\0\0\0", "utf-32-le"),
    (b"\0\0\0M", "utf-32-be"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"M\0", "utf-16-le"),
    (b"\0M", "utf-16-be"),
)


class Decoded(NamedTuple):
    """A message as text, the Python codec that it was read with, and what was doubtful about it."""

    text: str
    charset: str
    warnings: tuple[str, ...]


def codec_of(declared: str) -> str | None:
    """The Python codec for an MSH-18 value, in the spelling of table 0211 or a common wrong one."""
    return _CODECS.get(_NOT_IN_A_NAME.sub("", declared.upper())) if declared else None


def wide_codec(data: bytes) -> str | None:
    """The codec of bytes that are UTF-16 or UTF-32, where ASCII does not read as ASCII; else None."""
    for start, codec in _WIDE_STARTS:
        if data.startswith(start):
            return codec
    return None


def decode(body: bytes, undeclared: UndeclaredCharset) -> Decoded:
    """Decode a message by what MSH-18 declares, strictly.

    Where nothing usable is declared, or ASCII is declared and untrue, bytes that are valid UTF-8 are
    UTF-8 and others are in the sender's default charset; every such case is a warning. Raises
    ContentError(CHARSET) when the bytes do not fit the charset.
    """
    wide = wide_codec(body)
    if wide is not None:
        return Decoded(_strictly(body, wide).removeprefix("\ufeff"), wide, ())
    if body.startswith(BYTE_ORDER_MARK):
        # All marks at once: one by one, thousands of them would exhaust the stack.
        return _decode_marked(_MARKS.sub(b"", body), undeclared)
    header = _Header(body)
    declared = header.charset()
    codec = codec_of(declared)
    ascii_only = body.isascii()
    if not ascii_only:
        codec = header.multibyte_codec() or codec
    warnings = ("charset_unknown",) if declared and codec is None else ()
    if ascii_only and not (codec in _SHIFTING and b"\x1b" in body):
        if codec in _WIDE:
            warnings = ("charset_mismatch",)
        return Decoded(body.decode(_ASCII), codec if codec and codec not in _WIDE else _ASCII, warnings)
    if codec is None or codec == _ASCII:
        return _guess(body, header, undeclared, "charset_mismatch" if codec else "", warnings)
    if codec in _WIDE:
        raise ContentError(Reason.CHARSET, "MSH[1]-18", f"{codec} is declared, but the bytes are not {codec}")
    return Decoded(_strictly(body, codec), codec, ())


def _decode_marked(body: bytes, undeclared: UndeclaredCharset) -> Decoded:
    """A UTF-8 byte order mark outweighs MSH-18, unless the bytes are not UTF-8 after all."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return decode(body, undeclared)
    if body.isascii():
        return decode(body, undeclared)
    declared = codec_of(_Header(body).charset())
    return Decoded(text, "utf-8", () if declared in (None, "utf-8") else ("charset_mismatch",))


def _guess(
    body: bytes, header: _Header, undeclared: UndeclaredCharset, mismatch: str, warnings: tuple[str, ...]
) -> Decoded:
    if mismatch:
        warnings = (*warnings, mismatch)
    try:
        return Decoded(body.decode(), "utf-8", warnings)
    except UnicodeDecodeError:
        codec = undeclared if isinstance(undeclared, str) else undeclared(*header.sender())
    text = _strictly(body, codec)
    return Decoded(text, codec, (*warnings, "charset_guessed") if not mismatch else warnings)


def _strictly(body: bytes, codec: str) -> str:
    try:
        return body.decode(codec)
    except (UnicodeError, LookupError):
        # The cause is not chained: it carries the bytes of the message.
        detail = f"the bytes are not {codec}; declare the charset in MSH-18 or set the site's default charset"
        raise ContentError(Reason.CHARSET, "MSH[1]-18", detail) from None


class _Header:
    """The fields of the header line, found in the bytes before the charset is known."""

    __slots__ = ("_fields", "_line")

    def __init__(self, body: bytes) -> None:
        self._line = line = _header_line(body)
        self._fields = line.split(line[3:4], _HEADER_FIELDS) if len(line) > 3 else []

    def charset(self) -> str:
        """The first component of the first repetition of MSH-18, empty when there is none."""
        return self._declaration(17)

    def multibyte_codec(self) -> str | None:
        """The codec of a header that is not ASCII and declares a charset of several bytes a character.

        The second byte of such a character may be that of a separator, so that MSH-18 then seems to be a
        later field. It is the one that, read in the charset that it names, stands in its place.
        """
        if self._line.isascii():
            return None
        for position in range(17, len(self._fields)):
            codec = codec_of(self._declaration(position))
            if codec in _MULTIBYTE:
                text = self._line.decode(codec, "replace")
                if codec_of(_Header(text.encode()).charset()) == codec:
                    return codec
        return None

    def _declaration(self, position: int) -> str:
        if len(self._fields) <= position:
            return ""
        encoding = self._fields[1]
        value = self._fields[position]
        for separator in (encoding[1:2], encoding[:1]):
            if separator:
                value = value.partition(separator)[0]
        return value.decode(_ASCII, "replace").strip()

    def sender(self) -> tuple[str, str]:
        """MSH-3 and MSH-4, first components."""
        component = self._fields[1][:1] if len(self._fields) > 1 else b""
        texts = []
        for position in (2, 3):
            value = self._fields[position] if len(self._fields) > position else b""
            first = value.partition(component)[0] if component else value
            texts.append(first.decode("latin-1").strip())
        return texts[0], texts[1]


def _header_line(body: bytes) -> bytes:
    """The line that starts with MSH, or nothing; linear in the size of the message."""
    if body.startswith(b"MSH"):
        # Two calls of split, because either may stand first; both only look at the first line.
        return body.split(b"\r", 1)[0].split(b"\n", 1)[0]
    for found in _LINE.finditer(body):
        line = found.group().lstrip(b" \t\0\x0b\x1c").removeprefix(BYTE_ORDER_MARK)
        if line.startswith(b"MSH"):
            return line
    return b""
