"""Commands on archives: ``replay``, ``validate``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.offline import (
    PathsArgument,
    Replayed,
    UntilOption,
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

if TYPE_CHECKING:
    from engine.replay import ReplaySummary
    from engine.report import Gathered
    from engine.settings import Settings


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
