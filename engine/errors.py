"""The exception tree of the engine.

EngineError
├── ContentError     the message cannot be used: quarantine it whole, go on with the next
├── TransientError   the world is away (broker, database): keep the message, back off, try again
└── ConfigError      settings, rules, mappings or roster are defective: refuse to start, exit 2
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class EngineError(Exception):
    """Base of every error that the engine raises on purpose."""


class ContentError(EngineError):
    """A message that cannot be used; it is quarantined whole with this reason.

    ``reason`` is a value of :class:`engine.model.disposition.Reason` (metric label and log field),
    ``location`` the place in the message (``PID[1]-3``), ``detail`` what is wrong and what to do.
    None of them may contain a patient identifier or a result value.
    """

    def __init__(self, reason: str, location: str, detail: str) -> None:
        super().__init__(f"{reason} at {location}: {detail}")
        self.reason = reason
        self.location = location
        self.detail = detail


class TransientError(EngineError):
    """The broker or the database is away; nothing was acknowledged, try again later."""


@dataclass(frozen=True, slots=True, order=True)
class Defect:
    """One thing wrong in a file that a person wrote: where, what, and what to do about it."""

    file: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(EngineError):
    """Configuration or knowledge is defective; carries every defect found, not only the first."""

    def __init__(self, defects: Iterable[Defect]) -> None:
        self.defects = tuple(sorted(defects))
        super().__init__("\n".join(str(defect) for defect in self.defects))
