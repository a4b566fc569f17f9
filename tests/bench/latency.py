"""From publishing a message to its alert in the queue of alerts, against a bare pika echo.

Engine and echo run all the time, each on queues of its own, and are sent to in turns. Some of the messages
alert, each about a patient of its own; the others are about people on no therapy. Only those that alert
are timed; with the echo, the same ones. The clock is that of one process, which publishes and receives.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pika

from tests.bench.bare import declare
from tests.bench.common import Effort, Servers, message, roster_of_own, tell
from tests.integration.installation import ALERTS_OUT, INBOUND, ROOT

_RATES = (10, 100, 500)
_ALERTS_PER_SECOND = 20
_SECONDS = 4.0
_PATIENCE_SECONDS = 60.0
_PATIENT = re.compile(rb"\b1\d{6}\b")
_STRANGERS = 500_000
_FROM, _TO = "bench.from", "bench.to"


class _Receiver:
    """Notes when the first message about each patient arrives in a queue."""

    def __init__(self, url: str, queue: str) -> None:
        self.arrived: dict[bytes, float] = {}
        self._url, self._queue = url, queue
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop receiving."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.basic_consume(self._queue, self._note, auto_ack=True)
        while not self._stop.is_set():
            connection.process_data_events(0.1)
        connection.close()

    def _note(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        now = time.perf_counter()
        found = _PATIENT.search(body)
        if found is not None:
            self.arrived.setdefault(found[0], now)


class _Sender:
    """Publishes messages at a rate, and knows when those that alert were sent."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._alerting = count()
        self._silent = count(_STRANGERS)

    def send(self, queue: str, rate: int, seconds: float) -> dict[bytes, float]:
        """Send for so long; when each message that alerts was sent, by its patient."""
        every = max(1, rate // _ALERTS_PER_SECOND)
        sent: dict[bytes, float] = {}
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            alerts = number % every == 0
            body = message(next(self._alerting), alt="600") if alerts else message(next(self._silent))
            wait = began + number / rate - time.perf_counter()
            if wait > 0:
                self._connection.sleep(wait)
            if alerts:
                patient = _PATIENT.search(body)
                assert patient is not None
                sent[patient[0]] = time.perf_counter()
            self._channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))
        self._connection.process_data_events(0)
        return sent

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


def main(effort: Effort, servers: Servers) -> None:
    """A line for each rate: both parties, and the ratio of their 99th percentiles."""
    seconds = 1.0 if effort.quick else _SECONDS
    rates = _RATES[:2] if effort.quick else _RATES
    patients = sum(
        2 * effort.rounds * math.ceil(rate * seconds / max(1, rate // _ALERTS_PER_SECOND)) for rate in rates
    )
    tell(
        f"publish to alert, ms: {seconds:.0f} s a turn; of 10 messages a second every one alerts, "
        f"else about {_ALERTS_PER_SECOND} a second do"
    )
    with servers.site(roster_of_own(patients + 10)) as site:
        declare(site.url, _FROM, _TO)
        site.renew()
        site.start()
        with _echo(site.url):
            parties = {"echo": (_FROM, _Receiver(site.url, _TO))}
            parties["engine"] = (INBOUND, _Receiver(site.url, ALERTS_OUT))
            sender = _Sender(site.url)
            for queue, receiver in parties.values():  # the first of anything is slow
                _waited(sender.send(queue, 5, 0.4), receiver)
            for rate in rates:
                took: dict[str, list[float]] = {name: [] for name in parties}
                for _ in range(effort.rounds):
                    for name, (queue, receiver) in parties.items():
                        took[name] += _waited(sender.send(queue, rate, seconds), receiver)
                for name, each in took.items():
                    tell(f"  {rate:4d} msg/s  {name:<8}{_percentiles(each)}   {len(each)} timed")
                ratio = _percentile(took["engine"], 99) / _percentile(took["echo"], 99)
                target = "   target under 3" if rate == 100 else ""
                tell(f"  {rate:4d} msg/s  p99 engine : echo = {ratio:.1f}{target}")
            sender.close()
            for _, receiver in parties.values():
                receiver.close()


@contextmanager
def _echo(url: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.bare", url, _FROM, _TO], cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _waited(sent: dict[bytes, float], receiver: _Receiver) -> list[float]:
    """Seconds from sending to arriving, once all have arrived."""
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while not sent.keys() <= receiver.arrived.keys():
        if time.perf_counter() > deadline:
            missing = len(sent.keys() - receiver.arrived.keys())
            raise RuntimeError(f"{missing} of {len(sent)} alerts have not arrived")
        time.sleep(0.02)
    return [receiver.arrived[patient] - at for patient, at in sent.items()]


def _percentile(seconds: list[float], percent: float) -> float:
    """By nearest rank, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000


def _percentiles(seconds: list[float]) -> str:
    return "".join(f"  p{percent:g} {_percentile(seconds, percent):8.1f}" for percent in (50, 99, 99.9))
