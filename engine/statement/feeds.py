"""Whether a sender still sends, by its own habit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

HABIT = timedelta(days=28)
"""How far back the habit of a sender is looked at."""

_LEAST = timedelta(hours=4)
_UNKNOWN_HABIT = timedelta(days=7)
_ENOUGH_HOURS = 20
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour (its beginning) in which a sender sent something, how much, and when the last of it came."""

    at: datetime
    messages: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """One sender at an instant.

    ``tolerated``: for how long it may be silent before that is no habit of its own.
    """

    sender: str
    last_message: datetime
    messages_of_the_day: int
    longest_gap_of_the_day: timedelta
    tolerated: timedelta
    silent_for: timedelta

    @property
    def healthy(self) -> bool:
        """Whether it has been silent for no longer than it usually is."""
        return self.silent_for <= self.tolerated


def feed_of(sender: str, hours: Sequence[Hour], at: datetime) -> Feed:
    """The feed of a sender, of the hours (ascending, one at least) in which it sent, up to ``at``.

    It may be silent for one and a half times the second longest pause of its habit, to the hour, and for at
    least four hours: the longest may have been an outage. Who has sent in fewer than 20 hours of the 28 days
    has no habit yet, and is silent after seven days.
    """
    begins = [hour.at for hour in hours]
    pauses = sorted(later - earlier for earlier, later in pairwise(begins))
    tolerated = _UNKNOWN_HABIT
    if len(hours) >= _ENOUGH_HOURS:
        tolerated = max(_LEAST, pauses[-2] * 3 / 2)
    of_the_day = [hour for hour in hours if hour.last > at - _DAY]
    marks = [at - _DAY, *(hour.last for hour in of_the_day), at]
    return Feed(
        sender=sender,
        last_message=hours[-1].last,
        messages_of_the_day=sum(hour.messages for hour in of_the_day),
        longest_gap_of_the_day=max(later - earlier for earlier, later in pairwise(marks)),
        tolerated=tolerated,
        silent_for=at - hours[-1].last,
    )
