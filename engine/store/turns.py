"""Who writes next to a file that takes one writer at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import TransientError


class Turns:
    """Threads that write take turns in the order in which they asked, each for at most ``patience`` seconds.

    SQLite lets a writer that has to wait look again now and then, at last ten times a second. In a backlog
    the intake begins its next batch within milliseconds of the last, so that the relay found the file free
    once in a second, and alerts waited for it.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have the file for the block. Raises TransientError where somebody else has it for too long."""
        if not self._begin():
            raise TransientError(f"store: another thread has been writing for {self._patience:g} s")
        try:
            yield
        finally:
            self._end()

    def _begin(self) -> bool:
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=self._patience):
            return True
        with self._guard:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
        return True  # it was handed over at the last moment

    def _end(self) -> None:
        """Hand over to whoever has waited longest: a lock that is let go of may go to whoever comes last."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
