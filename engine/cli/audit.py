"""``azawatch audit``: whether the record of what happened is as it was written."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer

from engine.audit import Head
from engine.cli.shared import QUARANTINED, ConfigOption, fail, load_settings, parse_time, say, store_of
from engine.settings import site_key

audit = typer.Typer(no_args_is_help=True, help="The chain of what happened: verify, head, export.")

_HEAD = re.compile(r"(\d+):([0-9a-f]{64})")

SinceOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only rows of this ISO time and later.")
]


@audit.command()
def verify(
    since: SinceOption = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="ROW:HASH", help="A head that was kept elsewhere."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Tell which rows of the audit were changed, removed, inserted or moved, and what is not as they say.

    Rows cut off from the end are found with a head that was kept elsewhere. Needs the site key. Exit 1 where
    anything is not as it was written.
    """
    from engine.store import verify as verify_audit

    settings = load_settings(config)
    verdict = verify_audit(
        settings.store_address, site_key(settings), since=parse_time(since), known=_known(head)
    )
    for fault in verdict.faults:
        typer.echo(fault)
    if verdict.count:
        say(f"{verdict.count} faults: see deploy/RUNBOOK.md, The audit does not verify")
        raise typer.Exit(QUARANTINED)
    say(f"{verdict.rows} rows and {verdict.vouched} that they vouch for are as they were written")
    say(f"head {verdict.head}")


@audit.command("head")
def show_head(config: ConfigOption = None) -> None:
    """Print number and hash of the newest row; keep them where nobody can write who writes the database."""
    typer.echo(store_of(load_settings(config)).audit_head())


@audit.command()
def export(since: SinceOption = None, config: ConfigOption = None) -> None:
    """Print the rows as JSON, one object a line; "what" is the text that was hashed."""
    from engine.store import export as export_audit

    for entry in export_audit(load_settings(config).store_address, parse_time(since)):
        told = {"sequence": entry.sequence, "at": entry.at, "kind": entry.kind, "what": entry.what}
        typer.echo(json.dumps(told | {"previous": entry.previous, "hash": entry.hash}))


def _known(head: str | None) -> Head | None:
    if head is None:
        return None
    read = _HEAD.fullmatch(head.strip())
    if read is None:
        raise fail(f"{head!r} is no head of an audit", "write it as `azawatch audit head` prints it")
    return Head(int(read[1]), read[2])
