"""Several stores looked at as one: the parts of a replay whose patients were split."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from engine.store import schema
from engine.store.sql import Store
from engine.store.statements import LATEST

MOST_TOGETHER = 10
"""As many databases as SQLite attaches to one connection."""


def open_together(files: Sequence[Path]) -> Store:
    """A store to read from that holds what these hold, at most :data:`MOST_TOGETHER`; nobody may write.

    No person is in two of them; what they count of codes is added up.
    """
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)

    def attach(connection: sqlite3.Connection, _record: object) -> None:
        for number, file in enumerate(files):
            connection.execute(f"ATTACH DATABASE ? AS part{number}", (str(file),))
        for name in schema.metadata.tables:
            connection.execute(f"CREATE TEMP VIEW {name} AS {_selected(name, len(files))}")

    event.listen(engine, "connect", attach)
    return Store(engine)


def _selected(table: str, parts: int) -> str:
    rows = " UNION ALL ".join(f"SELECT * FROM part{number}.{table}" for number in range(parts))  # noqa: S608
    if table == schema.settings.name:
        return "SELECT * FROM part0.settings"
    return _added_up(rows) if table == schema.ledger.name else rows


def _added_up(rows: str) -> str:
    """The ledger of several parts as one store would have kept it."""
    ledger = schema.ledger
    key = ", ".join(ledger.primary_key.columns.keys())
    totals = {"count": "sum", "on_therapy": "sum", "first_seen": "min"}
    wanted = ", ".join(
        f"{totals[name]}({name}) OVER (PARTITION BY {key}) AS {name}" if name in totals else name
        for name in ledger.columns.keys()  # noqa: SIM118  these are columns, not a mapping
    )
    latest = ", ".join(f"{name} DESC" for name in LATEST)
    place = f"row_number() OVER (PARTITION BY {key} ORDER BY {latest}) AS place"
    names = ", ".join(ledger.columns.keys())
    return f"SELECT {names} FROM (SELECT {wanted}, {place} FROM ({rows})) WHERE place = 1"  # noqa: S608
