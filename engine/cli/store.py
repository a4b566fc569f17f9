"""``azawatch store``: the database brought to this release, checked, and relieved of what is old."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import typer

from engine.cli.shared import QUARANTINED, ConfigOption, load_settings, say
from engine.settings import Settings

store = typer.Typer(no_args_is_help=True, help="The database: migrate, check, purge.")

_LEAST_DAYS = 30


@contextmanager
def _undisturbed(settings: Settings) -> Iterator[None]:
    """No engine runs on a file meanwhile; on a server transactions see to that."""
    from engine.store import only_engine

    if settings.store_file is None:
        yield
    else:
        with only_engine(settings.store_file):
            yield


@store.command()
def migrate(config: ConfigOption = None) -> None:
    """Bring a store of an earlier release to the tables of this one, or make them in an empty database.

    Back it up and stop every engine on it before.
    """
    from engine.store import migrate as migrate_store

    settings = load_settings(config)
    with _undisturbed(settings):
        before, after = migrate_store(settings.store_address)
    if before == after:
        say(f"schema {after} already")
    else:
        say(f"schema {before} migrated to {after}" if before else f"schema {after} made in an empty database")


@store.command()
def check(config: ConfigOption = None) -> None:
    """Tell what does not hang together in the store; exit 1 where anything does not."""
    from engine.store import check as check_store

    found = check_store(load_settings(config).store_address)
    for line in found:
        typer.echo(line)
    if found:
        say("the store does not hang together: stop the engine and see deploy/RUNBOOK.md, The store")
        raise typer.Exit(QUARANTINED)
    say("the store is sound")


@store.command()
def purge(
    older_than: Annotated[int, typer.Option(metavar="DAYS", min=_LEAST_DAYS, help="At least 30.")],
    config: ConfigOption = None,
) -> None:
    """Remove published messages, closed quarantine entries and ledger lines that are older.

    Results, therapy, alerts and what was told of them stay, and so does what is held. A message that comes
    again after its ledger line is gone is judged again, which changes nothing.
    """
    from engine import app
    from engine.store import purge as purge_store

    before = app.now() - timedelta(days=older_than)
    for what, count in purge_store(load_settings(config).store_address, before).items():
        say(f"{count} {what} removed")
