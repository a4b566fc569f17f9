"""Deliveries into the intake: what may have ended a process is taken in alone, and no more than three times.

A crash or a hang takes the whole process with it, and with it every message that it had in hand. All of
them come again, marked as delivered before. Each is then taken in alone, after a row that says so is durable:
only the message under judgement can be blamed for the end of the process. After three such ends it is
quarantined unread. What was delivered for the first time is taken in by batches.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from engine import log
from engine.errors import ContentError, TransientError
from engine.hang import HangGuard
from engine.hl7 import split_delivery
from engine.intake import Intake
from engine.model.disposition import Reason
from engine.patience import StoppedError, patiently
from engine.store import InboxKey, Store
from engine.taken import Arrived, Taken
from engine.transports import Delivery

ATTEMPTS = 3
"""How often a message may be begun alone without an end."""

# To read a message asks nothing of the store, so that only the message can be blamed for the time it takes.
_READING_SECONDS = 15.0
_READING_SECONDS_PER_MB = 3.0
# To decide it asks the store, which may make anybody wait: only what is computed meanwhile is counted.
_DECIDING_SECONDS = 15.0
_DECIDING_SECONDS_PER_MB = 3.0
_WHY = f"the engine ended {ATTEMPTS} times while it was reading this message and nothing else"

_T = TypeVar("_T")

Origin = tuple[Delivery, bytes, Taken]
"""The delivery that brought a message, the message, and how it ended."""


class Taking:
    """Takes deliveries in, patiently where the store is away.

    ``waits`` is told of each attempt that the store could not serve. Every wait ends with ``stopping``.
    """

    def __init__(
        self,
        store: Store,
        intake: Intake,
        guard: HangGuard,
        stopping: threading.Event,
        waits: Callable[[], None],
    ) -> None:
        self._store = store
        self._intake = intake
        self._guard = guard
        self._stopping = stopping
        self._waits = waits

    def take(self, deliveries: Sequence[Delivery]) -> Iterator[tuple[list[Delivery], list[Origin]]]:
        """Deliveries that are durable now, and how each of their messages ended; ends early when stopped."""
        try:
            for redelivered, some in groupby(deliveries, lambda delivery: delivery.redelivered):
                if not redelivered:
                    together = list(some)
                    yield together, self._together(together)
                    continue
                for suspect in some:
                    yield [suspect], [(suspect, body, taken) for body, taken in self._alone(suspect)]
        except StoppedError:
            return

    def _together(self, deliveries: Sequence[Delivery]) -> list[Origin]:
        with self._guard.watching():
            # A delivery may be a batch: each of its messages ends in a disposition of its own.
            origins = [(delivery, body) for delivery in deliveries for body in split_delivery(delivery.body)]
        taken = self._patiently(
            lambda: self._intake.take([Arrived(body, delivery.queue) for delivery, body in origins])
        )
        return [(delivery, body, one) for (delivery, body), one in zip(origins, taken, strict=True)]

    def _alone(self, delivery: Delivery) -> list[tuple[bytes, Taken]]:
        whole = Arrived(delivery.body, delivery.queue)
        begun = self._begin(whole)
        if begun.read is not None:
            return self._to_its_end(begun)
        with self._guard.watching():
            bodies = list(split_delivery(delivery.body))
        if bodies == [delivery.body]:
            return self._to_its_end(whole)
        # To take it apart has ended nothing: whatever does is one of its messages.
        self._end(whole)
        messages = [Arrived(body, delivery.queue) for body in bodies]
        return [taken for one in messages for taken in self._to_its_end(self._begin(one))]

    def _begin(self, arrived: Arrived) -> Arrived:
        """Note that a message will be read alone; the message, marked as read where it must not be."""
        digest = hashlib.sha256(arrived.body).hexdigest()

        counted = 0

        def begin() -> tuple[InboxKey | None, int]:
            nonlocal counted
            with self._store.transaction() as unit:
                known = unit.taken(digest)
                # A commit whose answer was lost may have counted already.
                counted = attempt = 0 if known is not None else unit.begin_attempt(digest, counted)
                if known is not None:
                    unit.end_attempts(digest)
                return known, attempt

        known, attempt = self._patiently(begin)
        why = ContentError(Reason.CRASHES_THE_ENGINE, "", _WHY)
        if known is not None:
            return replace(arrived, read=(known, why))
        if attempt > ATTEMPTS:
            log.logger().error("message taken in unread, for it ends the engine", attempt=attempt)
            return replace(arrived, read=(InboxKey("", "", digest), why))
        if attempt > 1:
            log.logger().warning("the engine has ended while it was reading this message", attempt=attempt)
        return arrived

    def _to_its_end(self, arrived: Arrived) -> list[tuple[bytes, Taken]]:
        megabytes = len(arrived.body) / 1_000_000
        with self._guard.watching(_READING_SECONDS + _READING_SECONDS_PER_MB * megabytes):
            arrived = replace(arrived, read=self._intake.reading.read(arrived))

        def take() -> list[Taken]:
            with self._guard.computing(_DECIDING_SECONDS + _DECIDING_SECONDS_PER_MB * megabytes):
                return self._intake.take([arrived])

        try:
            taken = self._patiently(take)
        except StoppedError:
            self._end(arrived)
            raise
        self._end(arrived)
        return [(arrived.body, one) for one in taken]

    def _end(self, arrived: Arrived) -> None:
        """Forget that a message was begun; a row that stays is forgotten when it is delivered again."""
        try:
            with self._store.transaction() as unit:
                unit.end_attempts(hashlib.sha256(arrived.body).hexdigest())
        except TransientError as error:
            log.logger().warning("store away", exc_info=error)

    def _patiently(self, work: Callable[[], _T]) -> _T:
        """What the store makes of it, once it is there. Raises StoppedError: it is delivered again."""

        def watched() -> _T:
            with self._guard.watching():
                return work()

        return patiently(watched, "store", self._stopping, self._waits)
