"""Handing the outbox over to the broker, by one process or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    bindparam,
    func,
    literal_column,
    not_,
    select,
    text,
    update,
)

from engine.store import codec, schema
from engine.store.accounts import cursor_of
from engine.store.rows import OutboxRow
from engine.store.statements import with_texts
from engine.store.words import WORDS

_HELD = text("held.held_until <> ''")
_WANTED = text("earlier.last_error NOT IN ('returned', 'nacked')")
# Messages held for a human are as large as they came: two hundred of them may be gigabytes.
_MOST_BYTES = 16_000_000
_ALERTS = literal_column("1", Integer)  # the advisory locks of alerts: those of people have another form
_COLUMNS = [field.name for field in fields(OutboxRow)]


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
        # Others may wait for a row that we hold while the broker takes its time; we never wait ourselves.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        given = Handover(_rows(connection, limit))
        yield given
        _note(connection, given)


class _Statements(NamedTuple):
    """SQL text of one kind of database, compiled once: a relay runs these again and again."""

    unsent: str  # how many at most
    whole: str  # ids, through with_texts
    sent: str  # at, id
    failed: str  # error, id
    mark: str


@cache
def _statements(backend: str) -> _Statements:
    dialect = WORDS[backend].dialect
    table = schema.outbox
    row_id = table.c.id == bindparam("row_id")
    unsent = _unsent() if backend == "sqlite" else _locking(_unsent())
    columns = [table.c[name] for name in _COLUMNS]
    whole = select(*columns).where(table.c.id.in_(bindparam("texts", expanding=True)))
    failed = update(table).ordered_values(
        (table.c.attempts, table.c.attempts + literal_column("1", Integer)),
        (table.c.last_error, bindparam("error")),
    )
    return _Statements(
        unsent=str(unsent.compile(dialect=dialect)),
        whole=str(whole.order_by(table.c.attempts, table.c.id).compile(dialect=dialect)),
        sent=str(update(table).where(row_id).values(sent_at=bindparam("at")).compile(dialect=dialect)),
        failed=str(failed.where(row_id).compile(dialect=dialect)),
        mark=WORDS[backend].mark,
    )


def _unsent() -> Select[Any]:
    """Unsent, not held back, and nothing goes before it: an alert is told of in order.

    A message waits for the ones before it about the same alert until the broker has confirmed them or has
    told that it does not want them: what is returned for its severity must not keep back what is graver.
    """
    table = schema.outbox
    none = text("''")
    before, held = table.alias("earlier"), table.alias("held")
    same = before.c.correlation_id == table.c.correlation_id, table.c.correlation_id != none
    waits = select(before.c.id).where(*same, before.c.id < table.c.id, before.c.sent_at == none, _WANTED)
    behind = select(held.c.id).where(held.c.correlation_id == table.c.correlation_id, _HELD)
    return (
        select(table.c.id, func.length(table.c.body).label("size"), table.c.attempts, table.c.correlation_id)
        .where(
            table.c.sent_at == none, table.c.held_until == none, not_(behind.exists()), not_(waits.exists())
        )
        .order_by(table.c.attempts, table.c.id)
        .limit(bindparam("most"))
        .offset(literal_column("0", Integer))
    )


def _locking(unsent: Select[Any]) -> Select[Any]:
    first = unsent.with_for_update(skip_locked=True, of=schema.outbox).cte("first")
    ours = func.pg_try_advisory_xact_lock(_ALERTS, func.hashtext(first.c.correlation_id))
    return select(first.c.id, first.c.size).where(ours).order_by(first.c.attempts, first.c.id)


def _rows(connection: Connection, limit: int) -> list[OutboxRow]:
    """The first rows to publish, as many as are read into memory at once; on a server, locked."""
    statements, cursor = _statements(connection.dialect.name), cursor_of(connection)
    cursor.execute(statements.unsent, (limit,))
    ids: list[int] = []
    room = _MOST_BYTES
    for row_id, size, *_ in cursor.fetchall():
        room -= size
        if ids and room < 0:
            break
        ids.append(row_id)
    if not ids:
        return []
    cursor.execute(with_texts(statements.whole, len(ids), statements.mark), ids)
    return [_row(row) for row in cursor.fetchall()]


def _row(columns: Sequence[Any]) -> OutboxRow:
    told: dict[str, Any] = dict(zip(_COLUMNS, columns, strict=True))
    told.update(headers=codec.headers_from_text(told["headers"]), body=bytes(told["body"]))
    return OutboxRow(**told)


def mark_sent(connection: Connection, row_ids: Sequence[int], at: datetime) -> None:
    """The broker has confirmed these rows."""
    rows = [(codec.instant(at), row_id) for row_id in row_ids]
    cursor_of(connection).executemany(_statements(connection.dialect.name).sent, rows)


def _note(connection: Connection, given: Handover) -> None:
    if given.confirmed and given.at is not None:
        mark_sent(connection, given.confirmed, given.at)
    if given.failures:
        rows = [(error, row_id) for row_id, error in given.failures.items()]
        cursor_of(connection).executemany(_statements(connection.dialect.name).failed, rows)
