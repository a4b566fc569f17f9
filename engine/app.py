"""Where the parts are put together: the only module that knows both sides, and that reads the wall clock."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import FrameType

from engine import log
from engine.addresses import weaknesses
from engine.auditing import Auditing
from engine.decide import Knowledge
from engine.duties import Duties, monitor_of
from engine.errors import TransientError
from engine.garbage import keep_for_good
from engine.hang import HangGuard
from engine.history import HistoryOptions
from engine.intake import Intake
from engine.knowledge import KnowledgeFolders, load_knowledge
from engine.model.finding import Severity
from engine.model.quantity import Interval, Quantity
from engine.monitor import Monitor
from engine.operations import Operations
from engine.outbound import Format, RenderOptions
from engine.outbox import Publishing
from engine.patience import StoppedError, patiently
from engine.relay import Relay
from engine.rulebook import fault_of_fact
from engine.settings import Settings, default_sources_file, site_key
from engine.shared_clock import SharedClock
from engine.store import OutboxRow, Store, only_engine
from engine.sweep import Sweep
from engine.sweeping import Sweeping, is_due
from engine.taken import IntakeOptions, Taken
from engine.taking import Taking
from engine.telling_of_relay import tell_held_back, tell_published
from engine.therapy.roster import RosterRow, read_roster
from engine.transports import Consumer, Delivery, Publisher, Receipt
from engine.transports.amqp import AmqpConsumer, AmqpPublisher

_WAIT_SECONDS = 1.0
_BREATH_SECONDS = 0.05  # between two parts of a sweep: the relay needs the store too
_HOUSEKEEPING = timedelta(hours=1)


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def knowledge_of(settings: Settings) -> Knowledge:
    """The rules and mappings that the settings name. Raises ConfigError with every defect."""
    folders = KnowledgeFolders(settings.rules, settings.mappings, _sources(settings.rules))
    return load_knowledge(
        folders,
        settings.protocol,
        HistoryOptions(
            after_stop=timedelta(days=settings.exposure.days_after_stop),
            baseline_window=timedelta(days=settings.baseline.window_days),
            assumed_ranges=settings.history.assumed_ranges,
        ),
        by_indication=settings.protocol_by_indication,
        escalation={
            Severity.CRITICAL: timedelta(minutes=settings.escalation.critical_minutes),
            Severity.URGENT: timedelta(minutes=settings.escalation.urgent_minutes),
        },
    )


def _sources(rules: Path) -> Path:
    """A site's own rules cite a list of their own (``sources.md`` in the folder), else the shipped one."""
    own = rules / "sources.md"
    return own if own.is_file() else default_sources_file()


def intake_options(settings: Settings, clock: Callable[[], datetime] | None) -> IntakeOptions:
    """What the settings say about taking in and telling."""
    return IntakeOptions(
        publishing=Publishing(
            formats=tuple(Format(name) for name in settings.alerts.formats),
            render=render_options(settings),
            alert_exchange=settings.topology.alerts_exchange,
            quarantine_exchange=settings.topology.quarantine,
        ),
        processing_ids=frozenset(settings.flow.processing_ids),
        clock=clock,
        max_message_bytes=settings.flow.max_message_bytes,
        keep_untreated=settings.history.lookback_days > 0,
        sweep_every=timedelta(minutes=settings.sweep.every_minutes),
        late_after=timedelta(hours=settings.catching_up.after_hours) or None,
        hold_for=timedelta(minutes=settings.catching_up.hold_minutes),
    )


def operations(settings: Settings, store: Store) -> Operations:
    """What people may do to the store by hand. Raises ConfigError."""
    clock = SharedClock(store, now)
    return Operations(store, knowledge_of(settings), intake_options(settings, clock), clock)


def render_options(settings: Settings) -> RenderOptions:
    """How outbound messages are headed."""
    header = settings.alerts.hl7
    return RenderOptions(
        sending_application=header.sending_application,
        sending_oid=header.sending_application_oid,
        sending_facility=header.sending_facility,
        receiving_application=header.receiving_application,
        receiving_facility=header.receiving_facility,
        profile_oid=settings.alerts.r40.profile_oid,
        r40_structure=settings.alerts.r40.structure,
    )


