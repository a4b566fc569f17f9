"""When the live engine judges time, part by part between its messages, and what its log says of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from engine import log
from engine.errors import TransientError
from engine.store import Store
from engine.sweep import Sweep

_AT_THE_LATEST = timedelta(hours=1)


def is_due(at: datetime, now: datetime, at_most: timedelta) -> bool:
    """Whether an instant, set ``at_most`` ahead, has come, or the clock was put back since."""
    return now >= at or at - now > at_most


class Sweeping:
    """One sweep after another; each is taken in parts, so that messages and alerts go on meanwhile.

    ``under_way``: a part was taken, and others are left. ``put_off``: the store was away at the last part.
    """

    def __init__(self, sweep: Sweep, store: Store, clock: Callable[[], datetime]) -> None:
        self._sweep = sweep
        self._store = store
        self._clock = clock
        self._due = sweep.next_step(clock())
        self._persons = self._alerts = 0
        self.under_way = self.put_off = False

    def is_due(self, *, behind: bool) -> bool:
        """Whether a part is to be taken now.

        What is overdue may be answered by what waits in the queue: a feed that is ``behind`` goes first.
        """
        due = self._due + (_AT_THE_LATEST if behind else timedelta())
        return is_due(due, self._clock(), self._sweep.options.sweep_every + _AT_THE_LATEST)

    def judge(self) -> bool:
        """Take one part, and say whether anything was told; when the store is away, put the rest off."""
        now = self._clock()
        self.put_off = False
        try:
            with self._store.alone("sweep") as ours:
                swept = self._sweep.run(self._store, now) if ours else None
        except TransientError as error:
            log.logger().warning("sweep put off", exc_info=error)
            self.put_off = True
            self._end(now)
            return False
        if swept is None:  # another worker on this store judges time
            self._end(now)
            return False
        if swept.set_back_from is not None:
            ahead = swept.set_back_from.isoformat()
            log.logger().error("clock was in the future, everybody is judged again", detail=ahead)
        for fault in swept.faults:
            log.logger().error("defect of the engine, person not judged", exc_info=fault)
        self.under_way = True
        self._persons += swept.persons
        self._alerts += len(swept.events)
        if swept.done:
            log.logger().info("time judged", count=self._persons, alerts=self._alerts)
            self._end(now)
        return bool(swept.events)

    def _end(self, now: datetime) -> None:
        self.under_way = False
        self._persons = self._alerts = 0
        self._due = self._sweep.next_step(now)
