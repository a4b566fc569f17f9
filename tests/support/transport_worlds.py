"""The two sides of the transport contract behind one face: what a test may do to a broker."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import pika

from engine.transports import Consumer, OutboundMessage, Publisher, PublishOutcome, Receipt
from engine.transports.amqp import AmqpConsumer, AmqpPublisher
from engine.transports.memory import MemoryBroker, MemoryConsumer, MemoryPublisher
from tests.support.private_broker import PrivateBroker

QUORUM: dict[str, str | int] = {"x-queue-type": "quorum"}


@dataclass
class States:
    """Collects what a transport reports."""

    seen: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, state: str, detail: str) -> None:
        self.seen.append((state, detail))

    @property
    def names(self) -> list[str]:
        """The states without their details."""
        return [str(state) for state, _ in self.seen]

    def wait_for(self, state: str, seconds: float = 60.0, count: int = 1) -> str:
        """The detail of the ``count``-th report of ``state``, waiting for it."""
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            details = [detail for name, detail in self.seen if name == state]
            if len(details) >= count:
                return details[count - 1]
            sleep(0.01)
        raise AssertionError(f"no {state} within {seconds} s, only {self.seen}")


class World(ABC):
    """One broker, real or twin, with names of its own for every test."""

    def __init__(self) -> None:
        self._opened: list[Consumer | Publisher] = []

    @staticmethod
    def name(kind: str) -> str:
        """A name nobody else uses."""
        return f"{kind}-{secrets.token_hex(4)}"

    def queue(self, name: str = "", **arguments: str | int) -> str:
        """A new durable quorum queue; underscores of the argument names stand for hyphens."""
        name = name or self.name("queue")
        self.declare_queue(
            name, QUORUM | {key.replace("_", "-"): value for key, value in arguments.items()}, durable=True
        )
        return name

    def exchange(self, kind: str = "topic", bind_to: str = "", routing_key: str = "#") -> str:
        """A new exchange, bound to a queue where one is given."""
        name = self.name("exchange")
        self.declare_exchange(name, kind)
        if bind_to:
            self.bind(name, bind_to, routing_key)
        return name

    def consumer(self, *queues: str, **options: Any) -> Consumer:
        """An opened consumer, closed at the end of the test."""
        consumer = self.new_consumer(queues, **options)
        consumer.open()
        self._opened.append(consumer)
        return consumer

    def publisher(self, **options: Any) -> Publisher:
        """An opened publisher, closed at the end of the test."""
        publisher = self.new_publisher(**options)
        publisher.open()
        self._opened.append(publisher)
        return publisher

    def fill(self, queue: str, *bodies: bytes) -> None:
        """Put messages into a queue; their message ids are their bodies."""
        publisher = self.new_publisher()
        publisher.open()
        receipts = publisher.publish([message(queue, body) for body in bodies])
        publisher.close()
        assert {PublishOutcome.CONFIRMED} == {receipt.outcome for receipt in receipts}

    def close(self) -> None:
        """Close whatever the test opened."""
        for one in self._opened:
            one.close()

    def wait_for_depth(self, queue: str, depth: int, seconds: float = 60.0) -> None:
        """Wait until a queue holds ``depth`` ready messages: requeueing and expiry take their time."""
        deadline = monotonic() + seconds
        while self.depth(queue) != depth:
            assert monotonic() < deadline, f"{queue} holds {self.depth(queue)}, not {depth}"
            sleep(0.02)

    @abstractmethod
    def declare_queue(self, name: str, arguments: dict[str, str | int], *, durable: bool) -> None: ...
    @abstractmethod
    def declare_exchange(self, name: str, kind: str) -> None: ...
    @abstractmethod
    def bind(self, exchange: str, queue: str, routing_key: str) -> None: ...
    @abstractmethod
    def delete_queue(self, name: str) -> None: ...
    @abstractmethod
    def depth(self, queue: str) -> int: ...
    @abstractmethod
    def take(self, queue: str) -> OutboundMessage: ...
    @abstractmethod
    def drop_connections(self) -> None: ...
    @abstractmethod
    def block(self) -> None: ...
    @abstractmethod
    def unblock(self) -> None: ...
    @abstractmethod
    def new_consumer(self, queues: Sequence[str], **options: Any) -> Consumer: ...
    @abstractmethod
    def new_publisher(self, **options: Any) -> Publisher: ...


class MemoryWorld(World):
    """The twin."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = MemoryBroker()

    def declare_queue(self, name: str, arguments: dict[str, str | int], *, durable: bool) -> None:
        self.broker.declare_queue(name, durable=durable, arguments=arguments)

    def declare_exchange(self, name: str, kind: str) -> None:
        self.broker.declare_exchange(name, kind)

    def bind(self, exchange: str, queue: str, routing_key: str) -> None:
        self.broker.bind(exchange, queue, routing_key)

    def delete_queue(self, name: str) -> None:
        self.broker.delete_queue(name)

    def depth(self, queue: str) -> int:
        return self.broker.depth(queue)

    def take(self, queue: str) -> OutboundMessage:
        consumer = MemoryConsumer(self.broker, [queue], prefetch=1)
        stored = self.broker.peek(queue)[0]
        consumer.open()
        consumer.ack(consumer.next_batch(1, 1.0))
        consumer.close()
        return stored.message

    def drop_connections(self) -> None:
        self.broker.drop_connections()

    def block(self) -> None:
        self.broker.block()

    def unblock(self) -> None:
        self.broker.unblock()

    def new_consumer(self, queues: Sequence[str], **options: Any) -> Consumer:
        return MemoryConsumer(self.broker, queues, **options)

    def new_publisher(self, **options: Any) -> Publisher:
        return MemoryPublisher(self.broker, **options)


