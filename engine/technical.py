"""Alerts about the feed and the engine: events like those of patients, about a subject that is nobody."""

from __future__ import annotations

from datetime import datetime

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Severity
from engine.model.person import Identifier, Person, Visit
from engine.telling import identity

# HL7 wants somebody in PID. The name is left out as unknown, so that no one can take this for a patient.
NOBODY = Person("azawatch-system", (Identifier("AZAWATCH", "SYSTEM"),), members=("azawatch-system",))


def technical_event(
    family: str,
    alert_id: str,
    sequence: int,
    phase: Phase,
    now: datetime,
    *,
    severity: Severity,
    title: str,
    message: str,
    action: str,
    revision: str,
    processing_id: str = "P",
) -> AlertEvent:
    """One event of a technical alert, of which ``family`` is also the rule."""
    ending = phase is Phase.END
    again = AlertReason.NEW if phase is Phase.START else AlertReason.CHANGED
    return AlertEvent(
        event_id=identity(alert_id, str(sequence)),
        alert_id=alert_id,
        sequence=sequence,
        phase=phase,
        reason=AlertReason.RESOLVED if ending else again,
        rule=family,
        rule_version="1",
        family=family,
        severity=severity,
        person=NOBODY,
        visit=Visit(),
        decided_at=now,
        clinical_at=None,
        title=title,
        message=message,
        action="" if ending else action,
        drug_text="",
        evidence=(),
        trigger=None,
        trigger_code="",
        trigger_code_text="",
        trigger_range="",
        accession="",
        sources=(),
        superseded=(),
        not_fired=(),
        message_control_id="",
        knowledge_revision=revision,
        processing_id=processing_id,
    )
