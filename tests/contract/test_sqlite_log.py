"""The log beside a SQLite store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from engine.store.sqlite import engine_for


def test_a_log_that_a_long_look_has_let_grow_shrinks_again(tmp_path: Path) -> None:
    """Nobody runs out of disk because of a report that took an hour."""
    file = tmp_path / "azawatch.db"
    engine = engine_for(make_url(f"sqlite:///{file}"), throw_away=False)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE written (content BLOB)")
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM written").fetchall()
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO written VALUES (zeroblob(100000000))")
        grown = _log(file)
    for _ in range(2):
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO written VALUES (zeroblob(20000000))")

    engine_log = _log(file)
    engine.dispose()

    assert grown > 100_000_000
    assert engine_log < 70_000_000


def _log(file: Path) -> int:
    return Path(f"{file}-wal").stat().st_size
