"""What the engine says of itself, in one place: vitals, metrics, health pages, log of the connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from prometheus_client.exposition import choose_encoder

from engine import log
from engine.errors import TransientError
from engine.monitor.metrics import Looked, Metrics
from engine.monitor.server import Answer, Server
from engine.monitor.systemd import ServiceManager
from engine.monitor.vitals import Vitals
from engine.store import Condition, OutboxRow, Store
from engine.taken import Taken
from engine.transports import LinkState, Receipt, StateCallback

_FINE = frozenset({LinkState.CONNECTING, LinkState.OPEN, LinkState.CLOSED, LinkState.UNBLOCKED})
_UP = frozenset({LinkState.OPEN, LinkState.UNBLOCKED})
_STORE_SECONDS = 2.0  # who asks while another one waits for the store waits no longer than this


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on it is trouble: a loop that has not come round, a message that is not out, in seconds.

    ``free_bytes``: room for the log of a file and the largest batch, without which the next write may fail.
    """

    hung_seconds: float = 120.0
    outbox_seconds: float = 300.0
    free_bytes: int = 25_000_000


class Monitor:
    """Listens to the parts of one engine process; tells whoever asks, once :meth:`serve` was called.

    ``site_of`` names the site of a sender (``APPLICATION|FACILITY``), of which there are as many as the
    mappings list.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        site_of: Callable[[str], str],
        revision: str,
        protocol: str,
        limits: Limits,
    ) -> None:
        self.vitals = Vitals(clock)
        self.metrics = Metrics(revision, protocol, clock())
        self.limits = limits
        self._clock = clock
        self._site_of = site_of
        self._manager = ServiceManager()
        self._newest: dict[str, datetime] = {}
        self._looking = threading.Lock()
        self._store: Store | None = None
        self._server: Server | None = None
        for link in ("inbound", "outbound"):
            self.vitals.say(link, "not connected", good=False)
        self.vitals.say("store", "not asked", good=True)
        self.vitals.say("batches", "none yet", good=True)

    # --- what the parts say --------------------------------------------------------------------

    def link(self, link: str) -> StateCallback:
        """The ``on_state`` of a connection: ``inbound`` or ``outbound``."""

        def tell(state: str, detail: str) -> None:
            write = log.logger().info if state in _FINE else log.logger().warning
            write("broker connection", queue=link, state=state, detail=detail)
            # An alarm of the broker stops publishing and nothing else.
            good = state in _UP or (state == LinkState.BLOCKED and link == "inbound")
            was_good = self.vitals.say(link, state, good=good)
            blocked = state == LinkState.BLOCKED
            lost = was_good and state in (LinkState.LOST, LinkState.REFUSED)
            self.metrics.link(link, connected=good or blocked, blocked=blocked, lost=lost)

        return tell

    def started(self) -> None:
        """Settings, knowledge and store are good: from now on the engine waits for whatever is away."""
        self._manager.tell("READY=1")

    def turned(self) -> None:
        """The loop has come round."""
        self.vitals.turned()
        self._manager.alive()

    def took(self, taken: Sequence[Taken]) -> None:
        """A batch is durable."""
        now = self._clock()
        self.vitals.say("batches", "committed", good=True, anew=True)
        self.metrics.took(taken)
        # Replaced, not changed: another thread may be going through it.
        self._newest = self._newest | {self._site_of(one.key.sender): now for one in taken}

    def judged(self, *, put_off: bool) -> None:
        """Time was to be judged; ``put_off``: the store did not let us."""
        self.vitals.say("time", "not judged" if put_off else "judged", good=not put_off)

    def store_away(self) -> None:
        """A batch waits for the store."""
        self.turned()
        self.vitals.say("batches", "waiting for the store", good=False)
        self.metrics.store_waited()

    def published(self, row: OutboxRow, receipt: Receipt) -> None:
        """One message of the outbox was tried."""
        self.metrics.published(row, receipt)

    def good(self, part: str) -> bool:
        """Whether the engine can work with this part as it is."""
        return self.vitals.parts()[part].good

    # --- what people ask -----------------------------------------------------------------------

    def serve(self, address: str, store: Store, waiting: Callable[[], dict[str, int]]) -> None:
        """Answer at an address; ``waiting`` tells how many messages each inbound queue holds.

        Raises ConfigError where the address cannot be used.
        """
        self._store = store
        if not address:
            return
        idle = self._idle_seconds
        self.metrics.registry.register(
            Looked(self._condition, waiting, lambda: self._newest, idle, self._clock)
        )
        pages = {"/health/live": self._live, "/health/ready": self._ready, "/metrics": self._metrics}
        self._server = Server(address, pages)
        log.logger().info("monitor listening", detail=self._server.address)

    def close(self) -> None:
        """Answer nobody any more."""
        self._manager.tell("STOPPING=1")
        if self._server is not None:
            self._server.close()

    def _idle_seconds(self) -> float:
        return self.vitals.idle_seconds

    def _condition(self) -> Condition | None:
        """What the store says; one at a time, so that a database that hangs holds one thread and no more."""
        if self._store is None or not self._looking.acquire(timeout=_STORE_SECONDS):
            self.vitals.say("store", "no answer", good=False)
            return None
        try:
            condition = self._store.condition()
        except TransientError:
            self.vitals.say("store", "away", good=False)
            return None
        finally:
            self._looking.release()
        full = condition.free_bytes is not None and condition.free_bytes < self.limits.free_bytes
        self.vitals.say("store", "disk nearly full" if full else "reachable", good=not full)
        late = self._late(condition)
        self.vitals.say("outbox", "late" if late else "in time", good=not late)
        return condition

    def _late(self, condition: Condition) -> bool:
        if condition.oldest is None:
            return False
        return (self._clock() - condition.oldest).total_seconds() > self.limits.outbox_seconds

    def _live(self, _accept: str) -> Answer:
        idle = self.vitals.idle_seconds
        good = idle <= self.limits.hung_seconds
        return Answer.of({"live": good, "loop_idle_seconds": round(idle, 3)}, good=good)

    def _ready(self, _accept: str) -> Answer:
        self._condition()
        parts = self.vitals.parts()
        good = all(part.good for part in parts.values())
        told: dict[str, Any] = {
            name: {"state": part.state, "since": part.since.isoformat(), "good": part.good}
            for name, part in sorted(parts.items())
        }
        return Answer.of({"ready": good, "parts": told}, good=good)

    def _metrics(self, accept: str) -> Answer:
        encode, content_type = choose_encoder(accept)
        return Answer(HTTPStatus.OK, content_type, encode(self.metrics.registry))
