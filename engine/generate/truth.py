"""What was planted in a feed, and the rows of a roster: one line of truth.jsonl or roster.csv each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from engine.generate.names import AUTHORITY


class Kind(StrEnum):
    """What kind of thing was planted."""

    # of the person
    LIVER_INJURY = "liver-injury"
    GRAVE_INJURY = "grave-liver-injury"  # the same injury, once it is grave
    CYTOPENIA = "cytopenia"
    MILD_RISE = "mild-rise"
    RAISED_BEFORE = "raised-before"  # raised transaminases before the first dose and ever after
    TPMT_LOW = "tpmt-low"
    TPMT_NOT_KNOWN = "tpmt-not-known"
    RESTART = "restart"
    MISSED_TEST = "missed-test"  # or a late one
    # of the laboratory
    WRONG_RESULT = "wrong-result"  # corrected or withdrawn later
    UNIT_MISSING = "unit-missing"
    UNIT_UNKNOWN = "unit-unknown"
    UNREADABLE = "value-unreadable"
    IMPLAUSIBLE = "implausible"
    HAEMOLYSED = "haemolysed"  # AST that the specimen has raised
    # of the feed
    MERGE = "merge"
    RESENT = "resent"
    BROKEN = "broken"  # must be quarantined


FAMILIES: Mapping[Kind, tuple[str, ...]] = {
    Kind.LIVER_INJURY: ("liver-injury",),
    Kind.GRAVE_INJURY: ("liver-injury",),
    Kind.CYTOPENIA: ("cytopenia",),
    Kind.MILD_RISE: ("liver-injury",),
    Kind.RAISED_BEFORE: ("liver-injury",),
    Kind.TPMT_LOW: ("tpmt-nudt15",),
    Kind.TPMT_NOT_KNOWN: ("tpmt-nudt15",),
    Kind.RESTART: ("restart",),
    Kind.MISSED_TEST: ("monitoring-liver", "monitoring-blood"),
    Kind.WRONG_RESULT: ("liver-injury",),
    Kind.UNIT_MISSING: ("unit-missing",),
    Kind.UNIT_UNKNOWN: ("unit-unknown",),
    Kind.UNREADABLE: ("value-unreadable",),
    Kind.IMPLAUSIBLE: ("implausible",),
    Kind.HAEMOLYSED: ("specimen-spoiled",),
}
"""The families of rules (``family`` of an alert event) that speak of it."""

RELATED: Mapping[Kind, tuple[str, ...]] = {
    # an abnormal test is to be repeated sooner, and then is overdue sooner
    **dict.fromkeys((Kind.MILD_RISE, Kind.RAISED_BEFORE, Kind.WRONG_RESULT), ("monitoring-liver",)),
    Kind.LIVER_INJURY: ("monitoring-liver", "workup"),
    Kind.CYTOPENIA: ("monitoring-blood", "blood-trend"),
    Kind.RESTART: ("dose", "tpmt-nudt15"),
    Kind.MISSED_TEST: ("monitoring-panel",),
}
"""Families that may speak because of it, and that do not tell of it."""

_REVIEW = (
    *(Kind.LIVER_INJURY, Kind.MILD_RISE, Kind.RAISED_BEFORE, Kind.TPMT_LOW),
    *(Kind.UNIT_MISSING, Kind.UNIT_UNKNOWN, Kind.UNREADABLE, Kind.IMPLAUSIBLE, Kind.HAEMOLYSED),
)
EXPECTED: Mapping[Kind, str] = {
    **dict.fromkeys((Kind.GRAVE_INJURY, Kind.CYTOPENIA, Kind.WRONG_RESULT), "urgent"),
    **dict.fromkeys(_REVIEW, "review"),
}
"""The least severity at which somebody must be told; kinds without one need not be told."""


@dataclass(slots=True, eq=False)
class Truth:
    """One thing planted in one person: when it ``began``, when which message ``shown`` it first.

    ``control`` is MSH-10 and ``place`` file and number of that message, both empty where no message
    shows it. ``until``: how long it may be told of, None to the end. Filled in while the feed is written.
    """

    kind: Kind
    patient: str
    began: datetime
    until: datetime | None = None
    shown: datetime | None = None
    control: str = ""
    place: str = ""
    detail: str = ""

    def line(self) -> str:
        """One line of truth.jsonl."""
        return json.dumps(
            {
                "kind": self.kind.value,
                "patient": self.patient,
                "authority": AUTHORITY,
                "began": self.began.isoformat(),
                "until": self.until.isoformat() if self.until else None,
                "shown": self.shown.isoformat() if self.shown else None,
                "control_id": self.control,
                "place": self.place,
                "families": list(FAMILIES.get(self.kind, ())),
                "severity": EXPECTED.get(self.kind),
                "detail": self.detail,
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
    """One message: when it was sent, its MSH-10, what it is the first to show, and the batch around it.

    ``opening`` and ``closing`` are the lines of a batch that begins before it or ends behind it.
    """

    at: datetime
    body: bytes
    control: str
    sender: str
    truths: tuple[Truth, ...] = ()
    opening: bytes = b""
    closing: bytes = b""
