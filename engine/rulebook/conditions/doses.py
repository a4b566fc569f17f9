"""Conditions on the doses of the course of the therapy that was told of last.

Numbers in rules are doses of azathioprine: the same number of milligrams of another thiopurine is another
dose. A share of an earlier dose means the same of every thiopurine, as long as both doses are of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, NamedTuple, Self

from engine.model.finding import Evidence
from engine.model.moment import later
from engine.model.quantity import Operator, Truth, plain
from engine.model.record import Situation
from engine.model.therapy import TherapySpan
from engine.rulebook.conditions.base import OPERATOR_WORDS, Condition, Verdict
from engine.rulebook.conditions.courses import CourseCondition, course_before, holds, unknown_fact
from engine.rulebook.syntax import Unreadable, fraction, number, period

JUDGED_DRUG = "azathioprine"
_KILOGRAM = "kg"


class Dose(NamedTuple):
    """mg/day of one thiopurine; None where it is not known, and then ``note`` says why."""

    mg_per_day: Decimal | None
    note: str = ""


def dose_of(situation: Situation, course: TherapySpan, *, first: bool = False) -> Dose:
    """The newest dose of a course, be it one that lies ahead, or the dose that it began with."""
    beside = [
        other.drug
        for other in situation.spans
        if other.drug != course.drug and other.start <= course.start
        if other.stop is None or course.start < other.stop
    ]
    if beside:
        return Dose(None, f"{course.drug} beside {beside[0]} is not comparable with one thiopurine alone")
    return known_dose(course.doses[0 if first else -1].mg_per_day if course.doses else None)


def dose_before(situation: Situation, course: TherapySpan) -> Dose:
    """The last dose of the course before ``course``."""
    before = course_before(situation, course)
    if before is None:
        return Dose(None, "no earlier course is on record")
    if before.drug != course.drug:
        return Dose(None, f"a dose of {before.drug} is not comparable with one of {course.drug}")
    return known_dose(before.doses[-1].mg_per_day if before.doses else None)


def known_dose(dose: Decimal | None) -> Dose:
    """A dose as told, which may be that nobody knows it."""
    return Dose(dose, "" if dose is not None else "the dose is not known")


@dataclass(frozen=True, slots=True)
class DoseAgainstNumber(CourseCondition):
    """``dose >= 2 mg/kg/day`` and ``first dose > 50 mg/day``."""

    first: bool
    operator: Operator
    amount: Fraction
    written: str
    per_kilogram: bool

    PATTERNS: ClassVar = (
        "dose OPERATOR FRACTION mg/day",
        "dose OPERATOR FRACTION mg/kg/day",
        "first dose OPERATOR FRACTION mg/day",
    )
    MEANING: ClassVar = (
        "The newest dose of azathioprine in the course told of last, be it one that lies ahead; with `first` "
        "the dose that the course began with. False when the course is over; UNKNOWN where the dose "
        "(for `mg/kg/day` also the fact `weight`) is not on record, and where mercaptopurine is taken."
    )
    EXAMPLE: ClassVar = "dose >= 2 mg/kg/day"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        written = words["FRACTION"]
        operator = Operator(words["OPERATOR"])
        by_weight = text.endswith("mg/kg/day")
        return cls(text, text.startswith("first"), operator, fraction(written), written, by_weight)

    def judge_course(self, course: TherapySpan, situation: Situation) -> Verdict:
        """Judge the dose, divided by the weight where the limit is."""
        if course.drug != JUDGED_DRUG:
            return unknown_fact(self, f"a dose of {course.drug} is not comparable with one of {JUDGED_DRUG}")
        dose = dose_of(situation, course, first=self.first)
        if dose.mg_per_day is None:
            return unknown_fact(self, dose.note)
        value, note = Fraction(dose.mg_per_day), ""
        if self.per_kilogram:
            weight = weight_of(situation)
            if weight is None:
                return unknown_fact(self, "the weight is not on record")
            value, note = value / Fraction(weight), f"weight {plain(weight)} kg"
        shown = Evidence(
            self.text,
            holds(value, self.operator, self.amount),
            value=plain(dose.mg_per_day),
            unit="mg/day",
            threshold=self.written,
            note=note,
        )
        return Verdict(shown)

    @property
    def saying(self) -> str:
        """``the dose is at least 2 mg/kg/day``."""
        what = "first dose" if self.first else "dose"
        unit = "mg/kg/day" if self.per_kilogram else "mg/day"
        return f"the {what} is {OPERATOR_WORDS[self.operator]} {self.written} {unit}"


def weight_of(situation: Situation) -> Decimal | None:
    """The newest weight on record, in kilograms."""
    told = max(situation.facts.get("weight", ()), key=lambda fact: fact.effective.at, default=None)
    if told is None:
        return None
    text, _, unit = told.value.partition(" ")
    try:
        weight = number(text)
    except Unreadable:
        return None
    return weight if unit == _KILOGRAM and weight > 0 else None


@dataclass(frozen=True, slots=True)
class DoseAgainstDose(CourseCondition):
    """``first dose > 1/3 x dose before stop``."""

    first: bool
    operator: Operator
    share: Fraction
    written: str

    PATTERNS: ClassVar = (
        "dose OPERATOR FRACTION x dose before stop",
        "first dose OPERATOR FRACTION x dose before stop",
    )
    MEANING: ClassVar = (
        "The newest dose after a restart, or with `first` the dose restarted with, against a share of the "
        "last dose of the course before it; shares such as `1/3` are exact. False in a first course and when "
        "the course is over; UNKNOWN where one of the doses is not known or the two are of different drugs."
    )
    EXAMPLE: ClassVar = "first dose > 1/3 x dose before stop"
    RESTARTED: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        written = words["FRACTION"]
        return cls(text, text.startswith("first"), Operator(words["OPERATOR"]), fraction(written), written)

    def judge_course(self, course: TherapySpan, situation: Situation) -> Verdict:
        """Judge the dose of the restarted course against that of the course before it."""
        before = dose_before(situation, course)
        dose = dose_of(situation, course, first=self.first)
        return against_dose(self, dose, self.operator, self.share, before, "before the stop")

    @property
    def saying(self) -> str:
        """``the first dose is above 1/3 x the dose before the stop``."""
        what = "first dose" if self.first else "dose"
        return f"the {what} is {OPERATOR_WORDS[self.operator]} {self.written} x the dose before the stop"


def against_dose(
    condition: Condition, dose: Dose, operator: Operator, share: Fraction, before: Dose, when: str
) -> Verdict:
    """A dose against an exact share of an earlier one."""
    if dose.mg_per_day is None:
        return unknown_fact(condition, dose.note)
    if before.mg_per_day is None:
        return unknown_fact(condition, f"dose {when}: {before.note}")
    truth = holds(Fraction(dose.mg_per_day), operator, share * Fraction(before.mg_per_day))
    shown = Evidence(
        condition.text,
        truth,
        value=plain(dose.mg_per_day),
        unit="mg/day",
        reference_value=plain(before.mg_per_day),
        reference_source=f"dose {when}",
        note=f"{plain(before.mg_per_day)} mg/day {when}",
    )
    return Verdict(shown)


@dataclass(frozen=True, slots=True)
class DoseRaised(CourseCondition):
    """``dose raised within 2 d of restart``."""

    highest: bool
    within: timedelta | None
    period: str

    PATTERNS: ClassVar = (
        "dose raised since restart",
        "dose raised within SPAN PERIOD of restart",
        "highest dose within SPAN PERIOD of restart",
    )
    MEANING: ClassVar = (
        "After the restart the dose was, or is to be, raised; less than the period after the restart; with "
        "`highest` the highest dose of the course is reached by a rise in less than the period. False in a "
        "first course and when the course is over; UNKNOWN where a dose that matters is not known."
    )
    EXAMPLE: ClassVar = "dose raised within 2 d of restart"
    RESTARTED: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        within, said = period(words) if "SPAN" in words else (None, "")
        return cls(text, text.startswith("highest"), within, said)

    def judge_course(self, course: TherapySpan, situation: Situation) -> Verdict:
        """Judge the steps between the doses of the course."""
        del situation  # the course holds all its doses
        steps = [(change.effective, change.mg_per_day) for change in course.doses]
        doses = [dose for _, dose in steps if dose is not None]
        known = bool(steps) and len(doses) == len(steps)
        end = None if self.within is None else later(course.start, self.within)
        rises = [
            (effective, dose)
            for (_, before), (effective, dose) in pairwise(steps)
            if dose is not None and before is not None and dose > before
        ]
        if self.highest:
            rises = [rise for rise in rises if rise[1] == max(doses)][:1]
        counted = [rise for rise in rises if end is None or rise[0] < end]
        if not known and not (counted and not self.highest):
            return unknown_fact(self, "the dose is not known")
        shown = ", ".join(
            f"{'?' if dose is None else plain(dose)} mg/day from {effective.date().isoformat()}"
            for effective, dose in steps
        )
        return Verdict(Evidence(self.text, Truth.of(bool(counted)), note=shown))

    @property
    def saying(self) -> str:
        """``the dose is raised less than 2 days after the restart``."""
        what = "the highest dose is reached" if self.highest else "the dose is raised"
        when = f"less than {self.period} after" if self.period else "since"
        return f"{what} {when} the restart"
