"""What the live engine does beside taking messages in: settling a backlog, and watching itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from engine.arrival import Reading
from engine.catching_up import CatchingUp
from engine.decide import Knowledge
from engine.disagreement import Disagreement
from engine.second_reader import Outcome, SecondReader
from engine.store import Store
from engine.taken import IntakeOptions, Taken
from engine.watchdog import Watchdog


class Alongside:
    """Used by the thread that takes messages in; what takes long has threads of its own.

    ``read_twice``: of so many messages one is read by both readers; ``compared`` hears what came of it.
    """

    def __init__(
        self,
        store: Store,
        knowledge: Knowledge,
        options: IntakeOptions,
        clock: Callable[[], datetime],
        full_batch: int,
        read_twice: int,
        compared: Callable[[Outcome], None],
    ) -> None:
        self._catching_up = CatchingUp(store, knowledge, options, clock, full_batch)
        self._watchdog = Watchdog(store, options.publishing, clock, knowledge.revision)
        reading = Reading(knowledge.terminology, options.max_message_bytes)
        self._disagreement = Disagreement(store, options.publishing, clock, knowledge.revision)
        self._second_reader = SecondReader(reading, store, clock, read_twice, compared, self._disagreement)

    def took(self, bodies: Sequence[bytes], taken: Sequence[Taken]) -> None:
        """A batch was taken in and is durable."""
        self._catching_up.note(taken)
        self._watchdog.note(taken)
        self._second_reader.offer(bodies, taken)

    def look(self, waiting: Callable[[], Mapping[str, int]]) -> bool:
        """Do what is due, and say whether anything is to be published.

        ``waiting`` tells how many messages each inbound queue holds; nothing where nobody knows.
        """
        watched = (self._watchdog.settle(), self._disagreement.settle())
        return self._catching_up.settle(waiting) or any(watched)

    def close(self) -> None:
        """Keep what is known; the store is still open."""
        self._second_reader.close()
        self._watchdog.keep()
