"""A restart is judged when it is ordered: before any result, in whatever order things are told."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.scenario.timeline import Scenario

FORBIDDEN = "g04-restart-after-decompensation"
SAME_DOSE = "g07-restart-at-same-dose"

Told = Callable[[Scenario], object]


def _stopped_after(day: Scenario, *, alt: str = "250") -> None:
    """A first course at 100 mg a day that ended with an injury of the liver."""
    day.roster("H1", start="d-200", dose=100)
    day.at("d-100 08:00").oru(alt=alt, ast="30")
    day.roster_row("H1", "stop", "d-95", "azathioprine")
    day.at("d-60 08:00").oru(alt="30", ast="30")


def _restarts(day: Scenario, family: str = "restart") -> list[tuple[str, str, str]]:
    """What was ever told of a family: phase, rule, severity."""
    return [(str(e.phase), e.rule, str(e.severity)) for e in day.events() if e.family == family]


def test_a_restart_order_after_decompensation_pages_at_once() -> None:
    """The pharmacy still has the tablets: the page must not wait for the first blood test."""
    day = Scenario(every_rule=True)
    _stopped_after(day)
    day.roster_row("H1", "fact", "d-90", note="decompensation=yes")
    taken = day.at("d0 09:00").prescription("NW", start="d0 09:00", tablets=2)

    assert [(e.rule, str(e.severity), str(e.phase)) for e in taken.events if e.family == "restart"] == [
        (FORBIDDEN, "critical", "start")
    ]


def test_a_restart_that_lies_ahead_pages_when_it_is_ordered() -> None:
    """Ordered on Friday for Monday: told on Friday, with the order, and only once."""
    day = Scenario(every_rule=True)
    _stopped_after(day)
    day.roster_row("H1", "fact", "d-90", note="decompensation=yes")
    day.at("d0 09:00").prescription("NW", start="d3", tablets=2)

    (event,) = (e for e in day.events() if e.family == "restart")
    assert event.drug_text.endswith("; ordered: azathioprine 50 mg/day from 2026-03-15")
    day.at("d4 08:00").oru(alt="30", ast="30")
    assert _restarts(day) == [("start", FORBIDDEN, "critical")]


def test_the_card_knows_of_a_stop_that_no_result_has_come_after() -> None:
    """Nobody must read that the patient still takes what was stopped in December."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-200", dose=100)
    day.at("d-100 08:00").oru(alt="430", ast="30")
    day.roster_row("H1", "stop", "d-95", "azathioprine")
    day.at("d0 09:00").prescription("NW", start="d3", tablets=2)

    (event,) = (e for e in day.events() if e.family == "restart")
    assert event.drug_text == (
        "azathioprine 100 mg/day stopped, taken since 2025-08-24; "
        "ordered: azathioprine 50 mg/day from 2026-03-15"
    )


