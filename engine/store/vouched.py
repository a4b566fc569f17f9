"""What the audit vouches for, and the rows of other tables that it may vouch for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from engine.audit import CLOSED, COPY, EVENT, LINE, OUTGOING, Entry, Seal, Vouch, dropped, vouches
from engine.model.serialization import event_from_json
from engine.store import chain, codec, schema
from engine.store.rows import outbox_from_row
from engine.store.statements import written

_AT_ONCE = 1000
_LINE_COLUMNS = [schema.messages.c[name] for name in written(schema.messages)]


class Vouched:
    """What the rows of a chain vouch for, the later word over the earlier, on disk: there may be millions."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._database = sqlite3.connect("", isolation_level=None)  # a file that nobody else sees
        self._database.execute(
            "CREATE TABLE vouched (about, name, digest, sequence, earliest, found INTEGER DEFAULT 0,"
            " PRIMARY KEY (about, name)) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Remove it."""
        self._database.close()

    def take(self, entry: Entry) -> None:
        """What this row vouches for; a message that is taken in once more is not closed any more, and of
        a message to receivers that was dropped nothing is to be found.
        """
        found = [vouch for vouch in vouches(entry, self._seal) if _is_ours(vouch.name, vouch.digest)]
        told = entry.told().get("earliest", entry.at)
        earliest = told if _is_ours(told) else entry.at
        self._database.executemany(
            "INSERT OR REPLACE INTO vouched (about, name, digest, sequence, earliest) VALUES (?, ?, ?, ?, ?)",
            [(vouch.about, vouch.name, vouch.digest, entry.sequence, earliest) for vouch in found],
        )
        self._database.executemany(
            "DELETE FROM vouched WHERE about = ? AND name = ? AND sequence < ?",
            [(CLOSED, vouch.name, entry.sequence) for vouch in found if vouch.about == LINE],
        )

        self._database.executemany(
            "DELETE FROM vouched WHERE about = ? AND name = ?",
            [(OUTGOING, name) for name in dropped(entry) if _is_ours(name)],
        )

    def found(self, vouch: Vouch) -> int | None:
        """The row that vouches for this, negative where its word is another; None where none does."""
        key = (vouch.about, vouch.name)
        row = self._database.execute(
            "SELECT digest, sequence FROM vouched WHERE about = ? AND name = ?", key
        ).fetchone()
        if row is None:
            return None
        self._database.execute("UPDATE vouched SET found = 1 WHERE about = ? AND name = ?", key)
        return int(row[1]) if row[0] == vouch.digest else -int(row[1])

    def look_again(self, present: Iterable[Vouch]) -> None:
        """Find out anew what is there."""
        self._database.execute("UPDATE vouched SET found = 0")
        for vouch in present:
            self.found(vouch)

    def missing(self, purged_before: str) -> Iterator[tuple[str, int]]:
        """What no table has any more, and the row that vouches for it; not what was purged."""
        yield from self._database.execute(
            "SELECT about, sequence FROM vouched WHERE found = 0 AND (about = ? OR earliest >= ?)"
            " ORDER BY sequence, name",
            (EVENT, purged_before),
        )

    def carried(self, until: int, purged_before: str) -> Iterator[tuple[str, str, str, str]]:
        """What is still there and only rows up to this one vouch for: about, name, digest, earliest.

        What is older than the purge has outlived it, and none before a later time may remove it.
        """
        yield from self._database.execute(
            "SELECT about, name, digest, max(earliest, ?) FROM vouched WHERE found = 1 AND sequence <= ?"
            " ORDER BY about = ?, 4, about, name",
            (purged_before, until, EVENT),
        )


def present(connection: Connection, seal: Seal) -> Iterator[tuple[str, Vouch, str]]:
    """Every row of a table that the chain may vouch for: what a person calls it, its digest, its time."""
    messages, told, outbox, held = schema.messages, schema.alert_events, schema.outbox, schema.quarantine
    for row in streamed(connection, select(messages.c.id, *_LINE_COLUMNS).order_by(messages.c.id)):
        joined = chain.line(seal, row[1:])
        yield f"ledger line {row.id} ({row.control_id})", Vouch.of_line(joined), row.received_at
    columns = (told.c.event_id, told.c.alert_id, told.c.sequence, told.c.event)
    for row in streamed(connection, select(*columns).order_by(told.c.alert_id, told.c.sequence)):
        name = f"alert event {row.event_id} (number {row.sequence} of alert {row.alert_id})"
        yield name, Vouch(EVENT, row.event_id, seal.digest(row)), _decided(row.event)
    # Copies of quarantined messages belong to no alert; a forged alert may pretend to be one.
    of_an_alert = or_(outbox.c.correlation_id != "", outbox.c.routing_key.startswith("alert."))
    alerts = select(outbox).where(of_an_alert).order_by(outbox.c.id)
    for row in streamed(connection, alerts):
        yield f"message to receivers {row.message_id}", _outgoing(seal, row), row.created_at
    joined_columns = (held.c.id, held.c.state, held.c.why, held.c.closed_at)
    line_columns = (messages.c.digest, messages.c.sender, messages.c.control_id)
    statement = (
        select(*joined_columns, *line_columns)
        .join_from(held, messages, held.c.message_id == messages.c.id)
        .where(held.c.state != "held")
        .order_by(held.c.id)
    )
    for row in streamed(connection, statement):
        name = seal.name_of_line(row.digest, row.sender, row.control_id)
        about, word = (
            (COPY, "copy of a message") if row.state == COPY else (CLOSED, "closed quarantine entry")
        )
        yield f"{word} {row.id}", Vouch(about, name, seal.digest((row.state, row.why))), row.closed_at


def _is_ours(*told: object) -> bool:
    """Whether that is what the engine writes: in a row that somebody has made up anything may stand."""
    return all(isinstance(each, str) and each.isascii() for each in told)


def _outgoing(seal: Seal, row: Any) -> Vouch:
    """Of a message to receivers; what cannot be read any more is like nothing that was vouched for."""
    try:
        digest = chain.sent_digest(seal, outbox_from_row(row))
    except (ValueError, TypeError, AttributeError, RecursionError):
        digest = ""
    return Vouch(OUTGOING, row.message_id, digest)


def _decided(event: str) -> str:
    """When an alert event was decided; what cannot be read any more is of every time."""
    try:
        return codec.instant(event_from_json(event).decided_at)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return "9999"


def streamed(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    """Many rows, a part at a time."""
    rows = connection.execute(statement.execution_options(yield_per=_AT_ONCE))
    part: Sequence[Any]
    for part in rows.partitions():
        yield from part
