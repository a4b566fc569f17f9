"""Results that the store keeps together by order, made into the rows that tests compare."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from engine.store import schema
from engine.store.packing import unpacked


def take_apart(connection: Connection) -> None:
    """Let every result be a row of its own, whichever came in which order."""
    orders, results = schema.order_results, schema.results
    names = results.c.keys()
    rows = [
        dict(zip(names, row, strict=True))
        for order in connection.execute(select(orders)).all()
        for row in unpacked(order)
    ]
    if rows:
        connection.execute(insert(results), rows)
        connection.execute(delete(orders))
