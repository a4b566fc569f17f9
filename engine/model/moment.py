"""Clinical time: an aware instant that remembers how precisely it was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Precision(IntEnum):
    """How many parts of an HL7 DTM were given; a date is not midnight."""

    YEAR = 4
    MONTH = 6
    DAY = 8
    HOUR = 10
    MINUTE = 12
    SECOND = 14


@dataclass(frozen=True, slots=True)
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

    def isoformat(self) -> str:
        """ISO 8601 with the offset it was told with."""
        return self.at.isoformat()
