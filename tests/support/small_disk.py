"""A disk of its own that can be filled, and whose files can be made immutable: ext4 on a loop device.

Needs root, ``mount`` and ``mkfs.ext4`` (e2fsprogs); DiskUnavailableError says why there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEBIBYTES = 64
_FILLING = "filling"
_CHUNK = bytes(1 << 16)


class DiskUnavailableError(RuntimeError):
    """No file system can be mounted here; the text says why."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted file system; ``folder`` is where."""

    folder: Path

    def fill(self) -> None:
        """Leave not one byte."""
        with (self.folder / _FILLING).open("wb", buffering=0) as filling:
            try:
                while True:
                    filling.write(_CHUNK)
            except OSError:
                return

    def make_room(self) -> None:
        """Take away what :meth:`fill` has left."""
        (self.folder / _FILLING).unlink()

    @contextmanager
    def immutable(self, *names: str) -> Iterator[None]:
        """Nobody can write to these files, not even who has them open."""
        files = [str(self.folder / name) for name in names]
        _run("chattr", "+i", *files)
        try:
            yield
        finally:
            _run("chattr", "-i", *files)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A new disk of 64 MiB; gone at the end, whoever still uses it."""
    if os.geteuid() != 0:
        raise DiskUnavailableError("to mount a file system takes root")
    if shutil.which("mkfs.ext4") is None:
        raise DiskUnavailableError("mkfs.ext4 is not installed: apt-get install e2fsprogs")
    image, place = folder / "image", folder / "disk"
    with image.open("wb") as file:
        file.truncate(MEBIBYTES << 20)
    place.mkdir()
    _run("mkfs.ext4", "-q", "-m", "0", str(image))
    _run("mount", "-o", "loop", str(image), str(place))
    try:
        yield SmallDisk(place)
    finally:
        _run("umount", "--lazy", str(place))
        image.unlink()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DiskUnavailableError(f"{' '.join(command)}: {done.stderr.strip()}")
