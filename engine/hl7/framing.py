"""Where messages begin and end: MLLP frames, batches, archives with several messages, odd line ends.

Lines end at CR LF, CR or LF and nowhere else: ``str.splitlines`` also splits at characters that HL7
allows inside text (vertical tab, form feed, NEL, line separator).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.hl7.charset import BYTE_ORDER_MARK, wide_codec
from engine.hl7.delimiters import is_field_separator

FRAME_EDGES = "\x0b\x1c"
"""MLLP start and end block; the closing CR of a frame is a line end anyway."""

OUTSIDE = "text outside messages"
"""The warning of a stream with text that belongs to no message."""

_STRETCH = re.compile(rb"[^\r\n\x0b\x1c]+")
_LEADING = b" \t\0"
_TRAILING = b"\r\n\x0b\x1c\0"
_ENVELOPE = frozenset({b"FHS", b"BHS", b"BTS", b"FTS"})
_FRAME_END = re.compile(rb"\x1c[\r\n]")
_SEGMENT_START = re.compile(rb"[A-Z][A-Z0-9]{2}[^A-Za-z0-9 ]")


@dataclass(frozen=True, slots=True)
class Stream:
    """The messages of a file or of a connection, and what was odd about how they were packed.

    ``messages`` are the own bytes of each, without framing and without trailing line ends. Segments
    that stand before any header are a message of their own, so that reading it fails visibly.
    """

    messages: tuple[bytes, ...]
    warnings: tuple[str, ...]


def split_stream(data: bytes) -> Iterator[bytes]:
    """Yield the messages of :func:`read_stream`, without its warnings."""
    yield from read_stream(data).messages


def read_stream(data: bytes) -> Stream:
    """Split bytes into messages at every MSH that starts a line or a frame; a frame's end ends its message.

    FHS, BHS, BTS and FTS are taken out; BTS-1 and FTS-1 are compared with what was found, and a
    difference is a warning (HL7 v2.9 2.10.3: zero messages are allowed), as is a trailer that is missing.
    Never raises: what cannot be told apart is handed on as it is, and :func:`engine.hl7.parse` says what
    is wrong with it.
    """
    codec = wide_codec(data)
    if codec is None:
        return _Splitter(data).stream()
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return Stream((data,), ())
    stream = _Splitter(text.encode()).stream()
    return Stream(tuple(message.decode().encode(codec) for message in stream.messages), stream.warnings)


def split_delivery(data: bytes) -> tuple[bytes, ...]:
    """The messages of one delivery: as it is where it holds one (or none), else each one of its own."""
    if data.count(b"MSH") < 2 and data.count(b"M\0S\0H") < 2:
        return (data,)
    messages = read_stream(data).messages
    return messages if len(messages) > 1 else (data,)


def is_empty_batch(data: bytes) -> bool:
    """Whether there are batch or file headers and trailers, and nothing in them (HL7 v2.9 2.10.3)."""
    return bool(data.strip()) and not read_stream(data).messages


class _Splitter:
    """One walk over the stretches of text between line ends and framing bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._messages: list[bytes] = []
        self._warnings: list[str] = []
        self._start: int | None = None  # where the message being read begins
        self._framed = False  # the message being read began with a frame
        self._outside: int | None = None  # where text that belongs to no message begins
        self._in_batch = 0
        self._batches = 0
        self._lacking: set[str] = set()  # trailers that the headers so far call for
        self._unbatched = False  # messages came outside BHS and BTS: one batch without its envelope

    def stream(self) -> Stream:
        before = 0
        for found in _STRETCH.finditer(self._data):
            between, before = self._data[before : found.start()], found.end()
            if self._framed and _FRAME_END.search(between):
                self._close(found.start())
            head = found.group().lstrip(_LEADING).removeprefix(BYTE_ORDER_MARK).lstrip(_LEADING)
            if not head:
                continue
            name = head[:3]
            if name == b"MSH" and is_field_separator(head[3:4].decode("latin-1")):
                self._close(found.start())
                self._start = found.end() - len(head)
                self._framed = b"\x0b" in between
                self._in_batch += 1
                self._unbatched = self._unbatched or not self._batches
            elif name in _ENVELOPE and (len(head) == 3 or is_field_separator(head[3:4].decode("latin-1"))):
                self._close(found.start())
                self._envelope(name, head)
            elif self._start is None and self._outside is None:
                self._outside = found.start()
        self._close(len(self._data))
        self._warnings += [f"{trailer} is missing" for trailer in sorted(self._lacking)]
        return Stream(tuple(self._messages), tuple(dict.fromkeys(self._warnings)))

    def _close(self, end: int) -> None:
        """End the message, or the text outside messages, that is being read."""
        if self._start is not None:
            self._messages.append(self._data[self._start : end].rstrip(_TRAILING))
        elif self._outside is not None:
            text = self._data[self._outside : end].strip(_TRAILING)
            lines = re.split(rb"[\r\n]+", text)
            only_text = not self._messages and end == len(self._data)
            if only_text or any(_SEGMENT_START.match(line) for line in lines):
                self._messages.append(text)
            self._warnings.append(OUTSIDE)
        self._start = self._outside = None
        self._framed = False

    def _envelope(self, name: bytes, head: bytes) -> None:
        fields = head.split(head[3:4]) if len(head) > 3 else [head]
        stated = fields[1].strip() if len(fields) > 1 else b""
        trailer = "batch trailer" if name in {b"BHS", b"BTS"} else "file trailer"
        if name in {b"BHS", b"FHS"}:
            self._lacking.add(trailer)
        else:
            self._lacking.discard(trailer)
        if name == b"BHS":
            self._in_batch = 0
            self._batches += 1
        elif name == b"BTS":
            self._check(trailer, "messages", stated, self._in_batch)
            self._in_batch = 0
        elif name == b"FTS":
            self._check(trailer, "batches", stated, self._batches + self._unbatched)
            self._batches, self._unbatched = 0, False

    def _check(self, trailer: str, noun: str, stated: bytes, found: int) -> None:
        if len(stated) < 10 and stated.isdigit() and int(stated) != found:
            self._warnings.append(f"{trailer} states {int(stated)} {noun}, {found} found")
