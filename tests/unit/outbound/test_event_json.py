"""The alert as JSON: key names and order are a contract with programs that we do not know."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.model.alert import AlertEvent
from engine.model.finding import Severity
from engine.outbound import RenderOptions, render
from engine.outbound.event_json import event_to_dict
from tests.unit.outbound.events import OVERDUE, PERSON, START

CONTRACT = [
    "alert_id",
    "phase",
    "reason",
    "rule",
    "rule_version",
    "severity",
    "patient",
    "decided_at",
    "clinical_at",
    "title",
    "message",
    "action",
    "evidence",
    "sources",
    "message_control_id",
    "knowledge_revision",
]
EVIDENCE_CONTRACT = [
    "condition",
    "truth",
    "analyte",
    "value",
    "comparator",
    "unit",
    "collected_at",
    "result_status",
    "reference_kind",
    "reference_value",
    "threshold",
]


def body(event: AlertEvent) -> bytes:
    return render(event, "event_json", RenderOptions()).body


def read(event: AlertEvent) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(body(event))
    return read


def test_keys_come_in_the_order_of_the_contract() -> None:
    """Fixed keys first, in fixed order; further ones after them."""
    keys = list(read(START))

    assert keys[: len(CONTRACT)] == CONTRACT
    assert keys[len(CONTRACT) :] == [
        "event_id",
        "sequence",
        "family",
        "therapy",
        "superseded",
        "not_fired",
        "protocol",
        "labels",
        "raised_from",
        "shadow",
    ]


def test_evidence_keys_come_in_the_order_of_the_contract() -> None:
    """Each condition has every key, whether it is known or not."""
    for evidence in read(START)["evidence"]:
        keys = list(evidence)
        assert keys[: len(EVIDENCE_CONTRACT)] == EVIDENCE_CONTRACT
        assert keys[len(EVIDENCE_CONTRACT) :] == [
            "sent",
            "reference_source",
            "fold",
            "cause",
            "note",
            "limit",
        ]


def test_values() -> None:
    """Enumerations are their words, times have offsets, numbers of results are text."""
    alert = read(START)

    assert (alert["phase"], alert["reason"], alert["severity"]) == ("start", "new", "critical")
    assert alert["patient"] == {"id": "H0041733", "assigning_authority": "STEVENS"}
    assert alert["decided_at"] == "2026-03-12T14:15:30.250000+00:00"
    assert alert["clinical_at"] == "2026-03-12T09:15:00+00:00"
    assert alert["not_fired"] == [
        {"rule": "b01-hys-law", "truth": "false", "why": "bilirubin 12 umol/L is below 2 x ULN"}
    ]
    trigger, undecided, _ = alert["evidence"]
    assert (trigger["truth"], trigger["value"], trigger["threshold"]) == ("true", "212", "155")
    assert (undecided["truth"], undecided["cause"], undecided["collected_at"]) == ("unknown", "missing", None)


def test_what_other_rules_say_of_the_alert_is_told_with_it() -> None:
    """Labels with their rules, the protocol, and the severity before a modifier."""
    alert = read(replace(START, raised_from=Severity.URGENT))

    assert alert["labels"] == [{"rule": "b02-grade-moderate", "text": "Grade: moderate, 5.3 x ULN."}]
    assert (alert["protocol"], alert["raised_from"], alert["shadow"]) == ("strictest", "urgent", False)
    assert (read(OVERDUE)["labels"], read(OVERDUE)["raised_from"]) == ([], "")


def test_what_is_unknown_is_null_or_empty() -> None:
    """A key never disappears because its value is unknown."""
    assert read(OVERDUE)["clinical_at"] is None
    assert read(OVERDUE)["message_control_id"] == ""


def test_a_person_without_identifiers_is_named_by_the_record() -> None:
    """An alert always says about whom it is."""
    event = replace(START, person=replace(PERSON, identifiers=()))

    assert read(event)["patient"] == {"id": "STEVENS/H0041733", "assigning_authority": ""}


def test_the_line_is_compact_and_unescaped() -> None:
    """One line, no padding, and text in UTF-8 as a person would write it."""
    line = body(replace(START, title="Größe\nzweite Zeile"))

    assert b"\n" not in line
    assert '"title":"Größe\\nzweite Zeile"'.encode() in line
    assert json.dumps(event_to_dict(START), separators=(",", ":")).encode() == body(START)
