"""What goes into the store and comes out of it that is not a record: messages, outbox, ledger, alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.model.alert import Alert
from engine.model.disposition import Outcome
from engine.model.frozen import frozen
from engine.model.ledger import LedgerEntry
from engine.model.serialization import finding_from_json, finding_to_json
from engine.store import codec

_LONGEST_CODE = 250  # an index of PostgreSQL has room for some thousand bytes


@frozen()
class InboxKey:
    """What makes a delivery the same message: MSH-3 and -4, MSH-10, and the SHA-256 of the body."""

    sender: str
    control_id: str
    digest: str


@frozen()
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


@frozen()
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


@frozen()
class TechnicalAlert:
    """An alert about no person: of what kind, about what; ``sequence`` counts its events."""

    alert_id: str
    kind: str
    subject: str
    sequence: int
    started_at: datetime


@frozen()
class QuarantineRow:
    """A message held for a human, with its body untouched; ``message`` is its ledger line."""

    id: int
    message: Mapping[str, Any]
    body: bytes
    state: str
    closed_at: str
    why: str


def alert_row(alert: Alert) -> tuple[str | int, ...]:
    """One alert in the order of the columns of its table."""
    severity = alert.current.severity
    return (
        alert.alert_id,
        alert.person_id,
        alert.family,
        alert.subject,
        alert.episode_id,
        alert.open,
        "" if severity is None else severity.value,
        alert.sequence,
        finding_to_json(alert.current),
        finding_to_json(alert.published),
        codec.instant(alert.published_at),
        codec.instant(alert.started_at),
        codec.instant(alert.acknowledged_at) if alert.acknowledged_at else "",
        codec.storable(alert.acknowledged_by),
        codec.instant(alert.waiting_since) if alert.waiting_since else "",
    )


def alert_from_row(row: Sequence[Any]) -> Alert:
    """The alert that :func:`alert_row` wrote."""
    (alert_id, person_id, family, subject, episode_id, is_open, _severity, sequence, *rest) = row
    (current, published, published_at, started_at, acknowledged_at, acknowledged_by, waiting_since) = rest
    return Alert(
        alert_id=alert_id,
        person_id=person_id,
        family=family,
        subject=subject,
        episode_id=episode_id,
        open=bool(is_open),
        sequence=sequence,
        current=finding_from_json(current),
        published=finding_from_json(published),
        published_at=codec.from_instant(published_at),
        started_at=codec.from_instant(started_at),
        acknowledged_at=codec.from_instant(acknowledged_at) if acknowledged_at else None,
        acknowledged_by=acknowledged_by,
        waiting_since=codec.from_instant(waiting_since) if waiting_since else None,
    )


def message_row(message: TakenMessage) -> tuple[str | int, ...]:
    """The ledger line of one message in the order of the columns that a unit writes."""
    return (
        message.key.sender,
        message.key.control_id,
        message.key.digest,
        codec.instant(message.received_at),
        message.message_type,
        message.outcome.disposition.value,
        message.outcome.reason.value,
        message.outcome.location,
        message.outcome.detail,
        codec.storable(message.source),
        message.revision,
        message.observations,
        message.results,
        message.events,
    )


def outbox_row(row: OutboxRow, at: datetime, held_until: datetime | None) -> tuple[str | bytes, ...]:
    """A message to publish in the order of the columns that a unit writes, and until when it may wait."""
    return (
        row.message_id,
        row.exchange,
        row.routing_key,
        row.content_type,
        row.correlation_id,
        json.dumps(dict(row.headers), ensure_ascii=False),
        row.body,
        codec.instant(at),
        "" if held_until is None else codec.instant(held_until),
    )


def outbox_from_row(row: Any) -> OutboxRow:
    """A message that waits for the broker, of one row of the outbox."""
    return OutboxRow(
        row.message_id,
        row.exchange,
        row.routing_key,
        row.content_type,
        row.correlation_id,
        codec.headers_from_text(row.headers),
        bytes(row.body),
        row.id,
        row.attempts,
    )


def named(entry: LedgerEntry) -> tuple[str, ...]:
    """What makes two sightings those of the same code; senders put whole texts where a code should be."""
    parts = (entry.code, entry.system, entry.unit)
    return (entry.sender, *(part[:_LONGEST_CODE] for part in parts), entry.kind)


def ledger_row(entry: LedgerEntry, at: datetime) -> tuple[str | int, ...]:
    """One sighting of a code that was not understood, in the order of the columns of its table."""
    seen = codec.instant(at)
    return (
        *named(entry),
        entry.text,
        seen,
        seen,
        1,
        int(entry.on_therapy),
        entry.control_id,
    )
