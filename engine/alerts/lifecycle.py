"""The life of an alert as a table: what was told last, what holds now, what to tell.

Phases are those of IHE ACM (start, update, escalate, deescalate, end). A repeat of an unchanged finding
is not told again inside the rule's repeat interval; getting worse always is.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.model.alert import AlertReason, Phase
from engine.model.finding import Finding


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
    OTHER_RULE = "other-rule"
    DUE = "due"  # unchanged or better, and the repeat interval is over
    REPEAT = "repeat"  # unchanged or better, inside the repeat interval


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


def next_step(told: Finding | None, holds: Finding | None, change: EvidenceChange) -> Step | None:
    """What to publish, or None.

    ``told`` is the finding last published of an open alert (None: no open alert); ``holds`` the finding
    of that family now (None: it no longer fires).
    """
    if told is None:
        return None if holds is None else Step(Phase.START, _raising(holds, AlertReason.NEW))
    step = _OPEN[_compare(told, holds)]
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


def _compare(told: Finding, holds: Finding | None) -> Now:
    if holds is None or holds.severity is None or told.severity is None:
        return Now.SILENT
    if holds.severity.rank != told.severity.rank:
        return Now.HIGHER if holds.severity.rank > told.severity.rank else Now.LOWER
    if holds.rule_id != told.rule_id:
        return Now.OTHER_RULE
    if _worse(told, holds):
        return Now.WORSE
    if (
        told.clinical_at is not None
        and holds.clinical_at is not None
        and holds.clinical_at - told.clinical_at >= told.repeat_after
    ):
        return Now.DUE
    return Now.REPEAT


def _worse(told: Finding, holds: Finding) -> bool:
    before = dict(told.badness)
    return any(
        analyte in before and Decimal(badness) > Decimal(before[analyte])
        for analyte, badness in holds.badness
    )
