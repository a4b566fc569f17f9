"""The alert as JSON: one line for programs, logs and `replay --alerts`.

Key names and their order are a contract with receivers (docs/alert-formats.md). Times are ISO 8601 with
offset or null, numbers of results are text, everything else that is unknown is an empty text or array.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from engine.model.alert import AlertEvent
from engine.model.finding import Evidence
from engine.model.person import Person, in_order_of_use
from engine.outbound.options import RenderOptions


def render(event: AlertEvent, options: RenderOptions) -> bytes:  # noqa: ARG001 (all renderers are called alike)
    """The event as one line of UTF-8 JSON without a line end."""
    text = json.dumps(event_to_dict(event), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def event_to_dict(event: AlertEvent) -> dict[str, Any]:
    """The event as plain JSON values in the order in which they are written."""
    return {
        "alert_id": event.alert_id,
        "phase": event.phase.value,
        "reason": event.reason.value,
        "rule": event.rule,
        "rule_version": event.rule_version,
        "severity": event.severity.value,
        "patient": _patient(event.person),
        "decided_at": event.decided_at.isoformat(),
        "clinical_at": _time(event.clinical_at),
        "title": event.title,
        "message": event.message,
        "action": event.action,
        "evidence": [_evidence(each) for each in event.evidence],
        "sources": list(event.sources),
        "message_control_id": event.message_control_id,
        "knowledge_revision": event.knowledge_revision,
        "event_id": event.event_id,
        "sequence": event.sequence,
        "family": event.family,
        "therapy": event.drug_text,
        "superseded": list(event.superseded),
        "not_fired": [{"rule": each.rule, "truth": each.truth, "why": each.why} for each in event.not_fired],
        "protocol": event.protocol,
        "labels": [{"rule": each.rule_id, "text": each.text} for each in event.labels],
        "raised_from": event.raised_from or "",
        "shadow": event.shadow,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _patient(person: Person) -> dict[str, str]:
    """The medical record number, else the first identifier."""
    identifiers = in_order_of_use(person.identifiers)
    if not identifiers:
        return {"id": person.person_id, "assigning_authority": ""}
    return {"id": identifiers[0].value, "assigning_authority": identifiers[0].authority}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "condition": evidence.condition,
        "truth": evidence.truth.value,
        "analyte": evidence.analyte,
        "value": evidence.value,
        "comparator": evidence.comparator,
        "unit": evidence.unit,
        "collected_at": _time(evidence.collected_at),
        "result_status": evidence.result_status,
        "reference_kind": evidence.reference_kind,
        "reference_value": evidence.reference_value,
        "threshold": evidence.threshold,
        "sent": evidence.sent,
        "reference_source": evidence.reference_source,
        "fold": evidence.fold,
        "cause": "" if evidence.cause is None else evidence.cause.value,
        "note": evidence.note,
        "limit": evidence.limit,
    }
