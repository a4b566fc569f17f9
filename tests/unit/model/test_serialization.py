"""What the store keeps of findings and events comes back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.alert import AlertEvent
from engine.model.finding import Finding, Label, Severity
from engine.model.serialization import (
    event_from_json,
    event_to_json,
    finding_from_json,
    finding_to_json,
)
from tests.unit.outbound.events import OVERDUE, RETRACTION, START

ZONES = st.sampled_from([ZoneInfo("Europe/London"), ZoneInfo("America/St_Johns"), ZoneInfo("UTC")])
TIMES = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=ZONES, allow_imaginary=False).map(  # noqa: DTZ001
    lambda at: at.replace(
        tzinfo=timezone(at.utcoffset() or timedelta(0))
    )  # offsets are kept, names of zones not
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
FINDINGS = st.builds(
    Finding,
    rule_id=TEXTS,
    title=TEXTS,
    clinical_at=st.none() | TIMES,
    badness=st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple),
    repeat_after=st.timedeltas(timedelta(0), timedelta(days=400)),
    evidence=st.just(START.evidence),
    labels=st.lists(st.builds(Label, rule_id=TEXTS, text=TEXTS), max_size=3).map(tuple),
    raised_from=st.none() | st.sampled_from(Severity),
)


@given(FINDINGS)
def test_a_finding_survives_the_store(finding: Finding) -> None:
    """Nothing of a finding is lost, so that a later message is compared with what was really told."""
    assert finding_from_json(finding_to_json(finding)) == finding


@given(FINDINGS)
def test_a_finding_of_an_older_release_takes_defaults(finding: Finding) -> None:
    """An alert that was open before findings had labels is compared with what holds now."""
    row = json.loads(finding_to_json(finding))
    del row["labels"], row["raised_from"]

    assert finding_from_json(json.dumps(row)) == replace(finding, labels=(), raised_from=None)


@pytest.mark.parametrize("event", [START, OVERDUE, RETRACTION])
def test_an_event_survives_the_store(event: AlertEvent) -> None:
    """`alerts show` explains an alert as completely as on the day it was raised."""
    stored = event_to_json(event)

    assert event_from_json(stored) == event
    assert event_to_json(event_from_json(stored)) == stored
    assert "\n" not in stored


def test_a_row_of_an_older_release_takes_defaults() -> None:
    """A field that did not exist yet does not make the row unreadable, nor does one that is gone."""
    row = json.loads(event_to_json(START))
    for key in ("processing_id", "labels", "protocol", "raised_from", "shadow"):
        del row[key]
    row["field_of_another_release"] = 1

    assert event_from_json(json.dumps(row)) == replace(START, labels=(), protocol="")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", "{}", '{"rule_id": 1}', event_to_json(START).replace('"phase":"start"', '"phase":"x"')],
)
def test_other_text_is_refused(text: str) -> None:
    """A damaged row is an error, and never an alert with holes."""
    with pytest.raises(ValueError, match=r".+"):
        event_from_json(text)