def roster_rows(text: str, file: str, knowledge: Knowledge) -> tuple[RosterRow, ...]:
    """The rows of a roster file; times without offset are in the zone of the default site.

    Raises ConfigError with every defect: line, column, what, and what to do.
    """
    terminology = knowledge.terminology

    def check_baseline(analyte: str, number: Decimal, unit: str) -> str:
        if not number:
            return "is not above 0, and no multiple of 0 means anything"
        read = terminology.quantity(analyte, Interval.exactly(number), unit)
        return "" if isinstance(read, Quantity) else terminology.unit_advice(analyte, unit) or read.value

    def check_rule_fact(name: str, value: str, stated: date) -> str:
        return fault_of_fact(name, value, stated, knowledge.rulebook)

    zone = terminology.site("", "").time_zone
    return read_roster(text, file, zone, terminology.analytes, check_baseline, check_rule_fact)


@dataclass(frozen=True, slots=True)
class Parts:
    """What :class:`Engine` runs on; tests hand over the in-memory twins of the transports."""

    store: Store
    knowledge: Knowledge
    consumer: Consumer
    publisher: Publisher
    clock: Callable[[], datetime]
    site_key: bytes
    monitor: Monitor | None = None
    stopping: threading.Event = field(default_factory=threading.Event)  # every wait of the loop is on it
    keep_time: Callable[[], None] = lambda: None  # once at every turn of the loop


def amqp_parts(settings: Settings) -> Parts:
    """The parts for a real broker. Raises ConfigError."""
    topology = settings.topology
    url = settings.amqp_url.get_secret_value()
    knowledge = knowledge_of(settings)
    store = Store.open(settings.store_address, site_key=site_key(settings))
    clock = SharedClock(store, now)
    monitor = monitor_of(settings, knowledge, clock)
    return Parts(
        store=store,
        knowledge=knowledge,
        consumer=AmqpConsumer(
            url,
            topology.inbound,
            prefetch=settings.flow.prefetch,
            warily=True,
            on_state=monitor.link("inbound"),
        ),
        publisher=AmqpPublisher(
            url,
            exchanges=(topology.alerts_exchange, topology.quarantine),
            window=settings.flow.publish_window,
            on_state=monitor.link("outbound"),
        ),
        clock=clock,
        keep_time=clock.look,
        site_key=site_key(settings),
        monitor=monitor,
    )


