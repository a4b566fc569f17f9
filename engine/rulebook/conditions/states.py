"""Conditions on the therapy, on recorded facts, and on observations that could not be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from engine.model.facts import FACT_VALUES, MANY_AT_ONCE, TAKEN
from engine.model.finding import Evidence, UnknownCause
from engine.model.quantity import Interval, Operator, Truth, plain
from engine.model.record import Situation
from engine.model.result import Problem, Result
from engine.model.therapy import Fact, TherapyState
from engine.rulebook.conditions.base import (
    OPERATOR_WORDS,
    Analytes,
    Condition,
    Verdict,
    View,
)
from engine.rulebook.conditions.stretches import last_stop
from engine.rulebook.syntax import PERIODS, Unreadable, near

MOST_UNUSABLE = 10
"""How many unusable observations become evidence; a sender that nobody has mapped has hundreds."""

NO_SYMPTOM = ("none", "no")
RESERVED = {"tpmt": "tpmt is ...", "nudt15": "nudt15 is ...", "symptom": "symptom recorded"}


@dataclass(frozen=True, slots=True)
class Therapy(Condition):
    """``therapy is restarted``."""

    state: TherapyState

    PATTERNS: ClassVar = ("therapy is STATE",)
    MEANING: ClassVar = (
        "The state of the thiopurine therapy: `active` (first course), `restarted` (active again after a "
        "stop), `held`, `stopped`."
    )
    EXAMPLE: ClassVar = "therapy is restarted"
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, TherapyState(words["STATE"]))

    def judge(self, view: View) -> Verdict:
        """Judge the state; it is always known, be it as never started."""
        state = view.situation.state
        return Verdict(Evidence(self.text, Truth.of(state is self.state), value=state.value))

    @property
    def saying(self) -> str:
        """``the therapy is restarted``."""
        return f"the therapy is {self.state.value}"


@dataclass(frozen=True, slots=True)
class WeeksSince(Condition):
    """``weeks since restart <= 4``."""

    origin: str
    operator: Operator
    number: Decimal

    PATTERNS: ClassVar = ("weeks since EVENT OPERATOR NUMBER",)
    MEANING: ClassVar = (
        "The time since the present course began, with `stop` since the last stop; `restart` is false in a "
        "first course and `stop` where there never was one, whatever the number."
    )
    EXAMPLE: ClassVar = "weeks since restart <= 4"
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["EVENT"], Operator(words["OPERATOR"]), Decimal(words["NUMBER"]))

    def judge(self, view: View) -> Verdict:
        """Judge the course that the situation is about, or the last stop before it."""
        span = view.situation.span
        if span is None:
            return Verdict(Evidence(self.text, Truth.FALSE, note="no start of therapy on record"))
        if self.origin == "restart" and not span.restart:
            return Verdict(Evidence(self.text, Truth.FALSE, note="never restarted"))
        begun = last_stop(view.situation) if self.origin == "stop" else span.start
        if begun is None:
            return Verdict(Evidence(self.text, Truth.FALSE, note="never stopped"))
        elapsed = view.situation.at - begun
        seconds = Decimal(elapsed.days * PERIODS["d"] + elapsed.seconds)
        truth = Interval.exactly(seconds).compare(self.operator, self.number * PERIODS["w"])
        weeks = plain(round(seconds / PERIODS["w"], 1))
        what = "stopped" if self.origin == "stop" else "course began"
        shown = Evidence(
            self.text,
            truth,
            value=weeks,
            unit="wk",
            threshold=plain(self.number),
            reference_source=f"{what} {begun.date().isoformat()}",
        )
        return Verdict(shown)

    @property
    def saying(self) -> str:
        """``it is at most 4 weeks since the restart``."""
        return f"it is {OPERATOR_WORDS[self.operator]} {plain(self.number)} weeks since the {self.origin}"


def latest_fact(facts: Iterable[Fact]) -> Fact | None:
    """The fact that holds: the one with the newest date.

    It may be newer than the results: the answer to "are there symptoms?" comes after the question.
    """
    return max(facts, key=lambda fact: fact.effective.at, default=None)


def drug_fact(situation: Situation, drug: str) -> Fact | None:
    """What holds of another drug: it counts as taken when it is ordered, until its end has come."""
    known = situation.facts.get(drug, ())
    return latest_fact(
        fact for fact in known if fact.value == TAKEN or fact.effective.at <= situation.horizon
    )


def _of_fact(condition: Condition, fact: Fact | None, truth: Truth, unknown: str) -> Verdict:
    if fact is None:
        return Verdict(Evidence(condition.text, Truth.UNKNOWN, cause=UnknownCause.FACT, note=unknown))
    shown = Evidence(
        condition.text,
        truth,
        value=fact.value,
        collected_at=fact.effective.at,
        reference_source=fact.source,
        note=f"recorded {fact.effective.at.date().isoformat()}",
    )
    return Verdict(shown)


@dataclass(frozen=True, slots=True)
class RecordedFact(Condition):
    """``tpmt is deficient`` and ``fact cirrhosis is yes``."""

    name: str
    value: str

    PATTERNS: ClassVar = ("GENE is LEVEL", "fact NAME is VALUE")
    MEANING: ClassVar = (
        "The newest fact of that name has that value, of several diagnoses any; UNKNOWN where nobody has "
        "recorded any. The enzymes `tpmt` and `nudt15` are named directly, any other fact after the word "
        "`fact`. Names and values: `docs/roster.md`."
    )
    EXAMPLE: ClassVar = "tpmt is deficient"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        name = words.get("GENE") or words["NAME"]
        if "NAME" in words and name in RESERVED:
            raise Unreadable(
                f'"fact {name}" has a form of its own: "{text}"', f"write {RESERVED[name]} without fact"
            )
        return cls(text, name, words.get("LEVEL") or words["VALUE"])

    def judge(self, view: View) -> Verdict:
        """Judge the newest fact; of those that several may hold of, the newest that says so."""
        told = view.situation.facts.get(self.name, ())
        fact = latest_fact(told)
        if self.name in MANY_AT_ONCE:
            fact = latest_fact(each for each in told if each.value == self.value) or fact
        truth = Truth.of(fact is not None and fact.value == self.value)
        return _of_fact(self, fact, truth, f"{self.name} is not on record")

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """A fact that nobody can record silences a rule for ever."""
        del analytes
        values = FACT_VALUES.get(self.name)
        if values is None:
            yield Unreadable(f'unknown fact "{self.name}" in "{self.text}"', near(self.name, FACT_VALUES))
        elif self.value not in values:
            message = f'"{self.value}" is not a value of {self.name} in "{self.text}"'
            yield Unreadable(message, near(self.value, values))

    @property
    def saying(self) -> str:
        """``TPMT is deficient``."""
        return f"{self.name.upper() if self.name in RESERVED else self.name} is {self.value}"


@dataclass(frozen=True, slots=True)
class Symptom(Condition):
    """``symptom recorded``."""

    PATTERNS: ClassVar = ("symptom recorded",)
    MEANING: ClassVar = (
        "The newest symptom fact since the therapy began, not older than 28 days, names a symptom; false "
        "where it says `none`, UNKNOWN where nobody has recorded any: unknown is not no."
    )
    EXAMPLE: ClassVar = "symptom recorded"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        del words  # the pattern has no slots
        return cls(text)

    def judge(self, view: View) -> Verdict:
        """Judge the newest symptom fact in scope; a symptom counts before a ``none`` of the same moment."""
        fact = latest_fact(view.situation.facts.get("symptom", ()))
        if fact is None or fact.effective.at < view.situation.symptoms_from:
            return _of_fact(self, None, Truth.UNKNOWN, "symptoms are not on record")
        together = [f for f in view.situation.facts["symptom"] if f.effective.at == fact.effective.at]
        fact = next((each for each in together if each.value not in NO_SYMPTOM), fact)
        return _of_fact(self, fact, Truth.of(fact.value not in NO_SYMPTOM), "")

    @property
    def saying(self) -> str:
        """``a symptom is recorded``."""
        return "a symptom is recorded"


@dataclass(frozen=True, slots=True)
class NamedSymptom(Condition):
    """``symptom is nausea``."""

    symptom: str

    PATTERNS: ClassVar = ("symptom is SYMPTOM",)
    MEANING: ClassVar = (
        "That symptom has been recorded since the therapy began, not longer than 28 days before the newest "
        "result, and no `none` after it; false where only "
        "others have been, UNKNOWN where nobody has recorded any."
    )
    EXAMPLE: ClassVar = "symptom is nausea"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["SYMPTOM"])

    def judge(self, view: View) -> Verdict:
        """Judge the symptom facts in scope: jaundice told on Tuesday does not take back Monday's nausea."""
        scope = view.situation.symptoms_from
        told = [f for f in view.situation.facts.get("symptom", ()) if f.effective.at >= scope]
        well = max((f.effective.at for f in told if f.value in NO_SYMPTOM), default=scope)
        found = latest_fact(f for f in told if f.value == self.symptom and f.effective.at >= well)
        shown = found or latest_fact(told)
        return _of_fact(self, shown, Truth.of(found is not None), "symptoms are not on record")

    @property
    def saying(self) -> str:
        """``nausea is recorded``."""
        return f"{self.symptom.replace('-', ' ')} is recorded"


