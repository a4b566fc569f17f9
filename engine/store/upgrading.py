"""Stores of earlier releases, brought to the tables of this one when they are opened."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select, text

from engine.store import schema

VERSION_SETTING = "schema_version"
"""The row of the settings that tells which tables these are."""

# Nobody is due yet: the first sweep looks at everybody on therapy, because it has never looked.
_TO_2 = (
    "ALTER TABLE alerts ADD COLUMN waiting_since VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE results ADD COLUMN specimen_condition VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE results ADD COLUMN spoiled INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE result_versions ADD COLUMN specimen_condition VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE result_versions ADD COLUMN spoiled INTEGER NOT NULL DEFAULT 0",
)


def stored_version(connection: Connection) -> str | None:
    """The version of the tables, None where there are none yet."""
    if not inspect(connection).has_table(schema.settings.name):
        return None
    statement = select(schema.settings.c.value).where(schema.settings.c.name == VERSION_SETTING)
    return connection.execute(statement).scalar()


def upgrade(connection: Connection, version: str) -> str:
    """The version of the tables afterwards; that of a store that cannot be upgraded stays what it is."""
    if version == "1":
        for statement in _TO_2:
            connection.execute(text(statement))
        schema.metadata.create_all(connection)
        version = "2"
    return version
