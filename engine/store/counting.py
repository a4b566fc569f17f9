"""How much there is of what."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, func, select

from engine.store import schema
from engine.store.packing import results_of

_AT_ONCE = 1000


def disposition_counts(connection: Connection) -> list[tuple[str, str, int]]:
    """(disposition, reason, number of messages), and repeats as duplicates."""
    table = schema.messages
    counts = connection.execute(
        select(table.c.disposition, table.c.reason, func.count())
        .group_by(table.c.disposition, table.c.reason)
        .order_by(table.c.disposition, table.c.reason)
    )
    found = [(row[0], row[1], row[2]) for row in counts]
    repeats = connection.execute(select(func.sum(table.c.repeats))).scalar() or 0
    return [*found, ("duplicate", "seen-before", repeats)] if repeats else found


def code_counts(connection: Connection) -> list[tuple[str, str, int]]:
    """How many results are kept of each analyte and code."""
    table, orders = schema.results, schema.order_results
    statement = (
        select(table.c.analyte, table.c.code, func.count())
        .where(table.c.analyte != "")
        .group_by(table.c.analyte, table.c.code)
    )
    counts = Counter({(row[0], row[1]): row[2] for row in connection.execute(statement)})
    for row in connection.execute(select(orders).execution_options(yield_per=_AT_ONCE)):
        counts.update((result.analyte, result.code) for result in results_of(row) if result.analyte)
    return [(*code, count) for code, count in sorted(counts.items())]


def stuck(connection: Connection) -> list[tuple[str, str, int]]:
    """(routing key, last error, how many) of messages that were tried and not confirmed."""
    table = schema.outbox
    statement = (
        select(table.c.routing_key, table.c.last_error, func.count())
        .where(table.c.sent_at == "", table.c.attempts > 0)
        .group_by(table.c.routing_key, table.c.last_error)
        .order_by(table.c.routing_key, table.c.last_error)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(statement)]
