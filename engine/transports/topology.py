"""Queues, exchanges and bindings that the engine works on: as data, applied by an administrator, checked
by the engine, which itself needs no right to configure anything.

Queues are durable quorum queues. A message that ends its consumers again and again goes to quarantine at
the delivery limit, which is set high: the broker counts the innocent messages that were in flight at a
crash too (with a limit of 3 and 100 in flight, one poisonous message takes 99 others with it), and
RabbitMQ 4 would apply a limit of 20 of its own. ``at-least-once`` keeps a message until its dead letter
is confirmed; it works with ``reject-publish`` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import ConfigError, Defect, TransientError
from engine.transports.amqp.admin import APPLY_HINT, Admin, exchange_fault, queue_fault
from engine.transports.amqp.failures import Refusal

DELIVERY_LIMIT = 1000
ALERTS_BINDING = "alert.#"

_LIMITING = ("'x-delivery-limit'", "'x-dead-letter-exchange'", "'x-dead-letter-strategy'")
_RISK = (
    "; a message that ends the engine is held after five deliveries at most, and each of them counts for the"
    f" messages delivered with it: with a limit far below {DELIVERY_LIMIT}, or no dead-letter exchange,"
    " the broker removes or loses innocent ones before that"
)
CONSISTENT_HASH = "x-consistent-hash"
SHARE = "1"  # the routing key of such a binding is a weight

_QUORUM: Mapping[str, str | int] = {"x-queue-type": "quorum"}


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue. ``required``: ``azawatch run`` cannot work without it."""

    name: str
    arguments: Mapping[str, str | int]
    purpose: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange of ``kind`` topic, fanout or x-consistent-hash. ``required`` as for a queue."""

    name: str
    kind: str
    purpose: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Binding:
    """What ``exchange`` gets under ``routing_key`` goes to ``queue``."""

    exchange: str
    queue: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """All that ``azawatch topology apply`` declares, in the order in which it must be declared."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]

    @classmethod
    def named(
        cls,
        *,
        inbound: Sequence[str] = ("azawatch.inbound",),
        ack: str = "azawatch.ack",
        alerts_exchange: str = "azawatch.alerts",
        alerts_queue: str = "azawatch.alerts.out",
        quarantine: str = "azawatch.quarantine",
        feed_exchange: str = "azawatch.feed",
        acks_exchange: str = "azawatch.acks",
        spread: bool = False,
    ) -> Topology:
        """The topology under a site's own names. ``quarantine`` names an exchange and its queue.

        The feed exchange leads to the first inbound queue; with ``spread``, to one of all of them, by a hash
        of the routing key.
        """
        inbound_arguments: Mapping[str, str | int] = {
            **_QUORUM,
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": quarantine,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        return cls(
            exchanges=(
                Exchange(alerts_exchange, "topic", "alerts, routing key alert.<severity>.<phase>"),
                Exchange(quarantine, "fanout", "messages that could not be used, with the reason"),
                Exchange(
                    feed_exchange,
                    CONSISTENT_HASH if spread else "fanout",
                    "for senders without a right to the default exchange",
                    required=False,
                ),
                Exchange(
                    acks_exchange, "fanout", "the same for those who acknowledge alerts", required=False
                ),
            ),
            queues=(
                *(Queue(name, inbound_arguments, "messages to take in") for name in inbound),
                Queue(ack, _QUORUM, "acknowledgments of alerts"),
                Queue(alerts_queue, _QUORUM, "alerts for whoever pages", required=False),
                Queue(quarantine, _QUORUM, "messages that could not be used", required=False),
            ),
            bindings=(
                Binding(alerts_exchange, alerts_queue, ALERTS_BINDING),
                Binding(quarantine, quarantine, ""),
                *(
                    [Binding(feed_exchange, name, SHARE) for name in inbound]
                    if spread
                    else [Binding(feed_exchange, inbound[0], "")]
                ),
                Binding(acks_exchange, ack, ""),
            ),
        )


def describe(topology: Topology) -> str:
    """The topology as text for ``azawatch topology show``, one thing a line."""
    lines = ["exchanges (durable)"]
    lines += [f"  {one.name:24} {one.kind:8} {one.purpose}" for one in topology.exchanges]
    lines += ["queues (durable)"]
    for queue in topology.queues:
        lines.append(f"  {queue.name:24} {queue.arguments['x-queue-type']:8} {queue.purpose}")
        lines += [
            f"  {'':24} {name} = {value}" for name, value in queue.arguments.items() if name != "x-queue-type"
        ]
    lines += ["bindings"]
    lines += [
        f"  {one.exchange:24} -> {one.queue}" + (f"  ({one.routing_key})" if one.routing_key else "")
        for one in topology.bindings
    ]
    return "\n".join(lines)


