"""A replay by several processes: each takes a share of the patients into a store of its own.

A worker hears of its loads through one pipe and answers through another. It reads ahead, so that the
parent is never held up by a worker that is itself waiting for the parent. When either side is gone the
other one ends.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from engine import app
from engine.errors import ConfigError, Defect, EngineError, TransientError
from engine.garbage import keep_for_good
from engine.outbox import Publishing
from engine.replay import Load, Share, Step, check_private, locked, made_private, portable
from engine.settings import Settings
from engine.store import Store
from engine.taken import IntakeOptions

_SECONDS_TO_END = 10.0
_TRIES_TO_LOCK = 300
_SECONDS_BETWEEN_TRIES = 0.1


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker needs to know: everything but its messages.

    ``kept``: the store in ``file`` is to outlast a crash, and its answers with it. ``revision`` of the
    knowledge that the parent has read.
    """

    settings: Settings
    until: datetime | None
    revision: str
    file: Path
    kept: bool


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a worker cannot go on, in words."""

    text: str
    transient: bool = False


def replay_options(settings: Settings, until: datetime | None) -> IntakeOptions:
    """What a replay takes in, and that it sends nothing anywhere."""
    silent = Publishing(formats=(), render=app.render_options(settings))
    return replace(app.intake_options(settings, None), publishing=silent, until=until)


def open_store(file: Path, *, kept: bool) -> Store:
    """The store of a share, for nobody else to read; one that is not kept does not wait for the disk."""
    made_private(file)
    check_private(file)
    return Store.open(f"sqlite:///{file}", throw_away=not kept)


class Workers:
    """One process for each task, from ``with`` to its end."""

    ahead = 3

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.shares = len(tasks)
        self._tasks = tasks
        self._processes: list[SpawnProcess] = []
        self._pipes: list[Connection] = []

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        # A Ctrl-C concerns the parent alone; ignored here, it is ignored in what is started now.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if _main_thread() else None
        try:
            for task in self._tasks:
                ours, theirs = context.Pipe()
                process = context.Process(target=_load, args=(theirs, task), daemon=True)
                process.start()
                theirs.close()
                self._processes.append(process)
                self._pipes.append(ours)
        finally:
            if before is not None:
                signal.signal(signal.SIGINT, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if error is not None:
                process.terminate()
            process.join(_SECONDS_TO_END)
            if process.is_alive():
                process.kill()
                process.join()

    def put(self, loads: Sequence[Load]) -> None:
        """One load for each. Raises EngineError when a worker has gone."""
        for number, load in enumerate(loads):
            try:
                self._pipes[number].send(load)
            except OSError:
                self._answer_until_gone(number)

    def get(self) -> list[list[Step]]:
        """The answers to the oldest loads, one of each.

        Raises EngineError, or TransientError, when a worker cannot go on or has gone.
        """
        return [self._answer(number) for number in range(self.shares)]

    def _answer(self, number: int) -> list[Step]:
        try:
            answer: list[Step] | _Failure = self._pipes[number].recv()
        except (EOFError, OSError):
            raise self._gone(number) from None
        if isinstance(answer, _Failure):
            raise TransientError(answer.text) if answer.transient else EngineError(answer.text)
        return answer

    def _answer_until_gone(self, number: int) -> None:
        """Raise why a worker has gone: it may have said so behind answers that nobody waits for any more."""
        while True:
            self._answer(number)

    def _gone(self, number: int) -> EngineError:
        process = self._processes[number]
        process.join(_SECONDS_TO_END)
        code = process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return EngineError(
            f"process {number + 1} of {self.shares} has ended {how} before its load was done: "
            "is the memory or the disk full? Fewer --jobs need less of both"
        )


def _main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _load(pipe: Connection, task: Task) -> None:
    """What a worker does: answer loads until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    loads: SimpleQueue[Load | None] = SimpleQueue()
    ended = threading.Event()
    threading.Thread(target=_read_ahead, args=(pipe, loads, ended), daemon=True).start()
    try:
        with ExitStack() as stack:
            share = _share(task, stack)
            while (load := loads.get()) is not None and not ended.is_set():
                pipe.send([portable(step) for step in share.take(load)])
    except (BrokenPipeError, ConnectionResetError):
        return
    except EngineError as error:
        pipe.send(_Failure(str(error), isinstance(error, TransientError)))
    except Exception as error:  # noqa: BLE001  the parent tells it, as it would tell of itself
        pipe.send(_Failure(f"defect of the engine: {type(error).__name__}"))


def _share(task: Task, stack: ExitStack) -> Share:
    knowledge = app.knowledge_of(task.settings)
    keep_for_good()
    if knowledge.revision != task.revision:
        raise ConfigError([Defect("azawatch", 0, "rules or mappings were changed while the replay began")])
    if task.kept:
        made_private(task.file)
        _lock(task.file, stack)
    store = open_store(task.file, kept=task.kept)
    stack.callback(store.close)
    return Share(store, knowledge, replay_options(task.settings, task.until), kept=task.kept)


def _lock(file: Path, stack: ExitStack) -> None:
    """Wait for the worker of a replay that was killed just now: it ends when it finds its parent gone."""
    for _ in range(_TRIES_TO_LOCK):
        try:
            stack.enter_context(locked(file))
        except ConfigError:
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            return
    raise TransientError(f"{file}: another replay still writes to it")


def _read_ahead(pipe: Connection, loads: SimpleQueue[Load | None], ended: threading.Event) -> None:
    try:
        while True:
            loads.put(pipe.recv())
    except (EOFError, OSError):
        ended.set()
        loads.put(None)
