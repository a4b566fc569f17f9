"""An in-memory twin of the broker: the same rules as RabbitMQ, no process and no network.

It is shipped, not a mock: the contract suite holds it and the real broker to the same behaviour, and
whole engines run on it. Kept rules: topic, direct, fanout and default exchange; mandatory return;
confirms and refusals; prefetch per consumer and queue; tags per connection; redelivery with the flag
and, on quorum queues, the count; delivery limit with dead-lettering; alarms that block publishers.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.errors import ConfigError, Defect, TransientError
from engine.transports import Delivery, OutboundMessage, PublishOutcome, Receipt

Arguments = Mapping[str, str | int]
APPLY_HINT = "type: azawatch topology apply"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in a queue, with how often it was delivered before."""

    message: OutboundMessage
    redelivered: bool = False
    delivery_count: int = 0


@dataclass(slots=True)
class _Queue:
    name: str
    durable: bool
    arguments: Arguments
    ready: deque[StoredMessage] = field(default_factory=deque)
    channels: deque[Channel] = field(default_factory=deque)

    @property
    def quorum(self) -> bool:
        return self.arguments.get("x-queue-type") == "quorum"

    @property
    def full(self) -> bool:
        limit = self.arguments.get("x-max-length")
        return (
            limit is not None
            and self.arguments.get("x-overflow") == "reject-publish"
            and len(self.ready) >= int(limit)
        )


@dataclass(slots=True)
class _Exchange:
    kind: str
    bindings: list[tuple[str, str]] = field(default_factory=list)


class Channel:
    """One consumer's connection: its tags, what it has not acked, what it was sent and not yet read."""

    def __init__(self, prefetch: int, epoch: int) -> None:
        self.prefetch = prefetch
        self.epoch = epoch
        self.alive = True
        self.last_tag = 0
        self.unacked: dict[int, tuple[_Queue, StoredMessage]] = {}
        self.held: Counter[str] = Counter()
        self.inbox: deque[Delivery] = deque()

    def has_credit(self, queue: _Queue) -> bool:
        """Whether the prefetch, which counts per consumer and hence per queue, allows one more."""
        return self.held[queue.name] < self.prefetch

    def push(self, queue: _Queue, stored: StoredMessage) -> None:
        """Hand one message over; it stays unacked until settled."""
        self.last_tag += 1
        self.held[queue.name] += 1
        self.unacked[self.last_tag] = (queue, stored)
        self.inbox.append(
            Delivery(
                self.last_tag,
                stored.message.body,
                stored.redelivered,
                stored.delivery_count if queue.quorum else int(stored.redelivered),
                queue.name,
                stored.message.message_id,
                self.epoch,
            )
        )


def topic_matches(pattern: str, routing_key: str) -> bool:
    """AMQP 0-9-1 topic match: ``*`` is one word, ``#`` any number of words, also none."""
    return _words_match(_words(pattern), _words(routing_key))


def _words(key: str) -> list[str]:
    return key.split(".") if key else []


def _words_match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_words_match(pattern[1:], words[start:]) for start in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _words_match(pattern[1:], words[1:])


