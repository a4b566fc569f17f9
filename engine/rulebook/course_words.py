"""Words for the course that a rule is about: doses, days, and the course before it."""

from __future__ import annotations

from engine.model.quantity import plain
from engine.model.record import Situation
from engine.rulebook.conditions.courses import course_before
from engine.rulebook.conditions.doses import Dose, dose_before, dose_of

COURSE_FIELDS = ("dose", "first", "before", "began", "stopped")

_CLASS = "the thiopurine"  # where no course is on record


def course_field(field: str, situation: Situation) -> str:
    """``150 mg/day`` or ``2026-01-31``; empty where it is not known."""
    course = situation.newest_course
    if course is None:
        return ""
    if field == "began":
        return course.start.date().isoformat()
    if field == "stopped":
        before = course_before(situation, course)
        ended = None if before is None else before.taken_until
        return "" if ended is None else ended.date().isoformat()
    doses = {
        "dose": dose_of(situation, course),
        "first": dose_of(situation, course, first=True),
        "before": dose_before(situation, course),
    }
    return _amount(doses[field])


def drug_of(situation: Situation, *, newest: bool) -> str:
    """What the patient takes or took: that of the course judged, with ``newest`` the one told of last."""
    course = situation.newest_course if newest else situation.span
    course = course or situation.span or (situation.spans[-1] if situation.spans else None)
    return _CLASS if course is None else course.drug


def _amount(dose: Dose) -> str:
    return "" if dose.mg_per_day is None else f"{plain(dose.mg_per_day)} mg/day"
