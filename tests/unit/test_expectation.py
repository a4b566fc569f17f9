"""Golden runs: a reviewer reads which alert says what else, not two walls of JSON."""

from __future__ import annotations

import json

import pytest

from engine.expectation import differences, read_events

OLD = {
    "message_control_id": "M1",
    "patient": {"id": "H1"},
    "rule": "a01",
    "phase": "start",
    "evidence": [{"value": "150"}],
}
NEW = OLD | {"evidence": [{"value": "151"}]}
OTHER = OLD | {"rule": "a02"}


def test_differences_are_told_event_by_event_and_field_by_field() -> None:
    """Lost, added and changed events, each by message, patient, rule and phase."""
    assert list(differences([OLD, OTHER], [NEW])) == [
        "- no longer told: M1 H1 a02 start",
        '  M1 H1 a01 start: evidence[0].value: "150" -> "151"',
    ]
    assert list(differences([OLD], [OLD, OTHER])) == ["+ told now:       M1 H1 a02 start"]
    assert list(differences([OLD, OTHER], [OTHER, OLD])) == ["  the same events in another order"]
    assert list(differences([OLD], [OLD])) == []


def test_the_second_of_two_events_of_one_name_is_not_lost() -> None:
    """Two updates by one message are two events."""
    assert list(differences([OLD, NEW], [OLD])) == ["- no longer told: M1 H1 a01 start (2)"]


def test_reminders_are_told_apart_by_their_time() -> None:
    """Of three that time alone told, the first is missing: the others are not taken for it."""
    told = [OLD | {"message_control_id": "", "decided_at": f"2026-03-0{day}"} for day in (1, 2, 3)]
    assert list(differences(told, told[1:])) == ["- no longer told: 2026-03-01 H1 a01 start"]


def test_the_revision_of_the_knowledge_is_no_difference() -> None:
    """A comment in a rule file changes the revision, and no alert."""
    lines = [json.dumps(OLD | {"knowledge_revision": revision}) for revision in ("1", "2")]

    one, two = read_events(lines)

    assert one == two


@pytest.mark.parametrize("line", ["", "{", "[]", "{}", '{"patient": 1}'])
def test_a_line_that_is_no_event_is_named_by_its_number(line: str) -> None:
    """A file of something else is refused before anything is compared."""
    with pytest.raises(ValueError, match="2"):
        read_events([json.dumps(OLD), line])
