"""What tests ask of the outbox beside the relay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import not_, select

from engine.store import OutboxRow, Store, schema
from engine.store.rows import outbox_from_row


def unsent(store: Store, limit: int = 1_000_000) -> list[OutboxRow]:
    """What the broker has not confirmed, as relays would take it in turn; nothing is changed."""
    table = schema.outbox
    held = table.alias("held")
    same = held.c.correlation_id == table.c.correlation_id
    behind = select(held.c.id).where(same, held.c.held_until != "").exists()
    statement = select(table).where(table.c.sent_at == "", table.c.held_until == "", not_(behind))
    with store._connection(reading=True) as connection:
        rows = connection.execute(statement.order_by(table.c.attempts, table.c.id).limit(limit))
        return [outbox_from_row(row) for row in rows]


def hand_over(
    store: Store,
    at: datetime,
    *,
    confirmed: Iterable[str] = (),
    failures: Mapping[str, str] | None = None,
    limit: int = 1000,
) -> list[str]:
    """Take rows as a relay does, and tell of some what the broker said; the message ids that were taken."""
    failures = failures or {}
    with store.handover(limit) as handover:
        ids = {row.message_id: row.id for row in handover.rows}
        sent = [ids[name] for name in confirmed]
        handover.done(sent, {ids[name]: why for name, why in failures.items()}, at)
        return list(ids)
