"""What has become of the results that a told finding rested on."""

from __future__ import annotations

from engine.alerts.lifecycle import EvidenceChange
from engine.model.finding import Evidence, Finding
from engine.model.quantity import Truth
from engine.model.record import Record
from engine.model.result import Result, ResultStatus


def evidence_change(told: Finding, record: Record) -> EvidenceChange:
    """Whether the results that a told finding rested on have been withdrawn or changed since.

    A preliminary value that has become final is no correction (HL7 v2.9 OBX-11), whatever it is now.
    """
    stored = {result.key: result for result in record.results}
    change = EvidenceChange.NONE
    for evidence in told.evidence:
        if evidence.truth is Truth.FALSE or not evidence.result_key:
            continue
        # A derived count rests on several results, and its key names them all.
        parts = [stored[key] for key in evidence.result_key.split("+") if key in stored]
        if any(part.withdrawn for part in parts):
            return EvidenceChange.WITHDRAWN
        if len(parts) != 1 or evidence.result_key not in stored or _has_progressed(evidence, parts[0]):
            continue
        spoiled = parts[0].spoiled and parts[0].specimen_condition not in evidence.note
        if spoiled or (_told_value(evidence), evidence.unit) != _value(parts[0]):
            change = EvidenceChange.CORRECTED
    return change


def _has_progressed(evidence: Evidence, result: Result) -> bool:
    """From preliminary to final, or to another preliminary value."""
    corrected = result.status in (ResultStatus.CORRECTED, ResultStatus.AMENDED)
    return evidence.result_status in _PRELIMINARY and not corrected


_PRELIMINARY = frozenset({ResultStatus.PRELIMINARY.value, ResultStatus.PARTIAL.value})


def _told_value(evidence: Evidence) -> str:
    return evidence.comparator + evidence.value


def _value(result: Result) -> tuple[str, str]:
    if result.quantity is None:
        return ("", "")
    return (result.quantity.comparator + result.quantity.number, result.quantity.unit)
