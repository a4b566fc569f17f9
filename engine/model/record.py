"""All that the store knows about one person, and what a change of it looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engine.model.alert import Alert
from engine.model.frozen import frozen
from engine.model.person import Person
from engine.model.quantity import Truth
from engine.model.result import Result
from engine.model.therapy import Fact, TherapyEvent, TherapySpan, TherapyState
from engine.model.watch import Watch

SYMPTOMS_COUNT_FOR = timedelta(days=28)
"""How long a recorded symptom is held against a result; no source gives a number, this one is ours."""


@frozen()
class Record:
    """One person's record: newest version of every result key, therapy events, alerts open and ended.

    ``whole`` is False where results were left unread: of somebody who was never treated nothing is judged,
    and years of results need not be read to keep one more. Such a record is never judged.
    """

    person: Person
    results: tuple[Result, ...] = ()
    therapy: tuple[TherapyEvent, ...] = ()
    alerts: tuple[Alert, ...] = ()
    whole: bool = True


@frozen()
class Baseline:
    """The value that multiples are judged against, in the analyte's canonical unit.

    ``source`` explains it in words that go on the evidence card: "stated 2026-01-02" or
    "median of 3 results 2025-12-01 to 2026-01-02, NORTHLAB at NORTH". ``methods`` and ``senders`` are how
    and where it was measured: what two of them report is not quite the same.
    """

    value: Decimal
    unit: str
    source: str
    result_keys: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()


class BaselineMode(StrEnum):
    """What a multiple of baseline is a multiple of, where a value is judged for being too high.

    People whose baseline is low reach five times their own baseline while they are far from five times the
    upper limit of normal (ULN).
    """

    LITERAL = "literal"  # the patient's own baseline
    FLOOR_ULN = "floor_uln"  # the baseline or the ULN of that result, whichever is higher
    SPLIT = "split"  # the own baseline from 1.5 x ULN on; below that, multiples of baseline judge nothing


Memo = tuple[dict[str, Any], dict[str, Truth], dict[tuple[str, str], Any]]


@frozen()
class Situation:
    """What the rules see: a view of one record at ``at``, with no I/O and no clock behind it.

    ``series``: usable results per analyte, ascending by collection time, final ones and derived ones;
    ``provisional``: the same with preliminary results mixed in, for rules with ``allow_preliminary``.
    Series reach back before the therapy; ``scope_from`` is the first instant whose results may fire.
    ``without_baseline`` says of analytes that were measured why there is none.
    ``problems``: observations without a usable value that no later usable result has answered.
    ``span`` is the course that governs ``at``, ``spans`` are all courses told of, ascending by start, future
    ones too. ``told`` is the newest time that anything told of the therapy is about; it may lie ahead.
    ``watch`` is the clock, for conditions that wait for something; None where nothing may depend on it, which
    is also while nobody is exposed. ``panels`` is when each panel of monitoring was last taken.
    """

    at: datetime
    scope_from: datetime
    series: Mapping[str, tuple[Result, ...]]
    provisional: Mapping[str, tuple[Result, ...]]
    problems: tuple[Result, ...] = ()
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    without_baseline: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict)
    span: TherapySpan | None = None
    state: TherapyState = TherapyState.NEVER_STARTED
    spans: tuple[TherapySpan, ...] = ()
    baseline_mode: BaselineMode = BaselineMode.LITERAL
    told: datetime | None = None
    protocol: str = ""
    watch: Watch | None = None
    panels: Mapping[str, datetime] = field(default_factory=dict)
    # What was concluded from it once, with preliminary results and without: verdicts and truths by the
    # text of their condition, and whatever else was asked. A hundred rules ask the same few questions.
    memo: tuple[Memo, Memo] = field(
        default_factory=lambda: (({}, {}, {}), ({}, {}, {})), init=False, repr=False, compare=False
    )

    @property
    def symptoms_from(self) -> datetime:
        """The first instant whose symptoms still count: nausea of last winter says nothing about today."""
        return max(self.scope_from, self.at - SYMPTOMS_COUNT_FOR)

    @property
    def horizon(self) -> datetime:
        """How far things are told: an order counts when it is told, not when the next sample comes."""
        return self.at if self.told is None else max(self.at, self.told)

    @property
    def newest_course(self) -> TherapySpan | None:
        """The course that was told of last, be it one that lies ahead, unless it is over."""
        if not self.spans:
            return None
        span = self.spans[-1]
        return span if span.stop is None or self.horizon < span.stop else None
