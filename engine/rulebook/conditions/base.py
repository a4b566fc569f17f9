"""What every form of condition shares: its view of the record, its verdict, and how evidence is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from types import MappingProxyType
from typing import ClassVar, NamedTuple, Self, TypeVar

from engine.model.codes import AnalyteDefinition, AnalyteKind
from engine.model.finding import Evidence, Severity, UnknownCause
from engine.model.quantity import Interval, Operator, Truth, plain
from engine.model.record import Situation
from engine.model.result import Result
from engine.rulebook.syntax import Unreadable, near

Analytes = Mapping[str, AnalyteDefinition]

HIGH = (Operator.GREATER, Operator.GREATER_OR_EQUAL)


class Standing(NamedTuple):
    """What other rules have concluded in the same judgement, as far as a rule may ask.

    ``firing``: the rules whose conditions hold. ``speaking``: the alert rules that say something, those
    included that cannot exclude it, and how loud. ``repeat_within``: how often a panel is due at least.
    ``by_limit``: of the rules that fire those that would not without a limit of the patient, and its words.
    """

    firing: AbstractSet[str] = frozenset()
    speaking: Mapping[str, Severity] = MappingProxyType({})
    repeat_within: Mapping[str, timedelta] = MappingProxyType({})
    by_limit: Mapping[str, str] = MappingProxyType({})


ALONE = Standing()

_Answer = TypeVar("_Answer")


class View:
    """What one rule sees of a situation.

    ``unusable`` are the observations that a data-quality rule is being asked about, newest first; empty
    for other rules. ``standing`` is what other rules have concluded.
    """

    __slots__ = ("_memo", "_truths", "_verdicts", "series", "situation", "standing", "unusable")

    def __init__(
        self,
        situation: Situation,
        *,
        preliminary: bool,
        unusable: tuple[Result, ...] = (),
        standing: Standing = ALONE,
    ) -> None:
        self.situation = situation
        self.standing = standing
        self.series = situation.provisional if preliminary else situation.series
        self.unusable = unusable
        self._verdicts, self._truths, self._memo = situation.memo[self.series is situation.series]

    def judged(self, condition: Condition) -> Verdict:
        """The verdict on a condition; one that rests on the record alone is judged once for all rules."""
        if not condition.BY_RECORD:
            return condition.judge(self)
        # By its text, which says all of it: the hash of a text is known.
        verdicts = self._verdicts
        found = verdicts.get(condition.text)
        if found is None:
            found = verdicts[condition.text] = condition.judge(self)
        return found

    def truth(self, condition: Condition) -> Truth:
        """Whether a condition holds, as far as can be known, without gathering its evidence."""
        if not condition.BY_RECORD:
            return condition.judge(self).truth
        found = self._truths.get(condition.text)
        if found is None:
            found = self._truths[condition.text] = condition.truth(self)
        return found

    def once(self, what: str, asked: str, answer: Callable[[str], _Answer]) -> _Answer:
        """What was answered when the same was asked of this situation before, by whichever rule."""
        key = (what, asked)
        if key not in self._memo:
            self._memo[key] = answer(asked)
        found: _Answer = self._memo[key]
        return found

    @property
    def subject(self) -> Result | None:
        """The newest of the observations that a data-quality rule is being asked about."""
        return self.unusable[0] if self.unusable else None

    def current(self, analyte: str) -> Result | None:
        """The newest usable result of the analyte, None when the newest was collected before the scope."""
        newest = self.newest(analyte)
        return newest[-1] if newest else None

    def newest(self, analyte: str) -> tuple[Result, ...]:
        """All usable results that may be the newest: one, or several of the same time.

        Two methods, two orders, or a time that was told as a date only: none of them outdates the other.
        """
        return self.once("newest", analyte, self._newest)

    def _newest(self, analyte: str) -> tuple[Result, ...]:
        scoped = self.scoped(analyte)
        return tuple(result for result in scoped if result.collected.overlaps(scoped[-1].collected))

    def draws(self, analyte: str) -> list[tuple[Result, ...]]:
        """The usable results in scope by time of collection, oldest first, those of one time together."""
        return list(self.once("draws", analyte, self._draws))

    def _draws(self, analyte: str) -> list[tuple[Result, ...]]:
        groups: list[tuple[Result, ...]] = []
        for result in self.scoped(analyte):
            if groups and groups[-1][-1].collected.overlaps(result.collected):
                groups[-1] = (*groups[-1], result)
            else:
                groups.append((result,))
        return groups

    def scoped(self, analyte: str) -> tuple[Result, ...]:
        """All usable results of the analyte in scope, oldest first.

        A value that its specimen has spoiled (AST of a haemolysed one) is as good as not measured: what held
        before still holds. It is among them only where there is no other, so that evidence can show it.
        """
        return self.once("scoped", analyte, self._scoped)

    def _scoped(self, analyte: str) -> tuple[Result, ...]:
        taken = self.taken(analyte)
        return tuple(result for result in taken if not result.spoiled) or taken

    def taken(self, analyte: str) -> tuple[Result, ...]:
        """All results of the analyte in scope, oldest first, spoiled ones too: the test was thought of."""
        start = self.situation.scope_from
        return tuple(
            result
            for result in self.series.get(analyte, ())
            if result.quantity is not None and result.collected.latest >= start
        )

    def spoiled_since(self, result: Result) -> Result | None:
        """The newest value of the same analyte where its specimen has spoiled it and ``result`` is older."""
        newest = max(self.taken(result.analyte), key=lambda one: one.collected.latest, default=None)
        if newest is None or not newest.spoiled or newest.collected.overlaps(result.collected):
            return None
        return newest if newest.collected.at > result.collected.at else None

    def usable(self, analyte: str) -> Iterator[Result]:
        """All usable results of the analyte, those before the therapy too, oldest first."""
        known = self.series.get(analyte, ())
        return (result for result in known if result.quantity is not None and not result.spoiled)

    def before(self, result: Result) -> tuple[Result, ...]:
        """All usable results of the same analyte that come before ``result``, oldest first."""
        return tuple(
            earlier
            for earlier in self.usable(result.analyte)
            if earlier.collected.latest < result.collected.at
        )


class Verdict(NamedTuple):
    """A judged condition: the evidence to show, and what pairing and ranking need to know.

    ``excess`` tells how far beyond its threshold the value is (1 = at it); ``badness`` grows as the
    patient gets worse. Both are None where they mean nothing. ``more`` is evidence of the same kind, of
    other observations than ``result``. ``since`` is from when on it holds by the clock, where it does, and
    ``look_at`` when time alone will make it true.
    """

    evidence: Evidence
    result: Result | None = None
    excess: Decimal | None = None
    badness: Decimal | None = None
    more: tuple[Evidence, ...] = ()
    since: datetime | None = None
    look_at: datetime | None = None

    @property
    def truth(self) -> Truth:
        """The truth of the evidence."""
        return self.evidence.truth


_SPEAKS = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 2}


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that speaks most for the rule: a true one, then one in doubt, then by its excess."""
    return max(verdicts, key=lambda one: (_SPEAKS[one.truth], one.excess or Decimal(0)))


