"""One record as the rules see it: which therapy episode, which results count, against what baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.history.baseline import baselines
from engine.history.series import FINAL, FINAL_AND_PROVISIONAL, series, unanswered_problems
from engine.model.record import Situation
from engine.model.result import Result
from engine.model.therapy import Fact, TherapySpan


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """``after_stop``: results collected this long after a stop are still judged (the drug acts on);
    ``baseline_window``: how far before the first dose a result may count towards the baseline.
    """

    after_stop: timedelta = timedelta(days=90)
    baseline_window: timedelta = timedelta(days=365)


def situation_of(
    results: Sequence[Result],
    spans: Sequence[TherapySpan],
    facts: Mapping[str, tuple[Fact, ...]],
    options: HistoryOptions,
) -> Situation | None:
    """What the rules see, or None when nothing was ever collected during exposure to a thiopurine.

    ``spans`` ascend by start. The instant judged is the newest collection time during exposure, so the
    outcome is a function of what was told, not of when it arrived or of the clock.
    """
    exposed = [
        result for result in results if not result.withdrawn and _exposed(result.collected.at, spans, options)
    ]
    if not exposed:
        return None
    at = max(result.collected.at for result in exposed)
    begun = [span for span in spans if span.start <= at]
    in_scope = [result for result in results if _in_reach(result.collected.at, begun, options)]
    usable = series(in_scope, FINAL)
    provisional = usable
    if any(result.status in "PS" for result in in_scope):
        provisional = series(in_scope, FINAL_AND_PROVISIONAL)
    problems = tuple(
        problem for problem in unanswered_problems(in_scope) if problem.collected.at >= begun[0].start
    )
    return Situation(
        at=at,
        scope_from=begun[0].start,
        series=usable,
        provisional=provisional,
        problems=problems,
        baselines=baselines(usable, facts, begun, options.baseline_window),
        facts=facts,
        span=begun[-1],
        state=begun[-1].state_at(at),
    )


def _exposed(instant: datetime, spans: Sequence[TherapySpan], options: HistoryOptions) -> bool:
    return any(
        span.start <= instant and (span.stop is None or instant < span.stop + options.after_stop)
        for span in spans
    )


def _in_reach(instant: datetime, spans: Sequence[TherapySpan], options: HistoryOptions) -> bool:
    """Before the first start (baseline) or during exposure; not the drug-free years in between."""
    return instant < spans[0].start or _exposed(instant, spans, options)
