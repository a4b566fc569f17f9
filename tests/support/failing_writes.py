"""Between SQLite and the operating system: a chosen write of the process fails with an I/O error.

SQLite lets its system calls be replaced for such tests (``xSetSystemCall`` of its Unix VFS), so that what
follows is what SQLite itself makes of a disk that fails.
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_ARGUMENTS: dict[bytes, tuple[Any, ...]] = {
    b"write": (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t),
    b"pwrite": (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64),
    b"pwrite64": (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64),
    b"ftruncate": (ctypes.c_int, ctypes.c_int64),
}
_SET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_GET = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)


class _Vfs(ctypes.Structure):
    """``sqlite3_vfs`` of sqlite3.h, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("methods", ctypes.c_void_p * 13),
        ("set_system_call", _SET),
        ("get_system_call", _GET),
        ("next_system_call", ctypes.c_void_p),
    )


class Writes:
    """Counts the writes since :meth:`fail_at`; that one fails, once."""

    def __init__(self) -> None:
        self.failed = 0
        self._left = 0

    def fail_at(self, number: int) -> None:
        """The ``number``-th write from now on fails; 0: none."""
        self._left = number

    def fails(self) -> bool:
        """Whether this one does."""
        self._left -= 1
        if self._left == 0:
            self.failed += 1
        return self._left == 0


@contextmanager
def failing_writes() -> Iterator[Writes]:
    """Every write of SQLite in this process goes through the result until the block ends."""
    library = ctypes.CDLL("libsqlite3.so.0")
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None)
    writes = Writes()
    kept = []  # what C calls must not be collected
    for name, arguments in _ARGUMENTS.items():
        address = vfs.contents.get_system_call(vfs, name)
        if address is not None:
            kind = ctypes.CFUNCTYPE(ctypes.c_ssize_t, *arguments, use_errno=True)
            kept.append((name, address, kind(_replaced(kind(address), writes))))
    for name, _, ours in kept:
        vfs.contents.set_system_call(vfs, name, ctypes.cast(ours, ctypes.c_void_p))
    try:
        yield writes
    finally:
        for name, address, _ in kept:
            vfs.contents.set_system_call(vfs, name, address)


def _replaced(call: Callable[..., int], writes: Writes) -> Callable[..., int]:
    def write(*arguments: Any) -> int:
        if writes.fails():
            ctypes.set_errno(errno.EIO)
            return -1
        return call(*arguments)

    return write
