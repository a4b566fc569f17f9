"""Whether something comes as often as it used to: rules that speak, codes and units that are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import median

WINDOW = timedelta(days=7)
HISTORY = 8
"""So many windows before the present one are its history."""

_ENOUGH_WINDOWS = 4
_ENOUGH = 10  # in a median window: of fewer none at all may be chance
_FEW = 20
_FALLEN = 5
_FLOODED = 4
_QUIET_FEED = 2


class Kind(StrEnum):
    """What is counted."""

    RULE = "rule"
    CODE = "code"
    UNIT = "unit"
    SENDER = "sender"


class Change(StrEnum):
    """How it differs from its own history."""

    STOPPED = "stopped"
    FELL = "fell"
    FLOODS = "floods"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What is counted, of whom: rules are of nobody."""

    kind: Kind
    sender: str
    name: str


@dataclass(frozen=True, slots=True)
class Unusual:
    """Something that comes otherwise than it used to: ``count`` in the last seven days, ``usual`` in a week.

    ``last`` is the day on which it came last.
    """

    subject: Subject
    change: Change
    count: int
    usual: float
    last: date


Counts = Mapping[Subject, Mapping[date, int]]
"""How often each came on each day."""


def unusual(counts: Counts, until: date) -> list[Unusual]:
    """What differs from its own history in the seven days that end with the day before ``until``.

    Judged against the median of the eight weeks before, of those since it was seen first, four at least.
    *Stopped*: nothing came, of something that comes ten times in a median week and has missed at most one.
    *Fell*: a fifth or less of what comes twenty times or more. *Floods*: at least twenty, four times the
    median and twice the highest week. Where a sender sends less than half of its own, that is told of the
    sender, not of each code and unit; where all do, nothing is told of rules.
    """
    weeks = {subject: _weeks(days, until) for subject, days in counts.items()}
    of_senders = _totals(weeks)
    quiet = {sender for sender, found in of_senders.items() if _quiet(found)}
    fed = [sum(week) for week in zip(*of_senders.values(), strict=True)] if of_senders else []
    found: list[Unusual] = []
    for sender, known in of_senders.items():
        days = [day for subject, own in counts.items() if subject.sender == sender for day in own]
        found += _judged(Subject(Kind.SENDER, sender, ""), known, days, until, falls_only=True)
    for subject, known in weeks.items():
        if subject.sender in quiet or (subject.kind is Kind.RULE and fed and _quiet(fed)):
            continue
        found += _judged(subject, known, counts[subject], until)
    return sorted(found, key=lambda one: (one.change is Change.FLOODS, one.subject))


def in_the_last_week(counts: Counts, until: date) -> dict[Subject, int]:
    """How often each came in the seven days before ``until``, senders in all their codes."""
    weeks = {subject: _weeks(days, until) for subject, days in counts.items()}
    senders = {Subject(Kind.SENDER, sender, ""): total for sender, total in _totals(weeks).items()}
    return {subject: known[0] for subject, known in (weeks | senders).items()}


def _weeks(days: Mapping[date, int], until: date) -> list[int]:
    """The present window first, then its history."""
    weeks = [0] * (HISTORY + 1)
    for day, count in days.items():
        number = (until - timedelta(days=1) - day) // WINDOW
        if 0 <= number <= HISTORY:
            weeks[number] += count
    return weeks


def _totals(weeks: Mapping[Subject, list[int]]) -> dict[str, list[int]]:
    totals: dict[str, list[int]] = {}
    for subject, counted in weeks.items():
        if subject.kind is Kind.CODE:
            known = totals.setdefault(subject.sender, [0] * (HISTORY + 1))
            totals[subject.sender] = [one + other for one, other in zip(known, counted, strict=True)]
    return totals


def _quiet(weeks: list[int]) -> bool:
    """Whether less than half of the usual has come."""
    return weeks[0] * _QUIET_FEED < median(weeks[1:])


def _judged(
    subject: Subject, weeks: list[int], days: Iterable[date], until: date, *, falls_only: bool = False
) -> Iterable[Unusual]:
    known = [day for day in days if day < until]
    if not known:
        return
    windows = min(HISTORY, (until - WINDOW - min(known)) // WINDOW)
    if windows < _ENOUGH_WINDOWS:
        return
    count, history = weeks[0], weeks[1 : windows + 1]
    usual = median(history)
    change = None
    if count == 0 and usual >= _ENOUGH and history.count(0) <= 1:
        change = Change.STOPPED
    elif usual >= _FEW and count * _FALLEN <= usual:
        change = Change.FELL
    elif count >= max(_FEW, _FLOODED * usual, 2 * max(history)) and not falls_only:
        change = Change.FLOODS
    if change is not None:
        yield Unusual(subject, change, count, usual, max(known))
