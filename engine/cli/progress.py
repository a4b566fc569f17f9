"""How far a command has come, for somebody who watches a terminal; nothing in a pipe or a log file."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """Messages so far, and how many a second."""

    def render(self, task: Task) -> Text:
        messages = task.fields["messages"]
        rate = messages / task.elapsed if task.elapsed else 0.0
        return Text(f"{messages} messages, {rate:.0f}/s")


class ArchiveBar:
    """A bar on stderr by bytes of the input; ``total`` None where nobody knows how much it is."""

    def __init__(self, title: str, total: int | None) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
            # what goes to a file or a pipe must not be taken for the terminal
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._progress.add_task(title, total=total, messages=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, position: float, messages: int) -> None:
        """So many bytes and messages are done."""
        self._progress.update(self._task, completed=position, messages=messages)
