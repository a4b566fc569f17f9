"""What the log says of messages to receivers."""

from __future__ import annotations

from engine import log
from engine.store import OutboxRow
from engine.transports import PublishOutcome, Receipt


def tell_held_back(error: Exception) -> None:
    """A whole window of messages was held back by this."""
    log.logger().error("alerts held back, trying again", exc_info=error)


def tell_published(row: OutboxRow, receipt: Receipt) -> None:
    """What the broker said of one message; one that nobody can receive is an error."""
    alarming = receipt.outcome in (PublishOutcome.RETURNED, PublishOutcome.NACKED)
    write = log.logger().error if alarming else log.logger().info
    write(
        "published" if receipt.outcome is PublishOutcome.CONFIRMED else "not published",
        event_id=row.message_id,
        exchange=row.exchange,
        routing_key=row.routing_key,
        outcome=receipt.outcome,
        detail=receipt.detail,
        attempt=row.attempts + 1,
    )
