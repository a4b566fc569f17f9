"""A sample of the messages is read a second time, by python-hl7, and compared leaf by leaf.

A reader that drops a value or shifts a field by one makes no error and no noise: results are missing, or
somebody else's. Never in the way of the feed: in a thread of its own, on a short queue, and what does not
fit is dropped and counted.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine import log
from engine.arrival import Reading
from engine.disagreement import Difference, Disagreement
from engine.errors import ContentError, EngineError
from engine.hl7 import Message
from engine.hl7.second_reading import compared, normalised
from engine.model.disposition import Disposition
from engine.store import InboxKey, Store
from engine.taken import Arrived, Taken

_AT_LEAST_EVERY = timedelta(minutes=1)
_WAITING = 8
_LARGEST = 200_000  # python-hl7 takes seconds for a megabyte
_PLACES = 5
_PATIENCE_SECONDS = 5.0

# What the flow reads: a difference elsewhere changes nothing.
# fmt: off
_USED = frozenset({
    "MSH", "EVN", "PID", "PV1", "MRG", "ORC", "OBR", "OBX", "NTE", "SPM", "TQ1", "TQ2", "RXO", "RXE", "RXD",
    "RXG", "RXA", "RXR", "RXC", "DG1", "AL1", "segments",
})
# fmt: on


class Outcome(StrEnum):
    """What came of a message that was chosen to be read twice."""

    AGREED = "agreed"
    DISAGREED = "disagreed"
    NOT_COMPARED = "not-compared"  # python-hl7 cannot read it, and is known not to
    DROPPED = "dropped"  # others were waiting


@dataclass(frozen=True, slots=True)
class _Chosen:
    key: InboxKey
    body: bytes
    at: datetime


class SecondReader:
    """Chooses messages, one in ``every`` and one a minute at least, and compares them; 0 chooses none.

    ``offer`` is of the thread that takes messages in; ``tell`` hears of every outcome, from either thread,
    and ``disagreement`` of every comparison.
    """

    def __init__(
        self,
        reading: Reading,
        store: Store,
        clock: Callable[[], datetime],
        every: int,
        tell: Callable[[Outcome], None],
        disagreement: Disagreement,
    ) -> None:
        self._reading = reading
        self._store = store
        self._clock = clock
        self._every = every
        self._tell = tell
        self._disagreement = disagreement
        self._passed = 0
        self._chosen_at = clock()
        self._queue: queue.Queue[_Chosen | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def offer(self, bodies: Sequence[bytes], taken: Sequence[Taken]) -> None:
        """A batch is durable: choose what of it is read a second time."""
        if not self._every:
            return
        now = self._clock()
        for body, one in zip(bodies, taken, strict=True):
            if one.outcome.disposition is not Disposition.ACCEPTED or len(body) > _LARGEST:
                continue
            self._passed += 1
            if self._passed >= self._every or not timedelta() <= now - self._chosen_at < _AT_LEAST_EVERY:
                self._passed, self._chosen_at = 0, now
                self._choose(_Chosen(one.key, body, now))

    def close(self) -> None:
        """Compare what waits, and stop; whatever takes longer is left."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._queue.put(None, timeout=_PATIENCE_SECONDS)
                self._thread.join(_PATIENCE_SECONDS)
            self._thread = None

    def _choose(self, chosen: _Chosen) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="second reader", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(chosen)
        except queue.Full:
            self._tell(Outcome.DROPPED)

    def _run(self) -> None:
        while (chosen := self._queue.get()) is not None:
            try:
                self._tell(self._compare(chosen))
            except Exception as error:  # noqa: BLE001  whatever python-hl7 stumbles over must not end the comparing
                log.logger().warning(
                    "message not read twice", exc_info=error, message_control_id=chosen.key.control_id
                )
                self._tell(Outcome.NOT_COMPARED)

    def _compare(self, chosen: _Chosen) -> Outcome:
        _, message = self._reading.read(Arrived(chosen.body, ""))
        text = normalised(chosen.body, message.charset) if isinstance(message, Message) else None
        if isinstance(message, ContentError) or text is None:
            return Outcome.NOT_COMPARED
        places = [place for place in compared(message, text).differing if _name(place) in _USED]
        if not places:
            self._disagreement.agreed(chosen.at)
            return Outcome.AGREED
        key, where = chosen.key, ", ".join(places[:_PLACES])
        log.logger().error(
            "readers disagree",
            message_control_id=key.control_id,
            sender=key.sender,
            location=where,
            count=len(places),
        )
        self._keep(chosen, f"two readers disagree at {where}")
        self._disagreement.found(Difference(key.control_id, key.sender, where))
        return Outcome.DISAGREED

    def _keep(self, chosen: _Chosen, why: str) -> None:
        """Keep the message for who looks into it; what was decided of it stands."""
        try:
            self._store.keep_copy(chosen.key, chosen.body, why, chosen.at)
        except EngineError as error:
            log.logger().warning("copy of a message not kept", exc_info=error)


def _name(place: str) -> str:
    return place.partition("[")[0]
