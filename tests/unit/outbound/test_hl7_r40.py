"""ORU^R40 field by field: validation does not notice a value in the neighbouring field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Evidence, Severity
from engine.model.person import Demographics, Identifier, Visit
from engine.model.quantity import Truth
from engine.outbound import Code, Priorities, R40Codes, RenderOptions, render
from tests.unit.outbound.events import (
    LOW_COUNT,
    OPTIONS,
    OVERDUE,
    RESOLVED,
    RETRACTION,
    START,
    UNCERTAIN,
    UPDATE,
    later,
)


def lines(event: AlertEvent, options: RenderOptions = OPTIONS) -> list[list[str]]:
    """Segments as lists of fields: index n is field n, MSH included."""
    split = [line.split("|") for line in render(event, "hl7_r40", options).body.decode().split("\r")[:-1]]
    split[0].insert(1, "|")
    return split


def segment(event: AlertEvent, name: str, options: RenderOptions = OPTIONS) -> list[str]:
    return next(fields for fields in lines(event, options) if fields[0] == name)


def facet(event: AlertEvent, number: int, options: RenderOptions = OPTIONS) -> list[str]:
    return next(fields for fields in lines(event, options) if fields[:2] == ["OBX", str(number)])


def notes(event: AlertEvent) -> list[str]:
    return [fields[3] for fields in lines(event) if fields[0] == "NTE"]


def only(fields: list[str]) -> dict[int, str]:
    """The fields that were sent, by number."""
    return {number: content for number, content in enumerate(fields) if content and number}


def test_header() -> None:
    """MSH routes the alert, asks for an accept acknowledgment, and names charset and profile."""
    assert only(segment(START, "MSH")) == {
        1: "|",
        2: "^~\\&",
        3: "AZAWATCH^2.25.1001^ISO",
        4: "STEVENS",
        5: "ALERTMGR",
        6: "STEVENS",
        7: "20260312141530.250+0000",
        9: "ORU^R40^ORU_R40",
        10: "AZA000004711",
        11: "P",
        12: "2.6",
        15: "AL",
        16: "NE",
        18: "UNICODE UTF-8",
        21: "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO",
    }


def test_header_in_the_structure_of_hl7() -> None:
    """Receivers that validate by HL7 2.8 get version and structure of 2.8, never a mixture."""
    header = segment(START, "MSH", replace(OPTIONS, r40_structure="ORU_R01"))

    assert (header[9], header[12]) == ("ORU^R40^ORU_R01", "2.8")


def test_processing_id_is_that_of_the_event() -> None:
    """A training message does not leave as production."""
    assert segment(replace(START, processing_id="T"), "MSH")[11] == "T"


def test_patient() -> None:
    """PID carries every identifier, the record number first, and the name with its type."""
    assert only(segment(START, "PID")) == {
        3: "H0041733^^^STEVENS^MR~E900812^^^&2.25.78&ISO^PI",
        5: "TESTCASE^IRIS^^^^^L",
        7: "19840512",
        8: "F",
    }


def test_patient_of_whom_little_is_known() -> None:
    """No name is invented: the unknown name has the form that IHE asks for."""
    person = replace(START.person, identifiers=(Identifier("N", "007"),), demographics=Demographics())

    assert only(segment(replace(START, person=person), "PID")) == {3: "007^^^N^U", 5: "^^^^^^U"}


def test_visit() -> None:
    """Class, location, attending and visit number stand where pagers look for them."""
    assert only(segment(START, "PV1")) == {
        2: "O",
        3: "GASTRO^CL3^^STEVENS",
        7: "P0412^OKORO^ADAEZE^^^DR",
        19: "V55812^^^^VN",
    }


def test_no_visit_no_segment() -> None:
    """An empty PV1 would route the alert to nowhere."""
    assert "PV1" not in [fields[0] for fields in lines(replace(START, visit=Visit()))]


def test_a_location_without_class_is_still_told() -> None:
    """PV1-2 is required; an unknown class does not cost the location."""
    visit = segment(replace(START, visit=Visit(location=("WARD1",))), "PV1")

    assert only(visit) == {2: "U", 3: "WARD1"}


def test_order_of_the_first_message() -> None:
    """OBR-3 of the first message is the alert id, and there is no parent."""
    assert only(segment(START, "OBR")) == {
        1: "1",
        2: "AZAWATCH^AZAWATCH^2.25.1001^ISO",
        3: "01J8ZK3V4Q^AZAWATCH^2.25.1001^ISO",
        4: "196616^MDC_EVT_ALARM^MDC",
        7: "20260312141530.250+0000",
        49: "A",
    }


def test_order_of_a_later_message() -> None:
    """A later message has an id of its own and names the alert as its parent."""
    order = segment(UPDATE, "OBR")

    assert order[3] == "AZA000004790^AZAWATCH^2.25.1001^ISO"
    assert order[29] == "^01J8ZK3V4Q&AZAWATCH&2.25.1001&ISO"
    assert segment(UPDATE, "OBR", RenderOptions())[29] == "^01J8ZK3V4Q&AZAWATCH"


def test_event_facet() -> None:
    """Facet 1 says it all in one line, and repeats flag, priority and type for older receivers."""
    assert only(facet(START, 1)) == {
        1: "1",
        2: "ST",
        3: "196648^MDC_EVT_HI^MDC",
        4: "1.1.1.1.1",
        5: "ALT 212 U/L (6.8 x baseline 31) on azathioprine 150 mg/day",
        8: "HH~PH~SP",
        11: "R",
        14: "20260312141530.250+0000",
        18: "AZAWATCH^^2.25.1001^ISO",
    }


def test_what_cannot_be_excluded_is_no_high_value() -> None:
    """A value that may lie on either side of its limit is told as an alarm without a side."""
    told = facet(UNCERTAIN, 1)

    assert told[3] == "196616^MDC_EVT_ALARM^MDC"
    assert "CANNOT EXCLUDE ALT >= 500 U/L: >100 U/L" in told[5]
    assert told[8].startswith("A~")


def test_source_facet() -> None:
    """Facet 2 is the value that triggered the alert, under its LOINC, with range and specimen time."""
    assert only(facet(START, 2)) == {
        1: "2",
        2: "NM",
        3: "1742-6^Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma^LN",
        4: "1.1.1.1.2",
        5: "212",
        6: "U/L^^UCUM",
        7: "10-40",
        8: "HH",
        11: "R",
        14: "20260312091500+0000",
    }


@pytest.mark.parametrize(
    ("number", "code", "value"),
    [
        (3, "68481^MDC_ATTR_EVENT_PHASE^MDC", "start"),
        (4, "68482^MDC_ATTR_ALARM_STATE^MDC", "active"),
        (5, "68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC", "enabled"),
        (6, "68484^MDC_ATTR_ALARM_PRIORITY^MDC", "PH"),
        (7, "68485^MDC_ATTR_ALERT_TYPE^MDC", "SP"),
        (9, "AZA-SRC^Source accession^99AZA", "26C0712334"),
    ],
)
def test_plain_facets(number: int, code: str, value: str) -> None:
    """Phase, state, inactivation, priority, type and accession stand in the order that IHE fixes."""
    assert only(facet(START, number)) == {
        1: str(number),
        2: "ST",
        3: code,
        4: f"1.1.1.1.{number}",
        5: value,
        11: "R",
    }


def test_rule_facet() -> None:
    """Facet 8 names rule and version, so that the alert can be looked up."""
    assert only(facet(START, 8)) == {
        1: "8",
        2: "CWE",
        3: "AZA-RULE^Rule and version^99AZA",
        4: "1.1.1.1.8",
        5: "a01-alt-ast-5x-baseline^ALT or AST at least 5 x baseline^99AZA^^^^3",
        11: "R",
    }


@pytest.mark.parametrize(
    ("severity", "priority", "kind", "flag"),
    [
        (Severity.CRITICAL, "PH", "SP", "HH"),
        (Severity.URGENT, "PM", "SP", "H"),
        (Severity.REVIEW, "PL", "SP", "H"),
        (Severity.INFO, "PN", "SA", "H"),
    ],
)
def test_severity_becomes_priority_and_type(severity: Severity, priority: str, kind: str, flag: str) -> None:
    """The priority decides whether a pager rings; only information is advisory."""
    event = replace(START, severity=severity)

    assert facet(event, 6)[5] == priority
    assert facet(event, 7)[5] == kind
    assert facet(event, 1)[8] == f"{flag}~{priority}~{kind}"


def test_a_low_value_is_a_low_event() -> None:
    """A low count does not arrive as a high alarm, and keeps its comparator."""
    assert facet(LOW_COUNT, 1)[3] == "196670^MDC_EVT_LO^MDC"
    assert facet(LOW_COUNT, 1)[8] == "LL~PH~SP"
    assert facet(LOW_COUNT, 2)[2:9] == [
        "SN",
        "751-8^Neutrophils [#/volume] in Blood by Automated count^LN",
        "1.1.1.1.2",
        "<^0.4",
        "10*9/L^^UCUM",
        "2.0-7.5",
        "LL",
    ]


@pytest.mark.parametrize(
    ("comparator", "value", "expected"),
    [
        ("", "212", ["NM", "212"]),
        ("", "0.40", ["NM", "0.40"]),
        (">", "1000", ["SN", ">^1000"]),
        ("<=", "5", ["SN", "<=^5"]),
        ("", "5-10", ["SN", "^5^-^10"]),
        ("", "not detected", ["ST", "not detected"]),
    ],
)
def test_value_types(comparator: str, value: str, expected: list[str]) -> None:
    """A comparator is never lost: >1000 is SN, and words are ST."""
    trigger = Evidence("alt >= 5 x baseline", Truth.TRUE, analyte="alt", comparator=comparator, value=value)
    source = facet(replace(START, trigger=trigger), 2)

    assert [source[2], source[5]] == expected


def test_a_range_in_another_unit_is_not_put_beside_a_converted_value() -> None:
    """OBX-7 is the laboratory's own text; beside a value in another unit it would mislead."""
    assert START.trigger is not None
    converted = replace(START, trigger=replace(START.trigger, sent="3.53 ukat/L"), trigger_range="0.17-0.67")

    assert facet(converted, 2)[7] == ""
    assert "Reference range as sent: 0.17-0.67" in notes(converted)


