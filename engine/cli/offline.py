"""An archive replayed with a store of its own, for the commands that need one: ``replay`` and ``compare``."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

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

from engine.cli.progress import ArchiveBar
from engine.cli.shared import SIGNALLED, at_the_end, fail, parse_time, read_text, say
from engine.errors import ConfigError, Defect
from engine.garbage import keep_for_good

if TYPE_CHECKING:
    from types import FrameType

    from engine.decide import Knowledge
    from engine.model.alert import AlertEvent
    from engine.replay import Chunk, Reached, Replay, ReplaySummary, State
    from engine.settings import Settings
    from engine.store import Store
    from engine.taken import Taken
    from engine.transports.archive import ArchiveMessage
    from engine.transports.forms import Meter

PathsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...",
        help="Files, folders or quoted patterns (.hl7, .gz, .zip, MLLP, batches); - is stdin.",
    ),
]
_MOST_JOBS = 10
JobsOption = Annotated[
    int, typer.Option(min=1, max=_MOST_JOBS, help="Processes that share the patients; same output.")
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="End at this ISO time: leave out later messages.")
]


def parse_times(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Both ends of a span from the command line. Raises ConfigError when nothing lies between them."""
    begin, end = parse_time(since), parse_time(until)
    if begin is not None and end is not None and begin > end:
        raise fail("--since is later than --until", "nothing lies between them")
    return begin, end


