"""Stores of earlier releases, brought to the tables of this one by Alembic when somebody says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select

from engine.audit import Kind, Note, Seal
from engine.errors import ConfigError, Defect
from engine.store import chain, codec, schema
from engine.store.opening import READING, driver_errors, failure, open_engine
from engine.store.sqlite import give_bytes_for_what_is_no_text, is_missing
from engine.store.statements import compiled_statements
from engine.store.vouched import present

_MIGRATIONS = Path(__file__).parent / "migrations"
_FIRST_WITH_AUDIT = "4"
_NO_STORE = "`azawatch run` or `azawatch roster import` makes one; or does store_url name another place?"
# Accounts that default privileges let do everything with rows may only add to the chain of audit, which its
# owner alone can cut, and only read which release the tables are of.
_PROTECTED = """
DO $$
DECLARE granted record;
BEGIN
  FOR granted IN
    SELECT DISTINCT relname, grantee::regrole::text AS account FROM pg_class, aclexplode(relacl)
    WHERE pg_class.oid IN ('audit'::regclass, 'alembic_version'::regclass)
      AND grantee <> relowner AND grantee <> 0
  LOOP
    EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON ' || granted.relname || ' FROM ' || granted.account;
    IF granted.relname <> 'audit' THEN
      EXECUTE 'REVOKE INSERT ON ' || granted.relname || ' FROM ' || granted.account;
    END IF;
  END LOOP;
END $$
"""


@dataclass(frozen=True, slots=True)
class Hand:
    """Who does something to a store by hand, and when: told in its audit, under the site's key."""

    site_key: bytes
    by: str
    at: datetime


@contextmanager
def opened(url: str, *, reading: bool = False) -> Iterator[Connection]:
    """One transaction on a store of this release; one that only reads sees it as it was at one instant.

    Raises ConfigError where there is none; TransientError and EngineError as a store does.
    """
    engine = existing(url)
    if reading:
        still = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        engine = engine.execution_options(**READING, **still)
    try:
        with engine.begin() as connection:
            give_bytes_for_what_is_no_text(connection)
            version = stored_version(connection)
            if version != schema.SCHEMA_VERSION:
                raise ConfigError([of_another_release(engine.url.render_as_string(), version)])
            yield connection
    except driver_errors(engine) as error:
        raise failure(error) from None
    finally:
        engine.dispose()


class NoStoreError(ConfigError):
    """Nobody has made a store at this place yet."""

    def __init__(self, name: str) -> None:
        super().__init__([of_another_release(name, None)])


def existing(url: str) -> Engine:
    """An engine for a store that is there. Raises NoStoreError where its file is not; makes none."""
    engine = open_engine(url)
    if is_missing(engine.url):
        raise NoStoreError(engine.url.render_as_string())
    return engine


def stored_version(connection: Connection) -> str | None:
    """The version of the tables, None where there are none yet."""
    tables = inspect(connection)
    if tables.has_table(schema.version.name):
        return connection.execute(select(schema.version.c.version_num)).scalar()
    if not tables.has_table(schema.settings.name):
        return None
    # before version 3 the engine kept its own note
    statement = select(schema.settings.c.value).where(schema.settings.c.name == "schema_version")
    return connection.execute(statement).scalar()


def of_another_release(name: str, version: str | None) -> Defect:
    """Why a store with tables of this version is not used, and what to do."""
    if version is None:
        return Defect(name, 0, "there is no store", _NO_STORE)
    hint = f"this release reads schema {schema.SCHEMA_VERSION}; use the release that wrote the store"
    if version.isdigit() and int(version) < int(schema.SCHEMA_VERSION):
        hint = "back it up, stop the engine, then run `azawatch store migrate`"
    return Defect(name, 0, f"store has schema {version}", hint)


def migrate(url: str, hand: Hand | None = None) -> tuple[str, str]:
    """Bring a store of an earlier release to the tables of this one, in one transaction.

    An empty database on a server gets its tables: the account of the engine may not be allowed to make any.
    ``hand`` is told in the audit, which vouches from then on for what it finds. The version before (empty:
    none) and after. Raises ConfigError where there is no file, or a store of a later release; TransientError
    and EngineError as a store does.
    """
    engine = existing(url)
    try:
        with engine.begin() as connection:
            before = stored_version(connection)
            if before is None and connection.dialect.name != "sqlite":
                create(connection)
                _tell(connection, hand, "")
                return "", schema.SCHEMA_VERSION
            if before is None or not before.isdigit() or int(before) > int(schema.SCHEMA_VERSION):
                raise ConfigError([of_another_release(engine.url.render_as_string(), before)])
            if before != schema.SCHEMA_VERSION:
                upgrade(connection, before, schema.SCHEMA_VERSION)
                _tell(connection, hand, before)
            return before, schema.SCHEMA_VERSION
    except driver_errors(engine) as error:
        raise failure(error) from None
    finally:
        engine.dispose()


def create(connection: Connection) -> None:
    """Make the tables of this release where there are none."""
    schema.metadata.create_all(connection)
    if stored_version(connection) is None:
        connection.execute(schema.version.insert().values(version_num=schema.SCHEMA_VERSION))
    _protect(connection)


def upgrade(connection: Connection, before: str | None, after: str) -> None:
    """Run Alembic's migrations from one version (None: there are no tables) up to another."""
    from alembic import command  # noqa: PLC0415  only where there is something to migrate
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", _MIGRATIONS.as_posix().replace("%", "%%"))
    config.attributes["connection"] = connection
    if before is not None and not inspect(connection).has_table(schema.version.name):
        schema.version.create(connection)
        connection.execute(schema.version.insert().values(version_num=before))
    command.upgrade(config, after)
    _protect(connection)


def _protect(connection: Connection) -> None:
    if connection.dialect.name == "postgresql" and inspect(connection).has_table(schema.audit.name):
        connection.exec_driver_sql(_PROTECTED)


def _tell(connection: Connection, hand: Hand | None, before: str) -> None:
    if hand is None:
        return
    seal, at = Seal(hand.site_key), codec.instant(hand.at)
    notes = [Note(Kind.STORE_MIGRATED, at, {"from": before, "to": schema.SCHEMA_VERSION, "by": hand.by})]
    if before < _FIRST_WITH_AUDIT:
        found = ((vouch.about, vouch.name, vouch.digest, at) for _, vouch, at in present(connection, seal))
        notes += chain.carrying(found, at)
    cursor = connection.connection.cursor()
    chain.add(notes, cursor, compiled_statements(connection.dialect.name), seal)
