"""Opening the database that ``store_url`` names, and what its errors mean, without their content."""

from __future__ import annotations

import sqlite3

from sqlalchemy import URL, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from engine.errors import ConfigError, Defect, EngineError, TransientError
from engine.store import postgresql, sqlite

READING = {"azawatch_reading": True, "postgresql_readonly": True}
"""Execution options of a transaction that waits for no writer, and must not write."""

_UNUSABLE = {
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_NOTADB": "the file is no database",
    "SQLITE_READONLY": "the file may not be written",
    "SQLITE_READONLY_DIRECTORY": "the folder may not be written",
    "28000": "this account may not log in like this: see pg_hba.conf, and its certificate",
    "28P01": "the password is wrong",
    "3D000": "there is no such database",
    "42501": "this account may not do that: azawatch_owner may, see deploy/postgresql/roles.sql",
}
# A row that is too large for an index, or a statement that is too large: PostgreSQL's drivers call that
# operational, and trying again would stop the feed for ever.
_LIMITS = "54"
_AWAY = frozenset(
    {
        "25006",  # a server that has not yet taken over, or not any more
        "25P03",  # we were paused in the middle of a transaction, and the server has ended it
        "25P04",
    }
)


class UnusableStoreError(TransientError):
    """The database cannot be opened or used: fatal at the start, while later on it may come back."""


def open_engine(url: str, *, throw_away: bool = False) -> Engine:
    """An engine for a store URL; no connection is made yet. Raises ConfigError for an unusable URL.

    ``throw_away``: nobody needs the file after a crash, so it does not wait for the disk.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlite.engine_for(parsed, throw_away=throw_away)
    return postgresql.engine_for(parsed)


def open_read_only(url: str) -> Engine:
    """An engine that cannot write to the store, whatever is asked of it. Raises ConfigError."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlite.read_only_engine_for(parsed)
    return postgresql.engine_for(parsed, read_only=True)


def driver_errors(engine: Engine) -> tuple[type[Exception], ...]:
    """What a statement may raise, executed by SQLAlchemy or by the driver itself."""
    return (DBAPIError, engine.dialect.loaded_dbapi.Error)


def failure(error: Exception) -> EngineError:
    """What went wrong, by the database's own code: the driver's text can quote a row.

    Trying again helps when the world is away (TransientError), not when a row is wrong (EngineError).
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    code = code or type(cause).__name__
    if code in _UNUSABLE:
        return UnusableStoreError(f"store: {code}, {_UNUSABLE[code]}")
    told = postgresql.trouble(cause) if code == type(cause).__name__ else ""
    if told:
        return UnusableStoreError(f"store: {told}")
    # the names that every Python driver gives to its kinds of error
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    away = {"OperationalError", "InterfaceError"} & kinds or code in _AWAY
    if (away or type(cause) is sqlite3.DatabaseError) and not code.startswith(_LIMITS):
        return TransientError(", ".join(filter(None, (f"store: {code}", postgresql.absence(cause)))))
    return EngineError(f"store refused a row: {code}")


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        hint = "for example sqlite:///azawatch.db"
        raise ConfigError([Defect("settings", 0, "store_url cannot be read", hint)]) from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        hint = "write sqlite:///azawatch.db or postgresql://user@host/database"
        raise ConfigError([Defect("settings", 0, "store_url names another kind of database", hint)])
    if parsed.get_backend_name() == "postgresql":
        fault, hint = postgresql.fault_of(parsed)
        if fault:
            raise ConfigError([Defect("settings", 0, fault, hint)])
    return parsed