def test_a_patient_of_whom_no_result_is_known_is_judged() -> None:
    """Courses and a fact are enough."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-200")
    day.roster_row("H1", "stop", "d-95", "azathioprine")
    day.roster_row("H1", "fact", "d-90", note="decompensation=yes")
    day.at("d0 09:00").prescription("NW", start="d0 09:00", tablets=2)

    assert day.open_rules()[FORBIDDEN] == "critical"


@pytest.mark.parametrize("control", ["DC", "CA"])
def test_an_order_that_is_taken_back_ends_the_alert(control: str) -> None:
    """The prescriber has listened: nothing stays open, though no result came."""
    day = Scenario(every_rule=True)
    _stopped_after(day)
    day.roster_row("H1", "fact", "d-90", note="decompensation=yes")
    day.at("d0 09:00").prescription("NW", "RX9", start="d0 09:00", tablets=2)
    day.at("d0 11:00").prescription(control, "RX9")

    assert [phase for phase, _, _ in _restarts(day)] == ["start", "end"]
    assert FORBIDDEN not in day.open_rules()


def test_a_first_course_that_is_cancelled_ends_its_alert_in_words_of_its_own() -> None:
    """Nobody must read that a result has come, where the order was taken back."""
    day = Scenario(every_rule=True)
    day.at("d0 09:00").prescription("NW", "RX9", start="d3", tablets=2)
    day.at("d0 11:00").prescription("CA", "RX9")

    asked, ended = (event for event in day.events() if event.family == "tpmt-nudt15")
    assert ended.message == (
        f"No longer so: no course of a thiopurine is on record any more. It said: {asked.message}"
    )


def test_a_restart_at_the_old_dose_is_one_card_and_ends_when_the_dose_is_lowered() -> None:
    """Same dose, more than a third, above 50 mg, moderate injury: one page, and the decision is left."""
    day = Scenario(every_rule=True)
    _stopped_after(day)
    day.at("d0 09:00").roster_row("H1", "restart", "d0", "azathioprine", "100")

    told = [event for event in day.events() if event.family in ("restart", "dose")]
    assert [(event.rule, str(event.severity)) for event in told] == [(SAME_DOSE, "critical")]
    assert {"g06-restart-after-5-10x-uln", "g08-restart-above-a-third"} <= set(told[0].superseded)

    day.at("d1 09:00").roster_row("H1", "dose", "d1", "azathioprine", "25")
    assert _restarts(day)[1:] == [("deescalate", "g06-restart-after-5-10x-uln", "review")]

    day.at("d2 09:00").roster_row("H1", "fact", "d2", note="restart-decision=documented")
    assert [phase for phase, _, _ in _restarts(day)] == ["start", "deescalate", "end"]


def test_a_course_that_is_resumed_without_any_injury_is_nobodys_business() -> None:
    """Stopped for an operation, resumed at the same dose: no alert about the restart or its dose."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-200", dose=100)
    day.at("d-100 08:00").oru(alt="35", ast="30")
    day.roster_row("H1", "stop", "d-5", "azathioprine")
    day.at("d0 09:00").roster_row("H1", "restart", "d0", "azathioprine", "100")

    assert _restarts(day) == _restarts(day, "dose") == []


def test_nobody_takes_a_missing_history_for_a_harmless_stop() -> None:
    """A patient of another hospital, restarted at the former dose: the liver may have been the reason."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-200", dose=100)
    day.roster_row("H1", "stop", "d-40", "azathioprine")
    day.at("d0 09:00").roster_row("H1", "restart", "d0", "azathioprine", "100")
    assert _restarts(day) == [("start", "g07-restart-reason-not-known", "urgent")]

    day.at("d1 09:00").oru(alt="30", ast="30", collected="d-50 08:00")
    assert _restarts(day)[1:] == [("end", "g07-restart-reason-not-known", "urgent")]


_PARTS: tuple[Told, ...] = (
    lambda day: day.import_roster(
        "H1,STEVENS,start,2025-08-24,azathioprine,100,,\nH1,STEVENS,stop,2025-12-07,azathioprine,,,\n"
    ),
    lambda day: day.send_all(
        day.oru_text(alt=alt, ast="30", collected=f"{when} 08:00", reported=f"{when} 12:00")
        for alt, when in (("430", "d-100"), ("30", "d-60"))
    ),
    lambda day: day.roster_row("H1", "fact", "d-90", note="decompensation=yes"),
    lambda day: day.prescription("NW", start="d3", tablets=2),
)


def test_the_order_of_arrival_does_not_matter() -> None:
    """Restart, injury, decompensation: whichever is told last, the same alerts are open."""
    outcomes = set()
    for parts in itertools.permutations(_PARTS):
        day = Scenario(every_rule=True).at("d0 12:00")
        for part in parts:
            part(day)
        outcomes.add(tuple(sorted((a.current.rule_id, a.current.message) for a in day.open_alerts())))

    assert len(outcomes) == 1
    assert FORBIDDEN in {rule for rule, _ in outcomes.pop()}