class Engine:
    """The live engine: take a batch, commit, acknowledge, tell the relay; step by step, in two threads."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._monitor = parts.monitor or monitor_of(settings, parts.knowledge, parts.clock)
        options = replace(intake_options(settings, parts.clock), timed=self._monitor.metrics.timed)
        self.guard = HangGuard(settings.flow.batch_timeout_s)
        self._taking = Taking(
            parts.store,
            Intake(parts.store, parts.knowledge, options),
            self.guard,
            parts.stopping,
            self._monitor.store_away,
        )
        self._sweeping = Sweeping(Sweep(parts.knowledge, options), parts.store, parts.clock)
        self._duties = Duties(settings, parts.store, parts.knowledge, options, parts.clock, self._monitor)
        self.relay = Relay(
            parts.store,
            parts.publisher,
            parts.clock,
            self._report,
            tell_held_back,
            settings.flow.publish_window,
        )
        self._auditing = Auditing(parts.store, parts.clock, parts.knowledge.revision, settings.protocol)
        self._stopping = parts.stopping
        # Not at once: a feed that catches up after a stop may still bring the order that makes old
        # results matter.
        self._housekeeping_due = parts.clock() + _HOUSEKEEPING

    def stop(self) -> None:
        """Finish the batch under way, commit, acknowledge, publish, and return from :meth:`run`."""
        self._stopping.set()
        self._parts.consumer.wake()

    def run(self) -> None:
        """Until :meth:`stop`. Raises ConfigError when the broker is not as it must be."""
        log.logger().info(
            "engine starting",
            revision=self._parts.knowledge.revision,
            protocol=self._settings.protocol,
            pending=self._parts.store.outbox_depth(),
        )
        relaying: threading.Thread | None = None
        self._auditing.begin()
        try:
            self._monitor.serve(
                self._settings.monitor.address, self._parts.store, self._parts.consumer.waiting
            )
            self._monitor.started()
            for opening in (self._parts.publisher.open, self._parts.consumer.open):
                patiently(opening, "broker", self._stopping, self._monitor.turned)
            relaying = threading.Thread(target=self.relay.run, name="relay", daemon=True)
            relaying.start()
            log.logger().info("engine ready")
            while not self._stopping.is_set():
                self.step()
        except StoppedError:
            pass
        finally:
            self._parts.consumer.close()
            self._drain(relaying)
            self._parts.publisher.close()
            self._duties.close()
            self._monitor.close()
            self._auditing.end()
            log.logger().info("engine stopped", pending=self._pending())
            self._parts.store.close()

    def _pending(self) -> int | None:
        """How much waits for the broker; None where the store is away: a stop is none the worse for it."""
        try:
            return self._parts.store.outbox_depth()
        except TransientError:
            return None

    def step(self) -> None:
        """Take what has come, or wait a little for it; then what time has made due."""
        flow = self._settings.flow
        self._monitor.turned()
        self._parts.keep_time()
        self._auditing.look()
        wait = _BREATH_SECONDS if self._sweeping.under_way else _WAIT_SECONDS
        deliveries = self._parts.consumer.next_batch(flow.batch_max_messages, wait)
        if deliveries:
            self._take(deliveries)
        elif is_due(self._housekeeping_due, self._parts.clock(), _HOUSEKEEPING):
            self._housekeeping()
        if self._duties.settle(self._parts.consumer.waiting):
            self.relay.notify()
        due = self._sweeping.is_due(behind=len(deliveries) >= flow.batch_max_messages)
        if due and not self._stopping.is_set():
            if self._sweeping.judge():
                self.relay.notify()
            self._monitor.judged(put_off=self._sweeping.put_off)

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        started = time.perf_counter()
        for durable, origins in self._taking.take(deliveries):
            taken = [one for _, _, one in origins]
            self._parts.consumer.ack(durable)
            self._duties.note([body for _, body, _ in origins], taken)
            if any(one.events or one.outcome.location for one in taken):
                self.relay.notify()
            each = (time.perf_counter() - started) * 1000 / len(taken)
            for delivery, _, one in origins:
                self._tell(delivery, one, each)
            started = time.perf_counter()

    def _drain(self, relaying: threading.Thread | None) -> None:
        """Publish what is decided, as far as the broker takes it within the shutdown timeout."""
        deadline = time.monotonic() + self._settings.flow.shutdown_timeout_s
        self.relay.stop()
        if relaying is None:
            return
        relaying.join(self._settings.flow.shutdown_timeout_s)
        try:
            while not relaying.is_alive() and time.monotonic() < deadline:
                confirmed, failed = self.relay.publish_pending()
                if failed or not confirmed:
                    return
        except TransientError as error:
            log.logger().warning("store away while stopping", exc_info=error)

    def _housekeeping(self) -> None:
        """Forget results of people who were never treated, once they are too old for any baseline."""
        self._housekeeping_due = self._parts.clock() + _HOUSEKEEPING
        lookback = timedelta(days=self._settings.history.lookback_days)
        try:
            now = self._parts.clock()
            count = self._parts.store.forget_untreated(now - lookback, now)
        except TransientError as error:
            log.logger().warning("housekeeping put off", exc_info=error)
        else:
            if count:
                log.logger().info("old results of untreated people removed", count=count)

    # --- telling -------------------------------------------------------------------------------

    def _tell(self, delivery: Delivery, taken: Taken, duration_ms: float) -> None:
        if taken.fault is not None:
            log.logger().error(
                "defect of the engine, message quarantined",
                message_control_id=taken.key.control_id,
                exc_info=taken.fault,
            )
        log.message_line(
            taken.outcome,
            message_control_id=taken.key.control_id,
            sender=taken.key.sender,
            message_type=taken.message_type,
            revision=self._parts.knowledge.revision,
            duration_ms=duration_ms,
            queue=delivery.queue,
            redelivered=delivery.redelivered,
            patient_refs=[log.patient_ref(person, self._parts.site_key) for person in taken.persons],
            observations=taken.observations,
            results=taken.results,
            alerts=len(taken.events),
            warnings=taken.warnings,
        )

    def _report(self, row: OutboxRow, receipt: Receipt) -> None:
        self._monitor.published(row, receipt)
        tell_published(row, receipt)


def run(settings: Settings) -> None:
    """``azawatch run``: until SIGTERM or SIGINT. Raises ConfigError before anything was taken in.

    A store that is away is waited for, as a broker is: machines that come up together need not in order.
    """
    log.configure(settings.log.level, settings.log.format)
    for weakness in weaknesses(settings.amqp_url.get_secret_value(), settings.store_address):
        log.logger().warning("connection is not protected", detail=weakness)
    stopping = threading.Event()
    _on_signals(stopping.set)
    with only_engine(settings.store_file) if settings.store_file is not None else nullcontext():
        try:
            parts = patiently(lambda: amqp_parts(settings), "store", stopping)
        except StoppedError:
            return
        engine = Engine(settings, replace(parts, stopping=stopping))
        keep_for_good()
        _run(engine)


def _on_signals(stop: Callable[[], None]) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def _run(engine: Engine) -> None:
    _on_signals(engine.stop)
    engine.guard.start()
    try:
        engine.run()
    finally:
        engine.guard.stop()
