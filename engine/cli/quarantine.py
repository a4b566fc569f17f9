"""``azawatch quarantine``: messages that could not be used, and what a person makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.shared import (
    QUARANTINED,
    ByOption,
    ConfigOption,
    JsonOption,
    fail,
    load_settings,
    print_fields,
    print_json,
    print_table,
    say,
    store_of,
    to_seconds,
    written_store_of,
)
from engine.model.disposition import Disposition

if TYPE_CHECKING:
    from engine.operations import Operations
    from engine.store import QuarantineRow, Store

_MOST_ROWS = 2**63 - 1  # a database counts no further

RowArgument = Annotated[int, typer.Argument(metavar="ID", min=1, max=_MOST_ROWS)]

quarantine = typer.Typer(
    no_args_is_help=True, help="Messages held for a human: list, show, release, discard."
)


@quarantine.command("list")
def list_quarantine(
    every: Annotated[bool, typer.Option("--all", help="Released and discarded ones too.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Messages that could not be used, with the reason and the place."""
    rows = [
        {
            "id": held.id,
            "received_at": to_seconds(held.message["received_at"]),
            "control_id": held.message["control_id"],
            "sender": held.message["sender"],
            "reason": held.message["reason"],
            "location": held.message["location"],
            "detail": held.message["detail"],
            "state": held.state,
        }
        for held in store_of(load_settings(config)).quarantined(state=None if every else "held")
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table([key.upper() for key in rows[0]], [list(row.values()) for row in rows])
    else:
        say("nothing is held")


@quarantine.command("show")
def show_quarantined(
    row_id: RowArgument,
    body: Annotated[bool, typer.Option("--body", help="Print the message itself, byte for byte.")] = False,
    config: ConfigOption = None,
) -> None:
    """One held message: why, where, and (with --body) exactly what was received."""
    held = _quarantined(store_of(load_settings(config)), row_id)
    if body:
        typer.echo(held.body, nl=False)
        return
    print_fields(
        {**held.message, "id": held.id, "state": held.state, "why": held.why, "bytes": len(held.body)}
    )


@quarantine.command("release")
def release(
    row_id: RowArgument,
    by: ByOption,
    why: Annotated[str, typer.Option("--why", help="What was put right.")] = "released",
    config: ConfigOption = None,
) -> None:
    """Take a held message in again, after its cause was put right. Exit 1 when it still cannot be used."""
    store, operations = _operations(config)
    taken = operations.release(_held(store, row_id), why, by)
    for one in taken:
        outcome = one.outcome
        which = f"{one.key.control_id or 'a message without control id'}: " if len(taken) > 1 else ""
        if outcome.disposition is Disposition.QUARANTINED:
            say(f"{which}still held: {outcome.reason} at {outcome.location}: {outcome.detail}")
        else:
            say(f"{which}released: {outcome.disposition}, {outcome.reason}, {len(one.events)} alert events")
    if any(one.outcome.disposition is Disposition.QUARANTINED for one in taken):
        raise typer.Exit(QUARANTINED)


@quarantine.command("discard")
def discard(
    row_id: RowArgument,
    why: Annotated[str, typer.Option("--why", help="Why it may go; kept for ever.")],
    by: ByOption,
    config: ConfigOption = None,
) -> None:
    """Close a held message without using it; the body and the reason stay on record."""
    store, operations = _operations(config)
    if not operations.discard(_held(store, row_id), why, by):
        raise fail(f"message {row_id} was closed by somebody else meanwhile")
    say(f"message {row_id} discarded")


def _quarantined(store: Store, row_id: int) -> QuarantineRow:
    found = store.quarantined(row_id=row_id)
    if not found:
        raise fail(f"no quarantined message {row_id}", "azawatch quarantine list --all")
    return found[0]


def _held(store: Store, row_id: int) -> QuarantineRow:
    """A message that is still to be decided on: what a human has closed stays closed."""
    row = _quarantined(store, row_id)
    if row.state != "held":
        raise fail(f"message {row_id} was {row.state}: {row.why}")
    return row


def _operations(config: Path | None) -> tuple[Store, Operations]:
    from engine import app

    settings = load_settings(config)
    store = written_store_of(settings)
    return store, app.operations(settings, store)
