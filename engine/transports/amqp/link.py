"""One AMQP connection with one channel, in a thread of its own, brought back whenever it is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from pika import exceptions
from pika.adapters.select_connection import IOLoop, SelectConnection

from engine.errors import ConfigError, Defect, TransientError
from engine.transports import LinkState, StateCallback
from engine.transports.amqp.failures import NO_HEARTBEAT, Refusal, explain
from engine.transports.amqp.parameters import connection_parameters, where

# pika ships no type information
Connection = Any
Channel = Any
Frame = Any

# A broker that comes back is noticed within 4 seconds; 300 engines do not come back in the same instant.
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 4.0
CLOSE_SECONDS = 5.0
# A connection is looked at four times a heartbeat. Silent seven times in a row, it is given up: within two
# heartbeats of the cut, where pika alone may take three. A process that was stopped counts as one look.
LOOKS_PER_HEARTBEAT = 4
SILENT_LOOKS = 7
# A queue that does not come up after a crash of the broker leaves requests unanswered, without an error.
SETUP_SECONDS = 20.0

_chance = random.SystemRandom()


class Worker(Protocol):
    """The side that uses the channel; all of it is called in the I/O thread."""

    def channel_opened(self, channel: Channel) -> None:
        """Set the channel up, then call ``Link.ready``."""

    def channel_lost(self, refusal: Refusal | None) -> bool:
        """The channel is gone, by the broker's ``refusal`` or with its connection (None).

        Returns True to have the next channel at once, on the same connection if it still stands.
        """

    def blocked(self, reason: str) -> None:
        """The broker takes no more messages on this connection, or (empty reason) takes them again."""


class Link:
    """Keeps a connection and a channel up for ``worker`` between ``open`` and ``close``.

    Of several hosts it takes any, and after a loss the next: so the connections of many engines spread over
    the nodes of a cluster, and one node that is away or silent is tried again last.
    """

    def __init__(self, url: str, role: str, worker: Worker, on_state: StateCallback) -> None:
        nodes = connection_parameters(url, role)
        self.where = where(nodes)
        # Kept, for making parameters anew may fail, and reporting must not.
        self._places = [(where([node]), f"{node.host}:{node.port}") for node in nodes]
        self._nodes = len(nodes)
        self._node = _chance.randrange(self._nodes)
        self._url = url
        self._role = role
        self._worker = worker
        self._on_state = on_state
        self._thread: threading.Thread | None = None
        self._loop: Any = None
        self._connection: Connection = None
        self._channel: Channel = None
        self._closing = False
        self._attempt = 0
        self._recycle_reason = ""
        self._setup_timer: Any = None
        self._connect_timer: Any = None
        self._reported: dict[int, tuple[LinkState, str]] = {}  # node -> what was told of it last
        self._opening: SimpleQueue[tuple[LinkState, str]] | None = None

    # -- for the thread of the application

    def open(self, timeout_seconds: float) -> None:
        """Start the I/O thread; return when the worker is ready, else raise as ``Consumer.open``."""
        self._closing = False
        self._attempt = 0
        self._recycle_reason = ""
        self._setup_timer = self._connect_timer = None  # those of an earlier loop
        news = self._opening = SimpleQueue()
        self._report(LinkState.CONNECTING, self.where)
        self._loop = IOLoop()
        self._thread = threading.Thread(target=self._run, name=f"azawatch-{self._role}", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + timeout_seconds
        text = "no answer"
        while True:
            try:
                state, detail = news.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                self.close()
                raise TransientError(f"{self.where}: {text}") from None
            if state is LinkState.OPEN:
                self._opening = None
                return
            if state is LinkState.REFUSED:
                self.close()
                raise ConfigError([Defect(self.where, 0, detail)])
            if state is LinkState.LOST:
                text = detail

    def call(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` in the I/O thread, after those handed over before; nothing when closed."""
        if self._loop is not None:
            self._loop.add_callback_threadsafe(callback)

    @property
    def ended(self) -> bool:
        """Whether the I/O thread is gone although nobody closed it; nothing will come of waiting then."""
        return self._thread is not None and not self._thread.is_alive()

    def close(self) -> None:
        """Close channel and connection in an orderly way, or within 5 seconds in any way."""
        thread = self._thread
        if thread is None:
            return
        self._thread = None
        self._closing = True
        self.call(self._begin_close)
        thread.join(CLOSE_SECONDS - 1.0)
        if thread.is_alive():
            # A broker in an alarm reads nothing from us, our close neither.
            self.call(self._abort)
            thread.join(1.0)
        self._opening = None
        self._report(LinkState.CLOSED, "")

    # -- for the worker, in the I/O thread

    def ready(self) -> None:
        """The worker has set its channel up."""
        self._cancel_setup_timer()
        self._attempt = 0
        self._report(LinkState.OPEN, self._places[self._node][0])

    def recycle(self, reason: str) -> None:
        """Give this connection up and get another."""
        self._recycle_reason = reason
        self._abort()

    def renew_channel(self) -> None:
        """Leave this channel for another one on the same connection; the worker hears of the new one."""
        channel, self._channel = self._channel, None
        if channel is None:  # another one is on its way
            return
        channel.close()
        self._open_channel()

    # -- the I/O thread

    def _run(self) -> None:
        self._schedule_connect(0.0)
        while True:
            try:
                self._loop.start()
                break
            # An error in a callback ends pika's loop; the feed must not end with it.
            except Exception as error:  # noqa: BLE001
                self._recover(error)
                time.sleep(FIRST_DELAY_SECONDS)
        self._loop.close()

    def _recover(self, error: Exception) -> None:
        """Give the connection up after a defect in a callback; the loop then goes on with a new one."""
        known = isinstance(error, ConfigError)  # a certificate that is being renewed, say
        self._recycle_reason = str(error) if known else f"internal error: {type(error).__name__}"
        try:
            self._abort()
        except Exception:  # noqa: BLE001 -- pika is in no state to end it: leave it to the heartbeat
            self._connection_lost(self._connection, error)
        else:
            if self._connection is None or self._connection.is_closed:
                self._connection_lost(self._connection, error)

    def _schedule_connect(self, delay: float) -> None:
        if self._connect_timer is not None:
            self._loop.remove_timeout(self._connect_timer)
        self._connect_timer = self._loop.call_later(delay, self._connect)

    def _connect(self) -> None:
        self._connect_timer = None
        if self._closing:
            self._loop.stop()
            return
        self._connection = SelectConnection(
            self._parameters(),
            on_open_callback=self._connection_opened,
            on_open_error_callback=self._connection_lost,
            on_close_callback=self._connection_lost,
            custom_ioloop=self._loop,
        )
        self._connection.add_on_connection_blocked_callback(
            lambda _connection, frame: self._blocked(str(frame.method.reason))
        )
        self._connection.add_on_connection_unblocked_callback(lambda _connection, _frame: self._blocked(""))

    def _parameters(self) -> Any:
        """Of the node whose turn it is; made anew, for certificates are renewed while we run."""
        return connection_parameters(self._url, self._role)[self._node]

    def _connection_opened(self, connection: Connection) -> None:
        self._listen(connection, 0, 0)
        self._open_channel()

    def _listen(self, connection: Connection, heard: int, silent_looks: int) -> None:
        """Give up a connection that is half open: the broker sends something twice a heartbeat."""
        if connection is not self._connection or not connection.params.heartbeat:
            return
        silent_looks = silent_looks + 1 if connection.bytes_received == heard else 0
        if silent_looks >= SILENT_LOOKS:
            self.recycle(NO_HEARTBEAT)
            return
        look = partial(self._listen, connection, connection.bytes_received, silent_looks)
        self._loop.call_later(connection.params.heartbeat / LOOKS_PER_HEARTBEAT, look)

    def _open_channel(self) -> None:
        if self._connection is not None and self._connection.is_open and not self._closing:
            self._connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Channel) -> None:
        self._channel = channel
        self._cancel_setup_timer()
        self._setup_timer = self._loop.call_later(
            SETUP_SECONDS, lambda: self.recycle("the broker does not answer: is the queue running?")
        )
        channel.add_on_close_callback(self._channel_closed)
        self._worker.channel_opened(channel)

    def _channel_closed(self, channel: Channel, reason: BaseException) -> None:
        """Also called, before ``_connection_lost``, when the channel ends with its connection."""
        if channel is not self._channel:
            return  # one left before
        if not isinstance(reason, exceptions.ChannelClosedByBroker):
            self._forget_channel(None)
            return
        refusal = Refusal(reason.reply_code, reason.reply_text)
        at_once = self._forget_channel(refusal)
        if self._closing:
            return
        if at_once:
            self._open_channel()
            return
        state = LinkState.REFUSED if refusal.code in (403, 404) else LinkState.LOST
        self._report(state, refusal.text)
        self._loop.call_later(self._next_delay(), self._open_channel)

    def _connection_lost(self, connection: Connection, error: BaseException) -> None:
        if connection is not self._connection:
            return  # one given up before
        self._connection = None
        self._forget_channel(None)
        if self._closing:
            self._loop.stop()
            return
        failure = explain(error)
        self._report(failure.state, self._recycle_reason or failure.text)
        self._recycle_reason = ""
        self._node = (self._node + 1) % self._nodes
        self._schedule_connect(self._next_delay())

    def _cancel_setup_timer(self) -> None:
        if self._setup_timer is not None:
            self._loop.remove_timeout(self._setup_timer)
            self._setup_timer = None

    def _forget_channel(self, refusal: Refusal | None) -> bool:
        self._cancel_setup_timer()
        if self._channel is None:
            return False
        self._channel = None
        return self._worker.channel_lost(refusal)

    def _blocked(self, reason: str) -> None:
        self._report(LinkState.BLOCKED if reason else LinkState.UNBLOCKED, reason)
        self._worker.blocked(reason)

    def _begin_close(self) -> None:
        if self._connection is None:
            self._loop.stop()
        elif not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _abort(self) -> None:
        """End the connection without waiting for the broker."""
        if self._connection is not None and not self._connection.is_closed:
            # pika has no public way to do this
            self._connection._terminate_stream(exceptions.StreamLostError("given up"))  # noqa: SLF001

    def _next_delay(self) -> float:
        """Longer from round to round: the other nodes of a cluster are worth trying at once."""
        longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (self._attempt // self._nodes))
        self._attempt += 1
        return _chance.uniform(longest / 2, longest)

    def _report(self, state: LinkState, detail: str) -> None:
        """Tell the listener, once per change: a broker that is away for a night is one line a node."""
        if self._nodes > 1 and state in (LinkState.LOST, LinkState.REFUSED):
            detail = f"{self._places[self._node][1]}: {detail}"
        if (state, detail) == self._reported.get(self._node):
            return
        if state is LinkState.OPEN:
            self._reported.clear()
        self._reported[self._node] = (state, detail)
        if self._opening is not None:
            self._opening.put((state, detail))
        # a defect of the listener must not end the feed
        with suppress(Exception):
            self._on_state(state, detail)
