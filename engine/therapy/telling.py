"""The same event told more than once: redelivered, restated, or corrected."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from engine.model.moment import Moment
from engine.model.therapy import TherapyEvent

_VERSION = "%Y%m%dT%H%M%S.%f"


def version_of(sent: datetime) -> str:
    """The version of what an order message tells: when it was sent."""
    return sent.astimezone(UTC).strftime(_VERSION)


def told_until(events: Iterable[TherapyEvent]) -> datetime | None:
    """How far the therapy is told: the newest time at which somebody told of it.

    Whatever time it speaks of: a stop next week is not yet a stop, and of a course that began years ago
    nobody is told today that it is new.
    """
    return max(map(_told_at, (event for event in newest(events) if not event.provisional)), default=None)


def _told_at(event: TherapyEvent) -> datetime:
    try:
        return datetime.strptime(event.version, _VERSION).replace(tzinfo=UTC)
    except ValueError:
        return event.effective.at


def newest(events: Iterable[TherapyEvent]) -> tuple[TherapyEvent, ...]:
    """Each event once, as it was told last (``version``), in an order that depends on nothing else."""
    by_id: dict[str, TherapyEvent] = {}
    for event in events:
        known = by_id.get(event.event_id)
        if known is None or _content(known) < _content(event):
            by_id[event.event_id] = event
    return tuple(by_id[event_id] for event_id in sorted(by_id))


def news(stored: Iterable[TherapyEvent], sent: Iterable[TherapyEvent]) -> tuple[TherapyEvent, ...]:
    """Those of ``sent`` that change what is stored: unknown ones, and newer tellings of known ones.

    An ORM may order anything, and a bare "discontinue" in one need not be about a drug: without a drug
    of its own it is news only for an order that is already known to be one of ours.
    """
    known = {event.event_id: event for event in newest(stored)}
    told = newest(sent)
    ours = {token for event in (*known.values(), *told) if event.drug for token in event.order.split()}
    return tuple(
        event
        for event in told
        if event.event_id not in known or _content(known[event.event_id]) < _content(event)
        if event.drug
        or event.fact_name
        or not event.source.startswith("ORM")
        or ours & set(event.order.split())
    )


def _content(event: TherapyEvent) -> tuple[str, ...]:
    """Sorts tellings of one event, the newest last; equal for equal ones, in whatever zone they are kept."""
    return (
        event.version,
        event.kind.value,
        _instant(event.effective),
        event.drug,
        "" if event.dose_mg_per_day is None else format(event.dose_mg_per_day.normalize(), "f"),
        event.order,
        "" if event.ends is None else _instant(event.ends),
        event.indication,
        event.fact_name,
        event.fact_value,
        event.note,
        event.source,
        str(event.provisional),
        event.control,
        event.reverts,
        event.parent,
        str(event.inpatient),
    )


def _instant(moment: Moment) -> str:
    return f"{moment.at.astimezone(UTC).isoformat()} {moment.precision.value}"
