"""What the live engine does beside taking messages in: settling a backlog, and watching its own habits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from engine.catching_up import CatchingUp
from engine.decide import Knowledge
from engine.store import Store
from engine.taken import IntakeOptions, Taken
from engine.watchdog import Watchdog


class Alongside:
    """Used by the thread that takes messages in; what takes long has threads of its own."""

    def __init__(
        self,
        store: Store,
        knowledge: Knowledge,
        options: IntakeOptions,
        clock: Callable[[], datetime],
        full_batch: int,
    ) -> None:
        self._catching_up = CatchingUp(store, knowledge, options, clock, full_batch)
        self._watchdog = Watchdog(store, clock)

    def took(self, taken: Sequence[Taken]) -> None:
        """A batch was taken in and is durable."""
        self._catching_up.note(taken)
        self._watchdog.note(taken)

    def look(self, waiting: Callable[[], Mapping[str, int]]) -> bool:
        """Do what is due, and say whether anything is to be published.

        ``waiting`` tells how many messages each inbound queue holds; nothing where nobody knows.
        """
        self._watchdog.look()
        return self._catching_up.settle(waiting)

    def close(self) -> None:
        """Keep what is known; the store is still open."""
        self._watchdog.keep()
