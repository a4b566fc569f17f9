"""What is still true of an alert after a backlog: one event to tell, and those that need page nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Severity

_PAGING = frozenset({Phase.START, Phase.UPDATE, Phase.ESCALATE})


@dataclass(frozen=True, slots=True)
class Collapsed:
    """What becomes of the events of one alert that were held back together.

    ``tell`` is what receivers are told instead of all of them, None where the alert has come and gone.
    ``unpaged`` are the events that nobody is told. ``gravest`` is the one of them that would have paged for
    more than what is told now and was told before; None where there is no such event.
    """

    tell: AlertEvent | None
    unpaged: tuple[AlertEvent, ...]
    gravest: AlertEvent | None


def collapsed(held: Sequence[AlertEvent], before: AlertEvent | None) -> Collapsed:
    """The held events of one alert as one; ``before`` is the event that receivers were told last, if any.

    Receivers that know nothing of the alert hear that it starts, with what holds now. Those who know it hear
    whether that is graver than what they know: a page is never lost because the step to it was held back.
    """
    last = held[-1]
    known = None if before is None or before.phase is Phase.END else before
    if last.phase is Phase.END:
        tell = last if known is not None else None
    elif known is None:
        tell = replace(last, phase=Phase.START, reason=_starting(last.reason))
    else:
        tell = replace(last, phase=_phase(last, known.severity))
    unpaged = tuple(event for event in held if tell is None or event.event_id != tell.event_id)
    heard = [known.severity] if known is not None else []
    if tell is not None and tell.phase is not Phase.END:
        heard.append(tell.severity)
    most = max((severity.rank for severity in heard), default=-1)
    graver = [event for event in unpaged if event.phase in _PAGING and event.severity.rank > most]
    return Collapsed(tell, unpaged, max(graver, key=lambda event: event.severity.rank, default=None))


def _starting(reason: AlertReason) -> AlertReason:
    return reason if reason is AlertReason.OVERDUE else AlertReason.NEW


def _phase(last: AlertEvent, known: Severity) -> Phase:
    if last.severity.rank > known.rank:
        return Phase.ESCALATE
    if last.severity.rank < known.rank:
        return Phase.DEESCALATE
    return Phase.UPDATE if last.phase in _PAGING else last.phase
