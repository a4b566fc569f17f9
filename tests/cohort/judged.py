"""What was told, held against the truth of a generated feed: found, how soon, what told for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.generate import EXPECTED, FAMILIES, RELATED, Kind, Truth
from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Severity

TOLD = (Phase.START, Phase.ESCALATE, Phase.UPDATE)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one thing that somebody must be told of.

    ``told``: when an alert of the severity expected stood first, from the message on that shows it;
    ``early``: from the onset on. None: it never did. ``retracted``: of a wrong result, that it was taken
    back within a day of the correction.
    """

    truth: Truth
    told: datetime | None
    early: datetime | None
    retracted: bool = False

    @property
    def delay(self) -> timedelta | None:
        """From the first message that shows it to the alert."""
        if self.told is None or self.truth.shown is None:
            return None
        return max(self.told - self.truth.shown, timedelta())

    @property
    def same_day(self) -> bool:
        """Whether an alert stood within a day of the first message that shows it."""
        return self.delay is not None and self.delay < DAY


def patient_of(event: AlertEvent) -> str:
    """The number of the generated person, whichever number the event names."""
    number = event.person.identifiers[0].value
    return f"G{number[1:]}" if number.startswith("T") else number


def found(truths: Iterable[Truth], events: Sequence[AlertEvent]) -> Iterator[Found]:
    """Everything that a message shows and somebody must be told of; events in the order of telling."""
    by_patient: dict[str, list[AlertEvent]] = {}
    for event in events:
        by_patient.setdefault(patient_of(event), []).append(event)
    for truth in truths:
        if truth.kind in EXPECTED and truth.shown is not None:
            families = FAMILIES[truth.kind]
            about = [each for each in by_patient.get(truth.patient, ()) if each.family in families]
            least = Severity(EXPECTED[truth.kind]).rank
            yield Found(
                truth,
                _stands(about, least, truth.shown, truth.until),
                _stands(about, least, truth.began, truth.until),
                _retracted(about, truth),
            )


def _stands(
    events: Iterable[AlertEvent], least: int, since: datetime, until: datetime | None
) -> datetime | None:
    """When an alert of that severity or more is open, at ``since`` or after it."""
    open_since: dict[str, datetime] = {}
    for event in events:
        if event.decided_at > since and (open_since or (until is not None and event.decided_at > until)):
            break
        loud = event.severity.rank >= least and event.phase is not Phase.END
        if loud:
            open_since.setdefault(event.alert_id, event.decided_at)
        else:
            open_since.pop(event.alert_id, None)
    return max(min(open_since.values()), since) if open_since else None


def _retracted(events: Iterable[AlertEvent], truth: Truth) -> bool:
    if truth.kind is not Kind.WRONG_RESULT or truth.until is None:
        return False
    reasons = (AlertReason.CORRECTED, AlertReason.WITHDRAWN)
    return any(
        event.reason in reasons and truth.until <= event.decided_at < truth.until + DAY for event in events
    )


def false_alerts(truths: Iterable[Truth], events: Iterable[AlertEvent]) -> Iterator[AlertEvent]:
    """What was told at review or more and belongs to nothing that was planted."""
    by_patient: dict[str, list[Truth]] = {}
    for truth in truths:
        by_patient.setdefault(truth.patient, []).append(truth)
    for event in events:
        if event.phase in TOLD and event.severity.rank >= Severity.REVIEW.rank:
            planted = by_patient.get(patient_of(event), ())
            if not any(_belongs(event, truth) for truth in planted):
                yield event


def _belongs(event: AlertEvent, truth: Truth) -> bool:
    during = truth.began <= event.decided_at and (truth.until is None or event.decided_at <= truth.until)
    families = (*FAMILIES.get(truth.kind, ()), *RELATED.get(truth.kind, ()))
    return during and event.family in families