_CHUNKS_TO_SAVE = 2
_NOTHING_TO_SYNC: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that has ended, to be closed; ``defects`` are files that could not be read to their end.

    ``read`` says in which forms the messages came.
    """

    store: Store
    knowledge: Knowledge
    summary: ReplaySummary
    defects: Sequence[Defect]
    read: str
    closing: ExitStack = field(repr=False)

    def close(self) -> None:
        """Give the store and its files back."""
        self.closing.close()

    def patient_days(self, since: datetime | None = None) -> int:
        """Days on therapy of all patients together, between the first message, or ``since``, and the last."""
        from engine.therapy import spans

        began, ended = self.summary.began, self.summary.ended
        if began is None or ended is None:
            return 0
        began = began if since is None else max(began, since)
        watched = 0  # in whole seconds: many persons until the year 9999 are longer than any timedelta
        for root in self.store.treated():
            for record in self.store.records([root]):
                for span in spans(record.therapy):
                    during = min(span.stop or ended, ended) - max(span.start, began)
                    watched += max(during, timedelta()) // timedelta(seconds=1)
        return watched // 86400


class Offline:
    """An archive about to be replayed: settings, knowledge and roster are read.

    Raises ConfigError with every defect of theirs, and for a path that is not there.
    """

    def __init__(
        self, paths: Sequence[str], roster: Path | None, settings: Settings, until: datetime | None
    ) -> None:
        from engine import app
        from engine.replay import Roster
        from engine.transports.archive import STANDARD_INPUT, files_of
        from engine.workers import replay_options

        self.paths = paths
        self.settings = settings
        self.knowledge = app.knowledge_of(settings)
        self.options = replay_options(settings, until)
        self.roster = Roster()
        if roster is not None:
            rows = app.roster_rows(read_text(roster), str(roster), self.knowledge)
            self.roster = Roster(rows, roster.name)
        self.files = files_of(paths)
        self.from_stdin = STANDARD_INPUT in paths
        self._endings = _Endings()
        at_the_end.enter_context(self._endings.handled())

    def replay(
        self,
        on_event: Callable[[AlertEvent], None],
        on_taken: Callable[[Taken], None],
        *,
        title: str = "replay",
        since: datetime | None = None,
        jobs: int = 1,
        state: State | None = None,
        synced: Callable[[], Mapping[str, int]] = lambda: _NOTHING_TO_SYNC,
    ) -> Replayed:
        """Replay it, split over ``jobs`` processes, and go on where ``state`` stands.

        ``synced`` puts what was written on disk and tells the lengths of the outputs.
        """
        from engine.replay import scratch_folder
        from engine.store import open_together
        from engine.workers import open_store

        if jobs > 1 or state is not None:
            self._check_files()
        with ExitStack() as closing:
            folder = closing.enter_context(scratch_folder())
            source = _Source(self, folder, spooled=jobs > 1)
            files = [
                folder / f"share-{number}" if state is None else state.share(number)
                for number in range(1, jobs + 1)
            ]
            with ExitStack() as running:
                run = self._run(running, source, files, since, state, on_taken, on_event, synced)
                with ArchiveBar(title, source.total) as bar:
                    source.bar = bar
                    summary = run.run(source.chunks())
            self._endings.look()
            if state is not None:
                state.save(run.reached, synced())
            together = len(files) > 1
            store = open_together(files) if together else open_store(files[0], kept=state is not None)
            closing.callback(store.close)
            return Replayed(
                store, self.knowledge, summary, source.defects, str(source.meter), closing.pop_all()
            )

    def _check_files(self) -> None:
        """Raises ConfigError for what is no file: it could not be read twice."""
        pipes = [file for file in self.files if not file.is_file()]
        if pipes:
            hint = "give it as standard input (-) or without --jobs and --state"
            raise ConfigError([Defect(str(file), 0, "can be read only once", hint) for file in pipes])

    def _run(
        self,
        running: ExitStack,
        source: _Source,
        files: Sequence[Path],
        since: datetime | None,
        state: State | None,
        on_taken: Callable[[Taken], None],
        on_event: Callable[[AlertEvent], None],
        synced: Callable[[], Mapping[str, int]],
    ) -> Replay:
        """The replay with whoever does its work, until ``running`` is closed."""
        from engine.arrival import Reading
        from engine.message_clock import MessageClock
        from engine.replay import Listener, OneShare, OwnHands, Replay, Share, SplitPlan
        from engine.sweep import Sweep
        from engine.workers import Task, Workers, open_store

        keep_for_good()
        kept, reached = state is not None, None if state is None else state.reached
        if state is not None and reached is not None:
            say(f"{state.file}: goes on after {reached.summary.messages} messages")
        reading = Reading(self.knowledge.terminology, self.options.max_message_bytes)
        clock = MessageClock(self.options.leap)

        def has_reached(now: Reached) -> bool:
            self._endings.look()
            source.show(now)
            if state is None or now.chunk % _CHUNKS_TO_SAVE:
                return False
            state.save(now, synced())
            return True

        listener = Listener(on_taken, on_event, remark, _tell_fault, has_reached)
        sweep = Sweep(self.knowledge, self.options)
        if len(files) == 1:
            store = open_store(files[0], kept=kept)
            running.callback(store.close)
            hands = OwnHands(Share(store, self.knowledge, self.options, kept=kept))
            plan = OneShare(reading, reached.clock if reached is not None and reached.clock else clock)
            return Replay(hands, plan, sweep, listener, self.roster, since, reached)
        with ArchiveBar("who belongs together", source.total) as bar:
            places = running.enter_context((source.folder / "places").open("w+b"))
            split = SplitPlan(source.first_look(bar), reading, clock, len(files), places)
        tasks = [
            Task(self.settings, self.options.until, self.knowledge.revision, file, kept) for file in files
        ]
        workers = running.enter_context(Workers(tasks))
        return Replay(workers, split, sweep, listener, self.roster, since, reached)


class _Source:
    """The messages of an archive, as often as they are asked for, and how much of them was read."""

    def __init__(self, offline: Offline, folder: Path, *, spooled: bool) -> None:
        from engine.transports.forms import Meter

        self.folder = folder
        self.defects: list[Defect] = []
        self.meter = Meter()
        self.bar: ArchiveBar | None = None
        self._paths = offline.paths
        self._spool: Path | None = None
        self.total: int | None = sum(file.stat().st_size for file in offline.files)
        if offline.from_stdin and spooled:
            self._spool = folder / "stdin"
            with self._spool.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
            self.total += self._spool.stat().st_size
        elif offline.from_stdin:
            self.total = None

    def first_look(self, bar: ArchiveBar) -> Iterator[Chunk]:
        """The chunks, before anything is done about them; what is wrong with files is told later."""
        from engine.replay import Remarks, chunks_of
        from engine.transports.forms import Meter

        meter = Meter()
        with ExitStack() as opened:
            messages = self._read(opened, lambda _: None, lambda _: None, meter)
            for chunk in chunks_of(messages, Remarks(), lambda: int(meter.position)):
                bar.show(chunk.position, chunk.first)
                yield chunk

    def chunks(self) -> Iterator[Chunk]:
        """The chunks that are taken in."""
        from engine.replay import Remarks, chunks_of

        remarks = Remarks()
        with ExitStack() as opened:
            messages = self._read(opened, self.defects.append, remarks.note, self.meter)
            yield from chunks_of(messages, remarks, lambda: int(self.meter.position))

    def show(self, reached: Reached) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.show(reached.position, reached.summary.messages)

    def _read(
        self,
        opened: ExitStack,
        on_defect: Callable[[Defect], None],
        on_remark: Callable[[Defect], None],
        meter: Meter,
    ) -> Iterator[ArchiveMessage]:
        from engine.transports.archive import read_archive

        spool: IO[bytes] | None = None
        if self._spool is not None:
            spool = opened.enter_context(self._spool.open("rb"))
        return read_archive(self._paths, on_defect, on_remark=on_remark, meter=meter, standard_input=spool)


class _Endings:
    """Ctrl-C and SIGTERM end as any error does, with everything temporary removed.

    Python loses what a handler raises while an object is being disposed of: so it is looked for once more.
    """

    def __init__(self) -> None:
        self._told: int | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Raise KeyboardInterrupt and SystemExit from where the signal comes."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def look(self) -> None:
        """Raise what a signal has raised before, if any did."""
        if self._told == signal.SIGINT:
            raise KeyboardInterrupt
        if self._told is not None:
            raise SystemExit(SIGNALLED + self._told)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._told = number
        self.look()


def tell_defects(defects: Sequence[Defect]) -> None:
    """Files that could not be read to their end; what was read of them has been used."""
    for defect in defects:
        say(str(defect))


def remark(odd: Defect) -> None:
    """Something odd about a file that was read all the same."""
    say(f"warning: {odd}")


def _tell_fault(source: str, kind: str) -> None:
    say(f"{source}: defect of the engine: {kind}")


def progress_bar() -> Progress:
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
