"""Conditions on other drugs beside the thiopurine: since when, and what became of the dose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, Self

from engine.model.facts import TAKEN
from engine.model.finding import Evidence
from engine.model.moment import in_zone, later
from engine.model.quantity import Operator, Truth, plain
from engine.model.record import Situation
from engine.model.therapy import TherapySpan
from engine.rulebook.conditions.base import OPERATOR_WORDS, Condition, Verdict, View
from engine.rulebook.conditions.courses import CourseCondition, unknown_fact
from engine.rulebook.conditions.doses import Dose, against_dose, dose_of, known_dose
from engine.rulebook.conditions.states import drug_fact
from engine.rulebook.syntax import fraction, period


def taken_since(situation: Situation, drug: str) -> datetime | None:
    """Since when another drug is taken without a break (or will be); None where it is not."""
    present = drug_fact(situation, drug)
    if present is None or present.value != TAKEN:
        return None
    since = present.effective.at
    for fact in reversed(situation.facts[drug]):
        if fact.effective.at <= since:
            if fact.value != TAKEN:
                break
            since = fact.effective.at
    return since


_REDUCED_AHEAD = timedelta(days=28)


def _off(condition: Condition, situation: Situation, drug: str) -> Verdict:
    """The verdict where the drug is not taken: false where that is on record."""
    if drug_fact(situation, drug) is None:
        return unknown_fact(condition, f"{drug} is not on record")
    return Verdict(Evidence(condition.text, Truth.FALSE, note=f"{drug} is not taken"))


@dataclass(frozen=True, slots=True)
class DrugStarted(Condition):
    """``allopurinol started within 30 days``."""

    drug: str
    within: timedelta
    period: str

    PATTERNS: ClassVar = ("DRUG started within SPAN PERIOD",)
    MEANING: ClassVar = (
        "The other drug is taken or ordered, without a break since a day that is not longer ago than the "
        "period or lies ahead; false where it is not taken, UNKNOWN where nothing is known of it."
    )
    EXAMPLE: ClassVar = "allopurinol started within 30 d"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["DRUG"], *period(words))

    def judge(self, view: View) -> Verdict:
        """Judge since when the drug is taken."""
        since = taken_since(view.situation, self.drug)
        if since is None:
            return _off(self, view.situation, self.drug)
        truth = Truth.of(later(view.situation.horizon, -self.within) <= since)
        return Verdict(Evidence(self.text, truth, note=f"{self.drug} since {since.date().isoformat()}"))

    @property
    def saying(self) -> str:
        """``allopurinol is ordered or was started not longer than 30 d ago``."""
        return f"{self.drug} is ordered or was started not longer than {self.period} ago"


@dataclass(frozen=True, slots=True)
class DrugBeforeStart(Condition):
    """``allopurinol started less than 14 d before start``."""

    drug: str
    days: Decimal

    PATTERNS: ClassVar = ("DRUG started less than NUMBER d before start",)
    MEANING: ClassVar = (
        "The other drug was begun before the first start of the thiopurine (or on its day) and less than so "
        "many days before; UNKNOWN where nothing is known of it."
    )
    EXAMPLE: ClassVar = "allopurinol started less than 14 d before start"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["DRUG"], Decimal(words["NUMBER"]))

    def judge(self, view: View) -> Verdict:
        """Judge the days between both starts; the drug may have ended since."""
        facts = view.situation.facts.get(self.drug, ())
        if not facts or not view.situation.spans:
            return unknown_fact(self, f"{self.drug} is not on record")
        start = view.situation.spans[0].start
        next_day = later(start, timedelta(days=1))
        began = [fact.effective for fact in facts if fact.value == TAKEN and fact.effective.at < next_day]
        since = max((each.at for each in began if each.at.date() <= start.date()), default=None)
        if since is None:
            return Verdict(Evidence(self.text, Truth.FALSE, note=f"no {self.drug} before the start"))
        truth = Truth.of(Fraction((start - since) // timedelta(seconds=1), 86400) < Fraction(self.days))
        return Verdict(Evidence(self.text, truth, note=f"{self.drug} since {since.date().isoformat()}"))

    @property
    def saying(self) -> str:
        """``allopurinol was started less than 14 days before the first start``."""
        return f"{self.drug} was started less than {plain(self.days)} days before the first start"


@dataclass(frozen=True, slots=True)
class DoseBeforeDrug(CourseCondition):
    """``dose > 1/3 x dose before allopurinol``."""

    operator: Operator
    share: Fraction
    written: str
    drug: str

    PATTERNS: ClassVar = ("dose OPERATOR FRACTION x dose before DRUG",)
    MEANING: ClassVar = (
        "The newest dose of the thiopurine against a share of the highest dose of it that was taken in the "
        "28 days before the other drug was begun, in whatever course: a dose may be reduced ahead of the "
        "other drug. False where the drug is not taken; UNKNOWN where the newest dose or that of the day "
        "before the other drug is not known, where there was none because the other drug came first, where "
        "the thiopurine was another then, and where nothing is known of the other drug."
    )
    EXAMPLE: ClassVar = "dose > 1/3 x dose before allopurinol"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        written = words["FRACTION"]
        return cls(text, Operator(words["OPERATOR"]), fraction(written), written, words["DRUG"])

    def judge_course(self, course: TherapySpan, situation: Situation) -> Verdict:
        """Judge the dose against the highest one of the weeks before the other drug."""
        since = taken_since(situation, self.drug)
        if since is None:
            return _off(self, situation, self.drug)
        before = _usual_dose_before(situation, course.drug, since)
        dose = dose_of(situation, course)
        return against_dose(self, dose, self.operator, self.share, before, f"before {self.drug}")

    @property
    def saying(self) -> str:
        """``the dose is above 1/3 x the dose before allopurinol``."""
        return f"the dose is {OPERATOR_WORDS[self.operator]} {self.written} x the dose before {self.drug}"


def _usual_dose_before(situation: Situation, thiopurine: str, instant: datetime) -> Dose:
    """The highest known dose of a thiopurine that was taken on any of the 28 days before ``instant``.

    A dose that is changed on that very day is changed because of the other drug, in whatever order; one
    that is reduced some days ahead may be too.
    """
    day = instant.date()
    from_day = later(instant, -_REDUCED_AHEAD).date()

    def date_of(other: datetime) -> date:
        return in_zone(other, instant.tzinfo).date()

    begun = [span for span in situation.spans if date_of(span.start) < day]
    going_on = [span for span in begun if span.stop is None or day <= date_of(span.stop)]
    if not going_on or any(span.drug != thiopurine for span in going_on):
        return Dose(None, f"{thiopurine} alone was not taken then")
    earlier = [change.mg_per_day for change in going_on[-1].doses if date_of(change.effective) < day]
    if not earlier or earlier[-1] is None:
        return known_dose(None)
    taken = [
        change.mg_per_day
        for span in begun
        if span.drug == thiopurine
        for change, end in zip(
            span.doses, (*(each.effective for each in span.doses[1:]), span.stop), strict=False
        )
        if date_of(change.effective) < day and (end is None or from_day < date_of(end))
    ]
    return known_dose(max(dose for dose in taken if dose is not None))