@dataclass(frozen=True, slots=True)
class OtherDrug(Condition):
    """``on allopurinol``."""

    drug: str

    PATTERNS: ClassVar = ("on DRUG",)
    MEANING: ClassVar = (
        "The other drug is taken or ordered: the newest fact of its name is `active`, not `stopped`; UNKNOWN "
        "where nothing is known of it."
    )
    EXAMPLE: ClassVar = "on allopurinol"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["DRUG"])

    def judge(self, view: View) -> Verdict:
        """Judge the newest fact about the drug; a start that lies ahead counts, an end does not yet."""
        fact = drug_fact(view.situation, self.drug)
        truth = Truth.of(fact is not None and fact.value == TAKEN)
        return _of_fact(self, fact, truth, f"{self.drug} is not on record")

    @property
    def saying(self) -> str:
        """``the patient is on allopurinol``."""
        return f"the patient is on {self.drug}"


@dataclass(frozen=True, slots=True)
class Unusable(Condition):
    """``problem unit-missing``."""

    problem: Problem

    PATTERNS: ClassVar = ("problem PROBLEM",)
    MEANING: ClassVar = (
        "An observation in scope could not be used, for that reason; the rule gives one finding for each "
        "analyte concerned, of unmapped codes and missing ranges one for each sender, of spoiled specimens "
        "one for each condition. A rule that could hold without such an observation is refused: it is judged "
        "for nothing else."
    )
    EXAMPLE: ClassVar = "problem unit-missing"
    BY_RECORD: ClassVar = False
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, Problem(words["PROBLEM"]))

    def judge(self, view: View) -> Verdict:
        """Judge the observations that the rule is being asked about; the newest of them speaks."""
        concerned = [result for result in view.unusable if result.problem is self.problem]
        if not concerned:
            return Verdict(Evidence(self.text, Truth.FALSE))
        first, *more = map(self._evidence, concerned[:MOST_UNUSABLE])
        return Verdict(first, concerned[0], more=tuple(more))

    def _evidence(self, result: Result) -> Evidence:
        return Evidence(
            self.text,
            Truth.TRUE,
            result.analyte,
            sent=result.sent,
            collected_at=result.collected.at,
            result_status=result.status.value,
            result_key=result.key,
            note=f"{result.code} {result.code_text}".strip(),
        )

    @property
    def saying(self) -> str:
        """``a result could not be used (unit-missing)``."""
        return f"a result could not be used ({self.problem.value})"
