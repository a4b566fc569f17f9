"""How a store is, for those who watch the engine: a few numbers, each found by an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from engine.store import codec, schema, sqlite

JUDGED_UNTIL = "judged_until"


@dataclass(frozen=True, slots=True)
class Condition:
    """``unsent``: messages that should be out; ``oldest``: since when; ``held``: those of a backlog.

    ``quarantined``: messages held for a human, by reason. ``judged_until``: up to when time was judged.
    ``technical``: open alerts about the feed and the engine, by kind. ``free_bytes``: what is left of the
    disk of a file; None of a server, whose disk is not ours to see.
    """

    unsent: int
    oldest: datetime | None
    held: int
    quarantined: Mapping[str, int]
    judged_until: datetime | None
    technical: Mapping[str, int]
    free_bytes: int | None


def condition(connection: Connection) -> Condition:
    """Ask the store."""
    outbox, held, messages = schema.outbox, schema.quarantine, schema.messages
    out = outbox.c.held_until == ""
    unsent, oldest, held_back = connection.execute(
        select(
            func.count(case((out, 1))),
            func.min(case((out, outbox.c.created_at))),
            func.count(case((~out, 1))),
        ).where(outbox.c.sent_at == "")
    ).one()
    reasons = (
        select(messages.c.reason, func.count())
        .join_from(held, messages, held.c.message_id == messages.c.id)
        .where(held.c.state == "held")
        .group_by(messages.c.reason)
    )
    kind = schema.technical_alerts.c.kind
    technical = select(kind, func.count()).group_by(kind)
    judged = connection.execute(
        select(schema.settings.c.value).where(schema.settings.c.name == JUDGED_UNTIL)
    ).scalar()
    return Condition(
        unsent=unsent,
        oldest=codec.from_instant(oldest) if oldest else None,
        held=held_back,
        quarantined={row[0]: row[1] for row in connection.execute(reasons)},
        judged_until=codec.from_instant(judged) if judged else None,
        technical={row[0]: row[1] for row in connection.execute(technical)},
        free_bytes=sqlite.free_bytes(connection.engine.url),
    )
