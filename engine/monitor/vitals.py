"""The state of each part that the engine needs, since when, and whether its loop still turns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PartState:
    """One part: a word for how it is, since when, and whether the engine can work with it so."""

    state: str
    since: datetime
    good: bool


class Vitals:
    """What the parts have said last; safe from any thread."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._parts: dict[str, PartState] = {}
        self._turned_at = time.monotonic()

    def say(self, part: str, state: str, *, good: bool, anew: bool = False) -> bool:
        """How a part is now, and whether it was good before; ``anew`` counts the same state from now on."""
        with self._lock:
            before = self._parts.get(part)
            if before is None or before.state != state or anew:
                self._parts[part] = PartState(state, self._clock(), good)
        return before is not None and before.good

    def parts(self) -> dict[str, PartState]:
        """Every part that has said something."""
        with self._lock:
            return dict(self._parts)

    def turned(self) -> None:
        """The loop has come round, or waits for something that it will notice."""
        self._turned_at = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """How long ago the loop has come round."""
        return time.monotonic() - self._turned_at
