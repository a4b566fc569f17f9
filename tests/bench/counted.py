"""``azawatch run`` that says what so many messages took: ``python -m tests.bench.counted MESSAGES ALERTS``.

The engine as it runs in a hospital, started as the command starts it; only its consumer and publisher are
watched, from the first delivery to the last acknowledgement or confirm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from engine import app
from engine.settings import Settings, load
from engine.transports import Consumer, Delivery, OutboundMessage, Publisher, PublishOutcome, Receipt
from tests.bench.common import Stopwatch


class _Count:
    """Logs once what it took until so many messages were acknowledged and so many alerts were confirmed."""

    def __init__(self, messages: int, alerts: int) -> None:
        self._messages = messages
        self._left = {"messages": messages, "alerts": alerts}
        self._watch: Stopwatch | None = None

    def begin(self) -> None:
        """The first message is here."""
        self._watch = self._watch or Stopwatch()

    def done(self, what: str, many: int) -> None:
        """So many more are acknowledged or confirmed."""
        if self._watch is None or not any(left > 0 for left in self._left.values()):
            return
        self._left[what] -= many
        if all(left <= 0 for left in self._left.values()):
            spent = self._watch.spent(self._messages)
            # beside the log, which holds back every name that it does not know
            print(json.dumps({"event": "bench counted", **asdict(spent)}), flush=True)


class _Consumer:
    """A consumer that is watched."""

    def __init__(self, consumer: Consumer, count: _Count) -> None:
        self._consumer = consumer
        self._count = count
        self.open = consumer.open
        self.wake = consumer.wake
        self.waiting = consumer.waiting
        self.close = consumer.close

    def next_batch(self, max_messages: int, max_wait_seconds: float) -> list[Delivery]:
        batch = self._consumer.next_batch(max_messages, max_wait_seconds)
        if batch:
            self._count.begin()
        return batch

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self._consumer.ack(deliveries)
        self._count.done("messages", len(deliveries))


class _Publisher:
    """A publisher that is watched."""

    def __init__(self, publisher: Publisher, count: _Count) -> None:
        self._publisher = publisher
        self._count = count
        self.open = publisher.open
        self.close = publisher.close

    def publish(self, messages: Sequence[OutboundMessage]) -> list[Receipt]:
        receipts = self._publisher.publish(messages)
        confirmed = sum(receipt.outcome is PublishOutcome.CONFIRMED for receipt in receipts)
        self._count.done("alerts", confirmed)
        return receipts


def main(messages: int, alerts: int) -> None:
    """Run the engine until it is told to end."""
    whole = app.amqp_parts
    count = _Count(messages, alerts)

    def parts(settings: Settings) -> app.Parts:
        made = whole(settings)
        return replace(
            made, consumer=_Consumer(made.consumer, count), publisher=_Publisher(made.publisher, count)
        )

    app.amqp_parts = parts
    app.run(load())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
