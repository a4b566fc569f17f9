"""Ends a process that hangs in one message: its supervisor starts it anew, the broker delivers again."""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine import log

HUNG = 70
"""The exit code of a process that has ended itself."""

_LOOK_EVERY_SECONDS = 0.5


class HangGuard:
    """Knows since when work is under way; from :meth:`start` on, ends the process that hangs in it.

    A thread of Python's tells about it in the log. It cannot run while a library in C, such as a regular
    expression, keeps the interpreter to itself: then a timer of the system's ends the process a little
    later, and leaves on stderr where it was, file and line.

    Of work that waits for others, such as the store, a shorter limit counts what it computes itself.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = self._allowed = seconds
        self._started = False
        self._deadline: float | None = None
        self._busy: tuple[int, float] | None = None  # the clock of a thread, and what it may show
        self._ended = threading.Event()

    @contextmanager
    def computing(self, at_most: float) -> Iterator[None]:
        """Work of the calling thread that may take so many seconds of processor time; waiting takes none."""
        self._busy = (time.pthread_getcpuclockid(threading.get_ident()), time.thread_time() + at_most)
        try:
            yield
        finally:
            self._busy = None

    @contextmanager
    def watching(self, at_most: float | None = None) -> Iterator[None]:
        """Work that must be done within the time allowed, or ``at_most`` so many seconds."""
        shorter = at_most is not None and at_most < self._seconds
        if shorter:
            self._allow(at_most or 0.0)
        self._deadline = time.monotonic() + self._allowed
        try:
            yield
        finally:
            self._deadline = None
            if shorter:
                self._allow(self._seconds)

    def start(self) -> None:
        """Begin to look; to be called by a process that somebody starts anew when it ends."""
        self._started = True
        self._put_off()
        threading.Thread(target=self._look, name="hang guard", daemon=True).start()

    def stop(self) -> None:
        """Let the process be."""
        self._ended.set()
        faulthandler.cancel_dump_traceback_later()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_SECONDS):
            if self._is_over():
                log.logger().critical("a batch hangs, ending the process")
                faulthandler.dump_traceback()
                os._exit(HUNG)
            self._put_off()

    def _is_over(self) -> bool:
        deadline, busy = self._deadline, self._busy
        if deadline is not None and time.monotonic() > deadline:
            return True
        return busy is not None and time.clock_gettime(busy[0]) > busy[1]

    def _allow(self, seconds: float) -> None:
        self._allowed = seconds
        if self._started:
            self._put_off()

    def _put_off(self) -> None:
        """Set the timer of the system anew, as long as a thread of Python's can."""
        faulthandler.dump_traceback_later(self._allowed + _LOOK_EVERY_SECONDS, exit=True)
