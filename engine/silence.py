"""How long a sender may be silent: what was usual at this hour of the week."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

WEEKS = 4
_HOUR = timedelta(hours=1)
_WEEK = timedelta(weeks=1)
_LEAST_WEEKS = 2
_TIMES = 2


def silences(since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """For each hour between two messages, by its beginning, how long it had been quiet by its end.

    Of a silence of months, the last weeks.
    """
    hour = _begin(max(since, until - WEEKS * _WEEK))
    found = []
    while hour <= until:
        found.append((hour, min(hour + _HOUR, until) - since))
        hour += _HOUR
    return found


def hours_like(now: datetime) -> list[datetime]:
    """The same hour of the week, and those beside it, in the last weeks."""
    hour = _begin(now)
    return [hour - week * _WEEK + beside * _HOUR for week in range(1, WEEKS + 1) for beside in (-1, 0, 1)]


def usual(now: datetime, longest: Mapping[datetime, timedelta], least: timedelta) -> timedelta | None:
    """How long a silence is unusual now: twice the longest at this hour of the week, but at least ``least``.

    ``longest`` has the longest silence of each hour of :func:`hours_like` in which the sender was watched.
    None where it was watched in fewer than two of the weeks: nobody knows what is usual.
    """
    hour = _begin(now)
    weeks = [week for week in range(1, WEEKS + 1) if hour - week * _WEEK in longest]
    if len(weeks) < _LEAST_WEEKS:
        return None
    return max(least, _TIMES * max(longest.values()))


def _begin(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
