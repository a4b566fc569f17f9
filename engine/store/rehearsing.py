"""A unit of work on a store that cannot be written: what would come of a message, and nothing comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import ConfigError, Defect
from engine.store import schema
from engine.store.cache import RecordCache
from engine.store.opening import READING, UnusableStoreError, driver_errors, failure, open_read_only
from engine.store.statements import compiled_statements
from engine.store.unit import Unit
from engine.store.upgrading import stored_version


@contextmanager
def rehearsal(url: str) -> Iterator[Unit]:
    """A unit that sees the store as it is and what it changes itself; it is never written.

    SQLite has opened the file for reading only. Raises ConfigError where there is no store of this release,
    TransientError when it is locked.
    """
    engine = open_read_only(url)
    try:
        with engine.execution_options(**READING).connect() as connection:
            version = stored_version(connection)
            if version != schema.SCHEMA_VERSION:
                found = "is no store of azawatch" if version is None else f"store has schema {version}"
                hint = (
                    f"this release reads {schema.SCHEMA_VERSION}; `azawatch store migrate` upgrades a store"
                )
                raise ConfigError([Defect(url, 0, found, hint)])
            yield Unit(
                connection.connection.cursor(), compiled_statements(connection.dialect.name), RecordCache()
            )
    except driver_errors(engine) as error:
        told = failure(error)
        if isinstance(told, UnusableStoreError):
            hint = "is it a store of azawatch, and may you read it?"
            raise ConfigError([Defect(url, 0, f"cannot be opened ({told})", hint)]) from None
        raise told from None
    finally:
        engine.dispose()
