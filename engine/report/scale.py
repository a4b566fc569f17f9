"""Round numbers and round days for the axes of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from math import ceil, floor, log10

from engine.model.moment import later

_DAYS = (1, 2, 7, 14, 28, 91, 182, 364)
_MOST_DATES = 4
_CHARACTER = 6.6  # the mean width of a letter of the pictures, in their own unit


def step_of(top: Decimal, most: int) -> Decimal:
    """The distance of round numbers (1, 2 or 5 times a power of ten) that gives at most ``most`` of them."""
    rough = float(max(top, Decimal("0.01"))) / most
    power = Decimal(10) ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= Decimal(rough))


def day_ticks(start: datetime, end: datetime) -> Iterator[datetime]:
    """At most four midnights between two times, equally far from each other."""
    first = later(datetime.combine(start.date(), time(), start.tzinfo), timedelta(days=1))
    days = max((end - first).days, 0) + 1
    step = next((step for step in _DAYS if step * _MOST_DATES >= days), ceil(days / _MOST_DATES))
    for number in range(-(-days // step)):
        yield later(first, timedelta(days=number * step))


def text_width(words: str) -> float:
    """About how wide these words are in a picture."""
    return len(words) * _CHARACTER
