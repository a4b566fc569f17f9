"""All commands, and their exit codes: 0 ran, 1 some input was quarantined, 2 a defect, 3 a difference."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from engine import __version__
from engine.cli import (
    audit,
    broker,
    compare,
    explain,
    generate,
    knowledge,
    ledger,
    live,
    pseudonyms,
    quarantine,
    records,
    replay,
    send,
    statement,
    store,
    suggest,
    validate,
    watchdog,
)
from engine.cli.shared import DEFECT, SIGNALLED, at_the_end, say
from engine.errors import ConfigError, EngineError, TransientError


class _Commands(TyperGroup):
    """Ends as SIGPIPE would end it when the reader of its output has gone (``azawatch … | head``)."""

    def invoke(self, ctx: Any) -> Any:
        """Run one command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # nobody is left to tell, and what is still in the buffer must not fail when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(SIGNALLED + signal.SIGPIPE) from None


app = typer.Typer(
    name="azawatch",
    cls=_Commands,
    help="Watches patients on azathioprine or mercaptopurine: HL7 laboratory results in, cited alerts out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"azawatch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the release."
    ),
) -> None:
    """Watches patients on azathioprine or mercaptopurine: HL7 v2 laboratory results in, cited alerts out."""


app.command("run")(live.run)
app.command("doctor")(broker.doctor)
app.command("replay")(replay.replay)
app.command("compare")(compare.compare)
app.command("explain")(explain.explain)
app.command("send")(send.send)
app.command("pseudonymise")(pseudonyms.pseudonymise)
app.command("validate")(validate.validate)
app.command("watchdog")(watchdog.watchdog)
app.command("generate")(generate.generate)
app.add_typer(records.roster, name="roster")
app.add_typer(records.alerts, name="alerts")
app.add_typer(records.messages, name="messages")
app.add_typer(quarantine.quarantine, name="quarantine")
app.add_typer(audit.audit, name="audit")
app.add_typer(knowledge.rules, name="rules")
knowledge.mappings.command("suggest")(suggest.suggest)
knowledge.mappings.command("ledger")(ledger.ledger)
app.add_typer(knowledge.mappings, name="mappings")
app.add_typer(broker.topology, name="topology")
app.add_typer(store.store, name="store")
app.add_typer(statement.statement, name="statement")


def main() -> None:
    """Run one command; errors are told in words, with exit code 2."""
    try:
        with at_the_end:
            app(prog_name="azawatch")
    except ConfigError as error:
        for defect in error.defects:
            say(str(defect))
        count = len(error.defects)
        say(
            f"{count} defect{'s' if count != 1 else ''}; nothing was done."
            if count > 1
            else "Nothing was done."
        )
        sys.exit(DEFECT)
    except TransientError as error:
        say(f"Cannot go on now: {error}. Nothing was lost; try again.")
        sys.exit(DEFECT)
    except EngineError as error:
        say(str(error))
        sys.exit(DEFECT)
    except OSError as error:
        # A full disk, or a folder that is none: the text of the system holds no content of ours.
        place = f"{error.filename}: " if error.filename else "an output: "
        say(f"{place}cannot be read or written: {error.strerror or type(error).__name__}")
        sys.exit(DEFECT)
