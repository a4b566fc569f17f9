"""Protections of the engine, taken away one at a time: a simulation that finds nothing proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from unittest import mock

from sqlalchemy import Connection, select

from engine.app import Engine
from engine.hl7 import split_delivery
from engine.relay import Relay, _message
from engine.store import InboxKey, OutboxRow, Unit, handover, schema
from engine.store.rows import outbox_from_row
from engine.taken import Arrived
from engine.transports import Delivery
from engine.transports.amqp import AmqpPublisher
from tests.simulation.days import Day, day
from tests.simulation.invariants import undisturbed

Sabotage = Callable[[], AbstractContextManager[object]]


@contextmanager
def _acks_before_the_commit() -> Iterator[None]:
    take = Engine._take

    def hasty(self: Engine, deliveries: Sequence[Delivery]) -> None:
        self._parts.consumer.ack(deliveries)
        take(self, deliveries)

    with mock.patch.object(Engine, "_take", hasty):
        yield


@contextmanager
def _without_inbox_key() -> Iterator[None]:
    def never(_self: Unit, _key: InboxKey) -> bool:
        return False

    with mock.patch.object(Unit, "seen", never):
        yield


@contextmanager
def _marks_before_the_confirm() -> Iterator[None]:
    def hasty(self: Relay) -> tuple[int, int]:
        with self._store.handover(self._window) as given:
            rows = given.rows
            given.done([row.id for row in rows], {}, self._clock())
        self._publisher.publish([_message(row) for row in rows])
        return (len(rows), 0)

    with mock.patch.object(Relay, "publish_pending", hasty):
        yield


@contextmanager
def _ignores_returns() -> Iterator[None]:
    def deaf(_self: AmqpPublisher, *_told: object) -> None:
        """A message that no queue takes comes back, and nobody looks."""

    with mock.patch.object(AmqpPublisher, "_on_return", deaf):
        yield


@contextmanager
def _ignores_the_order_of_events() -> Iterator[None]:
    # What the outbox asked before: those never tried go first, whatever they tell of.
    table = schema.outbox
    statement = select(table).where(table.c.sent_at == "").order_by(table.c.attempts, table.c.id)

    def careless(connection: Connection, limit: int) -> list[OutboxRow]:
        return [outbox_from_row(row) for row in connection.execute(statement.limit(limit))]

    with mock.patch.object(handover, "_rows", careless):
        yield


@contextmanager
def _acks_what_was_not_taken() -> Iterator[None]:
    """A store that is away is waited for; this engine goes on instead, and acks."""

    def careless(self: Engine, arrived: Sequence[Arrived]) -> list[object]:
        try:
            return list(self._taking._intake.take(arrived))
        except Exception:  # noqa: BLE001  that is the sabotage
            return []

    def take(self: Engine, deliveries: Sequence[Delivery]) -> None:
        careless(self, [Arrived(body, one.queue) for one in deliveries for body in split_delivery(one.body)])
        self._parts.consumer.ack(deliveries)

    with mock.patch.object(Engine, "_take", take):
        yield


SABOTAGES: Mapping[str, Sabotage] = {
    "ack before the commit": _acks_before_the_commit,
    "no inbox key": _without_inbox_key,
    "marked as sent before the confirm": _marks_before_the_confirm,
    "returns not looked at": _ignores_returns,
    "events of an alert in any order": _ignores_the_order_of_events,
    "acked although the store was away": _acks_what_was_not_taken,
}


def found_by(name: str, seeds: Iterable[int]) -> Day | None:
    """The first of these days on which the engine without this protection fails; None when none does."""
    undisturbed.cache_clear()
    with SABOTAGES[name]():
        try:
            return next((played for played in map(day, seeds) if played.wrongs), None)
        finally:
            undisturbed.cache_clear()
