"""Who has sent when, to the hour: of messages, not of what they say."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection, func, select

from engine.store import codec, schema


def hours_of_senders(
    connection: Connection, after: datetime, until: datetime
) -> dict[str, list[tuple[datetime, int, datetime]]]:
    """By sender the hours with messages, ascending: its beginning, how many, and when the last one came."""
    table = schema.messages
    hour = func.substr(table.c.received_at, 1, 13)
    statement = (
        select(table.c.sender, hour, func.count(), func.max(table.c.received_at))
        .where(
            table.c.received_at > codec.instant(after),
            table.c.received_at <= codec.instant(until),
            table.c.sender != "",
            table.c.sender != "|",
        )
        .group_by(table.c.sender, hour)
        .order_by(table.c.sender, hour)
    )
    found: defaultdict[str, list[tuple[datetime, int, datetime]]] = defaultdict(list)
    for sender, begin, count, last in connection.execute(statement):
        found[sender].append((codec.from_instant(f"{begin}:00:00+00:00"), count, codec.from_instant(last)))
    return dict(found)