class RabbitWorld(World):
    """A real node, spoken to through pika's simplest connection where the product's own is on trial."""

    def __init__(self, broker: PrivateBroker) -> None:
        super().__init__()
        self.broker = broker
        self._blocked = False

    def declare_queue(self, name: str, arguments: dict[str, str | int], *, durable: bool) -> None:
        self._do(lambda channel: channel.queue_declare(name, durable=durable, arguments=arguments))

    def declare_exchange(self, name: str, kind: str) -> None:
        self._do(lambda channel: channel.exchange_declare(name, kind, durable=True))

    def bind(self, exchange: str, queue: str, routing_key: str) -> None:
        self._do(lambda channel: channel.queue_bind(queue, exchange, routing_key))

    def delete_queue(self, name: str) -> None:
        self._do(lambda channel: channel.queue_delete(name))

    def depth(self, queue: str) -> int:
        return int(self._do(lambda channel: channel.queue_declare(queue, passive=True)).method.message_count)

    def take(self, queue: str) -> OutboundMessage:
        deadline = monotonic() + 60.0
        while True:
            method, properties, body = self._do(lambda channel: channel.basic_get(queue, auto_ack=True))
            if method is not None:
                break
            assert monotonic() < deadline, f"{queue} is empty"
        assert properties.delivery_mode == 2
        return OutboundMessage(
            method.exchange,
            method.routing_key,
            body,
            properties.content_type,
            properties.message_id,
            properties.correlation_id or "",
            # basic.get of a quorum queue adds its delivery count
            {name: text for name, text in (properties.headers or {}).items() if not name.startswith("x-")},
        )

    def drop_connections(self) -> None:
        self.broker.ctl("close_all_connections", "dropped by a test")

    def block(self) -> None:
        self._blocked = True
        self.broker.ctl("set_vm_memory_high_watermark", "0.0000001")

    def unblock(self) -> None:
        self._blocked = False
        self.broker.ctl("set_vm_memory_high_watermark", "0.4")

    def close(self) -> None:
        if self._blocked:
            self.unblock()
        super().close()

    def new_consumer(self, queues: Sequence[str], **options: Any) -> Consumer:
        return AmqpConsumer(self.broker.url, queues, **options)

    def new_publisher(self, **options: Any) -> Publisher:
        return AmqpPublisher(self.broker.url, **options)

    def _do(self, action: Any) -> Any:
        connection = pika.BlockingConnection(pika.URLParameters(self.broker.url))
        try:
            return action(connection.channel())
        finally:
            connection.close()


def message(queue: str, body: bytes, exchange: str = "", message_id: str = "") -> OutboundMessage:
    """A message to a queue (or exchange and routing key); its id is its body unless given."""
    return OutboundMessage(exchange, queue, body, "text/plain", message_id or body.decode())


def outcomes(receipts: Sequence[Receipt]) -> list[tuple[str, str]]:
    """Message id and outcome of each receipt."""
    return [(receipt.message_id, str(receipt.outcome)) for receipt in receipts]
