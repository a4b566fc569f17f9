"""How each kind of database writes what the standard leaves open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect


@dataclass(frozen=True, slots=True)
class Words:
    """Those of one kind; empty locks where only one can write at a time."""

    dialect: Dialect
    insert: Callable[[Table], Any]
    mark: str
    lock: str = ""
    try_lock: str = ""
    lock_all: str = ""
    lock_chain: str = ""
    lock_not_all: str = ""


WORDS = {
    "sqlite": Words(sqlite.dialect(paramstyle="qmark"), sqlite.insert, "?"),
    "postgresql": Words(
        postgresql.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
        postgresql.insert,
        "%s",
        lock="SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS numbers (number)",
        try_lock="SELECT pg_try_advisory_xact_lock(%s)",
        lock_all="SELECT pg_advisory_xact_lock(%s)",
        lock_chain="SELECT pg_advisory_xact_lock(%s, %s)",
        lock_not_all="SELECT pg_advisory_xact_lock_shared(%s)",
    ),
}
