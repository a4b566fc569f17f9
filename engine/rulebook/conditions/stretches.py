"""Conditions on the stretches of a therapy: what was measured before or since its starts and stops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, NamedTuple, Self

from engine.model.finding import Evidence, UnknownCause
from engine.model.quantity import ReferenceRange, Truth, all_of
from engine.model.record import Situation
from engine.model.result import Result
from engine.rulebook.conditions.base import (
    HIGH,
    Verdict,
    View,
    gravest,
    interval_of,
    missing,
)
from engine.rulebook.conditions.one_comparison import OfComparison, comparison_of


class Stretch(NamedTuple):
    """A stretch of time, from ``begin`` (None: from ever on) until just before ``end`` (None: until now)."""

    begin: datetime | None
    end: datetime | None
    words: str

    def holds(self, result: Result) -> bool:
        """Whether the result lies in it; one of which only the date is known lies where it may lie last."""
        latest = result.collected.latest
        return (self.begin is None or latest >= self.begin) and (self.end is None or latest < self.end)


def last_stop(situation: Situation) -> datetime | None:
    """When the thiopurine was last stopped, as far as is told; a change to another thiopurine is no stop."""
    spans = situation.spans
    stops = (
        span.stop
        for span in spans
        if span.stop is not None
        and span.stop <= situation.horizon
        and not any(o.start < span.stop and (o.stop is None or span.stop < o.stop) for o in spans)
    )
    return max(stops, default=None)


def stretch_of(relation: str, origin: str, situation: Situation) -> Stretch | str:
    """The stretch that ``since restart`` or ``before stop`` means; a text where there has been none.

    What comes before a restart or a stop begins with the first start of the therapy.
    """
    if origin == "start":
        moment: datetime | None = situation.scope_from
    elif origin == "stop":
        moment = last_stop(situation)
    else:
        newest = situation.spans[-1] if situation.spans else None
        moment = newest.start if newest is not None and newest.restart else None
    if moment is None:
        return "never stopped" if origin == "stop" else "never restarted"
    words = f"{relation} the {origin} of {moment.date().isoformat()}"
    if relation == "since":
        return Stretch(moment, None, words)
    return Stretch(None if origin == "start" else situation.scope_from, moment, words)


@dataclass(frozen=True, slots=True)
class Was(OfComparison):
    """``alt was > 10 x ULN before restart``."""

    relation: str
    origin: str

    PATTERNS: ClassVar = (
        "ANALYTE was OPERATOR NUMBER UNIT RELATION EVENT",
        "ANALYTE was OPERATOR NUMBER x LIMIT RELATION EVENT",
    )
    MEANING: ClassVar = (
        "Some earlier result compares so, each with the limits printed with it; a result without such a "
        "limit is passed over. `since start`: since the first start, `since restart`: in the newest course, "
        "`since stop`: since the last stop, always without the current value; false where nothing earlier "
        "was measured. `before start`: before the first start, `before restart` and `before stop`: from the "
        "first start until then; UNKNOWN where nothing was measured. Without any restart (or stop) it is "
        "false."
    )
    EXAMPLE: ClassVar = "alt was > 10 x ULN before restart"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, comparison_of(text, words), words["RELATION"], words["EVENT"])

    @property
    def multiple_of(self) -> str:
        """None: a fold in a message is that of a current value."""
        return ""

    def judge(self, view: View) -> Verdict:
        """Judge every result of the stretch; the evidence shows the one that speaks most for the rule.

        The verdict names no result: what is past is no value to act on, and pairs with no other.
        """
        analyte = self.comparison.analyte
        stretch = stretch_of(self.relation, self.origin, view.situation)
        if isinstance(stretch, str):
            return Verdict(Evidence(self.text, Truth.FALSE, analyte, note=stretch))
        known = self._earlier(stretch, view)
        if not known:
            if self.relation == "before":
                return missing(self.text, analyte, view, f"nothing measured {stretch.words}")
            note = f"nothing earlier measured {stretch.words}"
            return Verdict(Evidence(self.text, Truth.FALSE, analyte, note=note))
        verdicts = [self.comparison.judge_result(result, view) for result in self._telling(known)]
        judged = [verdict for verdict in verdicts if not _incomparable(verdict)]
        shown = gravest(judged or verdicts)
        note = shown.evidence.note if shown.truth is Truth.UNKNOWN else ""
        count = f"{len(known)} result{'s' if len(known) > 1 else ''} {stretch.words}"
        seen = replace(shown.evidence, note=", ".join(filter(None, (note, count))))
        return Verdict(seen)

    def truth(self, view: View) -> Truth:
        """That of the verdict; the evidence is asked only where some result leaves it open."""
        stretch = stretch_of(self.relation, self.origin, view.situation)
        known = [] if isinstance(stretch, str) else self._earlier(stretch, view)
        truths = {self.comparison.truth_of(result, view) for result in self._telling(known)}
        if Truth.TRUE in truths:
            return Truth.TRUE
        return Truth.FALSE if truths == {Truth.FALSE} else view.judged(self).truth

    def _earlier(self, stretch: Stretch, view: View) -> list[Result]:
        known = [result for result in view.usable(self.comparison.analyte) if stretch.holds(result)]
        if self.relation != "since":
            return known
        current = {result.key for result in view.newest(self.comparison.analyte)}
        return [result for result in known if result.key not in current]

    def _telling(self, results: Sequence[Result]) -> Iterator[Result]:
        """Of those with the same limits only the two that can speak most: one for certain, one in doubt."""
        of_limits: dict[tuple[str, ReferenceRange | None], list[Result]] = {}
        for result in results:
            unit = result.quantity.unit if result.quantity else ""
            of_limits.setdefault((unit, result.reference), []).append(result)
        most = max if self.comparison.operator in HIGH else min
        for group in of_limits.values():
            yield most(group, key=_lower_end)
            yield most(group, key=_upper_end)

    @property
    def saying(self) -> str:
        """``was above 10 x upper limit of normal before the restart``."""
        return f"{self.comparison.saying.replace('is', 'was', 1)} {self.relation} the {self.origin}"


def _lower_end(result: Result) -> tuple[Decimal, bool]:
    interval = interval_of(result)
    return Decimal("-Infinity") if interval.low is None else interval.low, interval.low_open


def _upper_end(result: Result) -> tuple[Decimal, bool]:
    interval = interval_of(result)
    return Decimal("Infinity") if interval.high is None else interval.high, not interval.high_open


def _incomparable(verdict: Verdict) -> bool:
    return verdict.evidence.cause in (UnknownCause.REFERENCE, UnknownCause.MISSING)


@dataclass(frozen=True, slots=True)
class Repeated(OfComparison):
    """``alp < 1 x LLN for 2 results``."""

    count: int
    origin: str

    PATTERNS: ClassVar = (
        "ANALYTE OPERATOR NUMBER UNIT for COUNT results",
        "ANALYTE OPERATOR NUMBER x LIMIT for COUNT results",
        "ANALYTE OPERATOR NUMBER UNIT for COUNT results since EVENT",
        "ANALYTE OPERATOR NUMBER x LIMIT for COUNT results since EVENT",
    )
    MEANING: ClassVar = (
        "Each of the last so many results in scope (or of that stretch, see `was`) compares so, each with "
        "the limits printed with it. With fewer results it is false: nothing has been repeated yet."
    )
    EXAMPLE: ClassVar = "alp < 1 x LLN for 2 results"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, comparison_of(text, words), int(words["COUNT"]), words.get("EVENT", ""))

    def judge(self, view: View) -> Verdict:
        """Judge the last ``count`` results; the evidence shows the newest, or the one that decides."""
        reached = self._last(view)
        if isinstance(reached, str):
            return Verdict(Evidence(self.text, Truth.FALSE, self.comparison.analyte, note=reached))
        draws, since = reached
        if not draws:
            return missing(self.text, self.comparison.analyte, view, since and f"nothing measured {since}")
        verdicts = [self.comparison.gravest(draw, view) for draw in draws]
        results = [verdict.result for verdict in verdicts if verdict.result is not None]
        truth = all_of(verdict.truth for verdict in verdicts)
        shown = next(verdict for verdict in reversed(verdicts) if verdict.truth is truth)
        note = "results: " + ", ".join(str(interval_of(result)) for result in results)
        if len(draws) < self.count and truth is not Truth.FALSE:
            truth, shown, note = Truth.FALSE, verdicts[-1], f"{len(draws)} of {self.count} results so far"
        cause = shown.evidence.cause if truth is Truth.UNKNOWN else None
        seen = replace(shown.evidence, condition=self.text, truth=truth, cause=cause, note=note)
        return shown._replace(evidence=seen)

    def truth(self, view: View) -> Truth:
        """That of the verdict, without its evidence."""
        reached = self._last(view)
        if isinstance(reached, str):
            return Truth.FALSE
        draws, _ = reached
        if len(draws) < self.count:
            return Truth.FALSE if draws else Truth.UNKNOWN
        return all_of([self.comparison.gravest_truth(draw, view) for draw in draws])

    def _last(self, view: View) -> tuple[list[tuple[Result, ...]], str] | str:
        """The last ``count`` draws, and since when; or why there is no such stretch."""
        draws, since = view.draws(self.comparison.analyte), ""
        if self.origin:
            stretch = stretch_of("since", self.origin, view.situation)
            if isinstance(stretch, str):
                return stretch
            draws, since = [draw for draw in draws if stretch.holds(draw[-1])], stretch.words
        return draws[-self.count :], since

    @property
    def saying(self) -> str:
        """``is below 1 x lower limit of normal on 2 results in a row since the restart``."""
        since = f" since the {self.origin}" if self.origin else ""
        return f"{self.comparison.saying} on {self.count} results in a row{since}"
