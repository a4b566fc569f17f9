"""What the passing of time brings about: tests that are overdue, alerts that nobody takes on.

Time is judged at the instants at which it changes something, one after the other, and in steps of a fixed
length (``sweep_every``, counted from midnight UTC), so that a sweep that comes late tells what one in time
would have told. Whom an instant concerns is kept beside the records: a sweep costs what is due, not what is
known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.decide import Knowledge, decide_sweep
from engine.model.alert import AlertEvent
from engine.model.watch import Watch
from engine.outbox import alert_rows
from engine.store import Store, Unit
from engine.taken import IntakeOptions
from engine.telling import Occasion

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a replay before its first message has told one."""

_AT_ONCE = 200
_UNBOUNDED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Sweep:
    """Judges time, in the live engine by the clock and in a replay as the messages advance."""

    knowledge: Knowledge
    options: IntakeOptions

    def run(self, store: Store, now: datetime) -> list[AlertEvent]:
        """Judge time up to the last whole step before ``now``; everything told is durable afterwards.

        Raises TransientError when the store is away: what is not done then is still due.
        """
        until = self._step(now)
        told: list[AlertEvent] = []
        while True:
            with store.transaction() as unit:
                watch = unit.watch() or Watch(now, until)
                unit.look_at_everybody(watch.clock, self.knowledge.revision)
                # First: a message that comes between two parts of a sweep is judged at the same time.
                unit.put_watch(Watch(watch.since, max(watch.clock, until)))
                due = unit.due(until, _AT_ONCE)
                for root, at in due:
                    told += self._look(unit, root, at, Watch(watch.since, until), now)
            if len(due) < _AT_ONCE:
                return told

    def before(self, unit: Unit, now: datetime) -> tuple[AlertEvent, ...]:
        """What time has brought about before a message of this time, where the messages are the clock.

        The first message of all is the one with which the engine begins to watch.
        """
        if now <= EPOCH:
            return ()
        if unit.watch() is None:
            unit.put_watch(Watch(now, self._step(now)))
        if self.options.clock is not None:
            return ()
        until = self.options.until
        return tuple(self.advance(unit, now if until is None else min(now, until)))

    def advance(self, unit: Unit, now: datetime) -> list[AlertEvent]:
        """Judge time up to ``now`` as sweeps at every step would have done."""
        told: list[AlertEvent] = []
        watch, every = unit.watch(), self.options.sweep_every
        while watch is not None and (first := unit.next_due()) is not None:
            at = max(self._step(first + every - timedelta(microseconds=1)), watch.clock + every)
            if at > now:
                break
            watch = Watch(watch.since, at)
            unit.put_watch(watch)
            for root, since in unit.due(at, _UNBOUNDED):
                told += self._look(unit, root, since, watch, at)
        if watch is not None and self._step(now) > watch.clock:
            unit.put_watch(Watch(watch.since, self._step(now)))
        return told

    def _look(self, unit: Unit, root: str, at: datetime, watch: Watch, now: datetime) -> list[AlertEvent]:
        """Judge one person at each instant from ``at`` to the clock of ``watch`` that changes something."""
        record = unit.record(root)
        told: list[AlertEvent] = []
        due: datetime | None = at
        while due is not None and due <= watch.clock:
            occasion = Occasion(control_id="", now=now, watch=Watch(watch.since, due))
            decision = decide_sweep(record, self.knowledge, occasion)
            record, due = decision.record, decision.look_at
            unit.put_record(record, alerts=decision.alerts, events=(*decision.events, *decision.shadow))
            told += decision.events
        unit.put_due(root, due)
        unit.put_outbox(alert_rows(told, self.options.publishing), now)
        return told

    def next_step(self, now: datetime) -> datetime:
        """The first step after ``now``."""
        return self._step(now) + self.options.sweep_every

    def _step(self, instant: datetime) -> datetime:
        return instant - (instant - EPOCH) % self.options.sweep_every
