"""RabbitMQ's rules without RabbitMQ: channels as pika shows them, driven by a seed, in one thread.

The consumer and the publisher of the engine run on them unchanged; only their link, which is a thread
and a socket, is replaced.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pika

from engine.transports import StateCallback
from engine.transports.amqp.failures import Refusal
from engine.transports.amqp.link import Worker
from tests.simulation.chance import Chance, Fault

INBOUND = "in"
_ACK, _NACK = pika.spec.Basic.Ack, pika.spec.Basic.Nack


@dataclass(slots=True)
class Queued:
    """A message in the inbound queue; ``place`` is where it stood first."""

    place: int
    body: bytes
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """A message that the broker has taken and routed."""

    exchange: str
    message_id: str
    correlation_id: str
    body: bytes


@dataclass(slots=True)
class Broker:
    """One inbound queue, and everything that was published.

    ``acked`` is called with the bodies before they are gone for good, ``pause`` where other threads and
    processes get their turn, ``crash`` where the process that is at work dies.
    """

    chance: Chance
    crash: Callable[[], None]
    pause: Callable[[], None]
    acked: Callable[[list[bytes]], None]
    ready: deque[Queued] = field(default_factory=deque)
    published: list[Published] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    wrongs: list[str] = field(default_factory=list)
    alarm: bool = False
    channels_lost: int = 0
    alarms: int = 0
    unacked: int = 0
    _next_place: int = 0

    def put(self, body: bytes) -> None:
        """A sender publishes to the inbound queue."""
        self.ready.append(Queued(self._next_place, body))
        self._next_place += 1

    def give_back(self, messages: list[Queued], *, in_place: bool) -> None:
        """What was delivered and not acked is ready again, at its place or, where that is gone, behind."""
        self.unacked -= len(messages)
        for one in messages:
            one.deliveries += 1
        self.ready.extend(messages)
        if in_place:
            self.ready = deque(sorted(self.ready, key=lambda one: one.place))


class Channel:
    """The methods of a pika channel that the engine calls."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._broker = link.broker
        self.is_open = True
        self.unacked: dict[int, Queued] = {}
        self._last_delivered = 0
        self._prefetch = 0
        self._receive: Callable[..., None] | None = None
        self._wire: deque[tuple[int, SimpleNamespace]] = deque()
        self._last_published = 0
        self._unconfirmed: dict[int, bool] = {}  # tag -> whether it will be acked
        self._on_return: Callable[..., None] | None = None
        self._on_confirm: Callable[..., None] | None = None

    # -- consuming

    def add_on_cancel_callback(self, _callback: Callable[..., None]) -> None:
        """The link breaks the channel by itself, as the callback would."""

    def queue_declare(self, queue: str, *, passive: bool, callback: Callable[..., None]) -> None:
        """The queue is there."""
        assert passive
        told = SimpleNamespace(queue=queue, message_count=len(self._broker.ready))
        callback(SimpleNamespace(method=told))

    def basic_qos(self, *, prefetch_count: int) -> None:
        """How much may be unacked."""
        self._prefetch = prefetch_count

    def basic_consume(
        self, _queue: str, receive: Callable[..., None], *, callback: Callable[..., None]
    ) -> str:
        """Subscribe."""
        self._receive = receive
        callback(None)
        return "consumer"

    def basic_cancel(self, _tag: str, *, callback: Callable[..., None]) -> None:
        """End the subscription; what it was given stays unacked."""
        self._receive = None
        callback(None)

    def deliver(self, count: int) -> None:
        """The broker pushes some messages, as far as the prefetch allows."""
        broker = self._broker
        while self._receive is not None and count and broker.ready and len(self.unacked) < self._prefetch:
            queued = broker.ready.popleft()
            self._last_delivered += 1
            self.unacked[self._last_delivered] = queued
            broker.unacked += 1
            count -= 1
            method = SimpleNamespace(delivery_tag=self._last_delivered, redelivered=queued.deliveries > 0)
            headers = {"x-delivery-count": queued.deliveries} if queued.deliveries else None
            self._receive(self, method, SimpleNamespace(headers=headers, message_id=""), queued.body)

    def basic_ack(self, tag: int, multiple: bool) -> None:
        """Acks may be lost with the connection; a tag that is not open closes the channel."""
        broker = self._broker
        if not self.is_open or broker.chance.strikes("ack on the way", Fault.ACK_LOST):
            self._link.lose()
            return
        tags = [one for one in self.unacked if one <= tag] if multiple else [tag]
        if tag not in self.unacked:
            broker.wrongs.append(f"ack of the unknown tag {tag}: the broker would close the channel (406)")
            return
        settled = [self.unacked.pop(one) for one in tags]
        broker.unacked -= len(settled)
        broker.acked([one.body for one in settled])
        if broker.chance.strikes("acked", Fault.CRASH):
            broker.crash()

    # -- publishing

    def add_on_return_callback(self, callback: Callable[..., None]) -> None:
        """Who is told of messages that no queue takes."""
        self._on_return = callback

    def confirm_delivery(self, on_confirm: Callable[..., None], *, callback: Callable[..., None]) -> None:
        """Switch confirms on."""
        self._on_confirm = on_confirm
        callback(None)

    def basic_publish(
        self, exchange: str, routing_key: str, body: bytes, properties: Any, *, mandatory: bool
    ) -> None:
        """Written to the socket: the broker may read it, or not."""
        self._last_published += 1
        what = SimpleNamespace(
            exchange=exchange, routing_key=routing_key, body=body, properties=properties, mandatory=mandatory
        )
        self._wire.append((self._last_published, what))

    def pump(self) -> None:
        """The broker reads, routes and confirms until nothing is left or the connection is gone."""
        while self.is_open and not self._broker.alarm and (self._wire or self._unconfirmed):
            if self._wire and (not self._unconfirmed or self._broker.chance.draw.random() < 0.7):
                self._route(*self._wire.popleft())
            else:
                self._confirm()

    def _route(self, tag: int, message: SimpleNamespace) -> None:
        broker, properties = self._broker, message.properties
        broker.pause()
        fault = broker.chance.strikes(
            "message on the way to the broker",
            *(Fault.CRASH, Fault.PUBLISHER_LOST, Fault.NACKED, Fault.UNROUTABLE, Fault.NO_EXCHANGE),
            *(Fault.UNROUTABLE, Fault.ALARM),
        )
        if fault is Fault.CRASH:
            broker.crash()
        elif fault is Fault.PUBLISHER_LOST:
            self._link.lose()
        elif fault is Fault.NO_EXCHANGE:
            broker.refused.add(properties.message_id)
            self._link.lose(Refusal(404, "NOT_FOUND - no exchange"))
        elif fault is Fault.NACKED:
            broker.refused.add(properties.message_id)
            self._unconfirmed[tag] = False
        elif fault is Fault.UNROUTABLE:
            broker.refused.add(properties.message_id)
            if message.mandatory and self._on_return is not None:
                method = SimpleNamespace(exchange=message.exchange, reply_code=312, reply_text="NO_ROUTE")
                self._on_return(self, method, properties, message.body)
            self._unconfirmed[tag] = True
        else:
            broker.alarm = broker.alarm or fault is Fault.ALARM
            correlation = properties.correlation_id or ""
            broker.published.append(
                Published(message.exchange, properties.message_id, correlation, message.body)
            )
            self._unconfirmed[tag] = True
            if broker.alarm:
                broker.alarms += 1
                self._link.block()

    def _confirm(self) -> None:
        """One confirm: of any tag, or of all up to it when they fare alike."""
        broker, draw = self._broker, self._broker.chance.draw
        fault = broker.chance.strikes("confirms on the way", Fault.CONFIRM_LOST, Fault.CRASH)
        if fault is Fault.CONFIRM_LOST:
            self._link.lose()
            return
        if fault is Fault.CRASH:
            broker.crash()
        tag = draw.choice(list(self._unconfirmed))
        good = self._unconfirmed[tag]
        before = [one for one in self._unconfirmed if one <= tag]
        multiple = all(self._unconfirmed[one] is good for one in before) and draw.random() < 0.5
        for one in before if multiple else [tag]:
            del self._unconfirmed[one]
        method = (_ACK if good else _NACK)(tag, multiple)
        assert self._on_confirm is not None
        self._on_confirm(SimpleNamespace(method=method))


