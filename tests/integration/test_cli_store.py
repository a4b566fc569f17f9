"""``azawatch store`` on both kinds of database, and the accounts of a PostgreSQL server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from engine import app
from engine.store import SCHEMA_VERSION, Hand, Store, only_engine, purge
from tests.contract.test_store_asking import statement
from tests.contract.test_store_migrations import make
from tests.integration.installation import ROOT, ROSTER
from tests.integration.terminal import Terminal
from tests.support.private_postgresql import PrivatePostgresql

ROLES = ROOT / "deploy/postgresql/roles.sql"


def test_a_store_is_migrated_checked_and_purged(terminal: Terminal, url: str) -> None:
    """From the release before to this one, with a word on what happened."""
    make(url, "2")
    terminal.set(STORE_URL=url, SITE_KEY="k" * 40)
    refused = terminal.type("alerts", "list", exits=2)
    assert "store has schema 2" in refused.err
    assert "azawatch store migrate" in refused.err

    assert f"schema 2 migrated to {SCHEMA_VERSION}" in terminal.type("store", "migrate").err
    assert f"schema {SCHEMA_VERSION} already" in terminal.type("store", "migrate").err
    assert "the store is sound" in terminal.type("store", "check").err
    assert "0 ledger lines removed" in terminal.type("store", "purge", "--older-than", "365").err
    assert "30" in terminal.type("store", "purge", "--older-than", "3", exits=2).err

    statement(url, "DELETE FROM persons")
    damaged = terminal.type("store", "check", exits=1)
    assert "identifiers of nobody: 1" in damaged.out


@pytest.mark.parametrize(
    "command",
    [
        ("alerts", "list"),
        ("quarantine", "list"),
        ("roster", "export"),
        ("statement",),
        ("mappings", "ledger"),
        ("audit", "verify"),
        ("store", "check"),
        ("store", "migrate"),
    ],
    ids=" ".join,
)
def test_who_looks_at_the_wrong_place_is_told_so(
    terminal: Terminal, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """An empty list of alerts, of a store that a misspelt name has just made, would be a lie."""
    file = tmp_path / "misspelt.db"
    terminal.set(STORE_URL=f"sqlite:///{file}", SITE_KEY="k" * 40)

    said = terminal.type(*command, exits=2).err

    assert f"sqlite:///{file}: there is no store" in said
    assert not file.exists()


@pytest.mark.postgresql
def test_a_database_without_tables_is_no_store_either(
    terminal: Terminal, postgresql: PrivatePostgresql
) -> None:
    """Only what takes something in makes them."""
    terminal.set(STORE_URL=postgresql.new_database(), SITE_KEY="k" * 40)
    assert "there is no store" in terminal.type("alerts", "list", exits=2).err
    terminal.type("roster", "import", ROSTER)
    terminal.type("alerts", "list")


def test_a_file_in_use_is_not_migrated(terminal: Terminal, tmp_path: Path) -> None:
    """An engine that runs would write into tables that change below it."""
    url = f"sqlite:///{tmp_path}/azawatch.db"
    Store.open(url).close()
    terminal.set(STORE_URL=url)
    with only_engine(tmp_path / "azawatch.db"):
        assert "another engine runs on this store" in terminal.type("store", "migrate", exits=2).err

        (tmp_path / "link.db").symlink_to("azawatch.db")
        terminal.set(STORE_URL=f"sqlite:///{tmp_path}/link.db")
        assert "another engine runs on this store" in terminal.type("store", "migrate", exits=2).err


def test_a_password_for_the_database_is_never_shown(terminal: Terminal) -> None:
    """Neither by the doctor nor by an error; nobody listens at that port."""
    url = "postgresql://engine:hunter2@0.0.0.0:1/azawatch?sslmode=require"
    terminal.set(STORE_URL=url, SITE_KEY="k" * 40, AMQP_URL="amqp://engine:hunter2@0.0.0.0:1")

    for command in (("doctor",), ("alerts", "list"), ("store", "check"), ("store", "migrate")):
        said = terminal.type(*command, exits=2)
        assert "hunter2" not in said.out + said.err
        assert "store: " in said.out + said.err
        if command == ("doctor",):
            assert "WARNING, the database is on another machine and sslmode=require does not" in said.out
            assert "WARNING, the broker is on another machine and amqp_url is without TLS" in said.out


@pytest.mark.postgresql
def test_the_account_of_the_engine_may_read_and_write_rows_and_nothing_else(
    terminal: Terminal, postgresql: PrivatePostgresql
) -> None:
    """deploy/postgresql/roles.sql is enough for every command, and not more."""
    postgresql.run_file(ROLES)
    engine, owner = postgresql.url("azawatch", "azawatch"), postgresql.url("azawatch", "azawatch_owner")

    terminal.set(STORE_URL=engine, SITE_KEY="k" * 40)
    refused = terminal.type("roster", "import", ROSTER, exits=2)
    assert "may the engine write to it" in refused.err
    terminal.set(STORE_URL=owner)
    assert f"schema {SCHEMA_VERSION} made in an empty database" in terminal.type("store", "migrate").err

    terminal.set(STORE_URL=engine)
    assert "patients imported" in terminal.type("roster", "import", ROSTER).err
    assert terminal.type("store", "check").code == 0
    assert terminal.type("store", "purge", "--older-than", "30").code == 0
    with closing(Store.open(engine)) as store:
        assert store.records()
    assert terminal.type("audit", "verify").code == 0
    for forbidden in (
        *("DROP TABLE results", "CREATE TABLE x (y text)", "TRUNCATE messages"),
        *("UPDATE audit SET at = at", "DELETE FROM audit", "TRUNCATE audit"),
        *("UPDATE alembic_version SET version_num = '9'", "DELETE FROM alembic_version"),
        *("INSERT INTO alembic_version VALUES ('9')", "COPY results TO PROGRAM 'id'"),
    ):
        with pytest.raises(Exception, match=r"(permission denied|must be (owner|superuser))"):
            statement(engine, forbidden)
    with pytest.raises(Exception, match="azawatch_owner"):
        purge(engine, app.now(), Hand(b"k" * 40, "anna", app.now()), audit_before=app.now())


@pytest.mark.parametrize(
    "command",
    [
        ("store", "purge", "--older-than", "99999999"),
        ("store", "purge", "--older-than", "30", "--audit-older-than", "99999999"),
        ("quarantine", "show", "99999999999999999999"),
        ("quarantine", "release", "99999999999999999999"),
        ("quarantine", "discard", "0", "--why", "x"),
    ],
)
def test_a_number_beyond_all_bounds_is_refused(terminal: Terminal, command: tuple[str, ...]) -> None:
    """A slip of the keyboard is told in words."""
    assert "Input should be " in terminal.type(*command, exits=2).err
