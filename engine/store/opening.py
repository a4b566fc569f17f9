"""Opening SQLite as the store needs it: durable commits, explicit transactions, errors without content."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool, StaticPool

from engine.errors import ConfigError, Defect, EngineError, TransientError

READING = {"azawatch_reading": True}
"""Execution options of a transaction that waits for no writer, and must not write."""

_BUSY_SECONDS = 5.0
_UNUSABLE_FILE = frozenset(
    {"SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY"}
)


class UnusableFileError(TransientError):
    """The file cannot be opened or is no database: fatal at the start, while later on it may come back."""


def open_engine(url: str, *, throw_away: bool = False) -> Engine:
    """An engine for an SQLAlchemy URL; no connection is made yet. Raises ConfigError for an unusable URL.

    ``throw_away``: nobody needs the database after a crash, so it does not wait for the disk.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise ConfigError([Defect("settings", 0, "store_url must be an sqlite:/// URL")])
        engine = create_engine(
            parsed,
            connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS, "isolation_level": None},
            hide_parameters=True,
            poolclass=QueuePool,
            pool_timeout=_BUSY_SECONDS,
            # A database in memory is its connection: all threads take turns on the one.
            **({"pool_size": 1, "max_overflow": 0} if _in_memory(parsed) else {}),
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            [Defect("settings", 0, "store_url cannot be read", "for example sqlite:///azawatch.db")]
        ) from error
    event.listen(engine, "connect", _prepare_throw_away if throw_away else _prepare_connection)
    # pysqlite must not begin transactions on its own: a read would then never see the write lock.
    event.listen(engine, "begin", _begin)
    return engine


def open_read_only(url: str) -> Engine:
    """An engine that cannot write to the file, whatever is asked of it. Raises ConfigError."""
    file = open_engine(url).url.database or ""
    if not Path(file).is_file():
        hint = "name the database of the engine: sqlite:///azawatch.db"
        raise ConfigError([Defect(file or url, 0, "there is no such store", hint)])
    # Where nobody has it open there is no log beside it, and none is to be left behind by looking.
    how = "ro" if Path(f"{file}-wal").exists() else "ro&immutable=1"
    address = f"file:{quote(file)}?mode={how}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        ),
        hide_parameters=True,
        poolclass=StaticPool,
    )
    event.listen(engine, "connect", _prepare_reading)
    event.listen(engine, "begin", _begin)
    return engine


def failure(error: DBAPIError | sqlite3.Error) -> EngineError:
    """What went wrong, by SQLite's own code: the driver's text can quote a row.

    Trying again helps when the world is away (TransientError), not when a row is wrong (EngineError).
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorname", type(cause).__name__)
    if code in _UNUSABLE_FILE:
        return UnusableFileError(f"store: {code}")
    if isinstance(cause, sqlite3.OperationalError) or type(cause) is sqlite3.DatabaseError:
        return TransientError(f"store: {code}")
    return EngineError(f"store refused a row: {code}")


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # An acknowledged message must survive a power cut; NORMAL may lose the last commits.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-65536")  # 64 MiB
    # Pages that many batches touch are copied into the file once in 16 MiB, not once in 4.
    cursor.execute("PRAGMA wal_autocheckpoint=4000")
    cursor.close()


def _prepare_reading(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON").close()


def _prepare_throw_away(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=MEMORY")  # what a failed batch has written is still taken back
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-65536")  # 64 MiB
    cursor.close()


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("azawatch_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
