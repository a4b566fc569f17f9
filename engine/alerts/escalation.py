"""When an alert that nobody has taken on is told again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from engine.model.alert import Alert
from engine.model.escalation import Escalation, FollowUp, Grace
from engine.model.finding import Severity
from engine.model.moment import later
from engine.model.result import Result
from engine.model.therapy import TherapySpan


def escalates_at(
    alert: Alert, escalation: Escalation, usual: Mapping[Severity, timedelta]
) -> datetime | None:
    """When an open alert is told again unless somebody acknowledges it; None where it never is.

    ``usual`` is what the site has set for each severity. A grace window is waited for to its end. Nobody
    was told of a rule in shadow, and nobody is waited for.
    """
    since, severity = alert.waiting_since, alert.published.severity
    told = alert.open and not alert.shadow and alert.acknowledged_at is None
    if not told or since is None or severity is None:
        return None
    after = usual.get(severity, timedelta()) if escalation.after is None else escalation.after
    if not after:
        return None
    window = escalation.grace.window if escalation.grace is not None else after
    return later(since, max(after, window))


def followed_up(alert: Alert, grace: Grace, results: Iterable[Result], spans: Sequence[TherapySpan]) -> bool:
    """Whether what the rule expects was done within the grace window.

    By the times of the samples and of the therapy, so that it does not matter when they were told.
    """
    since = alert.published.clinical_at
    if alert.waiting_since is None or since is None:
        return False
    until = later(alert.waiting_since, grace.window)
    if FollowUp.REPEAT_TEST in grace.cancelled_by:
        trigger = alert.published.trigger_key
        named = {e.analyte for e in alert.published.evidence if e.analyte and e.result_key == trigger}
        if any(
            result.analyte in named
            and result.problem is None
            and result.quantity is not None
            and not result.spoiled
            and since < result.collected.at <= until
            for result in results
        ):
            return True
    if FollowUp.DOSE_STOP in grace.cancelled_by:
        # An end told as a date is the beginning of that day: one on the day of the sample counts.
        since = later(since, -timedelta(days=1))
        ends = [begin for span in spans for begin, _ in span.holds]
        ends += [span.stop for span in spans if span.stop is not None]
        return any(since < end <= until for end in ends)
    return False
