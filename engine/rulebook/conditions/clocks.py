"""Conditions on what has not happened: tests that are overdue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar, Self

from engine.model.finding import Evidence
from engine.model.moment import later
from engine.model.quantity import Truth
from engine.model.therapy import TherapySpan, TherapyState, exposure
from engine.rulebook.conditions.base import Analytes, Condition, Verdict, View
from engine.rulebook.syntax import Unreadable

_PANEL_WORDS = {"liver": "Liver tests", "blood": "Blood counts"}


@dataclass(frozen=True, slots=True)
class Overdue(Condition):
    """``liver every 7 d from day 0 to day 28 since start overdue by 2 d``."""

    panel: str
    every: timedelta
    first: timedelta
    last: timedelta | None
    beginning: str
    late: timedelta

    PATTERNS: ClassVar = (
        "PANEL every DAYS d from day FIRST to day LAST since BEGINNING overdue by LATE d",
        "PANEL every DAYS d from day FIRST since BEGINNING overdue by LATE d",
    )
    MEANING: ClassVar = (
        "The panel (`liver`, `blood`) should have been taken again so many days after the last time, and "
        "that was so many days ago. It speaks while the last time lies in these days (the last of them not "
        "included) after the `start` of a first course, the `restart` of the present one, the `stop` or hold "
        "of the last one, or the newest raise of the dose (`dose-change`). From day 0 on, the beginning "
        "counts as a time at which the panel was taken; so does, always, the instant at which the engine "
        "began to watch. What counts is when blood was taken, not when the result came."
    )
    EXAMPLE: ClassVar = "liver every 7 d from day 0 to day 28 since start overdue by 2 d"
    BY_RECORD: ClassVar = False
    CAN_BE_UNKNOWN: ClassVar = False
    TIMED: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        days = {name: _days(words[name], text) for name in ("DAYS", "FIRST", "LATE")}
        last = _days(words["LAST"], text) if "LAST" in words else None
        return cls(text, words["PANEL"], days["DAYS"], days["FIRST"], last, words["BEGINNING"], days["LATE"])

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """Also: days that are never, and a panel that no analyte proves."""
        del analytes  # any that prove a panel will do
        if self.last is not None and self.last <= self.first:
            yield Unreadable(f'no day lies in "{self.text}"', "the second day must be after the first")
        if not self.every:
            yield Unreadable(f'an interval of no days in "{self.text}"', "write every 7 d")

    def judge(self, view: View) -> Verdict:
        """Judge the clock against the day on which the panel is due, where this phase of therapy sets it."""
        demanded = view.standing.repeat_within.get(self.panel)
        asked = self.text if demanded is None else f"{self.text} {demanded}"
        return view.once("overdue", asked, lambda _: self._judged(view))

    def _judged(self, view: View) -> Verdict:
        last = self._last(view)
        if last is None:
            return Verdict(Evidence(self.text, Truth.FALSE, note="not awaited in this phase of the therapy"))
        due = later(last, self._interval(view))
        overdue_from = later(due, self.late)
        watch = view.situation.watch
        overdue = watch is not None and watch.clock >= overdue_from
        name = _PANEL_WORDS[self.panel]
        note = f"next {name.lower()} due {due.date().isoformat()}"
        if overdue:
            # The day on which it became overdue is told, not today: a late look says the same.
            note = f"{name} were due {due.date().isoformat()} ({self.late.days} days late)"
        seen = Evidence(
            self.text,
            Truth.of(overdue),
            collected_at=view.situation.panels.get(self.panel),
            threshold=due.date().isoformat(),
            note=note,
        )
        return Verdict(
            seen, since=overdue_from if overdue else None, look_at=None if overdue else overdue_from
        )

    @property
    def saying(self) -> str:
        """``liver every 7 d from day 0 ... are overdue``."""
        days = f"from day {self.first.days}" + (f" to day {self.last.days}" if self.last else "")
        return (
            f"{_PANEL_WORDS[self.panel].lower()} are due every {self.every.days} days {days} since the "
            f"{self.beginning.replace('-', ' ')}, and {self.late.days} days overdue"
        )

    def _interval(self, view: View) -> timedelta:
        """As often as the rule says, or as some modifier demands."""
        return min(self.every, view.standing.repeat_within.get(self.panel, self.every))

    def _last(self, view: View) -> datetime | None:
        """When the panel was last taken or may count as taken; None outside the days of this phase."""
        situation = view.situation
        watch = situation.watch
        if watch is None:
            return None
        spans, clock = situation.spans, watch.clock
        beginning = view.once("beginning", self.beginning, lambda name: _beginning(name, spans, clock))
        if beginning is None or watch is None:
            return None
        times = [watch.since]
        if self.panel in situation.panels:
            times.append(situation.panels[self.panel])
        if not self.first:
            times.append(beginning)
        last = max(times)
        day = last - beginning
        if day < self.first or (self.last is not None and day >= self.last):
            return None
        return _fixed(last)


def _days(word: str, text: str) -> timedelta:
    number = Decimal(word)
    if number != number.to_integral_value():
        raise Unreadable(f'"{word}" is not a number of days in "{text}"', "write a whole number")
    return timedelta(days=int(number))


def _beginning(name: str, spans: tuple[TherapySpan, ...], clock: datetime) -> datetime | None:
    """The instant of that name in the course that goes on now, or has ended last; None where it has none."""
    now = exposure(spans, clock)
    course = now.span
    if course is None:
        return None
    if name == "stop":
        if now.state is TherapyState.HELD:
            return max(begin for begin, _ in course.holds if begin <= clock)
        return course.stop if now.state is TherapyState.STOPPED else None
    if now.state is TherapyState.STOPPED:
        return None
    if name == "dose-change":
        return max((at for at in _raises(course) if at <= clock), default=None)
    return course.start if course.restart == (name == "restart") else None


def _raises(course: TherapySpan) -> Iterator[datetime]:
    for before, after in pairwise(course.doses):
        old, new = before.mg_per_day, after.mg_per_day
        if old is not None and new is not None and new > old:
            yield after.effective


def _fixed(instant: datetime) -> datetime:
    """The same instant with its offset alone: a day is 24 hours, also where the clocks are changed."""
    return instant.astimezone(timezone(instant.utcoffset() or timedelta()))
