"""Codes and units that were not understood: counted, so that blindness is a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.model.frozen import frozen
from engine.model.therapy import TherapySpan


@frozen()
class LedgerEntry:
    """One observation that was refused or not understood, by sender, code and unit.

    ``kind`` is ``unmapped``, ``excluded``, or the problem's name (``unit-unknown``). ``on_therapy``
    tells that the patient takes a thiopurine: such an entry has made the engine blind for somebody.
    ``day`` is the date of collection, ISO 8601, on which it made the engine blind for ``person_id``; empty
    where it did not.
    """

    sender: str
    code: str
    system: str
    unit: str
    kind: str
    text: str
    on_therapy: bool
    control_id: str
    person_id: str = ""
    day: str = ""

    def under(self, exposures: Iterable[TherapySpan]) -> LedgerEntry:
        """The entry for somebody with these courses: blind is who took a drug on that day."""
        courses = list(exposures)
        taken = any(
            course.start.date().isoformat() <= self.day
            and (course.stop is None or self.day <= course.stop.date().isoformat())
            for course in courses
        )
        return replace(self, on_therapy=bool(courses), day=self.day if taken else "")
