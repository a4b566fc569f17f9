"""Codes and units that were not understood: counted, so that blindness is a number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One observation that was refused or not understood, by sender, code and unit.

    ``kind`` is ``unmapped``, ``excluded``, or the problem's name (``unit-unknown``). ``on_therapy``
    tells that the patient takes a thiopurine: such an entry has made the engine blind for somebody.
    """

    sender: str
    code: str
    system: str
    unit: str
    kind: str
    text: str
    on_therapy: bool
    control_id: str
