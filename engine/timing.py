"""What time alone changes: which alerts it concerns, and when somebody must be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from engine.alerts import Chosen, Step, choose, escalates_at, followed_up
from engine.model.alert import Alert, AlertEvent, AlertReason, Phase
from engine.model.escalation import Escalation
from engine.model.finding import Finding, Severity
from engine.model.moment import later
from engine.model.therapy import TherapySpan
from engine.rulebook import AlertRule, Annotation, Rulebook
from engine.telling import Judged, tell
from engine.therapy import spans

Usual = Mapping[Severity, timedelta]
"""After how long an alert of a severity is told again when nobody has acknowledged it."""


def timed_families(rulebook: Rulebook) -> frozenset[str]:
    """The families of which time may raise or end an alert."""
    families: set[str] = set()
    for rule in rulebook.in_force:
        if rule.timed and isinstance(rule, AlertRule):
            families.add(rule.family)
        elif rule.timed and isinstance(rule, Annotation) and rule.raises:
            families |= rule.applies_to
    return frozenset(families)


def unacknowledged(
    alerts: Iterable[Alert], judged: Judged, rulebook: Rulebook, usual: Usual
) -> Iterator[tuple[Alert, tuple[AlertEvent, ...]]]:
    """The alerts that have waited long enough for somebody to take them on: told again, or followed up.

    Also those that wait since an instant yet to come: they wait from now on.
    """
    watch, record, now = judged.occasion.watch, judged.record, judged.occasion.now
    told = sorted(alerts, key=lambda alert: alert.alert_id)
    for alert in told:
        # Told by a clock that was ahead: nobody would be reminded before time has come there.
        if alert.open and alert.waiting_since is not None and alert.waiting_since > now:
            yield replace(alert, waiting_since=now), ()
    for alert, at in _waiting(told, judged, rulebook, usual):
        if watch is None or at > watch.clock:
            continue
        escalation = _escalation(alert, rulebook)
        if escalation.grace and followed_up(alert, escalation.grace, record.results, spans(record.therapy)):
            yield replace(alert, waiting_since=None), ()
        else:
            step = Step(Phase.ESCALATE, AlertReason.UNACKNOWLEDGED)
            after, event = tell(alert, Chosen(alert.current, ()), step, judged)
            yield after, (event,)


def look_at(
    judged: Judged, exposures: Iterable[TherapySpan], rulebook: Rulebook, usual: Usual, after_stop: timedelta
) -> datetime | None:
    """The next instant at which something may be told though nothing is heard until then.

    At once where the engine has not begun to watch.
    """
    watch = judged.occasion.watch
    if watch is None:
        return judged.occasion.now if exposures else None
    instants = [] if judged.findings.look_at is None else [judged.findings.look_at]
    instants += (at for _, at in _waiting(judged.record.alerts, judged, rulebook, usual))
    if timed_families(rulebook):
        changes = (change for span in exposures for change in _changes(span, after_stop))
        instants += (change for change in changes if change > watch.clock)
    return min(instants, default=None)


def _waiting(
    alerts: Iterable[Alert], judged: Judged, rulebook: Rulebook, usual: Usual
) -> Iterator[tuple[Alert, datetime]]:
    """The alerts that are told again unless somebody acknowledges them, and when.

    Not those whose finding has gone, or has become less grave, by what was never told: archive messages fill
    the record, and the next live message ends the alert.
    """
    holding = choose(finding for finding in judged.findings.speaking if finding.published)
    for alert in alerts:
        at = escalates_at(alert, _escalation(alert, rulebook), usual)
        chosen = holding.get((alert.family, alert.subject))
        if at is not None and chosen is not None and _as_grave(chosen.finding, alert.published):
            yield alert, at


def _as_grave(holds: Finding, told: Finding) -> bool:
    if holds.severity is None or told.severity is None:
        return False
    return holds.severity.rank >= told.severity.rank


def _escalation(alert: Alert, rulebook: Rulebook) -> Escalation:
    """What the rule says of being told again; a rule that is gone says nothing."""
    rule = rulebook.by_id.get(alert.published.rule_id)
    return rule.escalation if isinstance(rule, AlertRule) else Escalation()


def _changes(span: TherapySpan, after_stop: timedelta) -> Iterator[datetime]:
    """Every instant at which a course enters another phase."""
    yield span.start
    if span.stop is not None:
        yield span.stop
        yield later(span.stop, after_stop)
    for change in span.doses:
        yield change.effective
    for begin, end in span.holds:
        yield begin
        if end is not None:
            yield end