def apply(url: str, topology: Topology) -> tuple[str, ...]:
    """Declare what is not there yet, and change nothing that is; needs the right to configure.

    Returns notes on durable queues that exist with other properties and are kept as they are. Raises
    ConfigError for what cannot be declared or would lose messages, TransientError for a broker away.
    """
    defects: list[Defect] = []
    notes: list[str] = []
    with Admin(url) as admin:
        for exchange in topology.exchanges:
            try:
                admin.declare_exchange(exchange.name, exchange.kind)
            except Refusal as refusal:
                defects.append(_not_applied(admin, f"exchange {exchange.name}", refusal))
            except TransientError as error:
                if exchange.kind != CONSISTENT_HASH:
                    raise
                # a kind that the broker does not know costs the whole connection
                said = f"exchange {exchange.name} of kind {CONSISTENT_HASH} is not declared"
                hint = "on every node: rabbitmq-plugins enable rabbitmq_consistent_hash_exchange"
                raise ConfigError([Defect(admin.where, 0, said, hint)]) from error
        for queue in topology.queues:
            try:
                admin.declare_queue(queue.name, queue.arguments)
            except Refusal as refusal:
                if refusal.code == 406 and "'durable'" not in refusal.text:
                    notes.append(_kept(queue, refusal))
                else:
                    defects.append(_not_applied(admin, f"queue {queue.name}", refusal))
        # a binding between things that could not be declared would only repeat what is wrong
        for binding in () if defects else topology.bindings:
            try:
                admin.bind(binding.exchange, binding.queue, binding.routing_key)
            except Refusal as refusal:
                what = f"binding of {binding.queue} to {binding.exchange}"
                defects.append(_not_applied(admin, what, refusal))
    if defects:
        raise ConfigError(defects)
    return tuple(notes)


def verify(url: str, topology: Topology) -> tuple[str, ...]:
    """Check that all that ``azawatch run`` needs is there and safe; declares nothing that is missing.

    Returns notes on properties that differ from ours. Raises ConfigError naming everything that is
    missing or unsafe, TransientError for a broker away. What an account without the right to configure
    cannot see (the properties of a queue or an exchange) is not checked.
    """
    notes: list[str] = []
    with Admin(url) as admin:
        defects = []
        for exchange in (exchange for exchange in topology.exchanges if exchange.required):
            if fault := exchange_fault(admin, exchange.name):
                defects.append(Defect(admin.where, 0, f"exchange {exchange.name} is {fault}", APPLY_HINT))
                continue
            try:
                admin.declare_exchange(exchange.name, exchange.kind)
            except Refusal as refusal:
                if refusal.code == 406:
                    notes.append(_other(exchange, refusal))
        for queue in (queue for queue in topology.queues if queue.required):
            if fault := queue_fault(admin, queue.name):
                defects.append(Defect(admin.where, 0, f"queue {queue.name} is {fault}", APPLY_HINT))
                continue
            try:
                admin.declare_queue(queue.name, queue.arguments)
            except Refusal as refusal:
                if refusal.code == 406:
                    notes.append(_kept(queue, refusal))
    if defects:
        raise ConfigError(defects)
    return tuple(notes)


def _not_applied(admin: Admin, what: str, refusal: Refusal) -> Defect:
    if refusal.code == 403:
        hint = "use the URL of an account that may configure this virtual host"
    elif refusal.code == 406:
        hint = "it exists with other properties; empty and delete it first, or give ours another name"
    else:
        hint = ""
    return Defect(admin.where, 0, f"{what} is not declared: {refusal.text}", hint)


def _other(exchange: Exchange, refusal: Refusal) -> str:
    difference = refusal.text.removeprefix("PRECONDITION_FAILED - ")
    return f"exchange {exchange.name} has other properties than ours, and may lead elsewhere: {difference}"


def _kept(queue: Queue, refusal: Refusal) -> str:
    difference = refusal.text.removeprefix("PRECONDITION_FAILED - ")
    risk = _RISK if any(name in difference for name in _LIMITING) else ""
    return f"queue {queue.name} has other properties than ours and is kept as it is: {difference}{risk}"
