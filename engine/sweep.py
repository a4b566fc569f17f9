"""What the passing of time brings about: tests that are overdue, alerts that nobody takes on.

Time is judged at the instants at which it changes something, one after the other, and in steps of a fixed
length (``sweep_every``, counted from midnight UTC), so that a sweep that comes late tells what one in time
would have told. Whom an instant concerns is kept beside the records: a sweep costs what is due, not what is
known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine.decide import Decision, Knowledge, decide_sweep
from engine.errors import TransientError
from engine.model.alert import AlertEvent
from engine.model.moment import later
from engine.model.watch import Watch
from engine.outbox import alert_rows
from engine.store import Store, Unit
from engine.taken import IntakeOptions, Look
from engine.telling import Occasion

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a replay before its first message has told one."""

_AT_ONCE = 20
_UNBOUNDED = 1_000_000_000
_TRIED_AGAIN = timedelta(days=1)  # of the time that messages tell, which may pass by years


@dataclass(slots=True)
class Swept:
    """What a part of a sweep has told, of how many persons; ``faults`` are defects of the engine itself.

    ``done``: nobody else is due. ``set_back_from``: up to when time had been judged by a wrong clock.
    """

    persons: int = 0
    events: list[AlertEvent] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    done: bool = True
    set_back_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """Judges time, in the live engine by the clock and in a replay as the messages advance."""

    knowledge: Knowledge
    options: IntakeOptions

    def run(self, store: Store, now: datetime) -> Swept:
        """Judge time up to the last whole step before ``now`` for the few who have been due for longest.

        Everything told is durable afterwards. Between two calls others may write: a sweep that concerns
        everybody stops neither the feed nor the alerts. Each person is judged at the same instants, in
        whatever part of a sweep they are. A person whose record cannot be judged is tried again at the next
        step, and keeps nobody else waiting. Raises TransientError when the store is away: what is not done
        then is still due.
        """
        swept, until = Swept(), self.step(now)
        with store.transaction() as unit:
            watch = unit.watch() or Watch(now, until)
            if watch.is_ahead(now, self.options.sweep_every):
                swept.set_back_from = watch.clock
                watch = watch.not_after(until)
                unit.look_at_everybody(until, self.knowledge.revision, again=True)
            else:
                unit.look_at_everybody(watch.clock, self.knowledge.revision)
            # First: a message that comes between two parts of a sweep is judged at the same time.
            unit.put_watch(Watch(watch.since, max(watch.clock, until)))
            due = unit.due(until, _AT_ONCE)
        try:
            swept.events += self._look_together(store, due, Watch(watch.since, until), now)
        except TransientError:
            raise
        except Exception:  # noqa: BLE001  one record must not keep the others waiting
            for one in due:
                self._look_alone(store, one, Watch(watch.since, until), now, swept)
        swept.persons = len(due)
        swept.done = len(due) < _AT_ONCE
        return swept

    def _look_together(
        self, store: Store, due: Iterable[tuple[str, datetime]], watch: Watch, now: datetime
    ) -> list[AlertEvent]:
        with store.transaction() as unit:
            still_due = unit.still_due(due)
            return [event for root, at in still_due for event in self._look(unit, root, at, watch, now)]

    def _look_alone(
        self, store: Store, one: tuple[str, datetime], watch: Watch, now: datetime, swept: Swept
    ) -> None:
        try:
            swept.events += self._look_together(store, [one], watch, now)
        except TransientError:
            raise
        except Exception as fault:  # noqa: BLE001  told by the caller
            swept.faults.append(fault)
            with store.transaction() as unit:
                unit.put_due(one[0], watch.clock + self.options.sweep_every)

    def watch(self, unit: Unit, now: datetime) -> Watch | None:
        """The time to judge a message at; what a wrong clock has told is not believed."""
        watch = unit.watch()
        live = self.options.clock is not None
        if watch is not None and live and watch.is_ahead(now, self.options.sweep_every):
            return watch.not_after(self.step(now))
        return watch

    def before(self, unit: Unit, now: datetime) -> tuple[Look, ...]:
        """What time has brought about before a message of this time, where the messages are the clock.

        The first message of all is the one with which the engine begins to watch.
        """
        if now <= EPOCH:
            return ()
        if unit.watch() is None:
            unit.put_watch(Watch(now, self.step(now)))
        if self.options.clock is not None:
            return ()
        until = self.options.until
        return self.advance(unit, now if until is None else min(now, until))

    def advance(self, unit: Unit, now: datetime) -> tuple[Look, ...]:
        """Judge time up to ``now`` as sweeps at every step would have done.

        Looks that told nothing are left out. A person whose record cannot be judged is tried again a day
        later.
        """
        looks: list[Look] = []
        watch, every = unit.watch(), self.options.sweep_every
        while watch is not None and (first := unit.next_due()) is not None:
            at = self.step(max(later(first, every - timedelta(microseconds=1)), later(watch.clock, every)))
            if at > now or at <= watch.clock:
                break
            watch = Watch(watch.since, at)
            unit.put_watch(watch)
            for root, since in unit.due(at, _UNBOUNDED):
                try:
                    if events := self._look(unit, root, since, watch, at):
                        looks.append(Look(at, since, root, tuple(events)))
                except TransientError:
                    raise
                except Exception as fault:  # noqa: BLE001  the message that comes next is somebody else's
                    looks.append(Look(at, since, root, fault=fault))
                    unit.put_due(root, later(at, _TRIED_AGAIN))
        if watch is not None and self.step(now) > watch.clock:
            unit.put_watch(Watch(watch.since, self.step(now)))
        return tuple(looks)

    def _look(self, unit: Unit, root: str, at: datetime, watch: Watch, now: datetime) -> list[AlertEvent]:
        """Judge one person at each instant from ``at`` to the clock of ``watch`` that changes something."""
        record = unit.record(root)
        decisions: list[Decision] = []
        due: datetime | None = at
        while due is not None and due <= watch.clock:
            occasion = Occasion(control_id="", now=now, watch=Watch(watch.since, due))
            decision = decide_sweep(record, self.knowledge, occasion)
            record, due = decision.record, decision.look_at
            decisions.append(decision)
        for decision in decisions:  # all or nothing: an error on the way leaves the record as it was
            events = (*decision.events, *decision.shadow)
            unit.put_record(decision.record, alerts=decision.alerts, events=events)
        told = [event for decision in decisions for event in decision.events]
        unit.put_due(root, due)
        unit.put_outbox(alert_rows(told, self.options.publishing), now)
        return told

    def next_step(self, now: datetime) -> datetime:
        """The first step after ``now``."""
        return later(self.step(now), self.options.sweep_every)

    def step(self, instant: datetime) -> datetime:
        """The last step up to an instant."""
        return later(instant, -((instant - EPOCH) % self.options.sweep_every))