@pytest.mark.parametrize(
    ("code", "expected"), [("1742-6", "1742-6^ALT^LN"), ("GPT", "GPT^ALT^L"), ("", "alt^ALT^99AZA")]
)
def test_only_a_loinc_is_called_one(code: str, expected: str) -> None:
    """A local code does not leave labelled as LOINC."""
    event = replace(START, trigger_code=code, trigger_code_text="ALT")

    assert facet(event, 2)[3] == expected


def test_an_alert_without_a_value() -> None:
    """A missing test is an alarm with its own code, and its source is named, not measured."""
    text = "Blood count overdue by more than 7 days"

    assert facet(OVERDUE, 1)[2:6] == [
        "CWE",
        "196616^MDC_EVT_ALARM^MDC",
        "1.1.1.1.1",
        f"f02-blood-count-overdue^{text}^99AZA^^^^1",
    ]
    assert facet(OVERDUE, 1)[8] == "A~PL~SP"
    assert facet(OVERDUE, 2)[2:6] == ["CWE", "68480^MDC_ATTR_ALERT_SOURCE^MDC", "1.1.1.1.2", "wbc^WBC^99AZA"]
    assert [fields[1] for fields in lines(OVERDUE) if fields[0] == "OBX"] == list("12345678")


def test_retraction() -> None:
    """A withdrawn result takes its alert back: no number, phase end, state inactive."""
    assert facet(RETRACTION, 1)[5] == "RETRACTED: ALT or AST at least 5 x baseline"
    source = only(facet(RETRACTION, 2))
    assert source.pop(3).startswith("1742-6^")
    assert source == {1: "2", 2: "NM", 4: "1.1.1.1.2", 11: "X", 14: "20260312091500+0000"}
    assert facet(RETRACTION, 3)[5] == "end"
    assert facet(RETRACTION, 4)[5] == "inactive"
    assert notes(RETRACTION)[0] == "RETRACTED: the laboratory withdrew the result."
    assert not any(note.startswith(("Action", "Condition", "Reference")) for note in notes(RETRACTION))


