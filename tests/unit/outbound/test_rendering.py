"""Every format of every event: valid, read back alike by independent readers, closed to injection."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import hl7
import pytest
from hl7apy import load_reference
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.validation import validate_message
from engine.hl7.writer import clean
from engine.model.alert import FEED_SILENT, AlertEvent, AlertReason, Phase
from engine.model.finding import Severity
from engine.model.person import Demographics, Person, Visit, in_order_of_use
from engine.outbound import RENDERERS, Format, RenderOptions, render
from engine.outbound.wording import notes
from engine.technical import technical_event
from tests.unit.outbound.events import LOW_COUNT, OPTIONS, OVERDUE, RETRACTION, START, later

HL7_FORMATS = (Format.HL7_R40, Format.HL7_R01)
TECHNICAL = technical_event(
    FEED_SILENT,
    "ALERT",
    1,
    Phase.START,
    START.decided_at,
    severity=Severity.URGENT,
    title="No results come from north",
    message="Nothing for 45 minutes.",
    action="Ask the laboratory and the interface engine",
    revision="r1",
)
REASONS = {
    Phase.START: AlertReason.NEW,
    Phase.UPDATE: AlertReason.CORRECTED,
    Phase.ESCALATE: AlertReason.WORSE,
    Phase.DEESCALATE: AlertReason.CHANGED,
    Phase.END: AlertReason.WITHDRAWN,
}
UNKNOWN_PATIENT = replace(
    START, person=Person("X/1", (), Demographics()), visit=Visit(), trigger=None, trigger_code="", sources=()
)


def text_of(event: AlertEvent, form: str, options: RenderOptions = OPTIONS) -> str:
    return render(event, form, options).body.decode()


@pytest.mark.parametrize("event", [START, OVERDUE, LOW_COUNT], ids=["high", "overdue", "low"])
@pytest.mark.parametrize("form", HL7_FORMATS)
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("phase", list(Phase))
def test_every_message_conforms(event: AlertEvent, form: str, severity: Severity, phase: Phase) -> None:
    """A receiver that validates takes every alert in every phase of its life."""
    told = replace(event, severity=severity)
    if phase is not Phase.START:
        told = later(told, phase, REASONS[phase])

    assert validate_message(text_of(told, form)) == ()


@pytest.mark.parametrize("form", HL7_FORMATS)
@pytest.mark.parametrize("options", [RenderOptions(), OPTIONS, replace(OPTIONS, r40_structure="ORU_R01")])
def test_messages_with_the_least_known_conform(form: str, options: RenderOptions) -> None:
    """An alert about somebody of whom only the record exists is still a valid message, in any structure."""
    assert validate_message(text_of(UNKNOWN_PATIENT, form, options)) == ()
    assert validate_message(text_of(START, form, options)) == ()
    for phase, reason in REASONS.items():
        told = TECHNICAL if phase is Phase.START else later(TECHNICAL, phase, reason)
        assert validate_message(text_of(told, form, options)) == ()


def test_an_alert_about_no_patient_names_nobody() -> None:
    """A technical alert has type ST, no name, and no number that a ward could look for."""
    r40 = text_of(TECHNICAL, Format.HL7_R40).split("\r")
    (person,) = [line for line in r40 if line.startswith("PID")]
    assert person == "PID|||SYSTEM^^^AZAWATCH^U||^^^^^^U"
    assert any(line.startswith("OBX|7|ST|68485^MDC_ATTR_ALERT_TYPE^MDC|1.1.1.1.7|ST|") for line in r40)
    pager = text_of(TECHNICAL, Format.PAGER_TEXT)
    assert pager == ("URGENT No results come from north: ask the laboratory and the interface engine. system")
    assert json.loads(text_of(TECHNICAL, Format.EVENT_JSON))["patient"] == {
        "id": "SYSTEM",
        "assigning_authority": "AZAWATCH",
    }


@pytest.mark.parametrize("event", [START, OVERDUE, LOW_COUNT, RETRACTION, UNKNOWN_PATIENT])
def test_hl7apy_reads_and_writes_the_same_bytes(event: AlertEvent) -> None:
    """Strict hl7apy, with the structure of ORU_R01 2.6 for ORU_R40, loses and changes nothing."""
    text = text_of(event, Format.HL7_R40)
    profile = {"ORU_R40": load_reference("ORU_R01", "Message", "2.6")}
    parsed = parse_message(text, VALIDATION_LEVEL.STRICT, message_profile=profile, force_validation=True)

    assert parsed.to_er7() + "\r" == text


@pytest.mark.parametrize("event", [START, OVERDUE, LOW_COUNT, RETRACTION, UNKNOWN_PATIENT])
@pytest.mark.parametrize("form", HL7_FORMATS)
def test_python_hl7_reads_and_writes_the_same_bytes(event: AlertEvent, form: str) -> None:
    """A second, independent reader gives back the message that it was given."""
    text = text_of(event, form)

    assert str(hl7.parse(text)) == text


@pytest.mark.parametrize("form", list(Format))
def test_the_same_event_gives_the_same_bytes(form: str) -> None:
    """A repeated publication cannot be told from the first one."""
    assert render(START, form, OPTIONS) == render(replace(START), form, OPTIONS)


def test_the_table_has_every_format() -> None:
    """A format that can be configured can be rendered, and says what it is."""
    assert set(RENDERERS) == set(Format)
    assert render(START, "hl7_r40", OPTIONS).content_type == "application/hl7-v2+er7"
    assert render(START, "hl7_r01", OPTIONS).content_type == "application/hl7-v2+er7"
    assert render(START, "event_json", OPTIONS).content_type == "application/json"
    assert render(START, "pager_text", OPTIONS).content_type == "text/plain; charset=utf-8"


HOSTILE = st.text(max_size=12) | st.sampled_from(
    [
        "\rOBX|9|ST|X",
        "\n\x1c\x0bMSH|^~\\&|",
        "\\.br\\",
        "\\X0D\\OBX",
        '""',
        "a^b&c~d",
        "\u2028PID|",
        "\x85ZZZ",
    ]
)


def poisoned(value: Any, text: Callable[[], str]) -> Any:
    """The same value with every text in it replaced, and never emptied."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return f"x{text()}x"
    if isinstance(value, tuple):
        return tuple(poisoned(item, text) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changes = {member.name: poisoned(getattr(value, member.name), text) for member in fields(value)}
        return replace(value, **changes)
    return value


@st.composite
def hostile_events(draw: st.DrawFn) -> AlertEvent:
    """An event that carries arbitrary text wherever it carries text at all."""
    event: AlertEvent = poisoned(START, lambda: draw(HOSTILE))
    return event


@given(hostile_events(), st.sampled_from(HL7_FORMATS))
def test_no_text_can_add_a_segment(event: AlertEvent, form: str) -> None:
    """Whatever a laboratory writes into a name or a comment, the message keeps its segments."""
    expected = [line[:3] for line in text_of(START, form).split("\r")]

    assert expected == [line[:3] for line in text_of(event, form).split("\r")]


@given(hostile_events())
def test_text_comes_back_as_it_was_meant(event: AlertEvent) -> None:
    """python-hl7 reads from each leaf the text that was put there, without control characters."""
    message = hl7.parse(text_of(event, Format.HL7_R40))

    def leaf(accessor: str) -> str:
        return str(message[accessor])

    name = event.person.demographics.name
    assert [clean(name[0]), clean(name[1])] == [leaf("PID.F5.R1.C1"), leaf("PID.F5.R1.C2")]
    assert clean(in_order_of_use(event.person.identifiers)[0].value) == leaf("PID.F3.R1.C1")
    assert clean(event.visit.number) == leaf("PV1.F19.R1.C1")
    assert clean(event.alert_id) == leaf("OBR.F3.R1.C1")
    assert clean(event.title) == leaf("OBX8.F5.R1.C2")
    assert clean(event.accession) == leaf("OBX9.F5")
    written = [leaf(f"NTE{number}.F3") for number in range(1, len(message.segments("NTE")) + 1)]
    assert [clean(note) for note in notes(event)] == written


@given(hostile_events())
def test_json_stays_one_line_and_says_the_same(event: AlertEvent) -> None:
    """A line of alerts.jsonl is one alert, whatever is in it."""
    body = render(event, Format.EVENT_JSON, OPTIONS).body

    assert b"\n" not in body
    assert json.loads(body)["message"] == event.message
