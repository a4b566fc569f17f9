"""A day in the life of one to three engines, by a seed: what is sent, what breaks, and in which order."""

from __future__ import annotations

import functools
import hashlib
import logging
import sqlite3
import threading
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from unittest import mock

import structlog

from engine import app, arrival
from engine.alongside import Alongside
from engine.auditing import Auditing
from engine.decide import Knowledge
from engine.duties import monitor_of
from engine.errors import TransientError
from engine.hl7 import Message, parse, split_delivery
from engine.monitor import Monitor
from engine.operations import Operations
from engine.relay import Relay
from engine.settings import Settings, load
from engine.transports import Delivery, StateCallback
from engine.transports.amqp import AmqpConsumer, AmqpPublisher, consumer, publisher
from tests.scenario.timeline import knowledge as all_knowledge
from tests.simulation.broker import INBOUND, Broker, Link
from tests.simulation.chance import Chance, Fault
from tests.simulation.database import DATABASE
from tests.simulation.feeds import NOON, ROSTER

RULES = ("a02-alt-ast-500", "d02-platelets-below-50", "q01-unit-missing")
URL = "amqp://simulated"
_MOST_ROUNDS = 60


class Crash(BaseException):
    """The process of this worker dies; nothing in the engine may catch it."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker.name)
        self.worker = worker


@functools.cache
def knowledge() -> Knowledge:
    """Three rules of the repository: what they judge is not what is tried here."""
    known = all_knowledge()
    protocols = {
        name: replace(protocol, rules=tuple(rule for rule in protocol.rules if rule in RULES))
        for name, protocol in known.rulebook.protocols.items()
    }
    chosen = replace(known.rulebook, protocols=protocols, protocol=None).with_protocol("strictest")
    return replace(known, rulebook=chosen)


@functools.cache
def settings(batch: int, window: int) -> Settings:
    """Small batches and windows, so that many things are always half done."""
    flow = {"batch_max_messages": batch, "publish_window": window}
    return load(
        overrides={
            "store_url": "sqlite:///unused.db",
            "topology": {"inbound": [INBOUND]},
            "flow": flow,
            "alerts": {"formats": ["event_json"]},
            # Nothing is held back as old, and no thread reads along: what happens is up to the seed alone.
            "catching_up": {"after_hours": 0},
            "second_reader": {"every_messages": 0},
        }
    )


@functools.cache
def _monitor() -> Monitor:
    return monitor_of(settings(1, 1), knowledge(), lambda: NOON)


@functools.cache
def prepare() -> None:
    """Once in a process: knowledge, and a database with a roster."""
    store = DATABASE.create()
    options = app.intake_options(settings(1, 1), lambda: NOON)
    operations = Operations(store, knowledge(), options, lambda: NOON)
    operations.import_roster(app.roster_rows(ROSTER, "roster", knowledge()), "roster")


class _Stopping(threading.Event):
    """The waits of an engine: time passes, and the others have their turn."""

    def __init__(self, world: World, worker: Worker) -> None:
        super().__init__()
        self._world = world
        self._worker = worker

    def wait(self, timeout: float | None = None) -> bool:
        self._world.now += timedelta(seconds=timeout or 0.0)
        self._world.chance.tell(f"{self._worker.name} waits {timeout} s")
        self._world.point("waiting", Fault.CRASH, Fault.CONSUMER_LOST)
        self._world.others()
        return self.is_set()


class _Consumer(AmqpConsumer):
    """The consumer of the engine, on a simulated link, that never waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        super().__init__(URL, [INBOUND], prefetch=world.prefetch, warily=True)
        self.link = cast("Link", self._link)

    def open(self) -> None:
        """Nothing to check."""
        self.link.open()

    def next_batch(self, max_messages: int, max_wait_seconds: float) -> list[Delivery]:
        """What the broker pushes now."""
        del max_wait_seconds
        world = self.world
        self.link.connect()
        if self.link.channel is not None:
            self.link.channel.deliver(world.draw.randint(1, world.prefetch))
        world.point("batch received", Fault.CRASH, Fault.CONSUMER_LOST, Fault.CONSUMER_CANCELLED)
        if not self._inbox:
            return []
        batch = super().next_batch(max_messages, 0.0)
        world.chance.tell(f"{world.at_work.name} takes {len(batch)} deliveries")
        return batch

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Between the commit and the ack anything may happen."""
        self.world.others()
        self.world.point("before the ack", Fault.CRASH, Fault.CONSUMER_LOST, Fault.STOP)
        super().ack(deliveries)


class _Publisher(AmqpPublisher):
    """The publisher of the engine, on a simulated link, that never waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        super().__init__(URL, window=world.window, confirm_timeout_seconds=0.0)
        self.link = cast("Link", self._link)

    def open(self) -> None:
        """Nothing to check."""
        self.link.open()


