"""Opening the store, its transactions, and what people ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, or_, select, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.audit import Entry, Head, Kind, Note, Seal
from engine.errors import ConfigError, Defect, EngineError, TransientError
from engine.model.alert import Alert, AlertEvent
from engine.model.record import Record
from engine.model.serialization import event_from_json
from engine.model.watch import Watch
from engine.store import chain, codec, schema, sqlite
from engine.store.accounts import Accounts
from engine.store.accounts import cursor_of as _cursor
from engine.store.accounts import statements_of as _statements
from engine.store.cache import RecordCache
from engine.store.condition import Condition, condition
from engine.store.counting import code_counts, disposition_counts, stuck
from engine.store.forgetting import forget_results, losing_results
from engine.store.handover import Handover, handover, mark_sent
from engine.store.locking import Locks
from engine.store.opening import READING, UnusableStoreError, driver_errors, failure, open_engine
from engine.store.reading import Reader
from engine.store.rows import QuarantineRow, alert_from_row
from engine.store.technical import Technical
from engine.store.turns import Turns
from engine.store.unit import Unit
from engine.store.upgrading import NoStoreError, create, existing, of_another_release, stored_version

_RECORDS_AT_ONCE = 500


class Store(Accounts):
    """The state of one engine installation.

    Raises ConfigError for a URL that cannot be used or a schema of another version, TransientError when
    the database is locked, full or away, EngineError when it refuses a row (a defect of the engine).
    """

    def __init__(self, engine: Engine, seal: Seal | None = None) -> None:
        self._engine = engine
        self._seal = seal
        self._errors = driver_errors(engine)
        self._cache = RecordCache()
        one_writer = engine.dialect.name == "sqlite"
        self._turns = Turns(sqlite.BUSY_SECONDS) if one_writer else None
        self._file: tuple[int, int] | None = None

    @classmethod
    def open(
        cls, url: str, *, throw_away: bool = False, site_key: bytes = b"", create_new: bool = True
    ) -> Store:
        """Open the store at an SQLAlchemy URL (``sqlite:///azawatch.db``), and create it where it is new.

        ``throw_away``: it need not outlast a crash, and is faster for it. ``site_key``: that of the audit,
        without which nothing that is written is told there. Without ``create_new``, NoStoreError: who looks
        at the wrong place must not be told that there are no alerts.
        """
        engine = open_engine(url, throw_away=throw_away) if create_new else existing(url)
        store = cls(engine, Seal(site_key) if site_key else None)
        try:
            store._prepare_schema(engine.url.render_as_string(), create_new=create_new)
            store._file = None if throw_away else sqlite.identity(engine.url)
        except BaseException:
            store.close()
            raise
        return store

    def _prepare_schema(self, name: str, *, create_new: bool = True) -> None:
        """Create the tables of a new store; looking at one waits for no writer."""
        try:
            with self._connection(reading=True) as connection:
                version = stored_version(connection)
            if version is None and not create_new:
                raise NoStoreError(name)
            if version is None:
                with self._connection() as connection:
                    Locks(_cursor(connection), _statements(connection)).take([schema.settings.name])
                    create(connection)
                    version = stored_version(connection)
        except UnusableStoreError as error:
            hint = "is it there, an azawatch store, and may the engine write to it?"
            raise ConfigError([Defect(name, 0, f"cannot be opened ({error})", hint)]) from None
        if version != schema.SCHEMA_VERSION:
            raise ConfigError([of_another_release(name, version)])

    def close(self) -> None:
        """Give all connections back; the store must not be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def _connection(self, *, reading: bool = False) -> Iterator[Connection]:
        engine = self._engine.execution_options(**READING) if reading else self._engine
        turn = nullcontext() if reading or self._turns is None else self._turns.turn()
        self._require_file()
        try:
            with turn, engine.begin() as connection:
                yield connection
                self._require_file()
        except self._errors as error:
            raise failure(error) from None
        except PoolTimeoutError:
            raise TransientError("store: no connection is free") from None

    def _require_file(self) -> None:
        """What is committed to a file that has no name any more is gone with the process."""
        if self._file is not None and sqlite.identity(self._engine.url) != self._file:
            raise UnusableStoreError("store: the file was moved, removed or replaced while it was in use")

    def has_raised(self, error: Exception) -> bool:
        """Whether it was the database that failed in a transaction, not what was done in it."""
        return isinstance(error, self._errors)

    def clock(self) -> datetime | None:
        """The time at the database server, in UTC; None of a file, which has no clock of its own."""
        if self._engine.dialect.name == "sqlite":
            return None
        with self._connection(reading=True) as connection:
            at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return at.astimezone(UTC)

    @contextmanager
    def transaction(self) -> Iterator[Unit]:
        """One unit of work: all of it is durable when the block ends, or none of it."""
        with self._connection() as connection:
            unit = Unit(_cursor(connection), _statements(connection), self._cache, self._seal)
            yield unit
            try:
                unit.flush()
            except UnicodeEncodeError:
                raise EngineError("store refused a row: half a surrogate pair is no text") from None
        self._cache.keep(unit.committed())

    # --- audit ---------------------------------------------------------------------------------

    def note(self, kind: Kind, what: Mapping[str, object], at: datetime) -> None:
        """Tell in the audit what happened, in a transaction of its own."""
        with self.transaction() as unit:
            unit.note(kind, what, at)

    def audit_head(self) -> Head:
        """The newest row of the audit."""
        with self._connection(reading=True) as connection:
            return chain.newest(_cursor(connection), _statements(connection))

    def continues_audit(self) -> bool:
        """Whether the newest row of the audit was written with the key of this store."""
        table = schema.audit
        with self._connection(reading=True) as connection:
            row = connection.execute(select(table).order_by(table.c.sequence.desc()).limit(1)).first()
        return row is None or self._seal is None or self._seal.fits(Entry(*row))

    def _tell(self, connection: Connection, notes: Sequence[Note]) -> None:
        if self._seal is not None:
            chain.add(notes, _cursor(connection), _statements(connection), self._seal)

    # --- outbox --------------------------------------------------------------------------------

    @contextmanager
    def handover(self, limit: int) -> Iterator[Handover]:
        """Messages that the broker has not confirmed, and that nobody else hands over meanwhile."""
        with handover(self._connection, self._engine.dialect.name, limit) as rows:
            yield rows

    def mark_sent(self, row_ids: Sequence[int], at: datetime) -> None:
        """The broker has confirmed these rows, and the end of their handover could not be made durable."""
        with self._connection() as connection:
            mark_sent(connection, row_ids, at)

    @contextmanager
    def alone(self, task: str) -> Iterator[bool]:
        """Whether no other process is at this task; none begins it before the block ends.

        A file has one engine, which is alone at everything.
        """
        if self._engine.dialect.name == "sqlite":
            yield True
            return
        with self._connection() as connection:
            yield Locks(_cursor(connection), _statements(connection)).try_take(task)

    @contextmanager
    def technical(self, *, reading: bool = False) -> Iterator[Technical]:
        """What the engine knows of itself, in a transaction that no other worker has meanwhile.

        ``reading``: to look only, which waits for nobody.
        """
        if reading:
            with self._connection(reading=True) as connection:
                yield Technical(connection)
            return
        with self._connection() as connection:
            Locks(_cursor(connection), _statements(connection)).take([schema.technical_alerts.name])
            technical = Technical(connection, self._seal)
            yield technical
            self._tell(connection, technical.notes)

    def outbox_depth(self) -> int:
        """How many messages the broker has not confirmed."""
        table = schema.outbox
        with self._connection(reading=True) as connection:
            return connection.execute(select(func.count()).where(table.c.sent_at == "")).scalar_one()

    def condition(self) -> Condition:
        """How the store is, in a few numbers."""
        with self._connection(reading=True) as connection:
            return condition(connection)

    def stuck(self) -> list[tuple[str, str, int]]:
        """(routing key, last error, how many) of messages that were tried and not confirmed."""
        with self._connection(reading=True) as connection:
            return stuck(connection)

    # --- what people ask -----------------------------------------------------------------------

    def records(self, roots: Sequence[str] | None = None) -> list[Record]:
        """Records of the named persons, or of everybody (ordered by person id)."""
        with self._connection(reading=True) as connection:
            if roots is None:
                statement = select(schema.persons.c.root).distinct().order_by(schema.persons.c.root)
                roots = [row.root for row in connection.execute(statement)]
            reader = Reader(_cursor(connection), _statements(connection), self._cache)
            found: list[Record] = []
            for start in range(0, len(roots), _RECORDS_AT_ONCE):
                some = roots[start : start + _RECORDS_AT_ONCE]
                records = reader.records(some)
                found.extend(records[root][0] for root in some)
            return found

    def treated(self) -> list[str]:
        """Everybody of whom any therapy was told."""
        with self._connection(reading=True) as connection:
            return Reader(_cursor(connection), _statements(connection), self._cache).treated()

    def roots_by_identifier(self, value: str, authority: str | None = None) -> list[str]:
        """Persons that carry an identifier, exactly as written."""
        table = schema.identifiers
        statement = (
            select(schema.persons.c.root)
            .join_from(table, schema.persons, table.c.person_id == schema.persons.c.person_id)
            .where(table.c.value == codec.storable(value))
            .distinct()
        )
        if authority is not None:
            statement = statement.where(table.c.authority == authority)
        with self._connection(reading=True) as connection:
            return [row.root for row in connection.execute(statement)]

    def alerts(self, *, only_open: bool) -> list[Alert]:
        """Alerts, oldest first."""
        table = schema.alerts
        statement = select(table).order_by(table.c.started_at, table.c.alert_id)
        if only_open:
            statement = statement.where(table.c.open)
        with self._connection(reading=True) as connection:
            return [alert_from_row(row) for row in connection.execute(statement)]

    def alert_events(self, alert_id: str | None = None) -> list[AlertEvent]:
        """The published history of one alert (id or unambiguous beginning of it), or of all, in order."""
        table = schema.alert_events
        statement = select(table.c.event).order_by(table.c.alert_id, table.c.sequence)
        if alert_id is not None:
            statement = statement.where(table.c.alert_id.startswith(alert_id, autoescape=True))
        with self._connection(reading=True) as connection:
            return [event_from_json(row.event) for row in connection.execute(statement)]

    def acknowledge(self, alert_id: str, by: str, at: datetime) -> bool:
        """Note who has taken an alert on; false when there is no such open alert."""
        table = schema.alerts
        owner = (
            select(schema.persons.c.root)
            .join_from(table, schema.persons, table.c.person_id == schema.persons.c.person_id)
            .where(table.c.alert_id == alert_id)
        )
        with self._connection() as connection:
            # A worker that has read this record would write the alert as it was.
            locks = Locks(_cursor(connection), _statements(connection))
            while locks.take(connection.execute(owner).scalars()):
                pass
            done = connection.execute(
                update(table)
                .where(table.c.alert_id == alert_id, table.c.open)
                .values(acknowledged_at=codec.instant(at), acknowledged_by=codec.storable(by))
            )
            _count_changes(connection, owner)
            if done.rowcount == 1:
                told = {"alert": alert_id, "by": by}
                self._tell(connection, [Note(Kind.ALERT_ACKNOWLEDGED, codec.instant(at), told)])
            return done.rowcount == 1

    def messages(
        self,
        *,
        control_id: str | None = None,
        disposition: str | None = None,
        reason: str | None = None,
        person_ids: Sequence[str] | None = None,
        limit: int = 100,
    ) -> list[Mapping[str, Any]]:
        """Ledger lines of messages, newest first."""
        table = schema.messages
        statement = select(table).order_by(table.c.id.desc()).limit(limit)
        if control_id is not None:
            statement = statement.where(
                or_(table.c.control_id == control_id, table.c.id == _integer(control_id))
            )
        if disposition is not None:
            statement = statement.where(table.c.disposition == disposition)
        if reason is not None:
            statement = statement.where(table.c.reason == reason)
        if person_ids is not None:
            links = schema.message_persons
            found = select(links.c.message_id).where(links.c.person_id.in_(person_ids))
            statement = statement.where(table.c.id.in_(found))
        with self._connection(reading=True) as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def disposition_counts(self) -> list[tuple[str, str, int]]:
        """(disposition, reason, number of messages), and repeats as duplicates."""
        with self._connection(reading=True) as connection:
            return disposition_counts(connection)

    def quarantined(self, *, state: str | None = None, row_id: int | None = None) -> list[QuarantineRow]:
        """Messages held for a human, oldest first."""
        table = schema.quarantine
        statement = (
            select(table, schema.messages)
            .join_from(table, schema.messages, table.c.message_id == schema.messages.c.id)
            .order_by(table.c.id)
        )
        if state is not None:
            statement = statement.where(table.c.state == state)
        if row_id is not None:
            statement = statement.where(table.c.id == row_id)
        with self._connection(reading=True) as connection:
            return [
                QuarantineRow(
                    row[table.c.id],
                    {column.name: row[column] for column in schema.messages.c},
                    bytes(row[table.c.body]),
                    row[table.c.state],
                    row[table.c.closed_at],
                    row[table.c.why],
                )
                for row in connection.execute(statement).mappings()
            ]

    def code_counts(self) -> list[tuple[str, str, int]]:
        """How many results are kept of each analyte and code."""
        with self._connection(reading=True) as connection:
            return code_counts(connection)

    def forget_untreated(self, before: datetime, at: datetime) -> int:
        """Remove results collected before ``before`` of people without any therapy event; how many.

        ``at``: now.
        """
        with self._connection() as connection:
            _count_changes(connection, losing_results(before))
            removed = forget_results(connection, before)
            if removed:
                told = {"collected_before": codec.instant(before), "count": removed}
                self._tell(connection, [Note(Kind.RESULTS_REMOVED, codec.instant(at), told)])
        return removed

    def watch(self) -> Watch | None:
        """Since when the engine watches, and up to when it has judged time; None before its first message."""
        with self._connection(reading=True) as connection:
            return Unit(_cursor(connection), _statements(connection), self._cache).watch()

    def check(self) -> str:
        """``ok``, or what SQLite's integrity check says; PostgreSQL has none and is asked for an answer."""
        with self._connection(reading=True) as connection:
            if connection.dialect.name != "sqlite":
                return str(connection.execute(select(text("'ok'"))).scalar_one())
            return str(connection.execute(text("PRAGMA integrity_check")).scalar_one())


def _integer(text_value: str) -> int:
    return int(text_value) if text_value.isascii() and text_value.isdigit() and len(text_value) < 18 else -1


def _count_changes(connection: Connection, roots: Select[tuple[str]]) -> None:
    """Tell every process that remembers the records of these persons that they are not what they were."""
    rows = [(root, 1) for (root,) in connection.execute(roots)]
    if rows:
        _cursor(connection).executemany(_statements(connection).count_change, rows)
