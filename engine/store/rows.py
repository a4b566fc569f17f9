"""What goes into the store and comes out of it that is not a record: messages, outbox, ledger, alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.model.alert import Alert
from engine.model.disposition import Outcome
from engine.model.serialization import finding_from_json, finding_to_json
from engine.store import codec


@dataclass(frozen=True, slots=True)
class InboxKey:
    """What makes a delivery the same message: MSH-3 and -4, MSH-10, and the SHA-256 of the body."""

    sender: str
    control_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class TakenMessage:
    """The ledger line of one message: how it ended and what it contained."""

    key: InboxKey
    received_at: datetime
    message_type: str
    outcome: Outcome
    source: str
    revision: str
    observations: int = 0
    results: int = 0
    events: int = 0
    persons: tuple[str, ...] = ()
    quarantined_body: bytes | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message to publish; ``id`` is 0 until stored. Rows are sent in the order of their ids."""

    message_id: str
    exchange: str
    routing_key: str
    content_type: str
    correlation_id: str
    headers: Mapping[str, str]
    body: bytes
    id: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A message held for a human, with its body untouched."""

    id: int
    message: Mapping[str, Any]
    body: bytes
    state: str
    closed_at: str
    why: str


def alert_row(alert: Alert) -> dict[str, Any]:
    severity = alert.current.severity
    return {
        "alert_id": alert.alert_id,
        "person_id": alert.person_id,
        "family": alert.family,
        "subject": alert.subject,
        "episode_id": alert.episode_id,
        "open": alert.open,
        "severity": "" if severity is None else severity.value,
        "sequence": alert.sequence,
        "current": finding_to_json(alert.current),
        "published": finding_to_json(alert.published),
        "published_at": codec.instant(alert.published_at),
        "started_at": codec.instant(alert.started_at),
        "acknowledged_at": codec.instant(alert.acknowledged_at) if alert.acknowledged_at else "",
        "acknowledged_by": alert.acknowledged_by,
    }


def alert_from_row(row: Mapping[str, Any]) -> Alert:
    """The alert of one row."""
    acknowledged = row["acknowledged_at"]
    return Alert(
        alert_id=row["alert_id"],
        person_id=row["person_id"],
        family=row["family"],
        subject=row["subject"],
        episode_id=row["episode_id"],
        open=bool(row["open"]),
        sequence=row["sequence"],
        current=finding_from_json(row["current"]),
        published=finding_from_json(row["published"]),
        published_at=codec.from_instant(row["published_at"]),
        started_at=codec.from_instant(row["started_at"]),
        acknowledged_at=codec.from_instant(acknowledged) if acknowledged else None,
        acknowledged_by=row["acknowledged_by"],
    )


def message_row(message: TakenMessage) -> dict[str, Any]:
    return {
        "sender": message.key.sender,
        "control_id": message.key.control_id,
        "digest": message.key.digest,
        "received_at": codec.instant(message.received_at),
        "message_type": message.message_type,
        "disposition": message.outcome.disposition.value,
        "reason": message.outcome.reason.value,
        "location": message.outcome.location,
        "detail": message.outcome.detail,
        "source": message.source,
        "revision": message.revision,
        "observations": message.observations,
        "results": message.results,
        "events": message.events,
    }
