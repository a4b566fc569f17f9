"""The golden run: no alert of the sample day changes in any word without somebody having looked at it."""

from __future__ import annotations

import pytest

from tests.golden.sample_day import REGENERATE, committed, differences, produced


def test_the_sample_day_tells_what_it_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word, number and source of every alert is the committed one."""
    for name in ("CONFIG", "RULES", "MAPPINGS", "PROTOCOL"):
        monkeypatch.delenv(f"AZAWATCH_{name}", raising=False)
    changed = list(differences(committed(), produced()))

    if changed:
        pytest.fail(
            f"{len(changed)} differences to tests/golden/alerts.jsonl; if they are meant: {REGENERATE}\n"
            + "\n".join(changed[:60]),
            pytrace=False,
        )


def test_differences_are_told_event_by_event_and_field_by_field() -> None:
    """A reviewer reads which alert says what else, not two walls of JSON."""
    old = {
        "message_control_id": "M1",
        "patient": {"id": "H1"},
        "rule": "a01",
        "phase": "start",
        "evidence": [{"value": "150"}],
    }
    new = old | {"evidence": [{"value": "151"}]}
    other = old | {"rule": "a02"}

    assert list(differences([old, other], [new])) == [
        "- no longer told: M1 H1 a02 start",
        '  M1 H1 a01 start: evidence[0].value: "150" -> "151"',
    ]
    assert list(differences([old, other], [other, old])) == ["  the same events in another order"]
    assert list(differences([old], [old])) == []
