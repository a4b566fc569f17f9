"""Counts what comes, day by day, and tells what no longer comes as it used to.

A rule that is silent because nobody is ill, and one that is silent because a code was renamed, look alike.
They differ in their history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from engine import log
from engine.errors import EngineError, TransientError
from engine.habits import Kind, Subject, Unusual, unusual
from engine.store import Store
from engine.taken import Taken

_KEPT_EVERY = timedelta(minutes=10)
_JUDGED_EVERY = timedelta(days=1)


def judge(store: Store, at: datetime) -> list[Unusual]:
    """What differs from its own history in the seven whole days before the day of ``at`` (UTC)."""
    counts = store.daily_counts(at) | store.alerts_by_day(at)
    return unusual({Subject(Kind(kind), *of): days for (kind, *of), days in counts.items()}, at.date())


class Watchdog:
    """Counts in memory, keeps the counts every ten minutes, and judges them once a day.

    A crash loses the counts of ten minutes, which changes no median. Used by the thread that takes messages
    in.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._kept_at = clock()
        self._judged_at: datetime | None = None

    def note(self, taken: Sequence[Taken]) -> None:
        """A batch was taken in."""
        for one in taken:
            self._counts.update(one.sightings)

    def look(self) -> None:
        """Keep what was counted, and judge it, when it is time for that."""
        now = self._clock()
        if not timedelta() <= now - self._kept_at < _KEPT_EVERY:
            self._kept_at = now
            self.keep()
            if self._judged_at is None or not timedelta() <= now - self._judged_at < _JUDGED_EVERY:
                self._judged_at = now
                self._judge(now)

    def keep(self) -> None:
        """Add what was counted to what the store has; while that is away, the counts go on."""
        try:
            self._store.count_days(self._counts, self._clock())
        except (TransientError, EngineError) as error:
            log.logger().warning("counts of the day put off", exc_info=error)
        else:
            self._counts.clear()

    def _judge(self, now: datetime) -> None:
        try:
            found = judge(self._store, now)
        except (TransientError, EngineError) as error:
            log.logger().warning("watchdog put off", exc_info=error)
            return
        for one in found:
            subject = one.subject
            log.logger().error(
                "does not come as it used to",
                outcome=one.change,
                detail=subject.kind,
                sender=subject.sender,
                rules=[subject.name] if subject.kind is Kind.RULE else [],
                code=subject.name if subject.kind is Kind.CODE else "",
                unit=subject.name if subject.kind is Kind.UNIT else "",
                count=one.count,
            )
        log.logger().info("habits judged", count=len(found))
