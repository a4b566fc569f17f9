"""``azawatch replay``."""

from __future__ import annotations

import hashlib
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from engine import __version__
from engine.cli.offline import (
    JobsOption,
    Offline,
    PathsArgument,
    Replayed,
    UntilOption,
    parse_times,
    tell_defects,
)
from engine.cli.outputs import Outputs, refuse_overwriting
from engine.cli.shared import (
    DIFFERENT,
    QUARANTINED,
    SIGNALLED,
    ConfigOption,
    MappingsOption,
    ProtocolOption,
    RulesOption,
    fail,
    load_settings,
    say,
)

if TYPE_CHECKING:
    from engine.expectation import EventFile
    from engine.model.alert import AlertEvent
    from engine.replay import ReplaySummary, State
    from engine.report import Gathered
    from engine.settings import Settings
    from engine.taken import Taken


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
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Tell what was decided from this ISO time on; use all before."),
    ] = None,
    until: UntilOption = None,
    jobs: JobsOption = 1,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep how far it is; the same command goes on.")
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Exit 0 even when messages were quarantined.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run an archive through the engine, offline, with the messages as its clock.

    One line for each alert event on stdout, a summary on stderr. Two replays of the same archive give
    byte-identical output, by however many --jobs. Exit 0: ran, even with alerts; 1: something was
    quarantined, or a file could not be read to its end; 2: a defect of settings, rules, mappings or roster;
    3: not the alerts of --expect.
    """
    settings = load_settings(config, rules=rules, mappings=mappings, protocol=protocol)
    begin, end = parse_times(since, until)
    with ExitStack() as stack:
        stack.enter_context(_interrupted(state))
        offline = Offline(paths, roster, settings, end)
        written = {"--alerts": alerts, "--hl7": hl7, "--report": report, "--state": state}
        read = {
            "--roster": roster,
            "--expect": expect,
            "--config": config,
            "--rules": rules,
            "--mappings": mappings,
        }
        refuse_overwriting(written, read, paths, offline.files)
        _refuse_names_of_state(written, state)
        expected = None if expect is None else _expected(stack, expect)
        kept = None
        if state is not None:
            named = {"--alerts": alerts, "--hl7": hl7, "--report": report, "--expect": expect}
            kept = stack.enter_context(_state(state, offline, roster, begin, jobs, named))
        outputs = Outputs(stack, None if kept is None else kept.lengths)
        telling = _Telling(settings, outputs, kept, alerts, hl7, with_report=report is not None)
        page_outputs = Outputs(stack)
        report_file = page_outputs.open("report", report)
        told_before = 0 if kept is None or kept.reached is None else kept.reached.summary.quarantined
        if expected is not None:
            telling.remember(stack, state)
        replayed = offline.replay(
            telling.event,
            telling.taken,
            since=begin,
            jobs=jobs,
            state=kept,
            synced=outputs.synced,
        )
        stack.callback(replayed.close)
        if report_file is not None:
            page = _report(paths, settings, replayed, telling.gathered, identify=identify)
            report_file.write(page.encode())
            report_file.flush()
        outputs.synced()
        outputs.finish()
        page_outputs.finish()
        _summarize(replayed.summary, replayed.read)
        if told_before:
            say(f"reasons of the first {told_before} quarantined are in the log of the interrupted run")
        tell_defects(replayed.defects)
        if expected is not None and telling.told is not None:
            _compare(expected, telling.told, expect)
        if (replayed.summary.quarantined or replayed.defects) and not lenient:
            raise typer.Exit(QUARANTINED)


def _refuse_names_of_state(outputs: Mapping[str, Path | None], state: Path | None) -> None:
    """Raises ConfigError for an output with the name of a file that is kept beside the state."""
    for option, path in outputs.items():
        if path is None or state is None or path.resolve().parent != state.resolve().parent:
            continue
        if path.name.startswith((f"{state.name}.share-", f"{state.name}.told", f"{state.name}-")):
            raise fail(f"{option} {path} has the name of a file that belongs to --state", "name it otherwise")


class _Telling:
    """Where alert events and outcomes go: the screen, the files, the report."""

    def __init__(
        self,
        settings: Settings,
        outputs: Outputs,
        state: State | None,
        alerts: Path | None,
        hl7: Path | None,
        *,
        with_report: bool,
    ) -> None:
        from engine import app
        from engine.report import Gathered

        self._wording = app.render_options(settings)
        self._outputs = outputs
        self._state = state
        self._json = outputs.open("alerts", alerts)
        self._hl7 = outputs.open("hl7", hl7)
        self._with_report = with_report
        self.gathered: Gathered = Gathered()
        self.told: IO[bytes] | None = None
        if state is not None and with_report:
            for taken, event in state.noted():
                self._gather(taken, event)

    def remember(self, stack: ExitStack, state: Path | None) -> None:
        """Keep what is told, to be compared when all of it is known."""
        if state is None:
            self.told = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  a stack closes it
        else:
            self.told = self._outputs.open("told", state.with_name(f"{state.name}.told"))

    def event(self, event: AlertEvent) -> None:
        """One alert event."""
        from engine.outbound import Format, render

        typer.echo(render(event, Format.PAGER_TEXT, self._wording).body.decode())
        if self._json is not None or self.told is not None:
            line = render(event, Format.EVENT_JSON, self._wording).body + b"\n"
            for file in (self._json, self.told):
                if file is not None:
                    file.write(line)
        if self._hl7 is not None:
            self._hl7.write(render(event, Format.HL7_R40, self._wording).body)
        self._note(None, event)

    def taken(self, taken: Taken) -> None:
        """One message and what came of it; why it is held is said at once."""
        from engine.model.disposition import Disposition

        if taken.outcome.disposition is Disposition.QUARANTINED:
            place = f" at {taken.outcome.location}" if taken.outcome.location else ""
            say(f"quarantined: {taken.source}: {taken.outcome.reason}{place}: {taken.outcome.detail}")
        self._note(taken, None)

    def _note(self, taken: Taken | None, event: AlertEvent | None) -> None:
        if self._with_report:
            self._gather(taken, event)
            if self._state is not None:
                self._state.note((taken, event))

    def _gather(self, taken: Taken | None, event: AlertEvent | None) -> None:
        if taken is not None:
            self.gathered.take(taken)
        if event is not None:
            self.gathered.tell(event)


@contextmanager
def _interrupted(state: Path | None) -> Iterator[None]:
    """Say how to go on after Ctrl-C or SIGTERM."""
    again = "; the same command goes on from here" if state is not None else ""
    try:
        yield
    except KeyboardInterrupt:
        say(f"Interrupted{again}.")
        raise typer.Exit(SIGNALLED + signal.SIGINT) from None
    except SystemExit:
        say(f"Terminated{again}.")
        raise


def _state(
    file: Path,
    offline: Offline,
    roster: Path | None,
    since: datetime | None,
    jobs: int,
    named: dict[str, Path | None],
) -> State:
    """How far the replay of the same archive with the same options has come."""
    from engine.replay import State

    if offline.from_stdin:
        raise fail("--state cannot go on with standard input", "write it to a file first")
    elsewhere = {"site_key", "rules", "mappings", "protocol", "topology", "log"}
    elsewhere |= {name for name in type(offline.settings).model_fields if name.startswith(("amqp", "store"))}
    settings = offline.settings.model_dump_json(exclude=elsewhere)
    pins = {
        "the release": __version__,
        "the knowledge (--rules, --mappings)": offline.knowledge.revision,
        "--protocol": offline.settings.protocol,
        "--roster": "" if roster is None else hashlib.sha256(roster.read_bytes()).hexdigest(),
        "--since": "" if since is None else since.isoformat(),
        "--until": "" if offline.options.until is None else offline.options.until.isoformat(),
        "--jobs": str(jobs),
        "the settings": hashlib.sha256(settings.encode()).hexdigest(),
        **{name: "" if path is None else str(path.resolve()) for name, path in named.items()},
    }
    archive = [
        (str(path), status.st_size, status.st_mtime_ns)
        for path, status in ((path, path.stat()) for path in offline.files)
    ]
    return State(file, pins, archive)


def _expected(stack: ExitStack, file: Path) -> EventFile:
    """Alert events that somebody has looked at and kept."""
    from engine.expectation import EventFile

    try:
        return EventFile(stack.enter_context(file.open("rb")))
    except OSError as error:
        raise fail(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise fail(f"{file}:{error}: is not an alert event", "keep them with replay --alerts") from None


def _compare(expected: EventFile, told: IO[bytes], file: Path | None) -> None:
    from engine.expectation import EventFile, differences_of_named

    count = 0
    for line in differences_of_named(expected, EventFile(told)):
        say(line)
        count += 1
    if count:
        say(f"{count} differences to {file}")
        raise typer.Exit(DIFFERENT)


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


def _summarize(summary: ReplaySummary, read: str) -> None:
    say(
        f"{summary.messages} messages, {summary.observations} observations, "
        f"{summary.results} results taken in"
    )
    if read:
        say(f"  read: {read}")
    for (disposition, reason), count in sorted(summary.outcomes.items()):
        say(f"  {count:>7}  {disposition}: {reason}")
    for kind, count in sorted(summary.events.items()):
        say(f"  {count:>7}  alert events: {kind}")
    if summary.earlier:
        say(f"  {summary.earlier:>7}  alert events before --since, not told")
    for warning, count in sorted(summary.warnings.items()):
        say(f"  {count:>7}  warning: {warning}")
