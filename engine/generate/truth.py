"""What was planted in a feed, and the rows of a roster: one line of truth.jsonl or roster.csv each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from engine.generate.names import AUTHORITY


class Kind(StrEnum):
    """What kind of thing was planted."""

    LIVER_INJURY = "liver-injury"
    CYTOPENIA = "cytopenia"


FAMILIES = {
    Kind.LIVER_INJURY: ("liver-injury",),
    Kind.CYTOPENIA: ("cytopenia", "blood-trend"),
}
"""The families of rules (``family`` of an alert event) of which one must speak."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One thing planted: when it ``began``, and when which message ``shown`` it first.

    ``control`` is MSH-10 of that message, empty where no message shows it.
    """

    kind: Kind
    patient: str
    began: datetime
    shown: datetime | None = None
    control: str = ""

    def line(self) -> str:
        """One line of truth.jsonl."""
        return json.dumps(
            {
                "kind": self.kind.value,
                "patient": self.patient,
                "authority": AUTHORITY,
                "began": self.began.isoformat(),
                "shown": self.shown.isoformat() if self.shown else None,
                "control_id": self.control,
                "families": list(FAMILIES.get(self.kind, ())),
            }
        )


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row of a roster file (docs/roster.md)."""

    patient: str
    effective: datetime
    event: str
    drug: str = ""
    dose: str = ""
    note: str = ""

    def line(self) -> str:
        """The row as it stands in the file."""
        when = self.effective.isoformat(timespec="minutes")
        return f"{self.patient},{AUTHORITY},{self.event},{when},{self.drug},{self.dose},,{self.note}"


class Sent(NamedTuple):
    """One message, when it was sent, and what it is the first to show."""

    at: datetime
    body: bytes
    truths: tuple[Truth, ...] = ()
