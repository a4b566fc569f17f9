"""After an outage: what a backlog tells is held back until the feed is no longer behind, for a bounded time.

A page for what was true on Saturday night helps nobody on Monday, and hides the one that matters. What was
raised and has ended within the backlog is told in one digest for each patient; what still holds is told
once, as it is now. Held back are only events that messages of long ago have caused, only while such
messages come, and never longer than the settings say: then they go out as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine import log
from engine.alerts import collapsed
from engine.decide import Knowledge
from engine.digest import digest
from engine.errors import TransientError
from engine.outbox import alert_rows
from engine.store import HeldAlert, Store
from engine.taken import IntakeOptions, Taken

_QUIET = timedelta(seconds=5)
_LOOK_EVERY = timedelta(seconds=1)
_AWAY_FOR = timedelta(seconds=30)  # the store, before it is asked again
_AT_ONCE = 20


@dataclass(slots=True)
class Settled:
    """What was settled at once: persons, events that nobody was paged for, events told in their place."""

    persons: int = 0
    unpaged: int = 0
    told: int = 0


class CatchingUp:
    """Decides when what was held back is told; used by the thread that takes messages in."""

    def __init__(
        self,
        store: Store,
        knowledge: Knowledge,
        options: IntakeOptions,
        clock: Callable[[], datetime],
        full_batch: int,
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._options = options
        self._clock = clock
        self._full_batch = full_batch
        self._behind_at = self._look_at = clock()

    def note(self, taken: Sequence[Taken]) -> None:
        """A batch was taken in: of old messages, or as many as fit, it says that more may wait."""
        if len(taken) >= self._full_batch or any(one.late for one in taken):
            self._behind_at = self._clock()

    def settle(self, waiting: Callable[[], Mapping[str, int]]) -> bool:
        """Tell what is ripe, of a few persons at a time, and say whether anything is to be published.

        ``waiting`` tells how many messages each inbound queue holds; where nobody knows, more may come.
        """
        now = self._clock()
        if now < self._look_at <= now + _AWAY_FOR:
            return False
        self._look_at = now + _LOOK_EVERY
        queues = waiting()
        if not queues or any(queues.values()):
            self._behind_at = now
        try:
            with self._store.alone("catching up") as ours:
                settled = self._settle(now) if ours else Settled()
        except TransientError as error:
            log.logger().warning("held alerts put off", exc_info=error)
            self._look_at = now + _AWAY_FOR
            return False
        if settled.persons:
            log.logger().info(
                "backlog settled", count=settled.persons, alerts=settled.told, pending=settled.unpaged
            )
        return bool(settled.told)

    def _settle(self, now: datetime) -> Settled:
        held = self._store.held_alerts()
        quiet = not timedelta() <= now - self._behind_at < _QUIET
        # Another worker may still be at it.
        quiet = quiet and not any(timedelta() <= now - one.since < _QUIET for one in held)
        ripe = held if quiet else [one for one in held if self._is_ripe(one, now)]
        settled = Settled()
        for root in list(dict.fromkeys(one.root for one in ripe))[:_AT_ONCE]:
            alert_ids = [one.alert_id for one in held if one.root == root]
            try:
                self._settle_person(root, alert_ids, now, settled)
            except TransientError:
                raise
            except Exception as error:  # noqa: BLE001  whoever cannot be told in short is told in full
                log.logger().error("defect of the engine, held alerts go out as they are", exc_info=error)
                self._store.release(alert_ids)
                settled.told += 1
        return settled

    def _is_ripe(self, one: HeldAlert, now: datetime) -> bool:
        """Fresh news of it waits, or it has waited long enough, or the clock was put back since."""
        return one.fresh or not now < one.until <= now + self._options.hold_for

    def _settle_person(self, root: str, alert_ids: Iterable[str], now: datetime, settled: Settled) -> None:
        with self._store.transaction() as unit:
            record = unit.record(root)  # nobody judges this person meanwhile
            held = unit.held_back(alert_ids)
            outcome = {one.alert_id: collapsed(one.events, one.before) for one in held.values()}
            summary = digest(record, list(outcome.values()), self._knowledge.revision, now)
            for alert_id, became in outcome.items():
                told = [] if became.tell is None else [became.tell]
                listed = summary is not None and (became.gravest is not None or not told)
                told_by = summary[1].event_id if summary is not None and listed else told[0].event_id
                rows = alert_rows(told, self._options.publishing)
                unit.settle(held[alert_id], rows, told_by, now)
                settled.unpaged += len(became.unpaged)
                settled.told += len(told)
            if summary is not None:
                alert, event = summary
                after = replace(record, alerts=(*record.alerts, alert))
                unit.put_record(after, alerts=[alert], events=[event])
                unit.put_outbox(alert_rows([event], self._options.publishing), now)
                settled.told += 1
        settled.persons += 1
