"""Which acks to send to the broker: the delivery tags of one channel, settled in any order."""

from __future__ import annotations

from collections.abc import Iterable


class AckLedger:
    """Knows, for one channel, which delivery tags are settled; never lets one be acked twice.

    A second ack of a tag, or an ack of a tag never delivered, makes RabbitMQ close the channel and
    redeliver everything (406 PRECONDITION_FAILED); a ``multiple`` ack beyond the contiguous prefix
    would lose messages not yet dealt with.
    """

    def __init__(self) -> None:
        self._last_delivered = 0
        self._first_open = 1
        self._settled_ahead: set[int] = set()

    def delivered(self, tag: int) -> None:
        """Take note of a delivery. Tags it skips were settled by the client library by itself."""
        if tag != self._last_delivered + 1:
            self._settled_ahead.update(range(self._last_delivered + 1, tag))
        self._last_delivered = tag

    def settle(self, tags: Iterable[int]) -> list[tuple[int, bool]]:
        """The acks to send for ``tags`` as (tag, multiple), in order; repeats and unknown tags give none."""
        pending = {
            tag
            for tag in tags
            if self._first_open <= tag <= self._last_delivered and tag not in self._settled_ahead
        }
        acks: list[tuple[int, bool]] = []
        prefix = 0
        tag = self._first_open
        while tag in pending or tag in self._settled_ahead:
            if tag in pending:
                pending.remove(tag)
                prefix = tag
            else:
                self._settled_ahead.remove(tag)
            tag += 1
        self._first_open = tag
        if prefix:
            acks.append((prefix, True))
        self._settled_ahead |= pending
        return acks + [(tag, False) for tag in sorted(pending)]
