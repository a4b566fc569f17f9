"""Therapy episodes out of everything that was ever told about a person's therapy.

Everything here is a function of the *set* of events: neither the order nor the number of times in which
they came makes a difference. The principles, where sources contradict each other:

* The drug counts as taken while the roster or any order says so; the end of one order ends that order.
* A roster row speaks about the patient, an order about one prescription: a roster stop or hold acts on
  every open order. The stop of an order acts on the roster only when no other order is open, and never
  when it is told of a hospital stay, whose orders end with it while the therapy goes on at home.
* An order that is stopped and written anew within a day, or renewed within a week of its planned end,
  is one continuous therapy. An explicit ``restart`` in the roster never is: it begins a restarted
  episode after a stop, after a hold, and whatever orders go on meanwhile.
* Doses of orders that run side by side add up. Between roster and orders the newer statement counts.
* What was dispensed or given confirms and never predates what an order or the roster tells of its drug.
  Where neither ever told of that drug, whoever got it takes it: from the first supply on, dose unknown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from engine.model.facts import MANY_AT_ONCE, NO_LONGER_TAKEN, TAKEN
from engine.model.moment import Moment
from engine.model.therapy import (
    DoseChange,
    Fact,
    TherapyEvent,
    TherapyEventKind,
    TherapySpan,
)
from engine.therapy.lines import Lines
from engine.therapy.telling import newest
from engine.therapy.tracks import Ending, Interval, Track

THIOPURINES = frozenset({"azathioprine", "mercaptopurine"})

# They tell of no start that a supply could predate. An end alone must not undo what was dispensed before it.
_TELLS_OF_NO_START = frozenset(
    {
        TherapyEventKind.SUPPLY,
        TherapyEventKind.FACT,
        TherapyEventKind.STOP,
        TherapyEventKind.HOLD,
        TherapyEventKind.REPLACE,
        TherapyEventKind.VOID,
        TherapyEventKind.REVERT,
    }
)

# A prescriber who changes a dose often stops one order and writes another.
_REWRITTEN_WITHIN = timedelta(days=1)
# Repeat prescriptions are not fetched on the very day, and some tablets are left.
_RENEWED_WITHIN = timedelta(days=7)


def spans(events: Iterable[TherapyEvent]) -> tuple[TherapySpan, ...]:
    """The episodes of azathioprine and mercaptopurine, ascending by start.

    ``restart`` is set where an episode of either drug had ended before, or where the roster says so.
    Requests that wait for confirmation (``provisional``) change nothing. Supplies (RXD-3, RXA-3) begin an
    episode of unknown dose where nothing else tells of a start of their drug; else they change nothing.
    """
    told = newest(events)
    if not told:
        return ()
    found = sorted(
        (span for drug in sorted(THIOPURINES) for span in _episodes(drug, told)),
        key=lambda span: (span.start, span.stop is None, span.stop or span.start, span.drug),
    )
    return tuple(
        replace(span, restart=span.restart or any(_ended_before(other, span) for other in found))
        for span in found
    )


def other_drugs(events: Iterable[TherapyEvent]) -> Mapping[str, tuple[TherapySpan, ...]]:
    """The episodes of every other drug that was told of (allopurinol, febuxostat), by its name."""
    told = newest(events)
    names = sorted({event.drug for event in told if event.kind is not TherapyEventKind.FACT} - THIOPURINES)
    found = {drug: _episodes(drug, told) for drug in names if drug}
    return {drug: episodes for drug, episodes in found.items() if episodes}


def facts(events: Iterable[TherapyEvent]) -> Mapping[str, tuple[Fact, ...]]:
    """Everything recorded about the person, by name, ascending by date.

    Other drugs are facts of their own name: ``allopurinol`` is ``active`` from its start and ``stopped``
    from its stop, unless it was restarted at once; a held one is still active, because its effect lasts.
    """
    told = tuple(events)
    found: dict[str, list[Fact]] = {}
    for event in newest(told):
        if event.kind is TherapyEventKind.FACT:
            name, told_value = event.fact_name, event.fact_value
            # An answer may name several symptoms; one that was taken back names nothing.
            values = told_value.split() if name in MANY_AT_ONCE else filter(None, (told_value,))
            found.setdefault(name, []).extend(
                Fact(name, value, event.effective, event.source) for value in values
            )
    for drug, episodes in other_drugs(told).items():
        for span in episodes:
            found.setdefault(drug, []).append(Fact(drug, TAKEN, Moment(span.start), span.source))
            goes_on = any(other.start == span.stop for other in episodes if other is not span)
            if span.stop is not None and not goes_on:
                found[drug].append(Fact(drug, NO_LONGER_TAKEN, Moment(span.stop), span.source))
    return {name: tuple(sorted(found[name], key=_fact_order)) for name in sorted(found) if found[name]}


# --- one drug ------------------------------------------------------------------------------------


def _episodes(drug: str, told: Sequence[TherapyEvent]) -> tuple[TherapySpan, ...]:
    acting = [event for event in told if not event.provisional]
    mine = tuple(event for event in acting if event.drug == drug)
    if not mine:
        return ()
    if all(event.kind in _TELLS_OF_NO_START for event in mine):
        mine = tuple(map(_as_beginning, mine))
        acting = [*(event for event in acting if event.drug != drug), *mine]
    lines = Lines(drug, acting)
    tracks = lines.tracks()
    return tuple(
        _span(drug, course, tracks, lines.parents, mine)
        for course in _courses(interval for track in tracks.values() for interval in track.intervals)
    )


def _as_beginning(event: TherapyEvent) -> TherapyEvent:
    """A supply as the beginning of its order, which nobody has told of."""
    is_supply = event.kind is TherapyEventKind.SUPPLY
    return replace(event, kind=TherapyEventKind.START) if is_supply else event


# --- from tracks to episodes ---------------------------------------------------------------------


def _courses(intervals: Iterable[Interval]) -> list[Interval]:
    """Overlapping and adjoining stretches as one, but never across a restart."""
    told = tuple(intervals)
    restarts = sorted({interval.begin for interval in told if interval.restart})
    courses: list[Interval] = []
    for interval in sorted(
        (part for whole in told for part in _parts(whole, restarts)),
        key=lambda each: (each.begin, not each.restart, each.end is None, each.end or each.begin),
    ):
        if not courses or not _continues(courses[-1], interval):
            courses.append(interval)
            continue
        course = replace(courses[-1], restart=courses[-1].restart or interval.restart)
        if _outlasts(interval, course):
            course = replace(course, end=interval.end, ending=interval.ending)
        courses[-1] = course
    return courses


def _parts(interval: Interval, restarts: Sequence[datetime]) -> Iterator[Interval]:
    """A stretch cut where the roster says that the patient restarts: open orders go on across that."""
    for instant in restarts:
        if interval.begin < instant and (interval.end is None or instant < interval.end):
            yield replace(interval, end=instant, ending=Ending.STOPPED)
            interval = replace(interval, begin=instant, restart=True)
    yield interval


def _continues(course: Interval, interval: Interval) -> bool:
    if course.end is None or interval.begin < course.end:
        return True
    if course.begin.date() == interval.begin.date():
        return True  # episodes are named by their first day
    if interval.restart:
        return False
    gap = interval.begin - course.end
    return gap < _REWRITTEN_WITHIN if course.ending is Ending.STOPPED else gap <= _RENEWED_WITHIN


def _outlasts(interval: Interval, course: Interval) -> bool:
    if course.end is None or interval.end is None:
        return course.end is not None
    if interval.end == course.end:
        return interval.ending is Ending.STOPPED  # said to be the end, by at least one
    return interval.end > course.end


class _Open(NamedTuple):
    """A track at an instant at which its drug is taken or held."""

    track: Track
    interval: Interval


def _span(
    drug: str,
    course: Interval,
    tracks: Mapping[str, Track],
    parents: Mapping[str, Collection[str]],
    told: Sequence[TherapyEvent],
) -> TherapySpan:
    doses: list[DoseChange] = []
    holds: list[tuple[datetime, datetime | None]] = []
    held = False
    for instant, going_on in _changes(course, tracks):
        if going_on:
            dose = _dose(going_on, parents, instant)
            if not doses or doses[-1].mg_per_day != dose:
                doses.append(DoseChange(instant, dose))
        holding = bool(going_on) and all(each.track.held_at(instant) for each in going_on.values())
        if holding and not held:
            holds.append((instant, course.end))
        elif held and not holding:
            holds[-1] = (holds[-1][0], instant)
        held = holding
    during = [
        event
        for event in told
        if course.begin <= event.effective.at
        and (course.end is None or event.effective.at < course.end or event.effective.at == course.begin)
    ]
    indications = [event for event in during if event.indication]
    return TherapySpan(
        drug=drug,
        start=course.begin,
        stop=course.end,
        restart=course.restart,
        doses=tuple(doses),
        holds=tuple(holds),
        indication=max(indications, key=_telling).indication if indications else "",
        source=", ".join(sorted({event.source for event in during if event.source})),
    )


def _changes(course: Interval, tracks: Mapping[str, Track]) -> Iterator[tuple[datetime, Mapping[str, _Open]]]:
    """Every instant of a course at which something changes, with the tracks that are going on then."""
    instants = sorted(
        instant
        for instant in {course.begin}.union(*(track.instants() for track in tracks.values()))
        if course.begin <= instant and (course.end is None or instant < course.end)
    )
    going_on: list[dict[str, _Open]] = [{} for _ in instants]
    for name, track in tracks.items():
        for interval in track.intervals:
            first = bisect_left(instants, interval.begin)
            last = len(instants) if interval.end is None else bisect_left(instants, interval.end)
            for position in range(first, last):
                going_on[position][name] = _Open(track, interval)
    return zip(instants, going_on, strict=True)


def _dose(
    going_on: Mapping[str, _Open], parents: Mapping[str, Collection[str]], instant: datetime
) -> Decimal | None:
    """mg/day of all open orders together, or of the roster where that was stated later."""
    roster = going_on.get("")
    stated = roster.track.dose_at(instant) if roster is not None else None
    # The dose of a parent order is that of its children; a renewal does not double what it renews.
    spawning = {parent for name in going_on for parent in parents.get(name, ())}
    orders = [
        each.track
        for name, each in going_on.items()
        if name and name not in spawning and not _renewed(each, going_on, instant)
    ]
    told = [track.dose_at(instant) for track in orders]
    known = [dose for dose in told if dose is not None and dose.mg_per_day is not None]
    total = sum((dose.mg_per_day for dose in known if dose.mg_per_day is not None), Decimal(0))
    if stated is None or stated.mg_per_day is None:
        return total if orders and len(known) == len(told) else None
    if not orders or len(known) < len(told) or stated.at > max(dose.at for dose in known):
        return stated.mg_per_day
    return total


def _renewed(one: _Open, going_on: Mapping[str, _Open], instant: datetime) -> bool:
    """Whether an order that runs out has a later one of the same dose beside it."""
    dose = one.track.dose_at(instant)
    if one.interval.ending is not Ending.LAPSED or dose is None:
        return False
    later = [each for name, each in going_on.items() if name and each.interval.begin > one.interval.begin]
    statements = [each.track.dose_at(instant) for each in later]
    return any(each is not None and each.mg_per_day == dose.mg_per_day for each in statements)


# --- order ---------------------------------------------------------------------------------------


def _ended_before(earlier: TherapySpan, span: TherapySpan) -> bool:
    return earlier.stop is not None and earlier.stop <= span.start and earlier.start < span.start


def _telling(event: TherapyEvent) -> tuple[datetime, str, str]:
    return (event.effective.at, event.version, event.event_id)


def _fact_order(fact: Fact) -> tuple[datetime, str, str]:
    return (fact.effective.at, fact.value, fact.source)
