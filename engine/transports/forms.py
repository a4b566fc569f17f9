"""In which form messages lie in a file, told from its content, for people who know what they put there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

_LOOKED_AT = 65536
_BATCH_HEADER = re.compile(rb"[\s\x00\x0b]*(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[FB]HS[^A-Za-z0-9\s]")
_FRAME = re.compile(rb"[\s\x00]*\x0b")


class Form(StrEnum):
    """How the messages of one file are put together."""

    FRAMES = "MLLP captures"
    BATCH = "FHS/BHS batches"
    SINGLE = "one message each"
    LINES = "one message a line"
    SEVERAL = "messages one after the other"
    NONE = "no HL7"


def form_of(content: bytes, messages: int) -> Form:
    """The form of a file that begins with ``content`` and holds so many messages."""
    head = content[:_LOOKED_AT]
    if not messages:
        return Form.NONE
    if _FRAME.match(head):
        return Form.FRAMES
    if _BATCH_HEADER.match(head.replace(b"\0", b"")):
        return Form.BATCH
    if messages == 1:
        return Form.SINGLE
    lines = [line.strip() for line in head.split(b"\n")]
    starts = [line.startswith(b"MSH") for line in lines if line]
    return Form.LINES if all(starts) and b"\rMSH" not in head else Form.SEVERAL


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
