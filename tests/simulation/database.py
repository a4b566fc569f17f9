"""The real store on a database in memory that outlives the simulated processes, and fails when told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool

from engine.store import Store, schema
from engine.store.opening import failure

Doing = Callable[[str], None]

_PUT_RESULT = str(schema.results.insert().compile(dialect=sqlite.dialect(paramstyle="qmark")))


def _nothing(_what: str) -> None:
    pass


class _Cursor(sqlite3.Cursor):
    """Statements may fail, or the process dies at one."""

    def execute(self, *arguments: Any) -> Any:
        _during("statement")
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        _during("statement")
        return super().executemany(*arguments)


class _Connection(sqlite3.Connection):
    """What SQLAlchemy closes stays: it is the disk.

    A transaction is a savepoint of the day, and the day is a transaction that is rolled back when it is over.
    So the schema is read once and each statement prepared once, not every day anew.
    """

    _under_way = False

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def begin(self) -> None:
        self.cursor().execute("SAVEPOINT work")
        self._under_way = True

    def commit(self) -> None:
        _during("commit")
        self.ask("RELEASE work")
        self._under_way = False
        _during("committed")

    def rollback(self) -> None:
        if self._under_way:
            self.ask("ROLLBACK TO work")
            self.ask("RELEASE work")
            self._under_way = False

    def close(self) -> None:
        self.rollback()

    def begin_day(self) -> None:
        self._under_way = False
        if self.in_transaction:
            self.ask("ROLLBACK")
        self.ask("BEGIN")

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement that never fails."""
        return super().cursor(sqlite3.Cursor).execute(statement, values).fetchall()


def _during(what: str) -> None:
    DATABASE.during(what)


class ProcessStore(Store):
    """The store of one process; closing it leaves the database.

    One connection for good, not one from a pool for each transaction: 20,000 days are to be played.
    """

    @contextmanager
    def _connection(self, *, reading: bool = False) -> Iterator[Connection]:
        del reading
        try:
            with DATABASE.transaction() as connection:
                yield connection
        except self._errors as error:
            raise failure(error) from None

    def close(self) -> None:
        """The next process opens the same database."""


class Database:
    """One for all days of a test process: a day begins with what was there before the first one.

    ``during`` is called before and after each commit, before each statement and each transaction.
    """

    def __init__(self) -> None:
        self.during: Doing = _nothing
        self._connection = sqlite3.connect(
            ":memory:",
            factory=_Connection,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=1_000,
        )
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: self._connection,
            poolclass=StaticPool,
            hide_parameters=True,
        )

    @cached_property
    def connection(self) -> Connection:
        """What all processes share; SQLAlchemy sees one transaction that never ends."""
        connection = self._engine.connect()
        connection.begin()
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Begin and commit by statements of the database's own, as the store does on a file."""
        connection, raw = self.connection, self._connection
        if connection.invalidated:  # a process has died within a statement
            connection.rollback()
            connection.begin()
        self.during("begin")
        try:
            raw.begin()
            yield connection
            raw.commit()
        finally:
            raw.rollback()

    def open(self) -> Store:
        """A process opens the database."""
        return ProcessStore(self._engine)

    def create(self) -> Store:
        """An empty database with its tables."""
        store = ProcessStore(self._engine)
        store._prepare_schema("memory")
        return store

    def calm(self) -> None:
        """Nothing fails any more."""
        self.during = _nothing

    def begin_day(self) -> None:
        """What happened since the first day began is undone."""
        self._connection.begin_day()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is committed."""
        return self._connection.ask(query)

    def put_apart(self, results: Sequence[Sequence[Any]]) -> None:
        """Results that were packed by order become rows of their own: they may come in any order."""
        for row in results:
            self._connection.ask(_PUT_RESULT, row)
        self._connection.ask("DELETE FROM order_results")


DATABASE = Database()
