"""Files that a command writes while it runs, and that an interrupted replay goes on writing."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from engine.cli.shared import fail
from engine.errors import ConfigError


def check_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before the work for it; what it holds stays, and none is made.

    Raises ConfigError.
    """
    made = not path.exists()
    if not made and not (path.is_file() or path.is_dir()):
        return  # whoever reads a pipe takes an open and a close for its end
    try:
        path.open("ab").close()
        if made:
            path.unlink()
    except OSError as error:
        raise _unwritable(path, error) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is complete in memory. Raises ConfigError when it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return fail(f"{path}: cannot be written: {error.strerror}")


class Outputs:
    """Open files by name, closed with the stack.

    ``lengths`` are those up to which earlier outputs are kept, None for a command that begins anew.
    """

    def __init__(self, stack: ExitStack, lengths: Mapping[str, int] | None = None) -> None:
        self._stack = stack
        self._lengths = lengths
        self._files: dict[str, IO[bytes]] = {}

    def open(self, name: str, path: Path | None) -> IO[bytes] | None:
        """A file to write to; None where no path was given. Raises ConfigError when it cannot be used."""
        if path is None:
            return None
        length = 0 if self._lengths is None else self._lengths.get(name, 0)
        try:
            kept = "r+b" if length else "w+b"
            file = self._stack.enter_context(path.open("wb" if self._lengths is None else kept))
            if self._lengths is not None:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise fail(f"{path}: is no file", "--state goes on writing to files only")
                if status.st_size < length:
                    hint = "bring it back, or begin anew with another --state file"
                    raise fail(f"{path}: is shorter than the replay has left it", hint)
                file.truncate(length)
                file.seek(length)
        except OSError as error:
            raise _unwritable(path, error) from None
        self._files[name] = file
        return file

    def synced(self) -> dict[str, int]:
        """Put what was written on disk; the lengths by name of outputs that may be gone on with."""
        lengths: dict[str, int] = {}
        for name, file in self._files.items():
            file.flush()
            if self._lengths is not None:
                os.fsync(file.fileno())
                lengths[name] = file.tell()
        return lengths
