"""Where a replay keeps its store while it runs: patients' results, which no crash may leave behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigError
from engine.replay.state import locked

_PREFIX = "azawatch-replay-"
_LOCK = "lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for oneself alone, gone at the end; those of replays that were killed are taken away first."""
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            with locked(left):
                shutil.rmtree(left.parent, ignore_errors=True)
        except ConfigError:  # it is in use, or somebody else's
            continue
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        lock = Path(name) / f"{_LOCK}.new"
        with locked(lock):
            lock.rename(Path(name) / _LOCK)  # only now, when it is held, may another replay look at it
            yield Path(name)
