"""The life of an alert as a table: what was told last, what holds now, what to tell.

Phases are those of IHE ACM (start, update, escalate, deescalate, end). A repeat of an unchanged finding
is not told again inside the rule's repeat interval, nor later while it improves; getting worse always is.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.model.alert import AlertReason, Phase
from engine.model.finding import Finding
from engine.model.quantity import Truth


class EvidenceChange(StrEnum):
    """What has happened, since it was told, to the results that the told finding rested on."""

    NONE = "none"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


class Now(StrEnum):
    """The finding that holds now, compared with the one told last."""

    SILENT = "silent"
    HIGHER = "higher"
    LOWER = "lower"
    WORSE = "worse"
    OTHER_RULE = "other-rule"  # unless the same values fall past one limit to the next
    DUE = "due"  # no longer improving, and the repeat interval is over
    REPEAT = "repeat"  # improving, or unchanged inside the repeat interval


@dataclass(frozen=True, slots=True)
class Step:
    """What to publish about an alert."""

    phase: Phase
    reason: AlertReason


_OPEN: dict[Now, Step | None] = {
    Now.SILENT: Step(Phase.END, AlertReason.RESOLVED),
    Now.HIGHER: Step(Phase.ESCALATE, AlertReason.WORSE),
    Now.LOWER: Step(Phase.DEESCALATE, AlertReason.CHANGED),
    Now.WORSE: Step(Phase.UPDATE, AlertReason.WORSE),
    Now.OTHER_RULE: Step(Phase.UPDATE, AlertReason.CHANGED),
    Now.DUE: Step(Phase.UPDATE, AlertReason.CHANGED),
    Now.REPEAT: None,
}

_REASON_OF_CHANGE = {
    EvidenceChange.CORRECTED: AlertReason.CORRECTED,
    EvidenceChange.WITHDRAWN: AlertReason.WITHDRAWN,
}


def next_step(
    told: Finding | None, holds: Finding | None, change: EvidenceChange, last: Finding | None = None
) -> Step | None:
    """What to publish, or None.

    ``told`` is the finding last published of an open alert (None: no open alert); ``holds`` the finding
    of that family now (None: it no longer fires). ``last`` is the finding judged last, which need not
    have been told; None where it is the one told.
    """
    if told is None:
        return None if holds is None else Step(Phase.START, _raising(holds, AlertReason.NEW))
    step = _OPEN[_compare(told, holds, last or told)]
    if holds is not None and step is not None and step.phase is Phase.ESCALATE:
        step = Step(Phase.ESCALATE, _raising(holds, step.reason))
    if change is EvidenceChange.NONE:
        return step
    reason = _REASON_OF_CHANGE[change]
    if step is None:
        return Step(Phase.UPDATE, reason)
    return Step(step.phase, reason)


def _raising(holds: Finding, reason: AlertReason) -> AlertReason:
    return AlertReason.OVERDUE if holds.overdue else reason


def _compare(told: Finding, holds: Finding | None, last: Finding) -> Now:
    if holds is None or holds.severity is None or told.severity is None:
        return Now.SILENT
    if holds.severity.rank != told.severity.rank:
        return Now.HIGHER if holds.severity.rank > told.severity.rank else Now.LOWER
    if holds.rule_id != told.rule_id:
        milder = _measured(holds) and _analytes(holds) <= _analytes(told) and _improving(told, holds, last)
        return Now.REPEAT if milder else Now.OTHER_RULE
    if _worse(told, holds):
        return Now.WORSE
    if (
        told.clinical_at is not None
        and holds.clinical_at is not None
        and holds.clinical_at - told.clinical_at >= told.repeat_after
        and not _improving(told, holds, last)
    ):
        return Now.DUE
    return Now.REPEAT


def _improving(told: Finding, holds: Finding, last: Finding) -> bool:
    """Better than what was told, and still getting better: a new value no lower than the last one is not."""
    if not _better(told, holds):
        return False
    return last.trigger_key == holds.trigger_key or _better(last, holds)


def _measured(finding: Finding) -> bool:
    """Whether it rests on values alone: a symptom or a restart is news, however the values are."""
    return all(evidence.analyte for evidence in finding.evidence if evidence.truth is Truth.TRUE)


def _analytes(finding: Finding) -> frozenset[str]:
    return frozenset(analyte for analyte, _ in finding.badness)


def _worse(before: Finding, after: Finding) -> bool:
    return any(step > 0 for step in _steps(before, after))


def _better(before: Finding, after: Finding) -> bool:
    """Some analyte is better, and none is worse."""
    steps = _steps(before, after)
    return any(step < 0 for step in steps) and not any(step > 0 for step in steps)


def _steps(before: Finding, after: Finding) -> list[Decimal]:
    """By how much each analyte has become worse."""
    known = dict(before.badness)
    return [Decimal(number) - Decimal(known[name]) for name, number in after.badness if name in known]
