"""From the outbox to the broker: at least once, in order of decision, until the broker confirms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from engine.store import OutboxRow, Store
from engine.transports import OutboundMessage, Publisher, PublishOutcome, Receipt

_IDLE_SECONDS = 1.0
_RETRY_SECONDS = 2.0

Report = Callable[[OutboxRow, Receipt], None]
Fault = Callable[[Exception], None]


class Relay:
    """Publishes unsent outbox rows with confirms and marks the confirmed ones as sent.

    A row that is returned, refused or lost stays unsent with its error noted, and goes behind the rows
    that were never tried, so that one unroutable alert cannot hold up the others. ``report`` is told of
    every receipt, ``fault`` of what kept a whole window back; both from the relay's own thread.
    """

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        clock: Callable[[], datetime],
        report: Report,
        fault: Fault,
        window: int = 200,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._report = report
        self._fault = fault
        self._window = window
        self._unmarked: list[int] = []
        self._wake = threading.Event()
        self._stop = threading.Event()

    def notify(self) -> None:
        """There may be something to publish; safe from any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Make :meth:`run` return after the batch under way."""
        self._stop.set()
        self._wake.set()

    def publish_pending(self) -> tuple[int, int]:
        """Publish one window of unsent rows; the numbers confirmed and not confirmed.

        Nothing is published before what was confirmed is on disk: a store that is away for long would else
        cost a copy of every alert of the window at each try.
        """
        if self._unmarked:
            self._store.mark_sent(self._unmarked, self._clock())
            self._unmarked = []
        with self._store.handover(self._window) as handover:
            rows = handover.rows
            if not rows:
                return (0, 0)
            receipts = self._publisher.publish([_message(row) for row in rows])
            confirmed, failures = _sorted_out(rows, receipts)
            handover.done(confirmed, failures, self._clock())
            self._unmarked = confirmed
            for row, receipt in zip(rows, receipts, strict=True):
                self._report(row, receipt)
        self._unmarked = []
        return (len(confirmed), len(failures))

    def step(self) -> tuple[int, int]:
        """As :meth:`publish_pending`; whatever goes wrong is told, and counts as one not confirmed."""
        try:
            return self.publish_pending()
        except Exception as error:  # noqa: BLE001  a relay that has died is silence that looks like health
            self._fault(error)
            return (0, 1)

    def run(self) -> None:
        """Publish until stopped; whatever goes wrong is tried again."""
        while not self._stop.is_set():
            confirmed, failed = self.step()
            if confirmed and not failed:
                continue
            self._wake.wait(_RETRY_SECONDS if failed else _IDLE_SECONDS)
            self._wake.clear()
            if failed:
                self._stop.wait(_RETRY_SECONDS)


def _message(row: OutboxRow) -> OutboundMessage:
    return OutboundMessage(
        exchange=row.exchange,
        routing_key=row.routing_key,
        body=row.body,
        content_type=row.content_type,
        message_id=row.message_id,
        correlation_id=row.correlation_id,
        headers=row.headers,
    )


def _sorted_out(rows: Sequence[OutboxRow], receipts: Sequence[Receipt]) -> tuple[list[int], dict[int, str]]:
    confirmed: list[int] = []
    failures: dict[int, str] = {}
    for row, receipt in zip(rows, receipts, strict=True):
        if receipt.outcome is PublishOutcome.CONFIRMED:
            confirmed.append(row.id)
        else:
            failures[row.id] = receipt.outcome.value
    return confirmed, failures
