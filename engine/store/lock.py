"""One engine for each store that is a file."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigError, Defect


@contextmanager
def only_engine(store_file: Path) -> Iterator[None]:
    """Hold the lock beside the database: two engines on one store would publish every alert twice.

    The system frees it however the process ends. Raises ConfigError when another engine holds it.
    """
    real = store_file.resolve()  # by whatever link it is reached
    file = real.with_name(f"{real.name}.lock")
    try:
        handle = file.open("w")
    except OSError as error:
        raise ConfigError([Defect(str(file), 0, f"cannot be written: {error.strerror}")]) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hint = "stop it first, or give this one another store_url"
            raise ConfigError([Defect(str(file), 0, "another engine runs on this store", hint)]) from None
        yield
