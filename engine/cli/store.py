"""``azawatch store``: the database brought to this release, checked, and relieved of what is old."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.shared import QUARANTINED, ByOption, ConfigOption, load_settings, say
from engine.settings import A_LIFE, Settings, site_key

if TYPE_CHECKING:
    from engine.store import Hand

store = typer.Typer(no_args_is_help=True, help="The database: migrate, check, purge.")

_LEAST_DAYS = 30
_LEAST_DAYS_OF_AUDIT = 365


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
def migrate(by: ByOption, config: ConfigOption = None) -> None:
    """Bring a store of an earlier release to the tables of this one, or make them in an empty database.

    Back it up and stop every engine on it before.
    """
    from engine.store import migrate as migrate_store

    settings = load_settings(config)
    with _undisturbed(settings):
        before, after = migrate_store(settings.store_address, _hand(settings, by))
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
    older_than: Annotated[
        int, typer.Option(metavar="DAYS", min=_LEAST_DAYS, max=A_LIFE, help="At least 30.")
    ],
    by: ByOption,
    audit_older_than: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=_LEAST_DAYS_OF_AUDIT,
            max=A_LIFE,
            help="Rows of the audit too; at least 365.",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Remove published messages, closed quarantine entries and ledger lines that are older.

    Results, therapy, alerts and what was told of them stay, and so does what is held. A message that comes
    again after its ledger line is gone is judged again, which changes nothing. The audit tells of it, and
    verifies as before.
    """
    from engine import app
    from engine.store import purge as purge_store

    settings = load_settings(config)
    hand, now = _hand(settings, by), app.now()
    before = now - timedelta(days=older_than)
    cut = None if audit_older_than is None else now - timedelta(days=audit_older_than)
    for what, count in purge_store(settings.store_address, before, hand, audit_before=cut).items():
        say(f"{count} {what} removed")


def _hand(settings: Settings, by: str) -> Hand:
    from engine import app
    from engine.store import Hand

    return Hand(site_key(settings), by, app.now())