def test_retraction_of_which_no_value_is_left() -> None:
    """The layout holds when the withdrawn value is no longer known."""
    event = replace(RETRACTION, trigger=None, trigger_code="", reason=AlertReason.CORRECTED)

    assert only(facet(event, 2)) == {
        1: "2",
        2: "CWE",
        3: "68480^MDC_ATTR_ALERT_SOURCE^MDC",
        4: "1.1.1.1.2",
        11: "X",
    }
    assert notes(event)[0] == "RETRACTED: the laboratory corrected the result."


def test_resolution() -> None:
    """An alert that is over says so first, with the value that ended it."""
    assert facet(RESOLVED, 1)[5].startswith("RESOLVED: ALT 212 U/L")
    assert facet(RESOLVED, 2)[5] == "212"
    assert [facet(RESOLVED, number)[5] for number in (3, 4)] == ["end", "inactive"]


@pytest.mark.parametrize(
    ("phase", "reason", "text"),
    [
        (Phase.UPDATE, AlertReason.CORRECTED, "CORRECTED: ALT"),
        (Phase.UPDATE, AlertReason.UNACKNOWLEDGED, "UNACKNOWLEDGED: ALT"),
        (Phase.ESCALATE, AlertReason.WORSE, "ALT"),
        (Phase.END, AlertReason.SUPERSEDED, "SUPERSEDED: ALT"),
    ],
)
def test_later_events_say_what_they_are(phase: Phase, reason: AlertReason, text: str) -> None:
    """A receiver that shows facet 1 alone still tells a correction from an alert."""
    event = later(START, phase, reason)

    assert facet(event, 1)[5].startswith(text)
    assert facet(event, 3)[5] == phase.value


