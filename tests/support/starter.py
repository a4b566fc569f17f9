"""Engines that start in a tenth of a second: forks of a process that has loaded everything already.

A test that kills two hundred of them cannot wait a second for each. What is forked is the command line of
azawatch with the settings it is given; nothing of the engine knows of this. A fork may be told to kill
itself at a named place (:class:`Death`), to show another time, or to run without one of the things that
protect messages (:mod:`tests.support.unprotected`).
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine import app, knowledge, taking
from engine.cli import main as command_line
from engine.settings import load
from engine.store import Store
from tests.support import unprotected

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Death:
    """SIGKILL by its own hand at the ``call``-th call of a function, ``before`` it or after it.

    ``at`` is ``module:name`` or ``module:Class.name``, where the name is looked up when it is called.
    """

    at: str
    call: int = 1
    before: bool = True


@dataclass(slots=True)
class Worker:
    """One fork: a process of the engine."""

    pid: int
    log: Path
    starter: Starter
    code: int | None = None

    def ended(self) -> bool:
        """Whether it has ended; then ``code`` is its exit code, negative for a signal."""
        if self.code is None:
            self.code = self.starter.ask({"ended": self.pid})
        return self.code is not None

    def kill(self) -> None:
        """SIGKILL, as a power cut or the out-of-memory killer would."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        if not self.ended():
            os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit code, once it has ended by itself."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.ended():
            assert time.monotonic() < deadline, f"still runs:\n{self.log.read_text('utf-8')[-3000:]}"
            time.sleep(0.02)
        assert self.code is not None
        return self.code

    def wait_until_ready(self) -> None:
        """Until it takes messages."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.said("engine ready"):
            assert time.monotonic() < deadline, f"not ready:\n{self.log.read_text('utf-8')[-3000:]}"
            time.sleep(0.05)

    def peak_mib(self) -> int:
        """The most memory it has had so far (VmHWM), in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

    def lines(self) -> list[dict[str, Any]]:
        """Its log so far."""
        text = self.log.read_text("utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if line[:1] == "{"]

    def said(self, event: str) -> list[dict[str, Any]]:
        """The log lines with this event."""
        return [line for line in self.lines() if line["event"] == event]


class Starter:
    """The process that forks; use it as a context manager. ``environment`` is that of the first load."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.starter"],
            env=dict(environment),
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # the end of its stdin: it kills its forks

    def start(
        self,
        environment: Mapping[str, str],
        *arguments: str,
        death: Death | None = None,
        without: str = "",
        at: datetime | None = None,
    ) -> Worker:
        """A command of azawatch, ``run`` where none is said, as a process of its own.

        ``at``: what its clock shows when it starts. ``death``: where it kills itself. ``without``: one of
        :data:`tests.support.unprotected.WITHOUT`.
        """
        self._started += 1
        log = self._folder / f"worker-{self._started:03}.log"
        log.touch()
        spec = {
            "log": str(log),
            "environment": dict(environment),
            "arguments": arguments or ("run",),
            "death": None if death is None else asdict(death),
            "without": without,
            "at": None if at is None else at.isoformat(),
        }
        return Worker(self.ask(spec), log, self)

    def ask(self, spec: Mapping[str, Any]) -> Any:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(spec) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


# --- the process that forks ------------------------------------------------------------------------


def main() -> None:
    """Load everything, then fork for each line of stdin and answer on stdout, until stdin ends."""
    loading: Callable[..., Any] = knowledge.load_knowledge
    known: dict[str, Any] = {}

    def remembered(*arguments: Any, **options: Any) -> Any:
        key = repr((arguments, options))
        if key not in known:
            known[key] = loading(*arguments, **options)
        return known[key]

    app.__dict__["load_knowledge"] = remembered
    app.knowledge_of(load())
    alive: set[int] = set()
    for line in sys.stdin:
        spec = json.loads(line)
        answer: int | None
        if "log" in spec:
            answer = _fork(spec)
            alive.add(answer)
        else:
            answer = _ended(spec["ended"])
            if answer is not None:
                alive.discard(spec["ended"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _ended(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _fork(spec: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = _become(spec)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:  # noqa: BLE001  the fork must never go on as the starter
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _become(spec: Mapping[str, Any]) -> int:
    os.setsid()
    written = os.open(spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(spec["environment"])
    os.chdir(Path(spec["log"]).parent)
    if spec["at"]:
        wall_clock = app.now
        ahead = datetime.fromisoformat(spec["at"]) - wall_clock()
        app.now = lambda: wall_clock() + ahead
        at_server = Store.clock

        def elsewhere(self: Store) -> datetime | None:
            told = at_server(self)
            return None if told is None else told + ahead

        Store.clock = elsewhere  # type: ignore[method-assign]
    if spec["without"]:
        unprotected.WITHOUT[spec["without"]]()
    if spec["death"]:
        _arm(Death(**spec["death"]))
    sys.argv = ["azawatch", *spec["arguments"]]
    command_line()
    return 0


def _arm(death: Death) -> None:
    # A message that a death always finds would be taken for one that crashes the engine, and held.
    taking.ATTEMPTS = sys.maxsize
    module, _, path = death.at.partition(":")
    *classes, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for one in classes:
        owner = getattr(owner, one)
    function = getattr(owner, name)
    calls = 0

    @wraps(function)
    def deadly(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        ours = calls == death.call
        if ours and death.before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, staticmethod(deadly) if isinstance(owner.__dict__[name], staticmethod) else deadly)


if __name__ == "__main__":
    main()