@dataclass(frozen=True, slots=True)
class Condition(ABC):
    """One line of a rule. A form is a subclass with its patterns, its documentation and its judgement."""

    text: str

    PATTERNS: ClassVar[tuple[str, ...]]
    MEANING: ClassVar[str]
    EXAMPLE: ClassVar[str]
    CAN_BE_UNKNOWN: ClassVar[bool] = True
    OF_RESULTS: ClassVar[bool] = False
    """Whether without any result of its analytes it is false, or unknown because one is missing."""
    BY_RECORD: ClassVar[bool] = True  # not by what other rules conclude, nor by what a rule is asked about
    OF_NEWEST_COURSE: ClassVar[bool] = False
    """Whether it is about the course told of last, which may lie ahead, not the one that results govern."""
    TIMED: ClassVar[bool] = False
    """Whether time alone may change what it says: then a sweep judges it."""

    @classmethod
    @abstractmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that ``text`` says; ``words`` are the words in the slots of its pattern."""

    @abstractmethod
    def judge(self, view: View) -> Verdict:
        """Whether it holds, as far as can be known; never raises."""

    def truth(self, view: View) -> Truth:
        """The truth of its verdict; a form may know it without the evidence."""
        return view.judged(self).truth

    @property
    @abstractmethod
    def saying(self) -> str:
        """What it says of its analytes, for people: ``is at least 500 U/L``."""

    def words(self, analytes: Analytes) -> str:
        """The condition as a clinician would say it: ``ALT is at least 500 U/L``."""
        names = " / ".join(analytes[name].title for name in self.analytes)
        return f"{names} {self.saying}".lstrip()

    @property
    def analytes(self) -> tuple[str, ...]:
        """The analytes it judges."""
        return ()

    @property
    def multiple_of(self) -> str:
        """What it compares a multiple with (``baseline``, ``ULN``, ...), or empty."""
        return ""

    @property
    def ranged(self) -> tuple[str, ...]:
        """The analytes whose printed reference range it looks at."""
        return self.analytes if self.multiple_of in ("ULN", "LLN") else ()

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """What is wrong with it although its words are in order: unknown analytes, units that do not fit."""
        for name in self.analytes:
            definition = analytes.get(name)
            if definition is None:
                yield Unreadable(f'unknown analyte "{name}" in "{self.text}"', near(name, analytes))
            elif definition.kind is AnalyteKind.CODED:
                yield Unreadable(
                    f'{name} has no number to compare in "{self.text}"', "write a condition on a fact"
                )


OPERATOR_WORDS: Mapping[Operator, str] = {
    Operator.GREATER_OR_EQUAL: "at least",
    Operator.GREATER: "above",
    Operator.LESS_OR_EQUAL: "at most",
    Operator.LESS: "below",
}


_ANY = Interval(None, None)


def interval_of(result: Result) -> Interval:
    """The numbers that a usable result may stand for: any, where its specimen has spoiled it."""
    if result.spoiled:
        return _ANY
    assert result.quantity is not None  # noqa: S101 - View hands out results with a quantity only
    return result.quantity.interval


def compare(value: Interval, operator: Operator, other: Interval) -> Truth:
    """Whether ``value`` stands so to ``other`` whatever numbers the two intervals mean."""
    upper, lower = (other.high, other.low) if operator in HIGH else (other.low, other.high)
    if upper is not None and value.compare(operator, upper) is Truth.TRUE:
        return Truth.TRUE
    if lower is not None and value.compare(operator, lower) is Truth.FALSE:
        return Truth.FALSE
    return Truth.UNKNOWN


def nearest(value: Interval, operator: Operator) -> Decimal | None:
    """The number of an interval that speaks least for the worst: 480 of ``>480`` where high is bad."""
    first, second = (value.low, value.high) if operator in HIGH else (value.high, value.low)
    return second if first is None else first


def excess(number: Decimal | None, operator: Operator, threshold: Decimal | None) -> Decimal | None:
    """How far beyond the threshold, 1 being at it; None where one of the numbers is missing or zero."""
    if not number or not threshold:
        return None
    return number / threshold if operator in HIGH else threshold / number


def badness(number: Decimal | None, operator: Operator) -> Decimal | None:
    """A number that grows as the patient gets worse."""
    if number is None:
        return None
    return number if operator in HIGH else -number


def ratio(numerator: Decimal, denominator: Decimal, bound: Decimal | None = None) -> str:
    """The quotient as text: two decimals, or as many more as it takes not to look like ``bound``.

    Cut and never rounded up, so that no limit looks reached that was not: 4.9996 is shown as 4.99. What
    is beyond a limit is not shown as at it either: 3.0025 is 3.002 beside a rule that says "above 3".
    """
    exact = numerator / denominator
    for places in range(2, 7):
        shown = cut(exact, places)
        if bound is None or (shown.compare(bound) == exact.compare(bound)):
            return plain(shown)
    return plain(exact)


def cut(number: Decimal, places: int) -> Decimal:
    """The number with at most so many decimals, the rest cut off."""
    return number.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)


def missing(condition: str, analyte: str, view: View, note: str = "") -> Verdict:
    """UNKNOWN because there is no usable result in scope."""
    since = view.situation.scope_from.date().isoformat()
    return Verdict(
        Evidence(
            condition,
            Truth.UNKNOWN,
            analyte,
            cause=UnknownCause.MISSING,
            note=note or f"no usable result since {since}",
        )
    )


def evidence(
    condition: str,
    truth: Truth,
    result: Result,
    *,
    kind: str = "",
    reference: str = "",
    source: str = "",
    threshold: str = "",
    fold: str = "",
    cause: UnknownCause | None = None,
    note: str = "",
) -> Evidence:
    """Evidence about one measured result; an UNKNOWN without a cause is the fault of the value.

    ``fold`` is given as a plain number and gets the comparator of the value.
    """
    text, unit = (str(result.quantity.interval), result.quantity.unit) if result.quantity else ("", "")
    number = text.lstrip("<>=")
    comparator = text[: len(text) - len(number)]
    if truth is Truth.UNKNOWN and cause is None:
        cause = UnknownCause.SPOILED if result.spoiled else UnknownCause.VALUE
    if result.specimen_condition:
        condition_of_specimen = f"{result.specimen_condition}{': not judged' if result.spoiled else ''}"
        note = ", ".join(filter(None, (condition_of_specimen, note)))
    return Evidence(
        condition,
        truth,
        result.analyte,
        number,
        comparator,
        unit,
        result.sent,
        result.collected.at,
        result.status.value,
        result.key,
        kind,
        reference,
        source,
        threshold,
        comparator + fold if fold else "",
        cause,
        note,
    )
