"""A sending system that goes on whatever happens to the broker, as an interface engine does."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import EngineError
from engine.transports import OutboundMessage, PublishOutcome
from engine.transports.amqp import AmqpPublisher
from engine.transports.archive import read_archive
from tests.integration.installation import INBOUND, wait_until

_HL7 = "application/hl7-v2+er7"


class Feed:
    """Sends the messages of an archive in their order, each until it is confirmed, up to ``limit`` of them.

    ``pause_seconds`` are between two. What was not confirmed in time is sent again: it may come twice.
    """

    def __init__(self, url: str, archive: Path, limit: int = 0, pause_seconds: float = 0.02) -> None:
        self._url = url
        self._messages = list(read_archive([archive]))
        self._pause_seconds = pause_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.limit = limit or len(self._messages)
        self.confirmed = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def send(self, count: int) -> None:
        """So many more, to the last confirm."""
        self.limit += count
        self.wait_for(self.limit)

    def wait_for(self, count: int) -> None:
        """Until so many messages are confirmed."""
        wait_until(lambda: self.confirmed >= count, f"{count} messages confirmed to their sender")

    def wait_until_sent(self) -> None:
        """All that are left, to the last confirm."""
        self.limit = len(self._messages)
        self.wait_for(self.limit)

    def _run(self) -> None:
        publisher = AmqpPublisher(self._url, confirm_timeout_seconds=2.0)
        while not self._ended.is_set():
            with suppress(EngineError):
                publisher.open()
                break
        while not self._ended.wait(self._pause_seconds):
            if self.confirmed >= self.limit:
                continue
            if self.confirmed == len(self._messages):
                break
            body = self._messages[self.confirmed].body
            message = OutboundMessage("", INBOUND, body, _HL7, f"message-{self.confirmed}")
            (receipt,) = publisher.publish([message])
            self.confirmed += receipt.outcome is PublishOutcome.CONFIRMED
        publisher.close()
