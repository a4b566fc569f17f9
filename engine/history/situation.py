"""One record as the rules see it: which therapy episode, which results count, against what baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from engine.history.baseline import baselines
from engine.history.series import FINAL, FINAL_AND_PROVISIONAL, series, unanswered_problems, without_range
from engine.history.specimens import spoiled_values
from engine.model.moment import Moment
from engine.model.record import Situation
from engine.model.result import Result
from engine.model.therapy import Fact, TherapySpan, exposure
from engine.model.watch import Watch

SYMPTOM = "symptom"


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """``after_stop``: results collected this long after a stop are still judged (the drug acts on);
    ``baseline_window``: how far before the start a value may count as, or towards, the baseline;
    ``assumed_ranges``: a published range stands in where a laboratory printed none; ``ranged`` are the
    analytes whose printed range some rule looks at, ``judged`` those that some rule looks at at all.
    ``reserved_in``: by analyte, the conditions of a specimen in which it is judged with reserve;
    ``range_needed_above``: by analyte, the value above which a missing range is told of at once.
    """

    after_stop: timedelta = timedelta(days=90)
    baseline_window: timedelta = timedelta(days=365)
    assumed_ranges: bool = False
    ranged: frozenset[str] = frozenset()
    judged: frozenset[str] = frozenset()
    reserved_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    range_needed_above: Mapping[str, Decimal] = field(default_factory=dict)


def situation_of(
    results: Sequence[Result],
    spans: Sequence[TherapySpan],
    facts: Mapping[str, tuple[Fact, ...]],
    options: HistoryOptions,
    watch: Watch | None = None,
    told: datetime | None = None,
) -> Situation:
    """What the rules see of a person of whom at least one course is told, be it one that lies ahead.

    ``spans`` ascend by start. The instant judged is the newest collection time during exposure, so the
    outcome is a function of what was told, not of when it arrived or of the clock; while nothing has been
    collected, it is the newest time that the therapy is told of: the newest start, or ``told`` if later.
    ``watch`` is handed on to the conditions that wait for something, while its clock lies in exposure.
    """
    days = options.after_stop.days
    # A panel is one draw: what holds of its time is found once.
    draws = {result.collected for result in results if not result.withdrawn}
    exposed = [collected for collected in draws if _exposed(collected, spans, days)]
    if exposed:
        newest = max(exposed, key=lambda collected: (collected.at, collected.latest))
        # A date may mean any time of that day: a first dose on the day of the sample is in time.
        at = newest.at if exposure(spans, newest.at, days).in_scope else newest.latest
    else:
        at = max(spans[-1].start, told or spans[-1].start)
    begun = [span for span in spans if span.start <= at]
    governing = exposure(begun, at, days)
    episodes = [span for span in begun if span != governing.span]
    if governing.span is not None:
        episodes.append(governing.span)
    told_of = {result.collected for result in results}
    reached = {collected for collected in told_of if _in_reach(collected, begun, days)}
    in_scope = [result for result in results if result.collected in reached]
    usable = series(in_scope, FINAL)
    provisional = usable
    if any(result.status in "PS" for result in in_scope):
        provisional = series(in_scope, FINAL_AND_PROVISIONAL)
    problems = tuple(
        problem for problem in unanswered_problems(in_scope) if problem.collected.latest >= begun[0].start
    )
    since = begun[0].start
    missing_ranges = without_range(usable, options.ranged, since, options.range_needed_above)
    spoiled = spoiled_values(usable, options.judged, options.reserved_in, since)
    found, absent = baselines(usable, facts, episodes, options.baseline_window)
    return Situation(
        at=at,
        scope_from=begun[0].start,
        series=usable,
        provisional=provisional,
        problems=(*problems, *missing_ranges, *spoiled),
        baselines=found,
        without_baseline=absent,
        facts=_in_exposure(facts, spans, days),
        span=governing.span,
        state=governing.state,
        spans=tuple(spans),
        watch=watch if watch is not None and exposure(spans, watch.clock, days).in_scope else None,
        told=told,
    )


def _in_exposure(
    facts: Mapping[str, tuple[Fact, ...]], spans: Sequence[TherapySpan], days_after_stop: int
) -> Mapping[str, tuple[Fact, ...]]:
    """The facts without symptoms of the drug-free years, which say as little of the drug as their results."""
    symptoms = facts.get(SYMPTOM, ())
    counting = tuple(fact for fact in symptoms if _in_reach(fact.effective, spans, days_after_stop))
    return facts if len(counting) == len(symptoms) else {**facts, SYMPTOM: counting}


def _exposed(collected: Moment, spans: Sequence[TherapySpan], days_after_stop: int) -> bool:
    """Whether a sample was, or as far as its time was told may have been, taken during exposure."""
    latest = collected.latest
    instants = (latest,) if latest == collected.at else (collected.at, latest)
    return any(exposure(spans, instant, days_after_stop).in_scope for instant in instants)


def _in_reach(collected: Moment, spans: Sequence[TherapySpan], days_after_stop: int) -> bool:
    """Before the first start (baseline) or during exposure; not the drug-free years in between."""
    return collected.at < spans[0].start or _exposed(collected, spans, days_after_stop)
