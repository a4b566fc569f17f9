"""The key ``therapy`` of a case: courses of a thiopurine with their doses, told by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.model.therapy import DoseChange, TherapySpan
from engine.rulebook.syntax import Unreadable, number
from engine.strictyaml import Reader, Sequence, Table

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""The instant that cases are judged at, day 0."""

_DRUGS = ("azathioprine", "mercaptopurine")
_DEFAULT_START = -90
_UNKNOWN = "unknown"


class CoursesReader(Reader):
    """Reads the courses of a case, in the short form or as a list."""

    def courses(self, table: Table) -> tuple[TherapySpan, ...]:
        """The courses, ascending by start; results count from the first of them on."""
        if "courses" not in table.entries:
            return self._short(table)
        self.only_keys(table, ("courses",), "therapy with courses")
        node = table.entries["courses"]
        if not isinstance(node, Sequence) or not node.items:
            hint = "write courses: [{started: -90d}]"
            self.defect(table.line_of("courses"), "courses must be a list", hint)
            return self._short(Table({}, table.line))
        told = sorted(
            (self._course(self.table(item, "a course")) for item in node.items), key=lambda span: span.start
        )
        return tuple(
            replace(
                span,
                restart=any(other.stop is not None and other.stop <= span.start for other in told[:place]),
            )
            for place, span in enumerate(told)
        )

    def _course(self, table: Table) -> TherapySpan:
        self.only_keys(table, ("drug", "started", "stopped", "held", "released", "doses"), "a course")
        drug = self.text(table, "drug", "a course", default=_DRUGS[0])
        if drug not in _DRUGS:
            self.defect(table.line_of("drug"), f'"{drug}" is not a thiopurine', " or ".join(_DRUGS))
        start = self._instant(table, "started")
        if start is None:
            self.defect(table.line, "a course has no day of its start", "add started: -90d")
            start = midnight(_DEFAULT_START)
        stop, held = self._instant(table, "stopped"), self._instant(table, "held")
        if stop is not None and stop < start:
            self.defect(table.line_of("stopped"), "a course is stopped before it started", "swap the days")
        holds = () if held is None else ((held, self._instant(table, "released") or stop),)
        doses = self._doses(self.table(table.entries.get("doses", Table({}, table.line)), "doses"))
        changes = tuple(sorted(doses, key=lambda change: change.effective))
        return TherapySpan(drug, start, stop, restart=False, doses=changes, holds=holds)

    def _doses(self, table: Table) -> Iterator[DoseChange]:
        for day in table.entries:
            line = table.line_of(day)
            dose: Decimal | None = None
            text = self.text(table, day, "doses")
            if text != _UNKNOWN:
                try:
                    dose = number(text)
                except Unreadable as error:
                    self.defect(line, error.message, "write mg/day as a plain number, or unknown")
            yield DoseChange(self.time(day, line, ahead=True), dose)

    def _instant(self, table: Table, key: str) -> datetime | None:
        if key not in table.entries:
            return None
        return self.time(self.text(table, key, "a course"), table.line_of(key), ahead=True)

    def _short(self, table: Table) -> tuple[TherapySpan, ...]:
        """A day of stopping that lies before the restart is the end of the course before it."""
        self.only_keys(table, ("started", "restarted", "held", "stopped"), "therapy")
        told = {key: self.time(self.text(table, key, "therapy"), table.line_of(key)) for key in table.entries}
        usual = midnight(_DEFAULT_START)
        start = told.get("restarted", told.get("started", usual))
        if told.get("started", start) > start:
            self.defect(
                table.line, "therapy is restarted before it started", "state the earlier day as started"
            )
        held = ((told["held"], None),) if "held" in told else ()
        restart = "restarted" in told
        stop = told.get("stopped")
        first: tuple[TherapySpan, ...] = ()
        if restart and told.get("started", start) < start:
            ended = start
            if stop is not None and stop < ended:
                ended, stop = stop, None
            first = (TherapySpan(_DRUGS[0], told["started"], ended, restart=False),)
        return (*first, TherapySpan(_DRUGS[0], start, stop, restart=restart, holds=held))

    def time(self, text: str, line: int, usual: str = "00:00", *, ahead: bool = False) -> datetime:
        """A day with or without a time of day: ``-7d``, ``-7d 14:30``; ``ahead`` allows what is to come."""
        day, _, clock = text.partition(" ")
        at = midnight(self.day(day, line, ahead=ahead))
        hours, _, minutes = (clock or usual).partition(":")
        try:
            at = at.replace(hour=int(hours), minute=int(minutes))
        except ValueError:
            self.defect(line, f'"{clock}" is not a time of day', "write it as 14:30")
        if at > NOW and not ahead:
            self.defect(line, f'"{text}" is after the instant of judgement', "that is 0d 12:00")
        return at

    def day(self, text: str, line: int, *, ahead: bool = False) -> int:
        """A day counted from the day of judgement; ``ahead`` allows days to come."""
        digits = text.removeprefix("-").removesuffix("d")
        if text.endswith("d") and digits.isascii() and digits.isdigit() and len(digits) < 5:
            days = int(text.removesuffix("d"))
            if days <= 0 or ahead:
                return days
        self.defect(
            line, f'"{text}" is not a day', "write 0d for the day of judgement, -7d for a week before"
        )
        return 0


def midnight(day: int) -> datetime:
    """The beginning of a day counted from the day of judgement."""
    return (NOW + timedelta(days=day)).replace(hour=0)
