"""The metrics of one engine process, for Prometheus; the list with meanings is in docs/monitoring.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import disable_created_metrics as without_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine import __version__
from engine.model.alert import ALARMS, Phase
from engine.model.finding import Severity
from engine.store import Condition, OutboxRow
from engine.taken import Taken
from engine.transports import PublishOutcome, Receipt

# From a single message on a fast disk to a batch of 50 that waits for a lock.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LINKS = ("inbound", "outbound")
HEARTBEAT_OUTCOMES = ("queued", "waiting", "failed")


class Metrics:
    """Counted as it happens; what the store and the broker know is asked for when somebody scrapes."""

    def __init__(self, revision: str, protocol: str, started: datetime) -> None:
        without_created_metrics()  # type: ignore[no-untyped-call]  # four more lines for each histogram, which nobody reads
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        info = Gauge(
            "azawatch_info",
            "Release, knowledge revision and protocol of this process.",
            ("version", "revision", "protocol"),
            registry=registry,
        )
        info.labels(__version__, revision, protocol).set(1)
        start = Gauge("azawatch_start_time_seconds", "When this process started.", registry=registry)
        start.set(started.timestamp())
        self._messages = Counter(
            "azawatch_messages", "Messages by how they ended.", ("disposition", "reason"), registry=registry
        )
        self._decide = Histogram(
            "azawatch_batch_decide_seconds",
            "Reading and judging one batch of messages.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._commit = Histogram(
            "azawatch_batch_commit_seconds",
            "Making one batch of messages durable.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._alerts = Counter(
            "azawatch_alert_events",
            "Alert events that the broker has confirmed.",
            ("severity", "phase"),
            registry=registry,
        )
        for severity in Severity:
            for phase in Phase:
                self._alerts.labels(severity, phase)
        self._publish = Counter(
            "azawatch_publish",
            "Attempts to publish one message of the outbox, by what came of it.",
            ("outcome",),
            registry=registry,
        )
        for outcome in PublishOutcome:
            self._publish.labels(outcome)
        self._link = Gauge(
            "azawatch_broker_connected",
            "1 while the connection stands and works.",
            ("link",),
            registry=registry,
        )
        self._blocked = Gauge(
            "azawatch_broker_blocked",
            "1 while the broker takes no messages (memory or disk alarm).",
            ("link",),
            registry=registry,
        )
        self._lost = Counter(
            "azawatch_broker_lost",
            "Working connections that were lost or refused.",
            ("link",),
            registry=registry,
        )
        for link in LINKS:
            self._link.labels(link)
            self._blocked.labels(link)
            self._lost.labels(link)
        self._compared = Counter(
            "azawatch_read_twice",
            "Messages chosen to be read by both readers, by what came of it.",
            ("outcome",),
            registry=registry,
        )
        self._store_waits = Counter(
            "azawatch_store_waits",
            "Attempts to take a batch in that found the store away or locked.",
            registry=registry,
        )
        self._heartbeats = Counter(
            "azawatch_heartbeats", "Heartbeat alerts by what came of them.", ("outcome",), registry=registry
        )
        for beat in HEARTBEAT_OUTCOMES:
            self._heartbeats.labels(beat)

    def took(self, taken: Iterable[Taken]) -> None:
        """Count what became of a batch."""
        for one in taken:
            self._messages.labels(one.outcome.disposition, one.outcome.reason).inc()

    def compared(self, outcome: str) -> None:
        """Count one message that was chosen to be read by both readers."""
        self._compared.labels(outcome).inc()

    def timed(self, decide_seconds: float, commit_seconds: float) -> None:
        """How long one batch took."""
        self._decide.observe(decide_seconds)
        self._commit.observe(commit_seconds)

    def published(self, row: OutboxRow, receipt: Receipt) -> None:
        """Count one attempt; an event that goes out in several formats counts with the first."""
        self._publish.labels(receipt.outcome).inc()
        first = "." not in row.message_id
        if receipt.outcome is PublishOutcome.CONFIRMED and first and "severity" in row.headers:
            self._alerts.labels(row.headers["severity"], row.headers["phase"]).inc()

    def link(self, link: str, *, connected: bool, blocked: bool, lost: bool) -> None:
        """How one connection is now; ``lost``: it has just been lost."""
        self._link.labels(link).set(connected)
        self._blocked.labels(link).set(blocked)
        if lost:
            self._lost.labels(link).inc()

    def store_waited(self) -> None:
        """A batch could not be taken in because of the store."""
        self._store_waits.inc()

    def heartbeat(self, outcome: str) -> None:
        """What came of one heartbeat: ``queued``, ``waiting`` for the one before, or ``failed``."""
        self._heartbeats.labels(outcome).inc()


class Looked(Collector):
    """Gauges of what is looked up at each scrape; those that nobody could answer are left out."""

    def __init__(
        self,
        condition: Callable[[], Condition | None],
        waiting: Callable[[], dict[str, int]],
        newest: Callable[[], dict[str, datetime]],
        idle_seconds: Callable[[], float],
        clock: Callable[[], datetime],
    ) -> None:
        self._condition = condition
        self._waiting = waiting
        self._newest = newest
        self._idle_seconds = idle_seconds
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """As prometheus-client asks for them."""
        now = self._clock()
        yield _gauge("loop_idle_seconds", "Since the main loop has come round.", self._idle_seconds())
        ready = GaugeMetricFamily(
            "azawatch_inbound_ready_messages",
            "Messages of the queue that no consumer has yet, as the broker said last.",
            labels=("queue",),
        )
        for queue, count in self._waiting().items():
            ready.add_metric((queue,), count)
        yield ready
        newest = GaugeMetricFamily(
            "azawatch_newest_message_age_seconds",
            "Since this process took a message in, by the site that mappings/sites.yaml names.",
            labels=("sender",),
        )
        for sender, at in self._newest().items():
            newest.add_metric((sender,), _age(now, at))
        yield newest
        condition = self._condition()
        yield _gauge("store_up", "1 when the store has answered.", condition is not None)
        if condition is not None:
            yield from self._of_the_store(condition, now)

    @staticmethod
    def _of_the_store(condition: Condition, now: datetime) -> Iterator[Metric]:
        yield _gauge("outbox_messages", "Messages that the broker has not confirmed.", condition.unsent)
        yield _gauge("outbox_held_back_messages", "Those of a backlog that wait for its end.", condition.held)
        oldest = 0.0 if condition.oldest is None else _age(now, condition.oldest)
        yield _gauge("outbox_oldest_seconds", "Age of the oldest message that should be out.", oldest)
        if condition.free_bytes is not None:
            yield _gauge("store_free_bytes", "What is left of the disk of the store.", condition.free_bytes)
        held = GaugeMetricFamily(
            "azawatch_quarantine_held_messages", "Messages held for a human.", labels=("reason",)
        )
        for reason, count in condition.quarantined.items():
            held.add_metric((reason,), count)
        yield held
        technical = GaugeMetricFamily(
            "azawatch_technical_alerts", "Open alerts about the feed and the engine.", labels=("kind",)
        )
        for kind in ALARMS:
            technical.add_metric((kind,), condition.technical.get(kind, 0))
        yield technical
        if condition.judged_until is not None:
            lag = _age(now, condition.judged_until)
            yield _gauge("sweep_lag_seconds", "Since time was judged last.", lag)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"azawatch_{name}", text, value=float(value))


def _age(now: datetime, at: datetime) -> float:
    """Never negative: a clock may have been put back."""
    return max(0.0, (now - at).total_seconds())
