"""What the store can give account of: what waits, who sends, how often what comes, what nobody understood."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.engine.interfaces import DBAPICursor

from engine.audit import COPY, Kind, Note
from engine.store import codec, schema, sightings
from engine.store.blindness import mapping_ledger
from engine.store.feeding import hours_of_senders
from engine.store.holding import HeldAlert, held_alerts
from engine.store.rows import InboxKey
from engine.store.statements import Statements, compiled_statements


def statements_of(connection: Connection) -> Statements:
    """Every statement of a unit of work in the words of this database."""
    return compiled_statements(connection.dialect.name)


def cursor_of(connection: Connection) -> DBAPICursor:
    """The driver's own cursor, inside the transaction of this connection."""
    return connection.connection.cursor()


class Accounts(ABC):
    """This part of a store; errors are those of the store."""

    @abstractmethod
    def _connection(self, *, reading: bool = False) -> AbstractContextManager[Connection]: ...

    @abstractmethod
    def _tell(self, connection: Connection, notes: Sequence[Note]) -> None: ...

    def held_alerts(self) -> list[HeldAlert]:
        """Alerts of which a backlog has told something that nobody has been sent yet, the oldest first."""
        with self._connection(reading=True) as connection:
            return held_alerts(cursor_of(connection), statements_of(connection))

    def release(self, alert_ids: Iterable[str]) -> None:
        """Let go of what is held back of these alerts, as it is."""
        table = schema.outbox
        statement = update(table).where(table.c.correlation_id.in_(list(alert_ids)), text("held_until <> ''"))
        with self._connection() as connection:
            connection.execute(statement.values(held_until=""))

    def not_paged(self, alert_id: str) -> dict[str, str]:
        """Events of an alert (id or beginning of it) that nobody was told, and which event tells instead."""
        table = schema.not_paged
        statement = select(table).where(table.c.alert_id.startswith(alert_id, autoescape=True))
        with self._connection(reading=True) as connection:
            return {row.event_id: row.told_by for row in connection.execute(statement)}

    def held_messages(self) -> int:
        """How many of them wait for what else a backlog holds."""
        statement = select(func.count()).where(text("held_until <> ''"))
        with self._connection(reading=True) as connection:
            return connection.execute(statement.select_from(schema.outbox)).scalar_one()

    def hours_of_senders(
        self, after: datetime, until: datetime
    ) -> dict[str, list[tuple[datetime, int, datetime]]]:
        """Who has sent when: see :mod:`engine.store.feeding`."""
        with self._connection(reading=True) as connection:
            return hours_of_senders(connection, after, until)

    def count_days(self, counts: Mapping[tuple[str, str, str, str], int], now: datetime) -> None:
        """Add to how often each came, by day, kind, sender and name; forget what is long over."""
        if counts:
            with self._connection() as connection:
                sightings.count_days(cursor_of(connection), statements_of(connection), counts)
                sightings.forget(connection, now)

    def daily_counts(self, until: datetime) -> sightings.Days:
        """How often each code and unit came on each day before that one."""
        with self._connection(reading=True) as connection:
            return sightings.daily_counts(connection, until)

    def alerts_by_day(self, until: datetime) -> sightings.Days:
        """How often each rule has spoken, likewise."""
        with self._connection(reading=True) as connection:
            return sightings.alerts_by_day(connection, until)

    def mapping_ledger(self) -> list[Mapping[str, Any]]:
        """Codes and units that were not understood, the most harmful first: :mod:`engine.store.blindness`."""
        with self._connection(reading=True) as connection:
            return mapping_ledger(connection)

    def keep_copy(self, key: InboxKey, body: bytes, why: str, at: datetime) -> None:
        """Keep the body of a message that was taken in beside those in quarantine; it is not held there."""
        with self._connection() as connection:
            cursor = cursor_of(connection)
            row = (body, COPY, why, codec.instant(at), key.digest, key.sender, key.control_id)
            cursor.execute(statements_of(connection).put_copy, row)
            if cursor.rowcount:
                told = {"digest": key.digest, "sender": key.sender, "control_id": key.control_id, "why": why}
                self._tell(connection, [Note(Kind.COPY_KEPT, codec.instant(at), told)])
