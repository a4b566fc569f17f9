"""HL7 times: DTM and TS of any precision, with the zone that holds for them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.model.moment import Moment, Precision, later
from engine.model.segments import Segment

_OFFSET = r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?"
_DTM = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?:(?P<hour>[0-9]{2})"
    r"(?:(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9})|[0-9]{2,3})?)?)?)?)?)?"
    + _OFFSET
)
_SEPARATED = re.compile(
    r"(?P<year>[0-9]{4})(?P<dash>[-/])(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})"
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    + _OFFSET
    + ")?"
)
_PARTS = (
    ("year", Precision.YEAR),
    ("month", Precision.MONTH),
    ("day", Precision.DAY),
    ("hour", Precision.HOUR),
    ("minute", Precision.MINUTE),
    ("second", Precision.SECOND),
)
_LETTERS = {
    "Y": Precision.YEAR,
    "L": Precision.MONTH,
    "D": Precision.DAY,
    "H": Precision.HOUR,
    "M": Precision.MINUTE,
    "S": Precision.SECOND,
}
_BEGINNING = [1, 1, 1, 0, 0, 0]  # of the year, for what was not sent
_LARGEST_OFFSET = timedelta(hours=14)
_REMEMBERED = 4096  # a message tells its few times again and again, and so do those sent beside it


class TimeUnreadableError(ValueError):
    """The text is not a time. Its message never holds the text, which may be a date of birth."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not an HL7 time: {why}")


@lru_cache(maxsize=_REMEMBERED)
def read_moment(
    text: str, zone: ZoneInfo, default_offset: timezone | None = None, precision_letter: str = ""
) -> Moment:
    """Read ``YYYY[MM[DD[HH[MM[SS[.S...]]]]]][+/-ZZZZ]`` (HL7 v2.9 2A.3.22) and what is common beside it.

    Also read: hundredths or thousandths without their point (``2024010112301207``; dropped) and year-first
    dates with separators (``2024-01-01T12:30:00``). ``precision_letter`` is component 2 of a TS before 2.5
    (Y L D H M S): the digits behind it do not count. The zone is that of the text, else
    ``default_offset`` (of MSH-7), else ``zone``. A local time that occurs twice is the first occurrence
    and is marked; one that the clocks skip is moved forward by as much as they were. ``at`` carries a
    fixed offset, so that differences between moments are real durations; where UTC has no such instant any
    more, it is the last (first) one that UTC has. Raises TimeUnreadableError.
    """
    found = match_time(text)
    if found is None:
        raise TimeUnreadableError("wrong form")
    precision = Precision.YEAR
    numbers = []
    for name, reached in _PARTS:
        digits = found[name]
        if digits is None:
            break
        precision = reached
        numbers.append(int(digits))
    limit = _LETTERS.get(precision_letter)
    if limit is not None and limit < precision:
        precision = limit
        numbers = numbers[: [reached for _, reached in _PARTS].index(limit) + 1]
    microsecond = int((found["fraction"] or "")[:6].ljust(6, "0")) if precision is Precision.SECOND else 0
    offset = parse_offset(found["offset"]) or default_offset
    year, month, day, hour, minute, second = numbers + _BEGINNING[len(numbers) :]
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=offset or zone)
    except ValueError:
        raise TimeUnreadableError("no such date or time of day") from None
    try:
        at, ambiguous = (local, False) if offset is not None else _first_occurrence(local, zone)
        at.astimezone(UTC)
    except OverflowError:  # 99991231235959 in America: the year 10000 by UTC
        at, ambiguous = later(local, timedelta()), False
    return Moment(at, precision, offset is None, ambiguous and precision > Precision.DAY)


def moment_of(
    segment: Segment, field: int, zone: ZoneInfo, default_offset: timezone | None = None, component: int = 1
) -> Moment | None:
    """Read a TS or DTM field, or one component of a DR; None when it is empty. As :func:`read_moment`."""
    text = segment.text(field, component)
    if not text.strip():
        return None
    return read_moment(text, zone, default_offset, segment.text(field, 2) if component == 1 else "")


@lru_cache(maxsize=_REMEMBERED)
def offset_of(text: str) -> timezone | None:
    """The UTC offset that a time was sent with, None where it has none or is no time."""
    found = match_time(text)
    try:
        return parse_offset(found["offset"]) if found else None
    except TimeUnreadableError:
        return None


def match_time(text: str) -> re.Match[str] | None:
    """The parts of a time by name (year to offset), None where the text has another form."""
    stripped = text.strip(" ")
    return _DTM.fullmatch(stripped) or _SEPARATED.fullmatch(stripped)


def parse_offset(text: str | None) -> timezone | None:
    """``Z``, ``+0100`` or ``-05:00``; None for None. Raises TimeUnreadableError."""
    if text is None:
        return None
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    size = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or size > _LARGEST_OFFSET:
        raise TimeUnreadableError("no such offset")
    return timezone(-size if text[0] == "-" else size)


def _first_occurrence(local: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """The first instant with this local time, with a fixed offset, and whether there are two (PEP 495)."""
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    ambiguous = before is not None and after is not None and before > after
    at = local.astimezone(UTC)
    return at.astimezone(timezone(at.astimezone(zone).utcoffset() or timedelta())), ambiguous
