"""Where a message ended: exactly one disposition each, with a reason that is a metric label."""

from __future__ import annotations

from enum import StrEnum

from engine.model.frozen import frozen


class Disposition(StrEnum):
    """Where a message ended; every message in exactly one."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class Reason(StrEnum):
    """Why; a value belongs to one disposition only."""

    # accepted
    RESULTS = "results"
    HISTORY = "history"  # MSH-11 component 2 says archive, restore or initial load: stored, never paged
    THERAPY = "therapy"
    DEMOGRAPHICS = "demographics"
    MERGE = "merge"
    # duplicate
    SEEN_BEFORE = "seen-before"
    # ignored
    OWN_MESSAGE = "own-message"
    TYPE_NOT_USED = "type-not-used"
    NOT_PRODUCTION = "not-production"
    NOTHING_MONITORED = "nothing-monitored"
    OTHER_DRUG = "other-drug"
    DRUG_UNMAPPED = "drug-unmapped"  # names one of our drugs in words, by a code that nobody has mapped
    EMPTY_BATCH = "empty-batch"
    REFILL_REQUEST = "refill-request"
    AFTER_UNTIL = "after-until"  # a replay was told to stop before the time of this message
    # quarantined
    UNREADABLE = "unreadable"
    NO_HEADER = "no-header"
    CHARSET = "charset"
    TOO_LARGE = "too-large"
    NO_PATIENT_IDENTIFIER = "no-patient-identifier"
    OBSERVATION_WITHOUT_ORDER = "observation-without-order"
    IDENTITY_CONFLICT = "identity-conflict"
    CODES_DISAGREE = "codes-disagree"
    STATUS_UNKNOWN = "status-unknown"
    PROMOTION_WITHOUT_VALUE = "promotion-without-value"
    MERGE_UNPAIRED = "merge-unpaired"
    TIME_UNREADABLE = "time-unreadable"
    THERAPY_UNREADABLE = "therapy-unreadable"
    INTERNAL_ERROR = "internal-error"
    CRASHES_THE_ENGINE = "crashes-the-engine"  # it was being read, alone, when the process ended, thrice


@frozen()
class Outcome:
    """The one disposition of one message. ``location`` and ``detail`` are set for quarantine."""

    disposition: Disposition
    reason: Reason
    location: str = ""
    detail: str = ""
