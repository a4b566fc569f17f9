"""Times at the ends of the calendar: an end that means "no end" must not leave anybody unwatched."""

from __future__ import annotations

import pytest

from engine import sweep
from engine.decide import Decision, Knowledge, decide_sweep
from engine.intake import Intake
from engine.model.record import Record
from engine.taken import Arrived, IntakeOptions
from engine.telling import Occasion
from tests.scenario.timeline import ANNA, Scenario
from tests.scenario.wire import Patient, message, prescription, stamp

EDGES = (
    "00010101",
    "00010101000000+1400",
    "00010102000000-1200",
    "99991231",
    "9999",
    "999912",
    "9999123123",
    "99991231235959-0000",
    "99991231235959.9999+0000",
    "99991231235959+1400",
    "99991231235959-0500",
)


def order(day: Scenario, start: str, end: str, sent: str = "") -> bytes:
    """A pharmacy order of azathioprine from a time to a time, as the pharmacy writes them."""
    lines = [ANNA.segment(), *prescription("NW", "RX1", start=start)[:-1], f"TQ1|1||QD||||{start}|{end}"]
    return message("RDE^O11^RDE_O11", day.control(), sent or stamp(day.now), lines, sender="PHARM|STEVENS")


@pytest.mark.parametrize("edge", EDGES)
def test_an_order_without_a_real_end_or_start_is_watched(edge: str) -> None:
    """TQ1-8 99991231, and TQ1-7 00010101: the course goes on, and a dangerous value pages."""
    day = Scenario(every_rule=True)
    begin, end = (edge, "") if edge.startswith("0001") else (stamp(day.at("d-60").now), edge)

    day.at("d-60").send(order(day, begin, end))
    day.at("d0").oru(alt="600", ast="30", bilirubin="8")
    day.at("d100").sweep()

    assert [taken.fault for taken in day.taken] == [None, None]
    assert "a02-alt-ast-500" in {event.rule for event in day.events()}


@pytest.mark.parametrize("edge", EDGES)
def test_a_message_sent_at_an_end_of_the_calendar_is_taken_in(edge: str) -> None:
    """MSH-7 99991231235959+0000: a wrong clock at the sender costs nobody a result."""
    day = Scenario(every_rule=True)
    day.at("d-60").roster("H1", start="d-60")
    body = day.at("d0").oru_text(alt="600", ast="30", bilirubin="8")
    day.send(body.replace(f"|{stamp(day.now)}||ORU".encode(), f"|{edge}||ORU".encode()))

    assert [taken.fault for taken in day.taken] == [None]
    assert day.outcome == "accepted/results"


def test_in_a_replay_an_error_about_one_person_costs_nobody_else_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Time is judged for everybody before each message: that of somebody else is taken in, and pages."""
    day, anna, bert = Scenario(every_rule=True), Patient(("H1",)), Patient(("H2",))
    intake = Intake(day.store, day.knowledge, IntakeOptions())  # the messages are the clock
    day.at("d-60")
    for person in (anna, bert):
        lines = [person.segment(), *prescription("NW", f"RX{person.ids[0]}", start=stamp(day.now))]
        body = message("RDE^O11^RDE_O11", day.control(), stamp(day.now), lines, sender="PHARM|STEVENS")
        assert [taken.fault for taken in intake.take([Arrived(body, "archive")])] == [None]

    failing = day.record("H1").person

    def judge(record: Record, knowledge: Knowledge, occasion: Occasion) -> Decision:
        if record.person == failing:
            raise OverflowError
        return decide_sweep(record, knowledge, occasion)

    monkeypatch.setattr(sweep, "decide_sweep", judge)
    body = day.at("d0").oru_text(of=bert, alt="600", ast="30", bilirubin="8")
    (taken,) = intake.take([Arrived(body, "archive")])

    assert (taken.outcome.disposition, taken.outcome.reason) == ("accepted", "results")
    assert any(isinstance(look.fault, OverflowError) for look in taken.looks)
    assert "a02-alt-ast-500" in {event.rule for event in taken.events}
    assert taken.swept
