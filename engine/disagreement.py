"""An alarm while two readers disagree: it begins with the first message, and ends when a day has had none."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine import log
from engine.alarms import Alarms, Words
from engine.errors import TransientError
from engine.model.alert import READERS_DISAGREE
from engine.model.finding import Severity
from engine.outbox import Publishing
from engine.store import Store

_LOOK_EVERY = timedelta(minutes=10)
_OVER_AFTER = timedelta(days=1)
_DISAGREED_AT = "readers_disagreed_at"
_READERS = "readers"
_TITLE = "Two readers of the same message disagree"


@dataclass(frozen=True, slots=True)
class Difference:
    """A message that two readers read differently: its control id, its sender, and where."""

    control_id: str
    sender: str
    places: str


class Disagreement:
    """``found`` and ``agreed`` are of any thread, ``settle`` of the one that takes messages in."""

    def __init__(
        self, store: Store, publishing: Publishing, clock: Callable[[], datetime], revision: str
    ) -> None:
        self._store = store
        self._publishing = publishing
        self._clock = clock
        self._revision = revision
        self._found: queue.SimpleQueue[Difference] = queue.SimpleQueue()
        self._untold: Difference | None = None
        self._agreed_at: datetime | None = None
        self._looked_at = clock()

    def found(self, difference: Difference) -> None:
        """Two readers disagree."""
        self._found.put(difference)

    def agreed(self, at: datetime) -> None:
        """They agree on a message that came at this time."""
        self._agreed_at = at

    def settle(self) -> bool:
        """Begin or end the alarm, and say whether anything is to be published."""
        now = self._clock()
        while not self._found.empty():
            self._untold = self._found.get()
        if self._untold is None and timedelta() <= now - self._looked_at < _LOOK_EVERY:
            return False
        self._looked_at = now
        try:
            with self._store.technical() as technical:
                told = self._look(Alarms(technical, self._publishing, self._revision, now))
        except TransientError as error:
            log.logger().warning("look at the readers put off", exc_info=error)
            return False
        self._untold = None
        return told

    def _look(self, alarms: Alarms) -> bool:
        alert = alarms.technical.alerts(READERS_DISAGREE).get(_READERS)
        if self._untold is not None:
            alarms.technical.note({_DISAGREED_AT: alarms.now})
            if alert is None:
                alarms.start(READERS_DISAGREE, _READERS, _words(self._untold))
            return alert is None
        last = alarms.technical.instants(_DISAGREED_AT).get(_DISAGREED_AT)
        over = last is None or (self._agreed_at is not None and self._agreed_at - last >= _OVER_AFTER)
        if alert is None or not over:
            return False
        text = "Of the messages that were read twice, none has differed for a day."
        alarms.end(alert, Words(Severity.REVIEW, _TITLE, text))
        return True


def _words(one: Difference) -> Words:
    text = f"Message {one.control_id} of {one.sender} differs at {one.places}; there may be others like it."
    action = "Whoever runs the engine: see the runbook, two readers disagree; a copy is in the quarantine"
    return Words(Severity.REVIEW, _TITLE, text, action)
