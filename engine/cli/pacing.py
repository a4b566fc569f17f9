"""When the messages of an archive are due: at once, at a rate, or at the spacing they were recorded with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.errors import ContentError
from engine.hl7 import parse
from engine.transports.archive import ArchiveMessage

AT_ONCE = 200
_UTC = ZoneInfo("UTC")


def all_at_once(messages: Iterable[ArchiveMessage]) -> Iterator[list[ArchiveMessage]]:
    """Chunks as large as is good for the broker."""
    chunk: list[ArchiveMessage] = []
    for message in messages:
        chunk.append(message)
        if len(chunk) >= AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def at_rate(messages: Iterable[ArchiveMessage], rate: float) -> Iterator[tuple[float, ArchiveMessage]]:
    """Each message with the seconds after the start at which it is due, ``rate`` a second."""
    for number, message in enumerate(messages):
        yield number / rate, message


def as_recorded(messages: Iterable[ArchiveMessage], speed: float) -> Iterator[tuple[float, ArchiveMessage]]:
    """Each message with the seconds after the start at which it is due: MSH-7, ``speed`` times faster.

    A message without a readable MSH-7, or with an earlier one than the message before, is due with that.
    """
    first: datetime | None = None
    due = 0.0
    for message in messages:
        sent_at = _sent_at(message.body)
        if sent_at is not None:
            first = first or sent_at
            due = max(due, (sent_at - first).total_seconds() / speed)
        yield due, message


def when_due(
    timed: Iterable[tuple[float, ArchiveMessage]],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[list[ArchiveMessage]]:
    """The messages one by one, each when it is due by ``clock`` (seconds)."""
    started = clock()
    for due, message in timed:
        sleep(max(0.0, started + due - clock()))
        yield [message]


def _sent_at(body: bytes) -> datetime | None:
    try:
        moment = parse(body).time(_UTC)
    except ContentError:
        return None
    return None if moment is None else moment.at.astimezone(UTC)
