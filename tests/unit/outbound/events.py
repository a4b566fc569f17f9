"""Alert events of one made-up patient, for every format."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from engine.model.alert import AlertEvent, AlertReason, NotFired, Phase
from engine.model.finding import Evidence, Label, Severity, UnknownCause
from engine.model.person import Demographics, Identifier, Person, Visit
from engine.model.quantity import Truth
from engine.outbound import RenderOptions

OPTIONS = RenderOptions(
    sending_oid="2.25.1001",
    sending_facility="STEVENS",
    receiving_application="ALERTMGR",
    receiving_facility="STEVENS",
)

TRIGGER = Evidence(
    condition="alt >= 5 x baseline",
    truth=Truth.TRUE,
    analyte="alt",
    value="212",
    unit="U/L",
    sent="212 IU/L",
    collected_at=datetime(2026, 3, 12, 9, 15, tzinfo=UTC),
    result_status="F",
    reference_kind="baseline",
    reference_value="31",
    reference_source="median of 3 results 2025-12-01 to 2026-01-02",
    threshold="155",
    fold="6.838709677",
)

PERSON = Person(
    person_id="STEVENS/H0041733",
    identifiers=(
        Identifier("2.25.78", "E900812", "PI"),
        Identifier("STEVENS", "H0041733", "MR"),
    ),
    demographics=Demographics(
        name=("TESTCASE", "IRIS", "", "", "", "", "L"), birth_date=date(1984, 5, 12), sex="F"
    ),
)

START = AlertEvent(
    event_id="AZA000004711",
    alert_id="01J8ZK3V4Q",
    sequence=1,
    phase=Phase.START,
    reason=AlertReason.NEW,
    rule="a01-alt-ast-5x-baseline",
    rule_version="3",
    family="transaminases",
    severity=Severity.CRITICAL,
    person=PERSON,
    visit=Visit("O", ("GASTRO", "CL3", "", "STEVENS"), ("P0412", "OKORO", "ADAEZE", "", "", "DR"), "V55812"),
    decided_at=datetime(2026, 3, 12, 14, 15, 30, 250_000, tzinfo=UTC),
    clinical_at=datetime(2026, 3, 12, 9, 15, tzinfo=UTC),
    title="ALT or AST at least 5 x baseline",
    message="ALT 212 U/L is 6.8 x the baseline of 31 U/L.",
    action="Interrupt azathioprine now; repeat liver tests within 72 hours.",
    drug_text="azathioprine 150 mg/day since 2025-09-03",
    evidence=(
        TRIGGER,
        Evidence(
            condition="ast >= 5 x baseline",
            truth=Truth.UNKNOWN,
            analyte="ast",
            cause=UnknownCause.MISSING,
        ),
        Evidence(condition="alt >= 500 U/L", truth=Truth.FALSE, analyte="alt", value="212", unit="U/L"),
    ),
    trigger=TRIGGER,
    trigger_code="1742-6",
    trigger_code_text="Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
    trigger_range="10-40",
    accession="26C0712334",
    sources=(
        "Azathioprine hepatotoxicity guideline, Management",
        "Stopping rules for drug-induced liver injury, 4.2",
    ),
    superseded=("a03-alt-ast-3x-baseline",),
    not_fired=(NotFired("b01-hys-law", "false", "bilirubin 12 umol/L is below 2 x ULN"),),
    message_control_id="LAB0099812",
    knowledge_revision="9f2c41d7",
    labels=(Label("b02-grade-moderate", "Grade: moderate, 5.3 x ULN."),),
    protocol="strictest",
)

OVERDUE = replace(
    START,
    event_id="AZA000004715",
    alert_id="01J8ZK7777",
    reason=AlertReason.OVERDUE,
    rule="f02-blood-count-overdue",
    rule_version="1",
    family="overdue",
    severity=Severity.REVIEW,
    clinical_at=None,
    title="Blood count overdue by more than 7 days",
    message="The last blood count is of 2026-01-02; the next was due on 2026-02-02.",
    action="Arrange a blood count.",
    evidence=(Evidence("wbc overdue by 7 d", Truth.TRUE, analyte="wbc", note="last result 2026-01-02"),),
    trigger=Evidence("wbc overdue by 7 d", Truth.TRUE, analyte="wbc", note="last result 2026-01-02"),
    trigger_code="",
    trigger_code_text="",
    trigger_range="",
    accession="",
    superseded=(),
    not_fired=(),
    labels=(),
    message_control_id="",
)

LOW_COUNT = replace(
    START,
    event_id="AZA000004720",
    alert_id="01J8ZK8888",
    rule="d01-neutrophils-below-1-0",
    family="neutrophils",
    title="Neutrophils below 1.0 x10^9/L",
    message="Neutrophils 0.4 x10^9/L.",
    evidence=(),
    trigger=Evidence(
        "neutrophils < 1.0 10*9/L",
        Truth.TRUE,
        analyte="neutrophils",
        value="0.4",
        comparator="<",
        unit="10*9/L",
        collected_at=datetime(2026, 3, 12, 9, 15, tzinfo=UTC),
        result_status="F",
        threshold="1",
    ),
    trigger_code="751-8",
    trigger_code_text="Neutrophils [#/volume] in Blood by Automated count",
    trigger_range="2.0-7.5",
)


def later(event: AlertEvent, phase: Phase, reason: AlertReason, **changes: object) -> AlertEvent:
    """The second event of the same alert."""
    return replace(
        event,
        event_id="AZA000004790",
        sequence=2,
        phase=phase,
        reason=reason,
        decided_at=datetime(2026, 3, 12, 17, 2, 11, 5_000, tzinfo=UTC),
        **changes,  # type: ignore[arg-type]
    )


UNCERTAIN = replace(
    START,
    severity=Severity.URGENT,
    title="Cannot exclude: ALT or AST at least 500 U/L",
    action="If confirmed: interrupt azathioprine now; repeat liver tests within 72 hours.",
    trigger=replace(
        TRIGGER,
        condition="alt >= 500 U/L",
        truth=Truth.UNKNOWN,
        value="100",
        comparator=">",
        sent=">100 U/L",
        reference_kind="",
        reference_value="",
        threshold="500",
        fold="",
        cause=UnknownCause.VALUE,
    ),
    certain=False,
)
"""The value may lie on either side of its limit."""

UNASKED = replace(
    START,
    severity=Severity.URGENT,
    title="Cannot exclude: ALT or AST at least 3 x baseline with symptoms",
    action="Check symptoms today; with symptoms stop azathioprine.",
    certain=False,
)
"""The value is beyond its limit; whether the rest holds is not known."""

UPDATE = later(START, Phase.ESCALATE, AlertReason.WORSE)
RETRACTION = later(
    START,
    Phase.END,
    AlertReason.WITHDRAWN,
    message=f"A result this alert rested on was withdrawn by the laboratory. It said: {START.message}",
    action="",
)
RESOLVED = later(START, Phase.END, AlertReason.RESOLVED, message="No longer so.", action="")
