"""Handing the outbox over to the broker, by one process or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, not_, select, text, update

from engine.store import codec, schema
from engine.store.rows import OutboxRow, outbox_from_row

_HELD = text("held.held_until <> ''")
_REFUSED = ("returned", "nacked")
# Messages held for a human are as large as they came: two hundred of them may be gigabytes.
_MOST_BYTES = 16_000_000
_ALERTS = 1  # the advisory locks of alerts: those of people have another form


class Handover:
    """Some rows of the outbox, fewest attempts first, then as decided; what becomes of them is told here."""

    def __init__(self, rows: Sequence[OutboxRow]) -> None:
        self.rows = rows
        self.confirmed: Sequence[int] = ()
        self.failures: Mapping[int, str] = {}
        self.at: datetime | None = None

    def done(self, confirmed: Sequence[int], failures: Mapping[int, str], at: datetime) -> None:
        """The broker has confirmed the ones as routed, and returned, refused or lost the others."""
        self.confirmed, self.failures, self.at = confirmed, failures, at


Connecting = Callable[..., AbstractContextManager[Connection]]


@contextmanager
def handover(connecting: Connecting, backend: str, limit: int) -> Iterator[Handover]:
    """At most ``limit`` unsent rows, and what the caller says of them, made durable at the end.

    Fewer where they are large: what they hold together is bounded, or it is one row.

    A file has one relay, which reads, publishes and writes without keeping others from writing meanwhile. On
    a server the rows are locked, and with them the alerts they are about: two messages of one alert are never
    under way with two relays, so that they arrive in order. A relay that dies lets go of them unsent.
    """
    if backend == "sqlite":
        with connecting(reading=True) as connection:
            given = Handover(_rows(connection, limit))
        yield given
        if given.confirmed or given.failures:
            with connecting() as connection:
                _note(connection, given)
        return
    with connecting() as connection:
        given = Handover(_locked_rows(connection, limit))
        yield given
        _note(connection, given)


def _unsent() -> Select[Any]:
    """Unsent, not held back, and nothing goes before it: an alert is told of in order.

    A message waits for the ones before it about the same alert until the broker has confirmed them or has
    told that it does not want them: what is returned for its severity must not keep back what is graver.
    """
    table = schema.outbox
    before, held = table.alias("before"), table.alias("held")
    same = before.c.correlation_id == table.c.correlation_id, table.c.correlation_id != ""
    wanted = before.c.last_error.not_in(_REFUSED)
    waits = select(before.c.id).where(*same, before.c.id < table.c.id, before.c.sent_at == "", wanted)
    behind = select(held.c.id).where(held.c.correlation_id == table.c.correlation_id, _HELD)
    return (
        select(table.c.id, table.c.attempts, table.c.correlation_id, func.length(table.c.body).label("size"))
        .where(table.c.sent_at == "", table.c.held_until == "", not_(behind.exists()), not_(waits.exists()))
        .order_by(table.c.attempts, table.c.id)
        .limit(bindparam("most"))
    )


_UNSENT = _unsent()


def _rows(connection: Connection, limit: int) -> list[OutboxRow]:
    return _whole(connection, connection.execute(_UNSENT, {"most": limit}))


def _locked_rows(connection: Connection, limit: int) -> list[OutboxRow]:
    # Others may wait for a row that we hold while the broker takes its time; we never wait ourselves.
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    first = _UNSENT.with_for_update(skip_locked=True, of=schema.outbox).cte("first")
    ours = func.pg_try_advisory_xact_lock(_ALERTS, func.hashtext(first.c.correlation_id))
    statement = select(first).where(ours).order_by(first.c.attempts, first.c.id)
    return _whole(connection, connection.execute(statement, {"most": limit}))


def _whole(connection: Connection, found: Iterable[Row[Any]]) -> list[OutboxRow]:
    """The first of these rows, as many as are read into memory at once."""
    ids: list[int] = []
    room = _MOST_BYTES
    for row in found:
        room -= row.size
        if ids and room < 0:
            break
        ids.append(row.id)
    if not ids:
        return []
    table = schema.outbox
    statement = select(table).where(table.c.id.in_(ids)).order_by(table.c.attempts, table.c.id)
    return [outbox_from_row(row) for row in connection.execute(statement)]


def mark_sent(connection: Connection, row_ids: Sequence[int], at: datetime) -> None:
    """The broker has confirmed these rows."""
    table = schema.outbox
    sent = update(table).where(table.c.id == bindparam("row_id")).values(sent_at=codec.instant(at))
    connection.execute(sent, [{"row_id": row_id} for row_id in row_ids])


def _note(connection: Connection, given: Handover) -> None:
    table = schema.outbox
    if given.confirmed and given.at is not None:
        mark_sent(connection, given.confirmed, given.at)
    if given.failures:
        failed = (
            update(table)
            .where(table.c.id == bindparam("row_id"))
            .values(attempts=table.c.attempts + 1, last_error=bindparam("error"))
        )
        rows = [{"row_id": row_id, "error": error} for row_id, error in given.failures.items()]
        connection.execute(failed, rows)
