"""When and how often an order is to be given: TQ1 segments, and the TQ fields of versions before 2.5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction

from engine.errors import ContentError
from engine.model.disposition import Reason
from engine.model.moment import Moment, later
from engine.model.segments import Segment
from engine.therapy.frequency import (
    duration,
    duration_of_code,
    times_per_day,
    times_per_day_of_period,
)

ReadTime = Callable[[str], Moment]


@dataclass(frozen=True, slots=True)
class Timing:
    """One TQ1, or one repetition of a TQ.

    ``per_day`` is None where there is no fixed frequency. ``quantity`` is what TQ1-2 says is given each
    time, as sent. ``sequential``: the next timing follows this one, else both hold side by side.
    ``condition``: somebody wrote words that only a person can act on (TQ1-10, TQ1-11).
    """

    start: Moment | None = None
    end: Moment | None = None
    per_day: Fraction | None = None
    quantity: str = ""
    sequential: bool = False
    condition: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of an order in which the frequency stays the same; ``start`` None where it is not told."""

    start: Moment | None
    per_day: Fraction | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """All timings of an order as phases in sequence; ``end`` None means until further notice."""

    phases: tuple[Phase, ...] = (Phase(None, None),)
    end: Moment | None = None
    quantities: tuple[str, ...] = ()
    condition: bool = False


def read_time_field(
    segment: Segment | None, field: int, read_time: ReadTime, component: int = 1, repetition: int = 1
) -> Moment | None:
    """The time in a field, None where it was not sent; raises ContentError (time-unreadable)."""
    text = segment.text(field, component, repetition).strip() if segment is not None else ""
    if segment is None or not text:
        return None
    try:
        return read_time(text)
    except ValueError as error:
        raise ContentError(Reason.TIME_UNREADABLE, segment.location(field), "not a time") from error


def timings_of_segments(segments: Sequence[Segment], read_time: ReadTime) -> tuple[Timing, ...]:
    """The timings that TQ1 segments tell (HL7 v2.9 4.5.4)."""
    return tuple(_of_segment(segment, read_time) for segment in segments)


def timings_of_field(segment: Segment | None, field: int, read_time: ReadTime) -> tuple[Timing, ...]:
    """The timings that a TQ field tells: ORC-7 or RXE-1 (HL7 v2.5.1 4.3)."""
    if segment is None:
        return ()
    return tuple(
        _of_repetition(segment, field, repetition, read_time)
        for repetition in range(1, segment.repetitions(field) + 1)
    )


def schedule(timings: Sequence[Timing]) -> Schedule:
    """Parallel timings add up, sequential ones follow each other (TQ1-12, TQ component 9).

    A phase without a start of its own begins when the one before it ends. The order ends with its last
    phase, and has no end as long as one timing of that phase has none.
    """
    if not timings:
        return Schedule()
    groups: list[list[Timing]] = [[]]
    for timing in timings:
        groups[-1].append(timing)
        if timing.sequential:
            groups.append([])
    phases: list[Phase] = []
    end: Moment | None = None
    for group in (group for group in groups if group):
        starts = [timing.start for timing in group if timing.start is not None]
        start = min(starts, key=lambda moment: moment.at) if starts else end
        phases.append(Phase(start, _sum_of([timing.per_day for timing in group])))
        ends = [timing.end for timing in group]
        known = [moment for moment in ends if moment is not None]
        end = max(known, key=lambda moment: moment.at) if len(known) == len(ends) else None
    return Schedule(
        phases=tuple(phases),
        end=end,
        quantities=tuple(timing.quantity for timing in timings if timing.quantity),
        condition=any(timing.condition for timing in timings),
    )


def _of_segment(segment: Segment, read_time: ReadTime) -> Timing:
    rates = [_rate_of_pattern(segment, number) for number in range(1, segment.repetitions(3) + 1)]
    if not rates and segment.repetitions(4):
        rates = [Fraction(segment.repetitions(4))]  # so many explicit times of day
    timing = Timing(
        start=read_time_field(segment, 7, read_time),
        end=read_time_field(segment, 8, read_time),
        per_day=None if segment.text(9).strip().upper().startswith("PRN") else _sum_of(rates),
        quantity=segment.text(2).strip(),
        sequential=segment.text(12).strip().upper() == "S",
        condition=bool(segment.text(10).strip() or segment.text(11).strip()),
    )
    length = duration(segment.text(6), segment.text(6, 2))
    return _ended(timing, length, segment.text(14))


def _of_repetition(segment: Segment, field: int, repetition: int, read_time: ReadTime) -> Timing:
    def component(number: int) -> str:
        return segment.text(field, number, repetition).strip()

    rate = times_per_day(component(2))
    times = [time for time in segment.text(field, 2, repetition, 2).split(",") if time.strip()]
    if not component(2) and times:
        rate = Fraction(len(times))
    timing = Timing(
        start=read_time_field(segment, field, read_time, 4, repetition),
        end=read_time_field(segment, field, read_time, 5, repetition),
        per_day=None if component(6).upper().startswith("PRN") else rate,
        quantity=component(1),
        sequential=component(9).upper() == "S",
        condition=bool(component(7) or component(8)),
    )
    return _ended(timing, duration_of_code(component(3)), component(12))


def _rate_of_pattern(segment: Segment, repetition: int) -> Fraction | None:
    code = segment.text(3, 1, repetition)
    if code.strip():
        return times_per_day(code)
    return times_per_day_of_period(segment.text(3, 5, repetition), segment.text(3, 6, repetition))


def _ended(timing: Timing, length: timedelta | None, occurrences: str) -> Timing:
    """With the earliest of the end as told, start plus duration, and the last of so many occurrences."""
    ends = [timing.end] if timing.end is not None else []
    if timing.start is not None:
        start = timing.start
        lengths = [] if length is None else [length]
        count = occurrences.strip()
        if timing.per_day and count.isascii() and count.isdigit() and len(count) <= 4:
            days = min(Fraction(int(count)) / timing.per_day, Fraction(timedelta.max.days))
            lengths.append(timedelta(seconds=int(86400 * days)))
        ends.extend(replace(start, at=later(start.at, each)) for each in lengths)
    ahead = [end for end in ends if timing.start is None or end.at > timing.start.at]
    return replace(timing, end=min(ahead, key=lambda moment: moment.at) if ahead else None)


def _sum_of(rates: Sequence[Fraction | None]) -> Fraction | None:
    total = Fraction(0)
    for rate in rates:
        if rate is None:
            return None
        total += rate
    return total or None