class Link:
    """In the place of ``engine.transports.amqp.link.Link``: no thread, no socket."""

    where = "simulated broker"
    ended = False

    def __init__(
        self, broker: Broker, _url: str, name: str, worker: Worker, _on_state: StateCallback
    ) -> None:
        self.broker = broker
        self._worker = worker
        self._name = name
        self._wanted = False
        self.channel: Channel | None = None

    def open(self, _timeout_seconds: float = 0.0) -> None:
        """Connect."""
        self._wanted = True
        self._connect()

    def call(self, callback: Callable[[], None]) -> None:
        """At once: there is no other thread."""
        if not self._wanted:
            return
        self._connect()
        callback()
        while self.channel is not None:
            channel = self.channel
            channel.pump()
            if self.channel is channel:
                break

    def connect(self) -> None:
        """What the I/O thread would do on its own, when it is its turn."""
        if self._wanted:
            self._connect()

    def ready(self) -> None:
        """The worker has set its channel up."""

    def recycle(self, _reason: str) -> None:
        """The worker no longer trusts this connection."""
        self.lose()

    def renew_channel(self) -> None:
        """The worker wants another channel on the same connection."""
        if self._drop():
            self._connect()

    def block(self) -> None:
        """The broker tells of its alarm."""
        self._worker.blocked("low on memory")

    def unblock(self) -> None:
        """The broker tells that the alarm is over."""
        self._worker.blocked("")

    def lose(self, refusal: Refusal | None = None) -> None:
        """The channel is gone; sometimes there is another one at once."""
        if self._drop():
            self.broker.channels_lost += 1
            at_once = self._worker.channel_lost(refusal)
            if at_once or self.broker.chance.draw.random() < 0.5:
                self._connect()

    def vanish(self) -> None:
        """The process has died: only the broker notices."""
        self._wanted = False
        self._drop()

    def close(self) -> None:
        """As the link of the engine."""
        self._wanted = False
        if self._drop():
            self._worker.channel_lost(None)

    def _connect(self) -> None:
        if self.channel is None:
            self.channel = Channel(self)
            self._worker.channel_opened(self.channel)
            if self.broker.alarm and self._name == "publisher":
                self.block()

    def _drop(self) -> bool:
        channel, self.channel = self.channel, None
        if channel is None:
            return False
        channel.is_open = False
        self.broker.give_back(list(channel.unacked.values()), in_place=True)
        channel.unacked.clear()
        return True
