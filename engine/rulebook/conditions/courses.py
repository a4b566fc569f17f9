"""Conditions on the course of the therapy that was told of last: its beginning, and the break before it.

Such a course may lie ahead, and no result need have come in it: a restart is judged when it is ordered. Once
it is over nothing that these conditions say of it holds any longer.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, Self

from engine.model.finding import Evidence, UnknownCause
from engine.model.moment import later
from engine.model.quantity import Operator, Truth, plain
from engine.model.record import Situation
from engine.model.therapy import TherapySpan
from engine.rulebook.conditions.base import OPERATOR_WORDS, Condition, Verdict, View
from engine.rulebook.syntax import period

_DAY = timedelta(days=1)


def course_before(situation: Situation, course: TherapySpan) -> TherapySpan | None:
    """The course that ended last before ``course`` began."""
    earlier = [span for span in situation.spans if span is not course and span.start < course.start]
    ended = [(span.stop, span) for span in earlier if span.stop is not None and span.stop <= course.start]
    return max(ended, key=lambda each: (each[0], each[1].start, each[1].drug))[1] if ended else None


def unknown_fact(condition: Condition, note: str) -> Verdict:
    """UNKNOWN because something about the therapy is not on record."""
    return Verdict(Evidence(condition.text, Truth.UNKNOWN, cause=UnknownCause.FACT, note=note))


def _false(condition: Condition, note: str) -> Verdict:
    return Verdict(Evidence(condition.text, Truth.FALSE, note=note))


_OVER = "no course is going on or lies ahead"
_FIRST_COURSE = "never restarted"


def holds(value: Fraction, operator: Operator, threshold: Fraction) -> Truth:
    """An exact comparison."""
    return Truth.of(
        {
            Operator.LESS: value < threshold,
            Operator.LESS_OR_EQUAL: value <= threshold,
            Operator.GREATER: value > threshold,
            Operator.GREATER_OR_EQUAL: value >= threshold,
        }[operator]
    )


@dataclass(frozen=True, slots=True)
class CourseCondition(Condition):
    """A condition on the newest course; with ``RESTARTED`` it is false in a first course."""

    OF_NEWEST_COURSE: ClassVar = True
    RESTARTED: ClassVar[bool] = False

    def judge(self, view: View) -> Verdict:
        """Judge the newest course; false where there is none or it is over."""
        course = view.situation.newest_course
        if course is None:
            return _false(self, _OVER)
        if self.RESTARTED and not course.restart:
            return _false(self, _FIRST_COURSE)
        return self.judge_course(course, view.situation)

    @abstractmethod
    def judge_course(self, course: TherapySpan, situation: Situation) -> Verdict:
        """Judge a course that is not over."""


@dataclass(frozen=True, slots=True)
class Begun(CourseCondition):
    """``restart within 30 days``."""

    restart: bool
    within: timedelta
    period: str

    PATTERNS: ClassVar = ("start within SPAN PERIOD", "restart within SPAN PERIOD")
    MEANING: ClassVar = (
        "The course told of last is a first course (`start`) or one after a stop (`restart`), is not over, "
        "and begins not longer ago than the period; one that lies ahead counts. It is judged when it is told "
        "of, before any result."
    )
    EXAMPLE: ClassVar = "restart within 30 d"
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, text.startswith("restart"), *period(words))

    def judge_course(self, course: TherapySpan, situation: Situation) -> Verdict:
        """Judge the kind of the course and its beginning."""
        fresh = later(situation.horizon, -self.within) <= course.start
        truth = Truth.of(course.restart is self.restart and fresh)
        kind = "restart" if course.restart else "first course"
        note = f"{kind} of {course.drug} {course.start.date().isoformat()}"
        return Verdict(Evidence(self.text, truth, note=note))

    @property
    def saying(self) -> str:
        """``a restart is ordered or not older than 30 days``."""
        what = "restart" if self.restart else "first start"
        return f"a {what} is ordered or not older than {self.period}"


@dataclass(frozen=True, slots=True)
class Break(CourseCondition):
    """``break < 14 d``."""

    operator: Operator
    days: Decimal

    PATTERNS: ClassVar = ("break OPERATOR NUMBER d",)
    MEANING: ClassVar = (
        "The days without the drug before the newest restart: from the stop, or from the hold that was "
        "never released, to the restart. False in a first course and when the course is over; UNKNOWN where "
        "no stop is on record."
    )
    EXAMPLE: ClassVar = "break < 14 d"
    RESTARTED: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, Operator(words["OPERATOR"]), Decimal(words["NUMBER"]))

    def judge_course(self, course: TherapySpan, situation: Situation) -> Verdict:
        """Judge the time between the last day of the course before and the first of this one."""
        before = course_before(situation, course)
        taken_until = None if before is None else before.taken_until
        if taken_until is None:
            return unknown_fact(self, "the stop before the restart is not on record")
        days = _days(course.start - taken_until)
        shown = Evidence(
            self.text,
            holds(days, self.operator, Fraction(self.days)),
            value=plain(Decimal(days.numerator) / Decimal(days.denominator)),
            unit="d",
            threshold=plain(self.days),
            note=f"not taken from {taken_until.date().isoformat()} to {course.start.date().isoformat()}",
        )
        return Verdict(shown)

    @property
    def saying(self) -> str:
        """``the break before the restart is below 14 days``."""
        return f"the break before the restart is {OPERATOR_WORDS[self.operator]} {plain(self.days)} days"


def _days(elapsed: timedelta) -> Fraction:
    return Fraction(elapsed // timedelta(microseconds=1), _DAY // timedelta(microseconds=1))
