"""Conditions on what is known at all: when an analyte was measured, and whether a fact has been stated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from engine.model.facts import FACT_QUANTITIES, FACT_VALUES, GENES, OTHER_DRUGS
from engine.model.finding import Evidence, UnknownCause
from engine.model.moment import later
from engine.model.quantity import Truth
from engine.rulebook.conditions.base import Analytes, Condition, Verdict, View, evidence, missing
from engine.rulebook.conditions.one_analyte import OfAnalyte
from engine.rulebook.conditions.states import NO_SYMPTOM, RESERVED, latest_fact
from engine.rulebook.conditions.stretches import stretch_of
from engine.rulebook.conditions.values import same_specimen
from engine.rulebook.syntax import Unreadable, near, period


@dataclass(frozen=True, slots=True)
class MeasuredSince(OfAnalyte):
    """``alt measured since restart``."""

    origin: str

    PATTERNS: ClassVar = ("ANALYTE measured since EVENT", "ANALYTE measured since symptom")
    MEANING: ClassVar = (
        "The current value was collected in the present course (`start`, `restart`; without it, the last "
        "value before a restart is still the current one), after the last stop, or not before the newest "
        "symptom was recorded. `restart` is false in a first course, `stop` where the therapy was never "
        "stopped; `symptom` is false where the analyte was never measured, UNKNOWN where no symptom is "
        "recorded."
    )
    EXAMPLE: ClassVar = "alt measured since restart"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], words.get("EVENT", "symptom"))

    def judge(self, view: View) -> Verdict:
        """Judge the collection time of the current value."""
        if self.origin == "symptom":
            return self._since_symptom(view)
        result, span = view.current(self.analyte), view.situation.span
        if result is None:
            return missing(self.text, self.analyte, view)
        if self.origin == "stop":
            stretch = stretch_of("since", "stop", view.situation)
            if isinstance(stretch, str):
                return Verdict(evidence(self.text, Truth.FALSE, result, note=stretch), result)
            truth = Truth.of(stretch.holds(result))
            return Verdict(evidence(self.text, truth, result, note=stretch.words), result)
        truth, note = Truth.FALSE, "never restarted"
        if span is None:
            truth, note = Truth.UNKNOWN, "no start of therapy on record"
        elif span.restart or self.origin == "start":
            truth = Truth.of(result.collected.latest >= span.start)
            note = f"course began {span.start.date().isoformat()}"
        cause = UnknownCause.FACT if truth is Truth.UNKNOWN else None
        return Verdict(evidence(self.text, truth, result, cause=cause, note=note), result)

    def _since_symptom(self, view: View) -> Verdict:
        recorded = _newest_symptom(view)
        if recorded is None:
            note = "symptoms are not on record"
            return Verdict(
                Evidence(self.text, Truth.UNKNOWN, self.analyte, cause=UnknownCause.FACT, note=note)
            )
        note = f"symptom recorded {recorded.date().isoformat()}"
        result = view.current(self.analyte)
        if result is None:
            note = f"{note}, never measured"
            return Verdict(Evidence(self.text, Truth.FALSE, self.analyte, note=note))
        truth = Truth.of(result.collected.latest >= recorded)
        return Verdict(evidence(self.text, truth, result, note=note), result)

    @property
    def saying(self) -> str:
        """``was measured since the restart``."""
        return f"was measured since the {self.origin}"


def _newest_symptom(view: View) -> datetime | None:
    told = view.situation.facts.get("symptom", ())
    scope = view.situation.symptoms_from
    fact = latest_fact(f for f in told if f.effective.at >= scope and f.value not in NO_SYMPTOM)
    return None if fact is None else fact.effective.at


@dataclass(frozen=True, slots=True)
class MeasuredBefore(OfAnalyte):
    """``alt measured before restart``."""

    origin: str

    PATTERNS: ClassVar = ("ANALYTE measured before EVENT",)
    MEANING: ClassVar = (
        "There is a usable result of that stretch (see `was`); false where there is none, and without any "
        "restart (or stop); never UNKNOWN."
    )
    EXAMPLE: ClassVar = "alt measured before restart"
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], words["EVENT"])

    def judge(self, view: View) -> Verdict:
        """Look for a result of the stretch; what is past is no value to act on, so the verdict names none."""
        stretch = stretch_of("before", self.origin, view.situation)
        if isinstance(stretch, str):
            return Verdict(Evidence(self.text, Truth.FALSE, self.analyte, note=stretch))
        known = [result for result in view.usable(self.analyte) if stretch.holds(result)]
        if not known:
            note = f"nothing measured {stretch.words}"
            return Verdict(Evidence(self.text, Truth.FALSE, self.analyte, note=note))
        return Verdict(evidence(self.text, Truth.TRUE, known[-1], note=stretch.words))

    @property
    def saying(self) -> str:
        """``was measured before the restart``."""
        return f"was measured before the {self.origin}"


@dataclass(frozen=True, slots=True)
class MeasuredWithin(OfAnalyte):
    """``wbc measured within 30 d``."""

    within: timedelta
    period: str

    PATTERNS: ClassVar = ("ANALYTE measured within SPAN PERIOD",)
    MEANING: ClassVar = (
        "There is a usable result that is not older than the period (`h`, `d`, `w`) at the instant judged, "
        "be it from before the therapy; true or false, never UNKNOWN."
    )
    EXAMPLE: ClassVar = "wbc measured within 30 d"
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], *period(words))

    def judge(self, view: View) -> Verdict:
        """Judge the age of the newest result; its value is nothing to act on, so the verdict names none."""
        newest = max(view.usable(self.analyte), key=lambda result: result.collected.latest, default=None)
        if newest is None:
            return Verdict(Evidence(self.text, Truth.FALSE, self.analyte, note="never measured"))
        recent = newest.collected.latest >= later(view.situation.at, -self.within)
        note = f"last measured {newest.collected.at.date().isoformat()}"
        return Verdict(evidence(self.text, Truth.of(recent), newest, note=note))

    @property
    def saying(self) -> str:
        """``was measured within the last 30 days``."""
        return f"was measured within the last {self.period}"


@dataclass(frozen=True, slots=True)
class MeasuredWith(Condition):
    """``ggt measured with alt``."""

    other: str
    analyte: str

    PATTERNS: ClassVar = ("OTHER measured with ANALYTE",)
    MEANING: ClassVar = (
        "A result of the first analyte, be it spoiled by its specimen, is of the same specimen or order as "
        "the current value of the second; false where it is not, UNKNOWN where the second was not measured."
    )
    EXAMPLE: ClassVar = "ggt measured with alt"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["OTHER"], words["ANALYTE"])

    @property
    def analytes(self) -> tuple[str, ...]:
        """The analytes it judges."""
        return (self.other, self.analyte)

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """Also: an analyte beside itself."""
        yield from Condition.faults(self, analytes)
        if self.other == self.analyte:
            yield Unreadable(
                f'{self.analyte} is always measured with itself: "{self.text}"', "name two analytes"
            )

    def judge(self, view: View) -> Verdict:
        """Look for a partner of any of the current values; the evidence shows it."""
        current = view.newest(self.analyte)
        if not current:
            return missing(self.text, self.analyte, view)
        partners = [
            other
            for other in view.taken(self.other)
            if any(same_specimen(result, other) for result in current)
        ]
        if not partners:
            note = f"no {self.other} with the {self.analyte} of {current[-1].collected.at.date().isoformat()}"
            return Verdict(Evidence(self.text, Truth.FALSE, self.other, note=note))
        return Verdict(evidence(self.text, Truth.TRUE, partners[-1]))

    @property
    def saying(self) -> str:
        """``measured in one specimen``."""
        return "are measured in one specimen"


@dataclass(frozen=True, slots=True)
class Stated(Condition):
    """``tpmt stated``."""

    name: str

    PATTERNS: ClassVar = ("GENE stated", "symptom stated", "fact NAME stated")
    MEANING: ClassVar = (
        "Somebody has recorded it, whatever it says; of symptoms since the therapy began, and `none` is a "
        "statement. True or false, never UNKNOWN."
    )
    EXAMPLE: ClassVar = "tpmt stated"
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        name = words.get("GENE") or words.get("NAME") or "symptom"
        if "NAME" in words and name in RESERVED:
            raise Unreadable(
                f'"fact {name}" has a form of its own: "{text}"', f"write {name} stated without fact"
            )
        return cls(text, name)

    def judge(self, view: View) -> Verdict:
        """Look for a fact of that name."""
        told = view.situation.facts.get(self.name, ())
        if self.name == "symptom":
            told = tuple(fact for fact in told if fact.effective.at >= view.situation.symptoms_from)
        fact = latest_fact(told)
        if fact is None:
            return Verdict(Evidence(self.text, Truth.FALSE, note=f"{self.name} is not on record"))
        note = f"recorded {fact.effective.at.date().isoformat()}"
        return Verdict(
            Evidence(self.text, Truth.TRUE, value=fact.value, collected_at=fact.effective.at, note=note)
        )

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """A fact that nobody can record is never stated."""
        del analytes
        known = (*FACT_VALUES, *FACT_QUANTITIES, *OTHER_DRUGS)
        if self.name not in known:
            yield Unreadable(f'unknown fact "{self.name}" in "{self.text}"', near(self.name, known))

    @property
    def saying(self) -> str:
        """``TPMT is on record``."""
        return f"{self.name.upper() if self.name in GENES else self.name} is on record"
