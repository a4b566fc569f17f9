"""ORU^R01 for receivers without R40: filed as a document of ours and never as a laboratory value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.alert import AlertEvent
from engine.model.finding import Severity
from engine.model.person import Visit
from engine.outbound import render
from tests.unit.outbound.events import OPTIONS, OVERDUE, RESOLVED, RETRACTION, START, UPDATE


def lines(event: AlertEvent) -> list[list[str]]:
    """Segments as lists of fields: index n is field n, MSH included."""
    split = [line.split("|") for line in render(event, "hl7_r01", OPTIONS).body.decode().split("\r")[:-1]]
    split[0].insert(1, "|")
    return split


def sent(event: AlertEvent, name: str, number: str = "") -> dict[int, str]:
    """The fields of a segment that were sent, by number."""
    fields = next(each for each in lines(event) if each[0] == name and number in ("", each[1]))
    return {position: content for position, content in enumerate(fields) if content and position}


def test_header() -> None:
    """MSH is that of a result of version 2.5.1, from an application that our own reader knows to ignore."""
    assert sent(START, "MSH") == {
        1: "|",
        2: "^~\\&",
        3: "AZAWATCH",
        4: "STEVENS",
        5: "ALERTMGR",
        6: "STEVENS",
        7: "20260312141530+0000",
        9: "ORU^R01^ORU_R01",
        10: "AZA000004711",
        11: "P",
        12: "2.5.1",
        15: "AL",
        16: "NE",
        18: "UNICODE UTF-8",
    }


def test_order() -> None:
    """The order is the alert: local code, specimen time of the trigger, doctor in charge."""
    assert sent(START, "ORC") == {
        1: "RE",
        3: "01J8ZK3V4Q^AZAWATCH^2.25.1001^ISO",
        12: "P0412^OKORO^ADAEZE^^^DR",
    }
    assert sent(START, "OBR") == {
        1: "1",
        3: "01J8ZK3V4Q^AZAWATCH^2.25.1001^ISO",
        4: "AZA-ALERT^Azathioprine monitoring alert^99AZA",
        7: "20260312091500+0000",
        16: "P0412^OKORO^ADAEZE^^^DR",
        22: "20260312141530+0000",
        24: "OTH",
        25: "F",
    }


def test_observations() -> None:
    """Rule, text, priority, state and accession, each under a code of ours."""
    text = (
        "ALT 212 U/L (6.8 x baseline 31) on azathioprine 150 mg/day\\.br\\"
        "ALT 212 U/L is 6.8 x the baseline of 31 U/L.\\.br\\"
        "Interrupt azathioprine now; repeat liver tests within 72 hours."
    )
    rule = "a01-alt-ast-5x-baseline^ALT or AST at least 5 x baseline^99AZA"
    decided = "20260312141530+0000"

    assert [sent(START, "OBX", number) for number in "12345"] == [
        {1: "1", 2: "CE", 3: "AZA-RULE^Rule fired^99AZA", 4: "1", 5: rule, 8: "AA", 11: "F", 14: decided},
        {1: "2", 2: "TX", 3: "AZA-TEXT^Alert text^99AZA", 4: "1", 5: text, 11: "F", 14: decided},
        {1: "3", 2: "CE", 3: "AZA-PRIO^Alert priority^99AZA", 4: "1", 5: "PH^High^99AZA", 11: "F"},
        {1: "4", 2: "CE", 3: "AZA-STATE^Alert state^99AZA", 4: "1", 5: "active^Active^99AZA", 11: "F"},
        {1: "5", 2: "ST", 3: "AZA-SRC^Source accession^99AZA", 4: "1", 5: "26C0712334", 11: "F"},
    ]


@pytest.mark.parametrize("event", [START, OVERDUE, RETRACTION])
def test_no_laboratory_value_is_sent(event: AlertEvent) -> None:
    """No OBX carries a LOINC or a number, which a receiver would file as a second result."""
    observations = [fields for fields in lines(event) if fields[0] == "OBX"]

    assert all("99AZA" in fields[3] and fields[2] not in ("NM", "SN") for fields in observations)


@pytest.mark.parametrize(
    ("event", "result", "order", "state"),
    [
        (START, "F", "F", "active^Active^99AZA"),
        (UPDATE, "C", "C", "updated^Updated^99AZA"),
        (RESOLVED, "C", "C", "ended^Ended^99AZA"),
        (RETRACTION, "W", "C", "ended^Ended^99AZA"),
    ],
)
def test_later_events_replace_what_was_filed(event: AlertEvent, result: str, order: str, state: str) -> None:
    """The same OBR-3 with status C or W corrects or withdraws the filed alert."""
    assert sent(event, "OBR")[3] == "01J8ZK3V4Q^AZAWATCH^2.25.1001^ISO"
    assert sent(event, "OBR")[25] == order
    assert {fields[11] for fields in lines(event) if fields[0] == "OBX"} == {result}
    assert sent(event, "OBX", "4")[5] == state


def test_an_ended_alert_asks_for_nothing() -> None:
    """The text of a retraction says why, and neither flags nor repeats the action."""
    assert sent(RETRACTION, "OBX", "2")[5].split("\\.br\\") == [
        "RETRACTED: ALT or AST at least 5 x baseline",
        "This alert has ended: the laboratory withdrew the result.",
    ]
    assert 8 not in sent(RETRACTION, "OBX", "1")


@pytest.mark.parametrize(
    ("severity", "flag", "priority"),
    [
        (Severity.CRITICAL, "AA", "PH^High^99AZA"),
        (Severity.URGENT, "AA", "PM^Medium^99AZA"),
        (Severity.REVIEW, "A", "PL^Low^99AZA"),
        (Severity.INFO, "A", "PN^None^99AZA"),
    ],
)
def test_severity(severity: Severity, flag: str, priority: str) -> None:
    """Result inboxes sort by the flag, and the priority is told in words."""
    event = replace(START, severity=severity)

    assert sent(event, "OBX", "1")[8] == flag
    assert sent(event, "OBX", "3")[5] == priority


def test_what_is_unknown_is_left_out() -> None:
    """Without visit and accession no empty segment is sent; a missed test has the time of the decision."""
    event = replace(OVERDUE, visit=Visit())

    assert "PV1" not in [fields[0] for fields in lines(event)]
    assert [fields[1] for fields in lines(event) if fields[0] == "OBX"] == list("1234")
    assert sent(event, "ORC") == {1: "RE", 3: "01J8ZK7777^AZAWATCH^2.25.1001^ISO"}
    assert sent(event, "OBR")[7] == "20260312141530+0000"
