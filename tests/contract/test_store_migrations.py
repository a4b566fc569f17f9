"""Stores of every earlier release: refused until somebody migrates them, then as if made by this one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from engine.errors import ConfigError
from engine.store import SCHEMA_VERSION, Store, check, migrate, schema
from engine.store.opening import open_engine
from engine.store.upgrading import stored_version, upgrade
from tests.support.builders import on_day
from tests.support.private_postgresql import PrivatePostgresql

ROWS = (
    "INSERT INTO persons VALUES ('anna', 'anna', '{}', '{}')",
    "INSERT INTO identifiers VALUES ('HOSPITAL', '1', 'MR', 'anna')",
    "INSERT INTO therapy_events VALUES ('anna', 'e1', '{}')",
    "INSERT INTO settings VALUES ('schema_version', '{version}')",
)

OF_OLD = ("1", "2")  # before Alembic's table


def make(url: str, version: str) -> None:
    """A store as the release with this schema has left it; those of old noted its version themselves."""
    engine = open_engine(url)
    with engine.begin() as connection:
        upgrade(connection, None, version)
        for row in ROWS:
            if version in OF_OLD or "schema_version" not in row:
                connection.execute(text(row.replace("{version}", version)))
        if version in OF_OLD:
            connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()


def indexes(connection: Connection) -> list[str]:
    """Every index with its columns and its condition."""
    found = inspect(connection)
    return [
        f"{table} {index['name']} {index['column_names']} "
        + " ".join(str(each) for each in index["dialect_options"].values())
        for table in sorted(schema.metadata.tables)
        for index in found.get_indexes(table)
    ]


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_a_store_of_an_earlier_release_is_migrated_when_somebody_says_so(url: str, version: str) -> None:
    """No command changes the tables by the way; afterwards they are those of a new store, with all rows."""
    make(url, version)
    with pytest.raises(ConfigError, match=f"store has schema {version} .*azawatch store migrate"):
        Store.open(url)

    assert migrate(url) == (version, SCHEMA_VERSION)

    engine = open_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert connection.execute(text("SELECT count(*) FROM settings")).scalar() == 0
    engine.dispose()
    with closing(Store.open(url)) as store:
        assert store.roots_by_identifier("1") == ["anna"]
        with store.transaction() as unit:
            assert unit.look_at_everybody(on_day(2), "r1")
            assert unit.due(on_day(2), 10) == [("anna", on_day(2))]
    assert migrate(url) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_migrations_make_the_tables_of_a_new_store(url: str) -> None:
    """What a new store is born with is what all migrations together make, index by index."""
    engine = open_engine(url)
    with engine.begin() as connection:
        upgrade(connection, None, SCHEMA_VERSION)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert stored_version(connection) == SCHEMA_VERSION
        made = indexes(connection)
    with engine.begin() as connection:
        schema.metadata.drop_all(connection)
    engine.dispose()
    Store.open(url).close()
    engine = open_engine(url)
    with engine.connect() as connection:
        assert indexes(connection) == made
    engine.dispose()


def test_a_failed_migration_leaves_the_store_as_it_was(url: str) -> None:
    """All of it is one transaction; the release before can go on."""
    make(url, "1")
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE due (root VARCHAR)"))  # in the way of schema 2

    with pytest.raises(Exception, match=r"due|store"):
        migrate(url)

    with engine.connect() as connection:
        assert stored_version(connection) == "1"
        columns = {column["name"] for column in inspect(connection).get_columns("results")}
    engine.dispose()
    assert "spoiled" not in columns


def test_there_is_nothing_to_migrate_where_no_file_is(tmp_path: Path) -> None:
    """A mistyped path is told, and no empty store left behind."""
    with pytest.raises(ConfigError, match="there is no store"):
        migrate(f"sqlite:///{tmp_path / 'typo.db'}")


@pytest.mark.postgresql
def test_an_empty_database_on_a_server_gets_its_tables(postgresql: PrivatePostgresql) -> None:
    """By the account that may make tables; that of the engine finds them."""
    url = postgresql.new_database()

    assert migrate(url) == ("", SCHEMA_VERSION)
    assert check(url) == []
