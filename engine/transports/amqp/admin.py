"""Asking and changing the broker's topology, one request at a time, on a short connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from engine.errors import ConfigError, Defect, TransientError
from engine.transports import LinkState, StateCallback, ignore_state
from engine.transports.amqp.failures import Refusal
from engine.transports.amqp.link import Channel, Frame, Link

APPLY_HINT = "type: azawatch topology apply"
ANSWER_SECONDS = 30.0

Arguments = Mapping[str, str | int]


class Admin:
    """A connection for declaring and checking; use it in ``with``.

    Opening raises ConfigError and TransientError as ``Consumer.open``; every request raises
    :class:`Refusal` where the broker says no, and TransientError where it does not answer.
    """

    def __init__(
        self, url: str, timeout_seconds: float = 10.0, on_state: StateCallback = ignore_state
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._link = Link(url, "topology", self, on_state)
        self.where = self._link.where
        self._channel: Channel = None
        self._answers: SimpleQueue[Refusal | None] = SimpleQueue()
        self._asking = False
        self._refusal: Refusal | None = None

    def __enter__(self) -> Self:
        self._link.open(self._timeout_seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.close()

    def require_queue(self, name: str) -> None:
        """Ask whether a queue exists; needs no permission."""
        self._ask(lambda channel, done: channel.queue_declare(name, passive=True, callback=done))

    def require_exchange(self, name: str) -> None:
        """Ask whether an exchange exists; needs no permission."""
        self._ask(lambda channel, done: channel.exchange_declare(name, passive=True, callback=done))

    def declare_queue(self, name: str, arguments: Arguments) -> None:
        """Create a durable queue; refused (406) where it exists with other properties."""
        wanted = dict(arguments)
        self._ask(
            lambda channel, done: channel.queue_declare(name, durable=True, arguments=wanted, callback=done)
        )

    def declare_exchange(self, name: str, kind: str) -> None:
        """Create a durable exchange; refused (406) where it exists with other properties."""
        self._ask(lambda channel, done: channel.exchange_declare(name, kind, durable=True, callback=done))

    def bind(self, exchange: str, queue: str, routing_key: str) -> None:
        """Bind a queue to an exchange."""
        self._ask(lambda channel, done: channel.queue_bind(queue, exchange, routing_key, callback=done))

    def _ask(self, request: Callable[[Channel, Callable[[Frame], None]], None]) -> None:
        def ask() -> None:
            if self._channel is None:
                self._answers.put(Refusal(0, "connection lost"))
                return
            self._asking = True
            request(self._channel, lambda _frame: self._answer(None))

        self._link.call(ask)
        try:
            refusal = self._answers.get(timeout=ANSWER_SECONDS)
        except Empty:
            raise TransientError(f"{self.where}: no answer") from None
        if refusal is None:
            return
        if refusal.code == 0:
            raise TransientError(f"{self.where}: {refusal.text}")
        raise refusal

    def _answer(self, refusal: Refusal | None) -> None:
        """Hand an answer over; in the I/O thread."""
        if self._asking:
            self._asking = False
            self._answers.put(refusal)

    # -- Worker, in the I/O thread

    def channel_opened(self, channel: Channel) -> None:
        """Ready for the first, or after a refusal the next, request."""
        self._channel = channel
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            self._answer(refusal)
        self._link.ready()

    def channel_lost(self, refusal: Refusal | None) -> bool:
        """A refused request costs the channel; its answer waits for the next one."""
        self._channel = None
        if refusal is None:
            self._answer(Refusal(0, "connection lost"))
            return False
        self._refusal = refusal
        return True

    def blocked(self, reason: str) -> None:
        """Declaring goes on in an alarm."""


def _troubles(on_state: StateCallback) -> StateCallback:
    """Tell why a check has to wait; the coming and going of its connection is nobody's business."""

    def tell(state: str, detail: str) -> None:
        if state in (LinkState.LOST, LinkState.REFUSED):
            on_state(state, detail)

    return tell


def require_queues(url: str, queues: Sequence[str], timeout_seconds: float, on_state: StateCallback) -> None:
    """Raise ConfigError naming every queue that is missing, or would lose its messages in a restart."""
    with Admin(url, timeout_seconds, _troubles(on_state)) as admin:
        defects = [
            Defect(admin.where, 0, f"queue {name} is {fault}", APPLY_HINT)
            for name in queues
            if (fault := queue_fault(admin, name))
        ]
    if defects:
        raise ConfigError(defects)


def require_exchanges(
    url: str, exchanges: Sequence[str], timeout_seconds: float, on_state: StateCallback
) -> None:
    """Raise ConfigError naming every exchange that is missing."""
    with Admin(url, timeout_seconds, _troubles(on_state)) as admin:
        defects = [
            Defect(admin.where, 0, f"exchange {name} is {fault}", APPLY_HINT)
            for name in exchanges
            if (fault := exchange_fault(admin, name))
        ]
    if defects:
        raise ConfigError(defects)


def exchange_fault(admin: Admin, name: str) -> str:
    """What is wrong with an exchange, empty for nothing."""
    try:
        admin.require_exchange(name)
    except Refusal as refusal:
        return _not_there(refusal)
    return ""


def queue_fault(admin: Admin, name: str) -> str:
    """What is wrong with a queue, empty for nothing that this account can see.

    A passive declaration tells that a queue exists and no more. Declaring it durable over the existing
    one compares the properties, durability first, but needs the right to configure: without it the
    answer is 403 and the safety of the queue stays with whoever applied the topology.
    """
    try:
        admin.require_queue(name)
    except Refusal as refusal:
        return _not_there(refusal)
    try:
        admin.declare_queue(name, {"x-queue-type": "quorum"})
    except Refusal as refusal:
        if "'durable'" in refusal.text:
            return "not durable: a restart of the broker would lose its messages"
    return ""


def _not_there(refusal: Refusal) -> str:
    return "missing" if refusal.code == 404 else f"not usable: {refusal.text}"
