"""SQLite as the store needs it: durable commits, explicit transactions, a file that may be only looked at."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

from engine.errors import ConfigError, Defect

BUSY_SECONDS = 5.0


def engine_for(url: URL, *, throw_away: bool) -> Engine:
    """An engine that writes what it commits to the disk, unless the file is one to throw away.

    No connection is made yet.
    """
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS, "isolation_level": None},
        hide_parameters=True,
        poolclass=QueuePool,
        pool_timeout=BUSY_SECONDS,
        # A database in memory is its connection: all threads take turns on the one.
        **({"pool_size": 1, "max_overflow": 0} if url.database in (None, "", ":memory:") else {}),
    )
    event.listen(engine, "do_connect", _make_private)
    event.listen(engine, "connect", _prepare_throw_away if throw_away else _prepare_connection)
    # pysqlite must not begin transactions on its own: a read would then never see the write lock.
    event.listen(engine, "begin", _begin)
    return engine


def free_bytes(url: URL) -> int | None:
    """What is left for us of the disk that holds the file; None where there is no file."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    try:
        found = os.statvfs(Path(str(url.database)).parent)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def identity(url: URL) -> tuple[int, int] | None:
    """Which file is at the place of this database; None where there is none, or where it is no file.

    SQLite itself asks this of a file before it writes, but not where it keeps a log beside it.
    """
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    try:
        found = Path(str(url.database)).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_missing(url: URL) -> bool:
    """Whether there is no file at the place of this database: SQLite would make an empty one."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return False
    return not Path(str(url.database)).exists()


def give_bytes_for_what_is_no_text(connection: Connection) -> None:
    """Of a column of text that somebody has put other bytes into: they must not stop who looks for them."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.text_factory = _text_or_bytes


def read_only_engine_for(url: URL) -> Engine:
    """An engine that cannot write to the file, whatever is asked of it. Raises ConfigError."""
    file = url.database or ""
    if not Path(file).is_file():
        hint = "name the database of the engine: sqlite:///azawatch.db"
        raise ConfigError([Defect(file or str(url), 0, "there is no such store", hint)])
    # Where nobody has it open there is no log beside it, and none is to be left behind by looking.
    how = "ro" if Path(f"{file}-wal").exists() else "ro&immutable=1"
    address = f"file:{quote(file)}?mode={how}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        ),
        hide_parameters=True,
        poolclass=StaticPool,
    )
    event.listen(engine, "connect", _prepare_reading)
    event.listen(engine, "begin", _begin)
    return engine


def _text_or_bytes(found: bytes) -> str | bytes:
    try:
        return found.decode()
    except UnicodeDecodeError:
        return found


def _make_private(_dialect: object, _record: object, arguments: list[str], _options: object) -> None:
    """A new file is its owner's alone, for it holds results by patient; those beside it get its mode."""
    file = arguments[0]
    if file not in ("", ":memory:"):
        with suppress(OSError):  # SQLite says what is wrong with the place
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # An acknowledged message must survive a power cut; NORMAL may lose the last commits.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-12288")  # 12 MiB
    # Pages that many batches touch are copied into the file once in 16 MiB, not once in 4.
    cursor.execute("PRAGMA wal_autocheckpoint=4000")
    # It grows while somebody reads for long, and would keep that size for good.
    cursor.execute("PRAGMA journal_size_limit=67108864")  # 64 MiB
    cursor.close()


def _prepare_reading(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON").close()


def _prepare_throw_away(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=MEMORY")  # what a failed batch has written is still taken back
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-12288")  # 12 MiB
    cursor.close()


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("azawatch_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
