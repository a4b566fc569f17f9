"""What a decision puts into the outbox: alerts in every chosen format, and messages held for a human."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.errors import ContentError
from engine.model.alert import HEARTBEAT, AlertEvent
from engine.outbound import Format, RenderOptions, render
from engine.store import InboxKey, OutboxRow

_HL7 = "application/hl7-v2+er7"


@dataclass(frozen=True, slots=True)
class Publishing:
    """Where alerts and quarantined messages go, and how alerts are written; no formats: nowhere."""

    formats: tuple[Format, ...] = (Format.HL7_R40,)
    render: RenderOptions = field(default_factory=RenderOptions)
    alert_exchange: str = "azawatch.alerts"
    quarantine_exchange: str = "azawatch.quarantine"


def alert_rows(events: Iterable[AlertEvent], publishing: Publishing) -> list[OutboxRow]:
    """One row for each event and format, with a message id that receivers look at to drop repeats.

    That of the first format is the event id, which is MSH-10; the others have the format added to it.
    """
    rows = []
    for event in events:
        for place, form in enumerate(publishing.formats):
            rendered = render(event, form, publishing.render)
            rows.append(
                OutboxRow(
                    message_id=event.event_id if place == 0 else f"{event.event_id}.{form}",
                    exchange=publishing.alert_exchange,
                    routing_key=_routing_key(event),
                    content_type=rendered.content_type,
                    correlation_id=event.alert_id,
                    headers={"rule": event.rule, "severity": event.severity, "phase": event.phase},
                    body=rendered.body,
                )
            )
    return rows


def _routing_key(event: AlertEvent) -> str:
    """By severity and phase; heartbeats by their own, so that a receiver can bind to them and not to them."""
    last = "heartbeat" if event.family == HEARTBEAT else event.phase
    return f"alert.{event.severity}.{last}"


def quarantine_rows(
    key: InboxKey, body: bytes, error: ContentError, publishing: Publishing
) -> list[OutboxRow]:
    """The message with its body untouched; the reason, place and MSH-10 are headers."""
    if not publishing.formats:
        return []
    return [
        OutboxRow(
            # The id names the body: a message quarantined twice is one message to the receiver.
            message_id=key.digest[:20],
            exchange=publishing.quarantine_exchange,
            routing_key=error.reason,
            content_type=_HL7,
            correlation_id="",
            headers={"x-reason": error.reason, "x-location": error.location, "x-control-id": key.control_id},
            body=body,
        )
    ]
