"""Commands on archives: ``replay``, ``send``, ``validate``."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from engine.cli.shared import (
    QUARANTINED,
    ConfigOption,
    MappingsOption,
    ProtocolOption,
    RulesOption,
    fail,
    load_settings,
    parse_time,
    read_text,
    say,
)
from engine.errors import Defect

_HL7 = "application/hl7-v2+er7"


PathsArgument = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Files or folders (.hl7, .gz, .zip, MLLP, batches); - is stdin."),
]


def replay(
    paths: PathsArgument,
    roster: Annotated[Path | None, typer.Option(help="Who takes what: roster CSV.")] = None,
    alerts: Annotated[Path | None, typer.Option(help="Write alert events as JSON lines.")] = None,
    hl7: Annotated[Path | None, typer.Option(help="Write alert events as HL7 messages.")] = None,
    rules: RulesOption = None,
    mappings: MappingsOption = None,
    protocol: ProtocolOption = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="End at this ISO time: leave out later messages.")
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Exit 0 even when messages were quarantined.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run an archive through the engine, offline, with the messages as its clock.

    One line for each alert event on stdout, a summary on stderr. Two replays of the same archive give
    byte-identical output. Exit 0: ran, even with alerts; 1: something was quarantined, or a file could not
    be read to its end; 2: a defect of settings, rules, mappings or roster.
    """
    from dataclasses import replace

    from engine import app
    from engine.model.alert import AlertEvent
    from engine.operations import Operations
    from engine.outbound import Format, render
    from engine.outbox import Publishing
    from engine.replay import replay as run_replay
    from engine.store import Store
    from engine.sweep import EPOCH
    from engine.taken import Taken
    from engine.transports.archive import read_archive

    settings = load_settings(config, rules=rules, mappings=mappings, protocol=protocol)
    knowledge = app.knowledge_of(settings)
    silent = Publishing(formats=(), render=app.render_options(settings))
    options = replace(app.intake_options(settings, None), publishing=silent, until=parse_time(until))
    store = Store.open("sqlite://")
    defects: list[Defect] = []
    with ExitStack() as outputs:
        json_file = _output(outputs, alerts)
        hl7_file = _output(outputs, hl7)

        def write(event: AlertEvent) -> None:
            typer.echo(render(event, Format.PAGER_TEXT, silent.render).body.decode())
            if json_file is not None:
                json_file.write(render(event, Format.EVENT_JSON, silent.render).body + b"\n")
            if hl7_file is not None:
                hl7_file.write(render(event, Format.HL7_R40, silent.render).body)

        def on_taken(taken: Taken) -> None:
            if taken.fault is not None:
                say(f"{taken.source}: defect of the engine: {type(taken.fault).__name__}")
            progress.advance(task)

        if roster is not None:
            rows = app.roster_rows(read_text(roster), str(roster), knowledge)
            # What follows from a roster alone is told at the time of the epoch: nothing has happened yet.
            operations = Operations(store, knowledge, options, lambda: EPOCH)
            for event in operations.import_roster(rows, roster.name):
                write(event)
        messages = read_archive(paths, defects.append, on_remark=_remark)
        progress = _progress()
        with progress:
            task = progress.add_task("replay", total=None)
            summary = run_replay(messages, store, knowledge, options, on_taken, write)
    say(
        f"{summary.messages} messages, {summary.observations} observations, "
        f"{summary.results} results taken in"
    )
    for (disposition, reason), count in sorted(summary.outcomes.items()):
        say(f"  {count:>7}  {disposition}: {reason}")
    for kind, count in sorted(summary.events.items()):
        say(f"  {count:>7}  alert events: {kind}")
    for warning, count in sorted(summary.warnings.items()):
        say(f"  {count:>7}  warning: {warning}")
    for taken in summary.quarantined:
        place = f" at {taken.outcome.location}" if taken.outcome.location else ""
        say(f"quarantined: {taken.source}: {taken.outcome.reason}{place}: {taken.outcome.detail}")
    _tell_defects(defects)
    if (summary.quarantined or defects) and not lenient:
        raise typer.Exit(QUARANTINED)


def send(
    paths: PathsArgument,
    amqp: Annotated[
        str | None, typer.Option(metavar="URL", help="Broker; default: AZAWATCH_AMQP_URL.")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: the first inbound queue.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Messages a second; default: at once.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="As recorded (MSH-7), so many times faster; not with --rate."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Put an archive into a live queue, with confirms; every message is told when it was not accepted."""
    from engine.cli.pacing import all_at_once, as_recorded, at_rate, when_due
    from engine.transports import OutboundMessage, PublishOutcome
    from engine.transports.amqp import AmqpPublisher
    from engine.transports.archive import read_archive

    if rate is not None and speed is not None:
        raise fail("--rate and --speed cannot go together", "one of them says when a message is due")
    settings = load_settings(config, amqp_url=amqp)
    target = queue or settings.topology.inbound[0]
    publisher = AmqpPublisher(settings.amqp_url.get_secret_value(), window=settings.flow.publish_window)
    publisher.open()
    sent = failed = 0
    defects: list[Defect] = []
    messages = read_archive(paths, defects.append, on_remark=_remark)
    if rate is None and speed is None:
        chunks = all_at_once(messages)
    else:
        timed = at_rate(messages, rate) if rate is not None else as_recorded(messages, speed or 1.0)
        chunks = when_due(timed, time.monotonic, time.sleep)
    progress = _progress()
    try:
        with progress:
            task = progress.add_task(f"send to {target}", total=None)
            for chunk in chunks:
                outgoing = [
                    OutboundMessage("", target, message.body, _HL7, hashlib.sha256(message.body).hexdigest())
                    for message in chunk
                ]
                for message, receipt in zip(chunk, publisher.publish(outgoing), strict=True):
                    if receipt.outcome is PublishOutcome.CONFIRMED:
                        sent += 1
                    else:
                        failed += 1
                        say(f"{message.source}: {receipt.outcome}: {receipt.detail}")
                    progress.advance(task)
    finally:
        publisher.close()
    say(f"{sent} messages confirmed by the broker in {target}, {failed} not")
    _tell_defects(defects)
    if failed or defects:
        raise typer.Exit(QUARANTINED)


def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Messages to check; - is stdin.")],
) -> None:
    """Check HL7 messages against the standard's structures with hl7apy.

    Tells each problem with its message and place. Exit 0: none; 1: some. Our own alerts are checked with
    the ORU_R40 structure that IHE PCD-04 uses.
    """
    from engine.hl7.charset import decode
    from engine.hl7.validation import validate_message
    from engine.transports.archive import read_archive

    count = found = 0
    for message in read_archive([file]):
        count += 1
        text, _, _ = decode(message.body, "cp1252")
        for problem in validate_message(text):
            found += 1
            typer.echo(f"{message.source}: {problem}")
    say(f"{count} messages, {found} problems")
    if found or not count:
        raise typer.Exit(QUARANTINED)


def _tell_defects(defects: Sequence[Defect]) -> None:
    """Files that could not be read to their end; what was read of them has been used."""
    for defect in defects:
        say(str(defect))


def _remark(remark: Defect) -> None:
    """Something odd about a file that was read all the same."""
    say(f"warning: {remark}")


def _output(outputs: ExitStack, path: Path | None) -> IO[bytes] | None:
    if path is None:
        return None
    try:
        return outputs.enter_context(path.open("wb"))
    except OSError as error:
        raise fail(f"{path}: cannot be written: {error.strerror}") from None


def _progress() -> Progress:
    """A bar on stderr while somebody watches; nothing in a pipe or a log file."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
