"""Commands on archives: ``replay``, ``send``, ``validate``."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.offline import (
    PathsArgument,
    Replayed,
    UntilOption,
    progress_bar,
    remark,
    replay_in_memory,
    tell_defects,
)
from engine.cli.shared import (
    DIFFERENT,
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

if TYPE_CHECKING:
    from engine.replay import ReplaySummary
    from engine.report import Gathered
    from engine.settings import Settings

_HL7 = "application/hl7-v2+er7"


def replay(
    paths: PathsArgument,
    roster: Annotated[Path | None, typer.Option(help="Who takes what: roster CSV.")] = None,
    alerts: Annotated[Path | None, typer.Option(help="Write alert events as JSON lines.")] = None,
    hl7: Annotated[Path | None, typer.Option(help="Write alert events as HL7 messages.")] = None,
    expect: Annotated[
        Path | None, typer.Option(help="Compare with alert events kept by --alerts; exit 3 if they differ.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a report as one HTML file.")] = None,
    identify: Annotated[
        bool, typer.Option("--identify", help="Name patients in the report instead of numbering them.")
    ] = False,
    rules: RulesOption = None,
    mappings: MappingsOption = None,
    protocol: ProtocolOption = None,
    until: UntilOption = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Exit 0 even when messages were quarantined.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run an archive through the engine, offline, with the messages as its clock.

    One line for each alert event on stdout, a summary on stderr. Two replays of the same archive give
    byte-identical output. Exit 0: ran, even with alerts; 1: something was quarantined, or a file could not
    be read to its end; 2: a defect of settings, rules, mappings or roster; 3: not the alerts of --expect.
    """
    from engine import app
    from engine.expectation import differences, read_events
    from engine.model.alert import AlertEvent
    from engine.outbound import Format, render
    from engine.report import Gathered
    from engine.taken import Taken

    settings = load_settings(config, rules=rules, mappings=mappings, protocol=protocol)
    wording = app.render_options(settings)
    gathered = Gathered()
    expected = None if expect is None else _expected(expect)
    told: list[str] = []
    with ExitStack() as outputs:
        json_file = _output(outputs, alerts)
        hl7_file = _output(outputs, hl7)
        report_file = _output(outputs, report)

        def write(event: AlertEvent) -> None:
            typer.echo(render(event, Format.PAGER_TEXT, wording).body.decode())
            if json_file is not None:
                json_file.write(render(event, Format.EVENT_JSON, wording).body + b"\n")
            if hl7_file is not None:
                hl7_file.write(render(event, Format.HL7_R40, wording).body)
            if expected is not None:
                told.append(render(event, Format.EVENT_JSON, wording).body.decode())
            if report_file is not None:
                gathered.tell(event)

        def count(taken: Taken) -> None:
            if report_file is not None:
                gathered.take(taken)

        replayed = replay_in_memory(paths, roster, settings, parse_time(until), write, count)
        if report_file is not None:
            report_file.write(_report(paths, settings, replayed, gathered, identify=identify).encode())
    _summarize(replayed.summary)
    tell_defects(replayed.defects)
    if expected is not None:
        found = list(differences(expected, read_events(told)))
        for line in found:
            say(line)
        if found:
            say(f"{len(found)} differences to {expect}")
            raise typer.Exit(DIFFERENT)
    if (replayed.summary.quarantined or replayed.defects) and not lenient:
        raise typer.Exit(QUARANTINED)


def _expected(file: Path) -> list[dict[str, Any]]:
    """Alert events that somebody has looked at and kept."""
    from engine.expectation import read_events

    try:
        return read_events(read_text(file).splitlines())
    except ValueError as error:
        raise fail(f"{file}:{error}: is not an alert event", "keep them with replay --alerts") from None


def _report(
    paths: Sequence[str], settings: Settings, replayed: Replayed, gathered: Gathered, *, identify: bool
) -> str:
    from engine.report import Titles, render_report

    titles = Titles(
        title="azawatch replay",
        archive=", ".join(Path(path).name or path for path in paths),
        revision=replayed.knowledge.revision,
        protocol=settings.protocol,
    )
    return render_report(titles, gathered, replayed.store, replayed.knowledge, identify=identify)


def _summarize(summary: ReplaySummary) -> None:
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
    messages = read_archive(paths, defects.append, on_remark=remark)
    if rate is None and speed is None:
        chunks = all_at_once(messages)
    else:
        timed = at_rate(messages, rate) if rate is not None else as_recorded(messages, speed or 1.0)
        chunks = when_due(timed, time.monotonic, time.sleep)
    progress = progress_bar()
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
    tell_defects(defects)
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


def _output(outputs: ExitStack, path: Path | None) -> IO[bytes] | None:
    if path is None:
        return None
    try:
        return outputs.enter_context(path.open("wb"))
    except OSError as error:
        raise fail(f"{path}: cannot be written: {error.strerror}") from None
