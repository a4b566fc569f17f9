"""When an alert that nobody takes on is told again, and what makes that needless."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class FollowUp(StrEnum):
    """What a clinician does about an alert that shows in the record, whether or not it is acknowledged."""

    REPEAT_TEST = "repeat test"  # a newer usable result of what the alert is about
    DOSE_STOP = "dose stop"  # the therapy was held or stopped


@dataclass(frozen=True, slots=True)
class Grace:
    """The time in which one of these follow-ups is expected, and cancels the escalation."""

    window: timedelta
    cancelled_by: frozenset[FollowUp]


@dataclass(frozen=True, slots=True)
class Escalation:
    """What a rule says of it. ``after`` None leaves it to the site's setting for the severity, 0 is never."""

    after: timedelta | None = None
    grace: Grace | None = None
