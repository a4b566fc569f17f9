"""Clinical time: an aware instant that remembers how precisely it was told."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from enum import IntEnum

from engine.model.frozen import frozen

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


def later(at: datetime, by: timedelta) -> datetime:
    """``at + by``, or the first or last instant of the calendar where that lies outside of it.

    An end that was never meant (99991231) must not stop anything; ``by`` may be negative.
    """
    try:
        moved = at + by
        if not MINYEAR < moved.year < MAXYEAR:
            moved.astimezone(UTC)  # as it is stored
    except OverflowError:
        return _FIRST if by < _FIRST - at else _LAST
    return moved


def in_zone(at: datetime, zone: tzinfo | None) -> datetime:
    """The same instant as ``zone`` tells it, in UTC where the calendar of that zone is over."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at.astimezone(UTC)


class Precision(IntEnum):
    """How many parts of an HL7 DTM were given; a date is not midnight."""

    YEAR = 4
    MONTH = 6
    DAY = 8
    HOUR = 10
    MINUTE = 12
    SECOND = 14


@frozen()
class Moment:
    """An aware datetime with the precision that was sent (HL7 v2.9 2A.3.22 DTM).

    ``zone_assumed``: no offset was sent, the site's zone was used. ``ambiguous``: the local time
    occurs twice at the end of daylight saving; the first occurrence (fold=0) was taken.
    """

    at: datetime
    precision: Precision = Precision.SECOND
    zone_assumed: bool = False
    ambiguous: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a Moment needs an aware datetime")

    @property
    def latest(self) -> datetime:
        """The last instant it may mean: a date means any time of that day, an hour any minute of it."""
        if self.precision >= Precision.MINUTE:
            return self.at
        if self.precision is Precision.HOUR:
            end = later(self.at, timedelta(hours=1))
        elif self.precision is Precision.DAY:
            end = later(self.at, timedelta(days=1))
        else:
            month = self.at.month + 1 if self.precision is Precision.MONTH else 13
            year = self.at.year + (month > 12)
            if year > MAXYEAR:
                return self.at
            end = self.at.replace(year=year, month=1 if month > 12 else month, day=1)
        return max(self.at, later(end, -timedelta(microseconds=1)))

    def overlaps(self, other: Moment) -> bool:
        """Whether both may mean the same instant."""
        return self.at <= other.latest and other.at <= self.latest

    def isoformat(self) -> str:
        """ISO 8601 with the offset it was told with."""
        return self.at.isoformat()
