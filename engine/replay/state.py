"""A replay that can be interrupted: how far it has come, in a file that is written as one piece.

What was told is on disk before the file says so. When a replay goes on, output beyond that is cut off and
told again.
"""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from engine.errors import ConfigError, Defect
from engine.replay.run import Reached

_FORMAT = "azawatch replay 1"
_BEGIN_ANEW = "undo that, or begin anew with another --state file"
_NAMES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
_TABLES = """
CREATE TABLE IF NOT EXISTS replay (only INTEGER PRIMARY KEY CHECK (only = 1), format TEXT, pins TEXT,
  reached BLOB, lengths TEXT);
CREATE TABLE IF NOT EXISTS told (number INTEGER PRIMARY KEY AUTOINCREMENT, what BLOB);
"""


class State:
    """The state file of one replay, locked while it is open.

    ``pins`` are the things that must not change until the replay is done, by the name that a person knows
    them by; ``archive`` its files with size and time of change. Raises ConfigError with every one that
    has changed, and for a file that is no state or not one's own: what is in it is trusted.
    """

    def __init__(self, file: Path, pins: Mapping[str, str], archive: Sequence[tuple[str, int, int]]) -> None:
        self.file = file
        self.reached: Reached | None = None
        self.lengths: dict[str, int] = {}
        self._untold: list[Any] = []
        self._closing = ExitStack()
        with ExitStack() as opening:
            made_private(file)
            opening.enter_context(locked(file))
            self._open(opening, pins, archive)
            self._closing = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def share(self, number: int) -> Path:
        """Where the store of a share is."""
        return self.file.with_name(f"{self.file.name}.share-{number}")

    def note(self, what: object) -> None:
        """Something that was told and is needed again when the replay goes on."""
        self._untold.append(what)

    def noted(self) -> Iterator[Any]:
        """All that was noted up to where the replay goes on, in its order."""
        for (what,) in self._connection.execute("SELECT what FROM told ORDER BY number"):
            yield from pickle.loads(what)  # noqa: S301  our own file, see check_private

    def save(self, reached: Reached, lengths: Mapping[str, int]) -> None:
        """How far the replay has come, with outputs of these lengths on disk."""
        self._connection.execute("BEGIN IMMEDIATE")
        if self._untold:
            self._connection.execute("INSERT INTO told (what) VALUES (?)", (pickle.dumps(self._untold),))
        self._connection.execute(
            "UPDATE replay SET reached = ?, lengths = ?", (pickle.dumps(reached), json.dumps(dict(lengths)))
        )
        self._connection.execute("COMMIT")
        self._untold.clear()

    def _open(
        self, opening: ExitStack, pins: Mapping[str, str], archive: Sequence[tuple[str, int, int]]
    ) -> None:
        name = str(self.file)
        check_private(self.file)
        try:
            self._connection = sqlite3.connect(self.file, isolation_level=None)
            opening.callback(self._connection.close)
            tables = {name for (name,) in self._connection.execute(_NAMES)}
            if tables - {"replay", "told"}:
                raise ConfigError([Defect(name, 0, "is a database of something else", _BEGIN_ANEW)])
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(_TABLES)
            row = self._connection.execute("SELECT format, pins, reached, lengths FROM replay").fetchone()
        except sqlite3.Error:
            raise ConfigError([Defect(name, 0, "is not the state of a replay", _BEGIN_ANEW)]) from None
        pinned = {"pins": dict(pins), "archive": [list(each) for each in archive]}
        if row is None:
            for left in self.file.parent.glob(f"{self.file.name}.share-*"):
                left.unlink()
            self._connection.execute(
                "INSERT INTO replay VALUES (1, ?, ?, NULL, '{}')", (_FORMAT, json.dumps(pinned))
            )
            return
        form, before, reached, lengths = row
        if form != _FORMAT:
            raise ConfigError([Defect(name, 0, "was written by another release of azawatch", _BEGIN_ANEW)])
        if changed := list(_changes(json.loads(before), pinned)):
            raise ConfigError([Defect(name, 0, change, _BEGIN_ANEW) for change in changed])
        self.reached = None if reached is None else pickle.loads(reached)  # noqa: S301  see check_private
        self.lengths = json.loads(lengths)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a file against other replays; the system frees it however the process ends.

    Raises ConfigError when another replay holds it, or nobody may.
    """
    try:
        handle = file.open("ab")
    except OSError as error:
        raise ConfigError([Defect(str(file), 0, f"cannot be written: {error.strerror}")]) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError([Defect(str(file), 0, "another replay uses this file now")]) from None
        yield


def check_private(file: Path) -> None:
    """Nobody else may have put anything into a file that is read with pickle. Raises ConfigError."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        hint = "take the right to write from others, or name another file"
        raise ConfigError([Defect(str(file), 0, "is not a file that only you may write", hint)])


def made_private(file: Path) -> None:
    """Make a file where there is none, for its owner alone. Raises ConfigError where that cannot be."""
    try:
        with suppress(FileExistsError):
            file.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise ConfigError([Defect(str(file), 0, f"cannot be written: {error.strerror}")]) from None


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What is not what it was, in words."""
    for name, value in now["pins"].items():
        if before["pins"].get(name) != value:
            yield f"{name} is not what the replay was begun with"
    old = {name: told for name, *told in before["archive"]}
    new = {name: told for name, *told in now["archive"]}
    for name in old | new:
        if name not in new:
            yield f"the archive has changed: {name} is gone"
        elif name not in old:
            yield f"the archive has changed: {name} is new"
        elif old[name] != new[name]:
            yield f"the archive has changed: {name} has another size or time of change"
    if list(old) != list(new) and set(old) == set(new):
        yield "the archive has changed: its files are named in another order"
