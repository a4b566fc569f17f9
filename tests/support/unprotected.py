"""The engine without one of the things that its promise rests on: what the fault tests must then see.

Each function changes the classes of the process it runs in, which is a fork of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from engine.app import Engine
from engine.relay import Relay, _message
from engine.store.locking import Locks
from engine.store.rows import OutboxRow
from engine.store.unit import Unit
from engine.taking import Origin, Taking
from engine.transports import Delivery
from engine.transports.amqp.link import Link


def _put(owner: type, name: str, function: Callable[..., Any]) -> None:
    setattr(owner, name, function)


def without_inbox_key() -> None:
    """What comes again is taken in as if it were new."""
    _put(Unit, "seen", lambda _unit, _key: False)


def without_ack_after_commit() -> None:
    """A batch is acknowledged as soon as it is there."""
    taking = Engine._take

    def take(engine: Engine, deliveries: Sequence[Delivery]) -> None:
        engine._parts.consumer.ack(deliveries)
        taking(engine, deliveries)

    _put(Engine, "_take", take)


def without_outbox() -> None:
    """Alerts are kept in memory until their batch is committed and acknowledged, then published."""
    pending: list[OutboxRow] = []
    publishing = Relay.publish_pending  # of what the import of the roster has left

    def put(_unit: Unit, rows: Iterable[OutboxRow], *_: Any) -> None:
        pending.extend(rows)

    def publish(relay: Relay) -> tuple[int, int]:
        rows = [pending.pop(0) for _ in range(len(pending))]
        if rows:
            relay._publisher.publish([_message(row) for row in rows])
        return publishing(relay)

    _put(Unit, "put_outbox", put)
    _put(Relay, "publish_pending", publish)


def without_person_lock() -> None:
    """Two workers may judge two messages of one person at the same time."""
    _put(Locks, "take", lambda _locks, _names: False)


def without_suspect_mode() -> None:
    """What was delivered before is taken in by batches like everything else."""

    def take(taking: Taking, deliveries: Sequence[Delivery]) -> Iterator[tuple[list[Delivery], list[Origin]]]:
        yield list(deliveries), taking._together(deliveries)

    _put(Taking, "take", take)


def without_look_for_silence() -> None:
    """Nobody but pika looks whether the broker is still there."""
    _put(Link, "_listen", lambda *_: None)


WITHOUT: dict[str, Callable[[], None]] = {
    "inbox key": without_inbox_key,
    "outbox": without_outbox,
    "ack after commit": without_ack_after_commit,
    "person lock": without_person_lock,
    "suspect mode": without_suspect_mode,
    "look for silence": without_look_for_silence,
}
"""By name, as docs/reliability.md calls them."""
