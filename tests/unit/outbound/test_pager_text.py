"""140 characters that a doctor can act on, from any event whatever."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Severity
from engine.model.person import Demographics, Identifier
from engine.outbound import RenderOptions, render
from tests.unit.outbound.events import (
    LOW_COUNT,
    OVERDUE,
    PERSON,
    RESOLVED,
    RETRACTION,
    START,
    UNASKED,
    UNCERTAIN,
    UPDATE,
    later,
)
from tests.unit.outbound.test_rendering import hostile_events


def line(event: AlertEvent, *, ascii_only: bool = False) -> str:
    return render(event, "pager_text", RenderOptions(pager_ascii=ascii_only)).body.decode()


def named(family: str, given_name: str, number: str = "H0041733") -> AlertEvent:
    """The first alert, about somebody else."""
    identifiers = (Identifier("STEVENS", number, "MR"),)
    person = replace(PERSON, identifiers=identifiers, demographics=Demographics((family, given_name)))
    return replace(START, person=person)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            START,
            (
                "CRITICAL IRIS T. MRN..1733 ALT 212 U/L (6.8x baseline 31) on azathioprine 150 mg/d:"
                " interrupt azathioprine now. a01"
            ),
        ),
        (
            LOW_COUNT,
            (
                "CRITICAL IRIS T. MRN..1733 neutrophils <0.4 x10^9/L (limit 1) on azathioprine 150 mg/d:"
                " interrupt azathioprine now. d01"
            ),
        ),
        (
            OVERDUE,
            (
                "REVIEW IRIS T. MRN..1733 Blood count overdue by more than 7 days on azathioprine 150 mg/d:"
                " arrange a blood count. f02"
            ),
        ),
        (
            UNCERTAIN,
            (
                "URGENT IRIS T. MRN..1733 CANNOT EXCLUDE ALT >= 500 U/L: >100 U/L on azathioprine 150 mg/d:"
                " if confirmed: interrupt azathioprine now. a01"
            ),
        ),
        (
            UNASKED,
            (
                "URGENT IRIS T. MRN..1733 CANNOT EXCLUDE HARM, ALT 212 U/L (6.8x baseline 31)"
                " on azathioprine 150 mg/d: check symptoms today. a01"
            ),
        ),
        (
            replace(UNASKED, trigger=None),
            (
                "URGENT IRIS T. MRN..1733 CANNOT EXCLUDE: ALT or AST at least 3 x baseline with..."
                " on azathioprine 150 mg/d: check symptoms today. a01"
            ),
        ),
        (
            RETRACTION,
            (
                "RETRACTED CRITICAL IRIS T. MRN..1733 ALT or AST at least 5 x baseline"
                " on azathioprine 150 mg/d: the laboratory withdrew the result. a01"
            ),
        ),
        (
            RESOLVED,
            (
                "RESOLVED CRITICAL IRIS T. MRN..1733 ALT 212 U/L (6.8x baseline 31) on azathioprine 150 mg/d:"
                " the condition no longer holds. a01"
            ),
        ),
        (
            later(START, Phase.UPDATE, AlertReason.UNACKNOWLEDGED, action=""),
            (
                "UNACKNOWLEDGED CRITICAL IRIS T. MRN..1733 ALT 212 U/L (6.8x baseline 31)"
                " on azathioprine 150 mg/d. a01"
            ),
        ),
    ],
)
def test_who_what_how_high_and_why(event: AlertEvent, expected: str) -> None:
    """The line names patient, value, extent, therapy, action and rule, in this order."""
    assert line(event) == expected


def test_a_long_name_gives_way_to_the_numbers() -> None:
    """A long name is cut, a long action too, and the value stays."""
    event = replace(
        named("Y", "Wolfeschlegelsteinhausenbergerdorff-Zzyx " * 3), action="Do this and that " * 20
    )

    assert "ALT 212 U/L (6.8x baseline 31)" in line(event)
    assert len(line(event)) <= 140
    assert line(event).endswith(" a01")


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (named("TESTCASE", "IRIS", "123"), "CRITICAL IRIS T. MRN 123 ALT"),
        (named("", "", "H0041733"), "CRITICAL MRN..1733 ALT"),
        (named("Ng", ""), "CRITICAL N. MRN..1733 ALT"),
        (replace(START, person=replace(PERSON, identifiers=())), "CRITICAL IRIS T. ALT"),
        (
            replace(START, person=replace(PERSON, identifiers=PERSON.identifiers[:1])),
            "CRITICAL IRIS T. ID..0812 ALT",
        ),
    ],
)
def test_who(person: AlertEvent, expected: str) -> None:
    """The patient is named as far as is known; a number is called a record number where it is one."""
    assert line(person).startswith(expected)


def test_ascii_for_old_gateways() -> None:
    """Accents and signs are spelled, and what has no spelling is marked and not dropped."""
    event = replace(named("Žižka", "Bjørn-Łukasz"), action="Stop – ≥ 5 µg; x", rule="a01-x")
    text = line(event, ascii_only=True)

    assert text.startswith("CRITICAL Bjorn-Lukasz Z. MRN..1733 ALT")
    assert text.endswith("stop - >= 5 ug. a01")
    assert line(named("王", "小明"), ascii_only=True).startswith("CRITICAL ?? ?. MRN..1733")


EVENTS = st.sampled_from([START, UNCERTAIN, UNASKED, LOW_COUNT, OVERDUE, RETRACTION, UPDATE, RESOLVED])
WIDE = st.text(max_size=80)


@given(EVENTS, st.sampled_from(list(Severity)), st.lists(WIDE, min_size=6, max_size=6), st.booleans())
def test_the_limit_holds_and_numbers_stay_whole(
    event: AlertEvent, severity: Severity, texts: list[str], ascii_only: bool
) -> None:
    """However long names, drugs and actions are, the value is in the line whole or not at all."""
    identifiers = (Identifier("N", texts[2], "MR"),)
    person = replace(PERSON, identifiers=identifiers, demographics=Demographics((texts[0], texts[1])))
    told = replace(
        event, person=person, severity=severity, drug_text=texts[3], action=texts[4], rule=texts[5] or "a01"
    )
    text = line(told, ascii_only=ascii_only)

    assert len(text) <= 140
    assert len(text.splitlines()) == 1
    assert text.isascii() or not ascii_only
    if event in (START, UPDATE, RESOLVED):
        assert "ALT 212 U/L (6.8x baseline 31)" in text
    if event is UNCERTAIN:
        assert "CANNOT EXCLUDE ALT >= 500 U/L: >100 U/L" in text
    if event is UNASKED:
        assert "CANNOT EXCLUDE HARM, ALT 212 U/L (6.8x baseline 31)" in text
    if event is LOW_COUNT:
        assert "neutrophils <0.4 x10^9/L (limit 1)" in text


@given(hostile_events(), st.booleans())
def test_any_event_is_one_short_line(event: AlertEvent, ascii_only: bool) -> None:
    """Nothing in an event can break the line or make it too long for the gateway."""
    text = line(event, ascii_only=ascii_only)

    assert 0 < len(text) <= 140
    assert len(text.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f]", text)
