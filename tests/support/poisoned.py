"""A supervised engine with messages that end it: a marked one crashes it, hangs, or eats all memory.

The engine knows nothing of this: what it reads messages with is replaced here, and then the command line
runs as always, started anew whenever it ends, as systemd would. Each start is a fork of this process, which
has loaded everything already. ``python -m tests.support.poisoned [PROTECTION]``, without that protection.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from engine import app, arrival
from engine.cli import main as command_line
from engine.settings import load
from tests.support.unprotected import WITHOUT

ENOUGH_BYTES = 64_000_000
MOST_STARTS = 30
_DIE_WITH_PARENT = 1


def crash() -> None:
    """As a fault in a library written in C."""
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    """As an expression that backtracks for ever, and keeps the interpreter to itself meanwhile."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def bomb() -> None:
    """As the out-of-memory killer ends a process that grows."""
    eaten = [bytearray(1_000_000)]
    while len(eaten) * len(eaten[0]) < ENOUGH_BYTES:
        eaten.append(bytearray(1_000_000))
    os.kill(os.getpid(), signal.SIGKILL)


POISONS: dict[str, Callable[[], None]] = {"crash": crash, "hang": hang, "bomb": bomb}


def poison() -> None:
    """Replace the reader."""
    reader: Any = arrival
    read = reader.parse

    def parse(body: bytes, *arguments: Any, **named: Any) -> Any:
        for name, effect in POISONS.items():
            if f"|POISON-{name}|".encode() in body:
                effect()
        return read(body, *arguments, **named)

    reader.parse = parse


def started() -> int:
    """A fork that runs the engine; its process id."""
    child = os.fork()
    if child:
        return child
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    sys.argv = ["azawatch", "run"]
    try:
        command_line()
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    finally:
        os._exit(1)


def main() -> int:
    """Start the engine anew whenever it ends, until SIGTERM; each end is a line of the log."""
    poison()
    for protection in sys.argv[1:]:
        WITHOUT[protection]()
    knowledge = app.knowledge_of(load())
    composition: Any = app
    composition.knowledge_of = lambda _settings: knowledge
    children: list[int] = []
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        os.kill(children[-1], signal.SIGTERM)

    for _ in range(MOST_STARTS):
        children.append(started())
        signal.signal(signal.SIGTERM, stop)
        code = os.waitstatus_to_exitcode(os.waitpid(children[-1], 0)[1])
        if stopping:
            return code
        print(json.dumps({"event": "ended", "code": code}), flush=True)  # noqa: T201  this is its log
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return 1


if __name__ == "__main__":
    sys.exit(main())
