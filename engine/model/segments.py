"""What the pure layers see of one HL7 v2 segment, whoever read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Segment(Protocol):
    """One segment with unescaped access to its leaves; fields are numbered as in the standard.

    ``MSH`` keeps its own numbering: MSH-1 is the field separator, MSH-2 the encoding characters.
    All positions count from 1. Asking for a position that was not sent is not an error.
    """

    def __hash__(self) -> int:
        """By identity: what was read of a segment is remembered while its message is taken in."""

    @property
    def name(self) -> str:
        """The three characters of the segment: ``PID``."""

    @property
    def number(self) -> int:
        """1-based count of this name in the message, for locations: ``OBX[3]``."""

    def text(self, field: int, component: int = 1, repetition: int = 1, subcomponent: int = 1) -> str:
        """The unescaped leaf; empty when it is absent or when it is the delete indicator ``""``."""

    def is_null(self, field: int) -> bool:
        """Whether the field is exactly ``""``: the sender deletes the value (HL7 v2.9 2.6.1)."""

    def repetitions(self, field: int) -> int:
        """How often the field was sent; 0 when it is empty."""

    def components(self, field: int, repetition: int = 1) -> tuple[str, ...]:
        """The unescaped first subcomponents of one repetition; empty when the field is empty."""

    def whole_components(self, field: int, repetition: int = 1) -> tuple[str, ...]:
        """As :meth:`components`, but with all subcomponents and the separators between them in the text."""

    def raw(self, field: int) -> str:
        """The field as sent, separators and escapes included."""

    def raws(self, fields: Sequence[int]) -> tuple[str, ...]:
        """Several fields as sent."""

    @property
    def notation(self) -> str:
        """The separators and the charset of its message: with the same ones, equal fields say the same."""

    def location(self, field: int | None = None) -> str:
        """Where this is, for people: ``OBX[3]`` or ``OBX[3]-5``."""
