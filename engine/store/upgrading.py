"""Stores of earlier releases, brought to the tables of this one when they are opened."""

from __future__ import annotations

from sqlalchemy import Connection, text

from engine.store import schema


def upgrade(connection: Connection, version: str) -> str:
    """The version of the tables afterwards; that of a store that cannot be upgraded stays what it is."""
    if version == "1":
        # Nobody is due yet: the first sweep looks at everybody on therapy, because it has never looked.
        schema.metadata.create_all(connection)
        connection.execute(text("ALTER TABLE alerts ADD COLUMN waiting_since VARCHAR NOT NULL DEFAULT ''"))
        version = "2"
    return version
