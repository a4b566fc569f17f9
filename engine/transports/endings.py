"""Whether a file ends within a message: nothing but its last bytes shows it."""

from __future__ import annotations

import re

_EDGE = re.compile(rb"\x0b(?=[\s\0]*(?:\xef\xbb\xbf)?(?:MSH|[FB]HS)[^A-Za-z0-9\s])|\x1c")
_FILLING = b" \t\0\x1a"


class Endings:
    """How the messages of one file end, read stretch by stretch."""

    def __init__(self) -> None:
        self._frames = 0
        self._ended = 0
        self._open = False
        self._carried = b""
        self._terminated = True

    def read(self, stretch: bytes, messages: tuple[bytes, ...]) -> None:
        """The next stretch of the file, and what it holds."""
        data = self._carried + stretch
        for edge in _EDGE.finditer(data):
            self._open = edge.group() == b"\x0b"
            self._frames += self._open
            self._ended += not self._open
        # the start block of a message stands at the end of the stretch before
        self._carried = b"\x0b" if stretch.endswith(b"\x0b") else b""
        tail = stretch.rstrip(_FILLING)
        # the end only: a message taken out of UTF-16 has got a byte order mark
        last = messages[-1].rstrip(_FILLING)[-20:] if messages else b""
        self._terminated = not last or not tail.endswith(last)

    def is_cut_off(self) -> bool:
        """Whether the last frame has no end, and no sender is known by the file to leave the ends out."""
        return self._open and (self._ended > 0 or self._frames == 1)

    def remarks(self, messages: int) -> list[str]:
        """What is odd about the end of the file, of which so many messages were read."""
        if self._open and not self.is_cut_off():
            return ["no frame has an end: whether the last message is whole cannot be told"]
        if messages > 1 and not self._open and not self._terminated:
            return [f"message {messages} may be cut off: it lacks the segment end of those before it"]
        return []