class Worker:
    """One process, and the next one in its place when it has died."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.start()

    def start(self) -> None:
        """A process begins with nothing but the database."""
        world = self.world
        self.stopping = _Stopping(world, self)
        self.consumer, self.publisher = _Consumer(world), _Publisher(world)
        parts = app.Parts(
            DATABASE.open(),
            knowledge(),
            self.consumer,
            self.publisher,
            lambda: world.now,
            b"simulated" * 4,
            _monitor(),
            self.stopping,
        )
        self.engine = app.Engine(settings(world.batch, world.window), parts)
        self.publisher.open()
        self.consumer.open()

    def die(self) -> None:
        """All memory is gone; the broker notices that the connections are."""
        self.world.chance.tell(f"{self.name} is dead and started again")
        self.consumer.link.vanish()
        self.publisher.link.vanish()
        self.start()

    def stop(self) -> None:
        """As told by SIGTERM: what is decided is published as far as the broker takes it."""
        self.world.chance.tell(f"{self.name} stops and starts again")
        self.consumer.close()
        self.world.relay(self)
        self.publisher.close()
        self.start()


class World:
    """``bodies`` are sent in the course of the day; ``calm``: one worker, and nothing breaks."""

    def __init__(self, bodies: Sequence[bytes], chance: Chance, *, calm: bool = False) -> None:
        prepare()
        self.chance = chance
        self.draw = draw = chance.draw
        self.now: datetime = NOON
        self.bodies = list(bodies)
        self.batch, self.window = draw.choice((1, 2, 4)), draw.choice((1, 2, 4))
        self.prefetch = draw.randint(1, 5)
        count = 1 if calm else draw.choice((1, 1, 2, 2, 3))
        chance.healed = calm
        self.wrongs: list[str] = []
        self.crashes = 0
        self.stops = 0
        self.unmarked = 0
        self.store_away = 0
        self._relaying = False
        self._active: list[Worker] = []
        DATABASE.begin_day()
        self.broker = Broker(chance, self.crash, self.others, self._acked, wrongs=self.wrongs)
        DATABASE.during = self._during
        self.workers = [Worker(self, f"worker {number}") for number in range(1, count + 1)]

    @property
    def at_work(self) -> Worker:
        """Whose code is running."""
        return self._active[-1]

    # --- the day -------------------------------------------------------------------------------

    def run(self) -> None:
        """Send everything while things break; then mend everything, and go on until nothing is left."""
        waiting = list(self.bodies)
        for _ in range(len(waiting) + self.draw.randint(2, 5)):
            while waiting and (self.chance.healed or self.draw.random() < 0.7):
                self.broker.put(waiting.pop(0))
            self._turn()
        for body in waiting:
            self.broker.put(body)
        self._mend()
        for _ in range(_MOST_ROUNDS):
            self.now += timedelta(seconds=5)
            for worker in self.workers:
                if self.broker.ready or self.broker.unacked:
                    self._within(worker, worker.engine.step)
                self.relay(worker)
            if not self.broker.ready and not self.broker.unacked and not _unsent():
                return
        self.wrongs.append("does not come to rest after everything was mended")

    def _mend(self) -> None:
        self.chance.healed = True
        self.chance.tell("everything is mended")
        self.store_away = 0
        self._clear_alarm()

    def _turn(self) -> None:
        """Somebody does something."""
        self.now += timedelta(milliseconds=self.draw.choice((1, 50, 2_000)))
        worker = self.draw.choice(self.workers)
        if self.broker.alarm and self.draw.random() < 0.3:
            self._clear_alarm()
        # A worker that is at work has one other thread, which may go on meanwhile.
        busy = worker in self._active
        if self.draw.random() < 0.6 and (not busy or self._relaying):
            self._within(worker, worker.engine.step)
        else:
            self.relay(worker)
        if worker.stopping.is_set() and worker not in self._active:
            self.stops += 1
            worker.stop()

    def relay(self, worker: Worker) -> None:
        """The thread that publishes; of several workers one at a time, as the locks of the outbox see to."""
        if self._relaying or not _unsent():
            return
        self._relaying = True
        try:
            self._within(worker, lambda: _publish(worker.engine.relay))
        finally:
            self._relaying = False

    def others(self) -> None:
        """Between two instructions of one thread the others go on."""
        if len(self._active) == 1 and not self.chance.healed and self.draw.random() < 0.15:
            self._turn()

    def _within(self, worker: Worker, act: Callable[[], object]) -> None:
        """Run something as a worker; when its process dies here, another takes its place."""
        self._active.append(worker)
        try:
            act()
        except Crash as crash:
            if crash.worker is not worker or worker in self._active[:-1]:
                raise
            self.crashes += 1
            died = True
        else:
            died = False
        finally:
            self._active.pop()
        if died:
            worker.die()

    def crash(self) -> None:
        """The process that is at work dies here."""
        raise Crash(self.at_work)

    def point(self, where: str, *faults: Fault) -> None:
        """One of these may happen to whoever is at work."""
        fault = self.chance.strikes(f"{self.at_work.name}, {where}", *faults)
        if fault is Fault.CRASH:
            self.crash()
        elif fault is Fault.STOP:
            self.at_work.stopping.set()
        elif fault in (Fault.CONSUMER_LOST, Fault.CONSUMER_CANCELLED):
            self.at_work.consumer.link.lose()

    def _clear_alarm(self) -> None:
        if self.broker.alarm:
            self.chance.tell("the alarm is over")
            self.broker.alarm = False
            for worker in self.workers:
                worker.publisher.link.unblock()

    # --- the store -----------------------------------------------------------------------------

    def _during(self, what: str) -> None:
        if not self._active:
            return
        chance, where = self.chance, f"{self.at_work.name}, {what}"
        if what == "begin":
            if self.store_away or chance.strikes(where, Fault.STORE_AWAY):
                self.store_away = self.store_away - 1 if self.store_away else self.draw.randint(0, 2)
                self.unmarked += 1
                raise sqlite3.OperationalError("database is locked")
            fault = chance.strikes(where, Fault.CRASH)
        elif what == "statement":
            if chance.draw.random() > 0.05:  # there are many of them
                return
            fault = chance.strikes(where, Fault.STATEMENT_FAILED, Fault.CRASH)
        elif what == "commit":
            fault = chance.strikes(where, Fault.COMMIT_FAILED, Fault.CRASH)
        else:
            fault = chance.strikes(where, Fault.COMMIT_UNANSWERED, Fault.CRASH)
        if fault is Fault.CRASH:
            self.crash()
        if fault is not None:
            self.unmarked += 1
            raise sqlite3.OperationalError("disk I/O error")

    def _acked(self, bodies: list[bytes]) -> None:
        """The broker forgets these: they must be on record, or nobody will ever know of them."""
        self.chance.tell(f"{len(bodies)} acked")
        on_record = {row[0] for row in DATABASE.rows("SELECT digest FROM messages")}
        for body in bodies:
            # A batch is on record message by message, or as a whole when it was set aside unread.
            parts = [hashlib.sha256(one).hexdigest() for one in split_delivery(body)]
            if not on_record.issuperset(parts) and hashlib.sha256(body).hexdigest() not in on_record:
                self.wrongs.append("acked before the commit")


def _unsent() -> int:
    return int(DATABASE.rows("SELECT count(*) FROM outbox WHERE sent_at = ''")[0][0])


def _publish(relay: Relay) -> None:
    """A step of the relay, in which a defect does not pass for a broker or a store that is away."""
    with suppress(TransientError):
        relay.publish_pending()


def _nothing_due(*_asked: object) -> bool:
    return False


def _link(url: str, name: str, worker: _Consumer | _Publisher, on_state: StateCallback) -> Link:
    return Link(worker.world.broker, url, name, worker, on_state)


@functools.lru_cache(maxsize=32)
def _read_before(body: bytes) -> Message:
    terminology = knowledge().terminology
    return parse(body, lambda application, facility: terminology.site(application, facility).charset)


def _parse(body: bytes, *_told: object, **_limits: int) -> Message:
    return _read_before(body)


# What the engine does otherwise on a simulated day. Nothing is overdue, and what only looks whether anything
# is would cost a tenth of the time. Days have the same messages fifty times: each is read once.
_IN_PLACE = (
    (consumer, "Link", _link),
    (publisher, "Link", _link),
    (arrival, "parse", _parse),
    (Auditing, "look", _nothing_due),
    (Alongside, "look", _nothing_due),
)
_QUIET = structlog.make_filtering_bound_logger(logging.CRITICAL)


def play(bodies: Sequence[bytes], seed: int, muted: Collection[int] = (), *, calm: bool = False) -> World:
    """One day, played to its end."""
    with ExitStack() as stack:
        for where, name, other in _IN_PLACE:
            stack.enter_context(mock.patch.object(where, name, other))
        return _played(World(bodies, Chance(seed, muted), calm=calm))


def _played(world: World) -> World:
    logging_before = structlog.get_config()
    structlog.configure(wrapper_class=_QUIET)
    try:
        world.run()
    except Exception as error:  # noqa: BLE001  the engine would have ended here
        place = traceback.extract_tb(error.__traceback__)[-1]
        world.wrongs.append(f"raised {type(error).__name__}: {error} ({place.filename}:{place.lineno})")
    finally:
        structlog.configure(**logging_before)
        DATABASE.calm()
    return world