def test_notes_explain_the_alert() -> None:
    """Value, limit, baseline, action, therapy, each source, silent rules, and what this is not."""
    label, trigger, undecided = notes(START)[1:4]
    assert label == "Grade: moderate, 5.3 x ULN. (b02-grade-moderate)"
    assert trigger.split("; ") == [
        "Condition alt >= 5 x baseline: true",
        "ALT 212 U/L (sent as 212 IU/L) collected 2026-03-12T09:15+00:00, status F",
        "baseline 31 (median of 3 results 2025-12-01 to 2026-01-02)",
        "limit 155",
        "multiple 6.8",
    ]
    assert undecided == "Condition ast >= 5 x baseline: unknown; undecided: no usable result"
    assert [notes(START)[0], *notes(START)[4:-2]] == [
        "ALT 212 U/L is 6.8 x the baseline of 31 U/L.",
        "Action: Interrupt azathioprine now; repeat liver tests within 72 hours.",
        "Reference range as sent: 10-40",
        "Therapy: azathioprine 150 mg/day since 2025-09-03",
        "Source: Azathioprine hepatotoxicity guideline, Management",
        "Source: Stopping rules for drug-induced liver injury, 4.2",
        "Speaks also for: a03-alt-ast-3x-baseline",
        "Did not fire: b01-hys-law (false): bilirubin 12 umol/L is below 2 x ULN",
    ]
    assert notes(START)[-2].startswith(
        "Rule a01-alt-ast-5x-baseline version 3, protocol strictest, knowledge 9f2c41d7, "
    )
    assert notes(START)[-1] == "Automated decision support; not a laboratory result."
    assert [fields[1:3] for fields in lines(START) if fields[0] == "NTE"][:2] == [["1", "O"], ["2", "O"]]


def test_a_raised_alert_says_from_where() -> None:
    """Who reads "critical" beside a rule that says urgent learns why, while it holds."""
    raised = replace(START, raised_from=Severity.URGENT)

    assert "Raised from urgent to critical" in notes(raised)
    assert not any("Raised" in note for note in notes(replace(RETRACTION, raised_from=Severity.URGENT)))


def test_long_lists_are_bounded() -> None:
    """Hundreds of silent rules do not bury the alert."""
    event = replace(START, evidence=START.evidence[:1] * 20, not_fired=START.not_fired * 200)
    told = notes(event)

    assert len(told) < 30
    assert "12 more conditions" in told
    assert "195 more rules did not fire" in told


@pytest.mark.parametrize(
    ("drug_text", "expected"),
    [
        ("azathioprine 150 mg/day since 2025-09-03", " on azathioprine 150 mg/day"),
        ("azathioprine dose unknown restarted 2025-09-03", " on azathioprine dose unknown restarted"),
        ("azathioprine 50 mg/day on hold, since 2025-09-03", " azathioprine 50 mg/day on hold"),
        ("azathioprine 50 mg/day stopped, taken since 2025-09-03", " azathioprine 50 mg/day stopped"),
        ("", ""),
    ],
)
def test_the_headline_names_the_therapy_without_its_dates(drug_text: str, expected: str) -> None:
    """Whether the drug is being taken is part of the line; since when is in the notes."""
    event = replace(START, drug_text=drug_text)

    assert facet(event, 1)[5] == f"ALT 212 U/L (6.8 x baseline 31){expected}"


def test_a_long_headline_keeps_its_number() -> None:
    """80 characters are cut at the end, where the drug stands, and never through a number."""
    event = replace(START, drug_text="mercaptopurine " + "and something else " * 5)

    assert facet(event, 1)[5] == "ALT 212 U/L (6.8 x baseline 31)"
    title = facet(replace(OVERDUE, title="A very long title " * 20), 1)[5].split("^")[1]
    assert len(title) <= 80
    assert title.endswith("title A...")


def test_a_multiple_is_never_rounded_up() -> None:
    """4.96 times baseline does not read as the 5 times that would have stopped the drug."""
    assert START.trigger is not None
    event = replace(START, trigger=replace(START.trigger, fold="4.967"))

    assert "(4.9 x baseline 31)" in facet(event, 1)[5]


def test_codes_and_priorities_can_be_those_of_the_receiver() -> None:
    """Alert managers differ in their attribute codes and priorities."""
    codes = R40Codes(priority=Code("68167", "MDC_ATTR_ALARM_PRIORITY"))
    options = replace(OPTIONS, r40_codes=codes, priorities=Priorities(critical="PI"))

    assert facet(START, 6, options)[3:6] == ["68167^MDC_ATTR_ALARM_PRIORITY^MDC", "1.1.1.1.6", "PI"]
