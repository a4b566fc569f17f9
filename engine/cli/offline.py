"""One replay of an archive in memory, for the commands that need one: ``replay`` and ``compare``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

from engine.cli.shared import read_text, say
from engine.errors import Defect

if TYPE_CHECKING:
    from engine.decide import Knowledge
    from engine.model.alert import AlertEvent
    from engine.replay import ReplaySummary
    from engine.settings import Settings
    from engine.store import Store
    from engine.taken import Taken

PathsArgument = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Files or folders (.hl7, .gz, .zip, MLLP, batches); - is stdin."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="End at this ISO time: leave out later messages.")
]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that has ended; ``defects`` are files that could not be read to their end."""

    store: Store
    knowledge: Knowledge
    summary: ReplaySummary
    defects: Sequence[Defect]

    @property
    def patient_days(self) -> int:
        """Days on therapy of all patients together, between the first message and the last."""
        from engine.therapy import spans

        began, ended = self.summary.began, self.summary.ended
        if began is None or ended is None:
            return 0
        watched = 0  # in whole seconds: many persons until the year 9999 are longer than any timedelta
        for record in self.store.records():
            for span in spans(record.therapy):
                during = min(span.stop or ended, ended) - max(span.start, began)
                watched += max(during, timedelta()) // timedelta(seconds=1)
        return watched // 86400


def replay_in_memory(
    paths: Sequence[str],
    roster: Path | None,
    settings: Settings,
    until: datetime | None,
    on_event: Callable[[AlertEvent], None],
    on_taken: Callable[[Taken], None],
    title: str = "replay",
) -> Replayed:
    """Take an archive in with a store of its own that is gone afterwards.

    ``on_event`` gets every alert event in the order in which they are told, ``on_taken`` every message.
    Raises ConfigError with every defect of settings, rules, mappings or roster.
    """
    from engine import app
    from engine.operations import Operations
    from engine.outbox import Publishing
    from engine.replay import replay
    from engine.store import Store
    from engine.transports.archive import read_archive

    knowledge = app.knowledge_of(settings)
    silent = Publishing(formats=(), render=app.render_options(settings))
    options = replace(app.intake_options(settings, None), publishing=silent, until=until)
    store = Store.open("sqlite://")
    defects: list[Defect] = []
    rows = () if roster is None else app.roster_rows(read_text(roster), str(roster), knowledge)
    source = "" if roster is None else roster.name

    def import_roster(now: datetime) -> Iterable[AlertEvent]:
        return Operations(store, knowledge, options, lambda: now).import_roster(rows, source)

    progress = progress_bar()
    with progress:
        task = progress.add_task(title, total=None)

        def taken_in(taken: Taken) -> None:
            if taken.fault is not None:
                say(f"{taken.source}: defect of the engine: {type(taken.fault).__name__}")
            on_taken(taken)
            progress.advance(task)

        messages = read_archive(paths, defects.append, on_remark=remark)
        summary = replay(messages, store, knowledge, options, taken_in, on_event, import_roster)
    return Replayed(store, knowledge, summary, defects)


def tell_defects(defects: Sequence[Defect]) -> None:
    """Files that could not be read to their end; what was read of them has been used."""
    for defect in defects:
        say(str(defect))


def remark(odd: Defect) -> None:
    """Something odd about a file that was read all the same."""
    say(f"warning: {odd}")


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
