"""What a rule concluded about a person, with everything needed to check it by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from engine.model.frozen import frozen
from engine.model.quantity import Truth


class Severity(StrEnum):
    """How soon somebody must act; ordered by :attr:`rank`."""

    INFO = "info"
    REVIEW = "review"
    URGENT = "urgent"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 3 for critical."""
        return _SEVERITY_ORDER.index(self)


_SEVERITY_ORDER = (Severity.INFO, Severity.REVIEW, Severity.URGENT, Severity.CRITICAL)


class UnknownCause(StrEnum):
    """Why a condition could not be decided."""

    VALUE = "value"  # the interval (">480") straddles the threshold
    REFERENCE = "reference"  # no ULN, LLN, baseline, previous or peak to compare with
    FACT = "fact"  # nobody has said whether the fact holds
    MISSING = "missing"  # the analyte was never measured, or only with a problem
    SPOILED = "spoiled"  # the specimen has spoiled the newest value: nobody knows what it is


ASSUMED = "assumed "
"""How the source of a reference begins that no laboratory printed with the result: ``assumed ULN: ...``."""


@frozen()
class Evidence:
    """One condition of a rule as it was judged. Numbers are text, exact.

    ``value``, ``unit``, ``reference_value`` and ``threshold`` are in the canonical unit; ``sent`` is
    the value and unit as the laboratory wrote them. ``reference_kind`` is ULN, LLN, baseline, previous,
    peak or empty; ``reference_source`` says where that number came from. ``fold`` is value/reference.
    ``limit`` tells that the threshold is not the rule's, but one stated for this patient, until when and why.
    """

    condition: str
    truth: Truth
    analyte: str = ""
    value: str = ""
    comparator: str = ""
    unit: str = ""
    sent: str = ""
    collected_at: datetime | None = None
    result_status: str = ""
    result_key: str = ""
    reference_kind: str = ""
    reference_value: str = ""
    reference_source: str = ""
    threshold: str = ""
    fold: str = ""
    cause: UnknownCause | None = None
    note: str = ""
    limit: str = ""

    @property
    def assumed(self) -> str:
        """``assumed ULN`` (or LLN, range) where no laboratory printed the reference, else empty."""
        return self.reference_source.partition(":")[0] if self.reference_source.startswith(ASSUMED) else ""

    @property
    def reference_name(self) -> str:
        """What the reference is called: ``baseline``, ``ULN``, ``assumed ULN``."""
        return self.assumed or self.reference_kind


@frozen()
class Label:
    """What an annotation (label, modifier or selector) says beside a finding."""

    rule_id: str
    text: str


@frozen()
class Finding:
    """A rule's verdict on a person's record at ``clinical_at`` (collection time of the newest value used).

    ``severity`` is the rule's, or what ``if_unknown`` made of UNKNOWN; None when the rule says nothing.
    ``subject`` tells apart findings of one rule about different things (an analyte with a bad unit).
    ``badness`` maps each measured analyte of the true conditions to a number that grows as the patient
    gets worse, so that a repeat can be told from a deterioration. ``repeat_after`` is the clinical time
    within which an unchanged repeat is not told again. ``published`` is false for shadow rules.
    ``labels`` are what annotations say beside it; ``raised_from`` is the severity before a modifier raised
    it, None where none did.
    ``overdue``: it speaks because something has not happened in time; ``clinical_at`` is then since when.
    ``look_at`` is when time alone may next change it.
    """

    rule_id: str
    rule_version: str
    family: str
    subject: str
    truth: Truth
    severity: Severity | None
    title: str
    message: str
    action: str
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    clinical_at: datetime | None
    trigger_key: str = ""
    badness: tuple[tuple[str, str], ...] = ()
    supersedes: tuple[str, ...] = ()
    repeat_after: timedelta = timedelta(days=7)
    published: bool = True
    labels: tuple[Label, ...] = ()
    raised_from: Severity | None = None
    overdue: bool = False
    look_at: datetime | None = None
