"""Stores of earlier releases, brought to the tables of this one when they are opened."""

from __future__ import annotations

from sqlalchemy import Connection, text

from engine.store import schema

# Nobody is due yet: the first sweep looks at everybody on therapy, because it has never looked.
_TO_2 = (
    "ALTER TABLE alerts ADD COLUMN waiting_since VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE results ADD COLUMN specimen_condition VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE results ADD COLUMN spoiled INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE result_versions ADD COLUMN specimen_condition VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE result_versions ADD COLUMN spoiled INTEGER NOT NULL DEFAULT 0",
)


def upgrade(connection: Connection, version: str) -> str:
    """The version of the tables afterwards; that of a store that cannot be upgraded stays what it is."""
    if version == "1":
        for statement in _TO_2:
            connection.execute(text(statement))
        schema.metadata.create_all(connection)
        version = "2"
    return version