class MemoryBroker:
    """The broker: declare a topology, hand it to consumers and publishers, let it misbehave on demand."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.running = True
        self.blocked = False
        self._queues: dict[str, _Queue] = {}
        self._exchanges: dict[str, _Exchange] = {}
        self._channels: list[Channel] = []
        self._confirms_to_lose = 0

    # -- topology

    def declare_queue(self, name: str, *, durable: bool = True, arguments: Arguments | None = None) -> None:
        """Create a queue; again with the same properties is no change, with others a ConfigError."""
        with self.changed:
            found = self._queues.get(name)
            wanted = _Queue(name, durable, dict(arguments or {"x-queue-type": "quorum"}))
            if found is None:
                self._queues[name] = wanted
            elif (found.durable, found.arguments) != (wanted.durable, wanted.arguments):
                raise _defect(f"queue {name} exists with other properties", "delete it, then " + APPLY_HINT)

    def declare_exchange(self, name: str, kind: str = "topic") -> None:
        """Create a durable exchange of kind ``topic``, ``direct`` or ``fanout``."""
        with self.changed:
            if self._exchanges.setdefault(name, _Exchange(kind)).kind != kind:
                raise _defect(f"exchange {name} exists with another type", "delete it, then " + APPLY_HINT)

    def bind(self, exchange: str, queue: str, routing_key: str) -> None:
        """Route what ``exchange`` gets under ``routing_key`` (a pattern on a topic exchange) to ``queue``."""
        with self.changed:
            if (queue, routing_key) not in self._exchanges[exchange].bindings:
                self._exchanges[exchange].bindings.append((queue, routing_key))

    def delete_queue(self, name: str) -> None:
        """Delete a queue with its messages; its consumers lose their channel (basic.cancel)."""
        with self.changed:
            queue = self._queues.pop(name)
            for exchange in self._exchanges.values():
                exchange.bindings = [binding for binding in exchange.bindings if binding[0] != name]
            for channel in list(queue.channels):
                self.drop(channel)

    def delete_exchange(self, name: str) -> None:
        """Delete an exchange and its bindings."""
        with self.changed:
            del self._exchanges[name]

    # -- looking in

    def peek(self, queue: str) -> tuple[StoredMessage, ...]:
        """The messages of a queue that are ready (neither delivered nor acked), oldest first."""
        with self.changed:
            return tuple(self._queues[queue].ready)

    def depth(self, queue: str) -> int:
        """How many messages of a queue are ready."""
        return len(self.peek(queue))

    def unacked(self, queue: str) -> int:
        """How many messages of a queue are delivered and not acked."""
        with self.changed:
            return sum(
                owner.name == queue for channel in self._channels for owner, _ in channel.unacked.values()
            )

    # -- misbehaving on demand

    def drop_connections(self) -> None:
        """Cut every connection: what was not acked goes back to its queue."""
        with self.changed:
            for channel in list(self._channels):
                self.drop(channel)

    def stop(self) -> None:
        """Go away as a broker that is shut down; queues and messages are kept."""
        with self.changed:
            self.running = False
            self.drop_connections()

    def start(self) -> None:
        """Come back after ``stop``."""
        with self.changed:
            self.running = True
            self.changed.notify_all()

    def block(self) -> None:
        """Raise an alarm: publishers wait, consumers go on."""
        with self.changed:
            self.blocked = True
            self.changed.notify_all()

    def unblock(self) -> None:
        """Clear the alarm."""
        with self.changed:
            self.blocked = False
            self.changed.notify_all()

    def lose_confirms(self, count: int) -> None:
        """Take the next ``count`` messages and let their confirms get lost with the connection."""
        with self.changed:
            self._confirms_to_lose = count

    # -- the protocol side, for the consumer and publisher below

    def accept(self, message: OutboundMessage) -> Receipt:
        """Route one mandatory, persistent message and say what became of it."""
        with self.changed:
            if not self.running:
                return Receipt(message.message_id, PublishOutcome.LOST, "broker is not running")
            if message.exchange and message.exchange not in self._exchanges:
                detail = f"no exchange {message.exchange}; {APPLY_HINT}"
                return Receipt(message.message_id, PublishOutcome.RETURNED, detail)
            queues = self._route(message.exchange, message.routing_key)
            if not queues:
                detail = (
                    f"no queue is bound to exchange {message.exchange or '(default)'} for this routing key"
                )
                return Receipt(message.message_id, PublishOutcome.RETURNED, detail)
            if any(queue.full for queue in queues):
                return Receipt(message.message_id, PublishOutcome.NACKED, "a queue is full")
            for queue in queues:
                queue.ready.append(StoredMessage(message))
            self._dispatch()
            if self._confirms_to_lose:
                self._confirms_to_lose -= 1
                return Receipt(message.message_id, PublishOutcome.LOST, "connection lost before the confirm")
            return Receipt(message.message_id, PublishOutcome.CONFIRMED)

    def subscribe(self, queues: Sequence[str], prefetch: int, epoch: int) -> Channel:
        """Open a channel that consumes from ``queues``; ConfigError for a missing or unsafe one."""
        with self.changed:
            if not self.running:
                raise TransientError("broker is not running")
            defects = [
                Defect("memory broker", 0, f"queue {name} is {fault}", APPLY_HINT)
                for name in queues
                if (fault := self._fault(name))
            ]
            if defects:
                raise ConfigError(defects)
            channel = Channel(prefetch, epoch)
            self._channels.append(channel)
            for name in queues:
                self._queues[name].channels.append(channel)
            self._dispatch()
            return channel

    def settle(self, channel: Channel, tags: Sequence[int]) -> None:
        """Remove acked messages for good and use the credit for new deliveries."""
        with self.changed:
            for tag in tags:
                settled = channel.unacked.pop(tag, None)
                if settled is not None:
                    channel.held[settled[0].name] -= 1
            self._dispatch()

    def drop(self, channel: Channel) -> None:
        """End a channel: its unacked messages return to the head of their queues, in their order."""
        with self.changed:
            if not channel.alive:
                return
            channel.alive = False
            channel.inbox.clear()
            self._channels.remove(channel)
            for queue in self._queues.values():
                if channel in queue.channels:
                    queue.channels.remove(channel)
            for queue, stored in reversed(channel.unacked.values()):
                self._give_back(queue, stored)
            channel.unacked.clear()
            self._dispatch()

    def _fault(self, name: str) -> str:
        queue = self._queues.get(name)
        if queue is None:
            return "missing"
        return "" if queue.durable else "not durable: a restart of the broker would lose its messages"

    def _route(self, exchange: str, routing_key: str) -> list[_Queue]:
        if not exchange:
            return [self._queues[routing_key]] if routing_key in self._queues else []
        found = self._exchanges[exchange]
        names = {
            queue: None
            for queue, pattern in found.bindings
            if found.kind == "fanout"
            or (found.kind == "direct" and pattern == routing_key)
            or (found.kind == "topic" and topic_matches(pattern, routing_key))
        }
        return [self._queues[name] for name in names]

    def _give_back(self, queue: _Queue, stored: StoredMessage) -> None:
        count = stored.delivery_count + 1
        limit = queue.arguments.get("x-delivery-limit")
        if not (queue.quorum and limit is not None and count > int(limit)):
            queue.ready.appendleft(replace(stored, redelivered=True, delivery_count=count))
            return
        target = str(queue.arguments.get("x-dead-letter-exchange", ""))
        routing_key = str(queue.arguments.get("x-dead-letter-routing-key", stored.message.routing_key))
        for dead_letters in self._route(target, routing_key) if target in self._exchanges else ():
            dead_letters.ready.append(StoredMessage(stored.message))

    def _dispatch(self) -> None:
        """Push ready messages to consumers with credit, in turn."""
        for queue in self._queues.values():
            refusals = 0
            while queue.ready and refusals < len(queue.channels):
                channel = queue.channels[0]
                queue.channels.rotate(-1)
                if channel.has_credit(queue):
                    channel.push(queue, queue.ready.popleft())
                    refusals = 0
                else:
                    refusals += 1
        self.changed.notify_all()


def _defect(message: str, hint: str) -> ConfigError:
    return ConfigError([Defect("memory broker", 0, message, hint)])
