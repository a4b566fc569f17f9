"""Waiting for what is away: trying again, ever less often, until it is there or the process is to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, TypeVar

from engine import log
from engine.errors import TransientError

_FIRST_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 30.0

_T = TypeVar("_T")


class StoppedError(Exception):
    """The process is to stop, and what was waited for is away."""


def patiently(
    work: Callable[[], _T],
    needs: Literal["store", "broker"],
    stopping: threading.Event,
    waits: Callable[[], None] = lambda: None,
) -> _T:
    """What ``work`` returns once it raises no TransientError; ``waits`` is told of each time that it does.

    ``needs`` is what is away then. Raises StoppedError when ``stopping`` is set meanwhile.
    """
    pause = _FIRST_RETRY_SECONDS
    attempt = 0
    while True:
        try:
            return work()
        except TransientError as error:
            attempt += 1
            waits()
            log.logger().warning(
                "store away, trying again" if needs == "store" else "broker away, trying again",
                exc_info=error,
                attempt=attempt,
                retry_in_s=pause,
            )
        if stopping.wait(pause):
            raise StoppedError
        pause = min(pause * 2, _LONGEST_RETRY_SECONDS)
