"""What tests ask of the outbox beside the relay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from engine.store import OutboxRow, Store


def unsent(store: Store, limit: int = 1_000_000) -> list[OutboxRow]:
    """What the broker has not confirmed, in the order in which a relay would take it; nothing is changed."""
    with store.handover(limit) as handover:
        return list(handover.rows)


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
