"""Files that a command writes while it runs, and that an interrupted replay goes on writing."""

from __future__ import annotations

import io
import os
import secrets
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from engine.cli.shared import fail
from engine.errors import ConfigError


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return fail(f"{path}: cannot be written: {error.strerror}")


def refuse_overwriting(
    outputs: Mapping[str, Path | None],
    inputs: Mapping[str, Path | None],
    archive: Sequence[str],
    files: Iterable[Path],
) -> None:
    """Raises ConfigError for an output that is an input, another output, or lies in a folder that is read.

    ``outputs`` and ``inputs`` are paths by option, ``archive`` the paths as given, ``files`` what is in them.
    """
    read = [(f"{option} {path}", path) for option, path in inputs.items() if path is not None]
    read += [(f"the input {path}", path) for path in map(Path, archive) if path.is_dir()]
    read += [(f"the input {path}", path) for path in files]
    for option, path in outputs.items():
        if path is None or _is_direct(path):
            continue
        for name, other in read:
            if _same(path, other):
                raise fail(f"{option} {path} is the same file as {name}", "write to another file")
            if other.is_dir() and path.resolve().is_relative_to(other.resolve()):
                raise fail(f"{option} {path} lies in {name}, which is read", "write to another folder")
        read.append((f"{option} {path}", path))


def _same(one: Path, other: Path) -> bool:
    if other.exists():
        return one.exists() and one.samefile(other)
    return one.resolve() == other.resolve()


def _is_direct(path: Path) -> bool:
    """Whether it is a device, a pipe or the like, which cannot be replaced by a file of its name."""
    special = path.absolute().parts[1:2] in (("dev",), ("proc",))  # /dev/stdout may be a file
    return special or (path.exists() and not path.is_file())


class _NamedFile(io.FileIO):
    """A file whose errors in writing, as of a full disk, say the name that people know it by."""

    def __init__(self, path: Path, known_as: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._known_as = str(known_as)

    def write(self, data: Any, /) -> int:
        """As many bytes as were written."""
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self._known_as
            raise


def _opened(path: Path, known_as: Path, mode: str) -> IO[bytes]:
    raw = _NamedFile(path, known_as, mode)
    return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)


class Outputs:
    """Open files by name, closed with the stack.

    A file gets its name by :meth:`finish`; until then what was there before stays.
    ``lengths`` are those up to which earlier outputs are kept, None for a command that begins anew.
    """

    def __init__(self, stack: ExitStack, lengths: Mapping[str, int] | None = None) -> None:
        self._stack = stack
        self._lengths = lengths
        self._files: dict[str, IO[bytes]] = {}
        self._unnamed: list[tuple[IO[bytes], Path, Path]] = []

    def open(self, name: str, path: Path | None) -> IO[bytes] | None:
        """A file to write to; None where no path was given. Raises ConfigError when it cannot be used."""
        if path is None:
            return None
        length = 0 if self._lengths is None else self._lengths.get(name, 0)
        try:
            if self._lengths is None:
                file = (
                    self._stack.enter_context(_opened(path, path, "w"))
                    if _is_direct(path)
                    else self._beside(path)
                )
            else:
                file = self._stack.enter_context(_opened(path, path, "r+" if length else "w+"))
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

    def _beside(self, path: Path) -> IO[bytes]:
        final = path.resolve()
        part = final.with_name(f".azawatch-{secrets.token_hex(8)}.part")
        self._stack.callback(part.unlink, missing_ok=True)
        file = self._stack.enter_context(_opened(part, final, "x"))
        if final.exists():  # who may read an older output may read this one, and nobody else
            part.chmod(stat.S_IMODE(final.stat().st_mode))
        self._unnamed.append((file, part, final))
        return file

    def finish(self) -> None:
        """Give the files their names: they are complete. Raises ConfigError when one cannot have it."""
        for file, _, _ in self._unnamed:
            file.close()
        for _, part, final in self._unnamed:
            try:
                part.replace(final)
            except OSError as error:
                raise fail(f"{final}: cannot be written: {error.strerror}") from None
        self._unnamed.clear()

    def synced(self) -> dict[str, int]:
        """Put what was written on disk; the lengths by name of outputs that may be gone on with."""
        lengths: dict[str, int] = {}
        for name, file in self._files.items():
            file.flush()
            if self._lengths is not None:
                os.fsync(file.fileno())
                lengths[name] = file.tell()
        return lengths
