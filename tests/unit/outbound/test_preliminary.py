"""Alerts on results that the laboratory has not called final: no text may let them pass for final ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Evidence
from engine.model.person import Demographics
from engine.model.quantity import Truth
from engine.outbound import RenderOptions, render
from engine.outbound.wording import headline, notes
from tests.unit.outbound.events import OPTIONS, RESOLVED, RETRACTION, START, TRIGGER, later

HEADLINE_LIMIT = 80
PAGER_LIMIT = 140


def with_status(event: AlertEvent, status: str, **changes: Any) -> AlertEvent:
    """The event with its triggering result in that status."""
    trigger = replace(event.trigger or TRIGGER, result_status=status, **changes)
    return replace(event, trigger=trigger, evidence=(trigger, *event.evidence[1:]))


def pager(event: AlertEvent) -> str:
    return render(event, "pager_text", RenderOptions()).body.decode()


PRELIMINARY = with_status(START, "P")


@pytest.mark.parametrize("status", ["P", "S"])
def test_the_headline_says_so(status: str) -> None:
    """Status P and S (partial); the word stands beside the number."""
    assert headline(with_status(START, status), HEADLINE_LIMIT) == (
        "ALT 212 U/L preliminary (6.8 x baseline 31) on azathioprine 150 mg/day"
    )


@pytest.mark.parametrize("status", ["F", "C", "A", "U", ""])
def test_a_final_value_is_not_called_preliminary(status: str) -> None:
    """Whoever reads the word must be able to trust it."""
    event = with_status(START, status)

    assert "reliminary" not in "".join((headline(event, HEADLINE_LIMIT), pager(event), *notes(event)))


def test_the_pager_says_so() -> None:
    """The doctor who is woken must know that the final value is to come."""
    assert pager(PRELIMINARY) == (
        "CRITICAL IRIS T. MRN..1733 ALT 212 U/L preliminary (6.8x baseline 31) on azathioprine 150 mg/d:"
        " interrupt azathioprine now. a01"
    )
    absolute = with_status(START, "P", value="600", threshold="500", reference_kind="", fold="")
    assert "ALT 600 U/L preliminary (limit 500)" in pager(absolute)


def test_the_notes_name_each_preliminary_result() -> None:
    """The message of a rule may name several results; a condition that is false does not count."""
    bilirubin = Evidence("bilirubin >= 2 x ULN", Truth.TRUE, "bilirubin", "50", result_status="P")
    platelets = Evidence("platelets < 50 10*9/L", Truth.FALSE, "platelets", "160", result_status="P")
    event = replace(PRELIMINARY, evidence=(*PRELIMINARY.evidence, bilirubin, platelets))

    told = list(notes(event))
    assert told[:2] == [event.message, "Preliminary, the final result may differ: ALT, bilirubin"]
    assert "ALT 212 U/L preliminary (sent as 212 IU/L)" in told[3]


def test_the_end_of_an_alert_names_only_what_ended_it() -> None:
    """A final value takes the preliminary one's place: the alert is over, and nothing is preliminary."""
    over = replace(with_status(RESOLVED, "F"), evidence=PRELIMINARY.evidence)

    assert not any("Preliminary" in note for note in notes(over))
    assert any("Preliminary" in note for note in notes(with_status(RESOLVED, "P")))


def test_a_retraction_shows_no_preliminary_number_either() -> None:
    """The withdrawn value must not be read again."""
    event = with_status(RETRACTION, "P")

    assert headline(event, HEADLINE_LIMIT) == "RETRACTED: ALT or AST at least 5 x baseline"
    assert not any("Preliminary" in note for note in notes(event))


@given(
    analyte=st.sampled_from(["alt", "wbc", "platelets", "direct_bilirubin"]),
    value=st.decimals("0.01", "100000", places=2),
    comparator=st.sampled_from(["", ">", "<="]),
    unit=st.sampled_from(["U/L", "10*9/L", "umol/L"]),
    name=st.text(max_size=40),
    phase=st.sampled_from([Phase.START, Phase.UPDATE, Phase.ESCALATE, Phase.DEESCALATE]),
)
def test_wherever_the_number_is_shown_the_word_is(
    analyte: str, value: object, comparator: str, unit: str, name: str, phase: Phase
) -> None:
    """However long the rest is, and within the limits of pager and headline."""
    event = with_status(
        later(START, phase, AlertReason.CHANGED), "P", analyte=analyte, value=f"{value}", unit=unit
    )
    event = with_status(event, "P", comparator=comparator)
    event = replace(event, person=replace(event.person, demographics=Demographics((name, name))))

    for line, limit in ((pager(event), PAGER_LIMIT), (headline(event, HEADLINE_LIMIT), HEADLINE_LIMIT)):
        assert len(line) <= limit
        assert " preliminary" in line


@pytest.mark.parametrize("form", ["hl7_r40", "hl7_r01", "pager_text"])
def test_every_format_for_people_says_so(form: str) -> None:
    """Alert managers, record systems and pagers; JSON carries the status with each evidence."""
    assert "ALT 212 U/L preliminary" in render(PRELIMINARY, form, OPTIONS).body.decode()
