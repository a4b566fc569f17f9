"""What came and went in a backlog, as one thing to read: for the worklist, never a page.

One digest is about one person: somebody answers for a patient, and nobody may read of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.alerts import Collapsed
from engine.model.alert import CATCHING_UP, Alert, AlertEvent, AlertReason, Phase
from engine.model.finding import Finding, Severity
from engine.model.quantity import Truth
from engine.model.record import Record
from engine.telling import identity

_TITLE = "Came and went while results waited"
_ACTION = (
    "Nobody was paged for what is told here: it was no longer true when it was judged. Look at the results "
    "and their course; acknowledge this to take it off the worklist."
)


def digest(
    record: Record, settled: Sequence[Collapsed], revision: str, now: datetime
) -> tuple[Alert, AlertEvent] | None:
    """The digest of what was graver than what is told now, as an open alert; None where nothing was.

    For review where a critical or urgent alert is in it, else for information.
    """
    listed = [one for one in settled if one.gravest is not None]
    worst = [one.gravest for one in listed if one.gravest is not None]
    if not worst:
        return None
    grave = max(event.severity.rank for event in worst) >= Severity.URGENT.rank
    last = max(worst, key=lambda event: (event.decided_at, event.sequence))
    finding = Finding(
        rule_id=CATCHING_UP,
        rule_version="1",
        family=CATCHING_UP,
        subject=worst[0].event_id,
        truth=Truth.TRUE,
        severity=Severity.REVIEW if grave else Severity.INFO,
        title=_TITLE,
        message=" ".join(map(_words, listed)),
        action=_ACTION,
        sources=tuple(dict.fromkeys(source for event in worst for source in event.sources)),
        evidence=(),
        clinical_at=max((event.clinical_at for event in worst if event.clinical_at), default=None),
    )
    alert_id = identity(record.person.person_id, CATCHING_UP, finding.subject)
    alert = Alert(
        alert_id=alert_id,
        person_id=record.person.person_id,
        family=CATCHING_UP,
        subject=finding.subject,
        episode_id="",
        open=True,
        sequence=1,
        current=finding,
        published=finding,
        published_at=now,
        started_at=now,
    )
    event = AlertEvent(
        event_id=identity(alert_id, "1"),
        alert_id=alert_id,
        sequence=1,
        phase=Phase.START,
        reason=AlertReason.NEW,
        rule=CATCHING_UP,
        rule_version=finding.rule_version,
        family=CATCHING_UP,
        severity=finding.severity or Severity.INFO,
        person=record.person,
        visit=record.person.visit,
        decided_at=now,
        clinical_at=finding.clinical_at,
        title=finding.title,
        message=finding.message,
        action=finding.action,
        drug_text=last.drug_text,
        evidence=(),
        trigger=None,
        trigger_code="",
        trigger_code_text="",
        trigger_range="",
        accession="",
        sources=finding.sources,
        superseded=(),
        not_fired=(),
        message_control_id=last.message_control_id,
        knowledge_revision=revision,
        processing_id=last.processing_id,
        protocol=last.protocol,
    )
    return alert, event


def _words(one: Collapsed) -> str:
    """One alert: ``Not paged: critical a02-alt-ast-500 of 2026-03-07 08:12 (ALT 600 U/L); no longer so``."""
    event = one.gravest
    if event is None:
        return ""
    at = event.clinical_at or event.decided_at
    became = "no longer so"
    if one.tell is not None and one.tell.phase is not Phase.END:
        became = f"now {one.tell.severity}"
    told = event.message.rstrip(".")
    return f"Not paged: {event.severity} {event.rule} of {at:%Y-%m-%d %H:%M} ({told}); {became}."
