"""Counts what comes, day by day, and tells what no longer comes as it used to.

A rule that is silent because nobody is ill, and one that is silent because a code was renamed, look alike.
They differ in their history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from engine import log
from engine.alarms import Alarms, Words
from engine.errors import EngineError, TransientError
from engine.habits import Change, Counts, Kind, Subject, Unusual, in_the_last_week, unusual
from engine.model.alert import HABIT_CHANGED
from engine.model.finding import Severity
from engine.outbox import Publishing
from engine.store import Store, Technical
from engine.taken import Taken

_KEPT_EVERY = timedelta(minutes=10)
_DAY = timedelta(days=1)
_JUDGED_AT = "habits_judged_at"

_SAYS = {
    Change.STOPPED: "does not come any more",
    Change.FELL: "comes much less than it used to",
    Change.FLOODS: "comes much more than it used to",
}


def judge(store: Store, at: datetime) -> list[Unusual]:
    """What differs from its own history in the seven whole days before the day of ``at`` (UTC)."""
    return unusual(_counts(store, at), at.date())


def _counts(store: Store, at: datetime) -> Counts:
    counts = store.daily_counts(at) | store.alerts_by_day(at)
    return {Subject(Kind(kind), *of): days for (kind, *of), days in counts.items()}


class Watchdog:
    """Counts in memory, keeps the counts every ten minutes; on each day (UTC) one worker judges them.

    What it finds is an alarm until a later day finds it no more. A crash loses the counts of ten minutes,
    which changes no median. Used by the thread that takes messages in.
    """

    def __init__(
        self, store: Store, publishing: Publishing, clock: Callable[[], datetime], revision: str
    ) -> None:
        self._store = store
        self._publishing = publishing
        self._clock = clock
        self._revision = revision
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._kept_at = clock()

    def note(self, taken: Sequence[Taken]) -> None:
        """A batch was taken in."""
        for one in taken:
            self._counts.update(one.sightings)

    def settle(self) -> bool:
        """Keep what was counted and judge it, when it is time; whether anything is to be published."""
        now = self._clock()
        if timedelta() <= now - self._kept_at < _KEPT_EVERY:
            return False
        self._kept_at = now
        self.keep()
        try:
            return self._judge(now)
        except (TransientError, EngineError) as error:
            log.logger().warning("watchdog put off", exc_info=error)
            return False

    def keep(self) -> None:
        """Add what was counted to what the store has; while that is away, the counts go on."""
        try:
            self._store.count_days(self._counts, self._clock())
        except (TransientError, EngineError) as error:
            log.logger().warning("counts of the day put off", exc_info=error)
        else:
            self._counts.clear()

    def _judge(self, now: datetime) -> bool:
        with self._store.technical() as technical:
            if _is_judged(technical, now):
                return False
        counts = _counts(self._store, now)  # may take long: others go on meanwhile
        found = unusual(counts, now.date())
        with self._store.technical() as technical:
            if _is_judged(technical, now):
                return False
            technical.note({_JUDGED_AT: now})
            alarms = Alarms(technical, self._publishing, self._revision, now)
            told = self._tell(alarms, found, counts)
        for one in found:
            _log(one)
        log.logger().info("habits judged", count=len(found))
        return told

    @staticmethod
    def _tell(alarms: Alarms, found: Sequence[Unusual], counts: Counts) -> bool:
        """Begin an alarm for each finding that is new, end those that are found no more."""
        changes = {_subject(one.subject, one.change): one for one in found}
        alerts = alarms.technical.alerts(HABIT_CHANGED)
        new = [name for name in changes if name not in alerts]
        over = [name for name in alerts if name not in changes]
        for name in new:
            one = changes[name]
            text = f"{one.count} in the last seven days, {one.usual:g} in a usual week; last on {one.last}."
            action = "Whoever runs the engine: see the runbook, something no longer comes as it used to"
            alarms.start(HABIT_CHANGED, name, Words(Severity.REVIEW, name, text, action))
        came = in_the_last_week(counts, alarms.now.date())
        weeks = {_subject(of, change): week for of, week in came.items() for change in Change}
        for name in over:
            text = f"{weeks.get(name, 0)} in the last seven days; no longer told of by itself."
            alarms.end(alerts[name], Words(Severity.REVIEW, name, text))
        return bool(new or over)


def _is_judged(technical: Technical, now: datetime) -> bool:
    """Whether some worker has judged this day; a clock that was ahead by more than one is not believed."""
    at = technical.instants(_JUDGED_AT).get(_JUDGED_AT)
    return at is not None and at.date() >= now.date() and at - now < _DAY


def _subject(subject: Subject, change: Change) -> str:
    name = " ".join(filter(None, (subject.kind.capitalize(), subject.name)))
    of = f" of {subject.sender}" if subject.name and subject.sender else ""
    sender = f" {subject.sender}" if not subject.name else ""
    return f"{name}{of}{sender} {_SAYS[change]}"


def _log(one: Unusual) -> None:
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
