"""Moving an HL7 time by a constant, in the form in which it was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.hl7.times import TimeUnreadableError, match_time, parse_offset

_PARTS = ("year", "month", "day", "hour", "minute", "second")
_WIDTHS = {"year": 4}


@dataclass(frozen=True, slots=True)
class Shift:
    """How far times move: those with a time of day by ``by``, mere dates by ``days``."""

    by: timedelta
    days: int


@lru_cache(maxsize=8192)
def shift_time(text: str, shift: Shift, zone: ZoneInfo, default_offset: timezone | None = None) -> str:
    """``text`` moved, with its precision, separators and offset as sent.

    Where no offset was sent the digits are those of ``default_offset`` (of MSH-7), else of the clocks of
    ``zone``, so that real durations stay what they were across the change to summer time. A month or a
    year without a day moves by the months or years that come closest. The year 9999, which means
    "never", stays.
    Raises TimeUnreadableError.
    """
    found = match_time(text)
    if found is None:
        raise TimeUnreadableError("wrong form")
    parse_offset(found["offset"])
    numbers = [int(found[name]) for name in _PARTS if found[name] is not None]
    if numbers[0] == 9999:
        return "99991231"[: 2 + 2 * min(len(numbers), 3)]
    try:
        if len(numbers) > 3:
            return _written(found, _moved(numbers, found["offset"], shift.by, zone, default_offset))
        middle = (*numbers, *((7, 1), (15,), ())[len(numbers) - 1])
        year, month, day = middle
        return _written(found, (date(year, month, day) + timedelta(days=shift.days)).timetuple()[:6])
    except (ValueError, OverflowError):
        raise TimeUnreadableError("no such date or time of day") from None


def _moved(
    numbers: list[int], offset: str | None, by: timedelta, zone: ZoneInfo, default_offset: timezone | None
) -> tuple[int, ...]:
    year, month, day, hour, minute, second = (*numbers, 0, 0)[:6]
    fixed = parse_offset(offset) or default_offset
    local = datetime(year, month, day, hour, minute, second, tzinfo=fixed or zone)
    moved = local + by if fixed is not None else (local.astimezone(UTC) + by).astimezone(zone)
    return moved.timetuple()[:6]


def _written(found: re.Match[str], numbers: tuple[int, ...]) -> str:
    text, end = [], 0
    for name, number in zip(_PARTS, numbers, strict=True):
        if found[name] is None:
            break
        text += [found.string[end : found.start(name)], f"{number:0{_WIDTHS.get(name, 2)}d}"]
        end = found.end(name)
    return "".join([*text, found.string[end:]]).strip(" ")
