"""Whose results are judged: who takes a thiopurine, since when, and how long after."""

from __future__ import annotations

import pytest

from engine.model.alert import AlertReason
from engine.taken import IntakeOptions
from tests.scenario.timeline import Scenario, alert
from tests.scenario.wire import message, patient

STOP = alert("a02-alt-ast-500", "critical")
MILD = alert("a13-mild-rise", "review")


def test_an_order_that_comes_after_the_result_still_raises_the_alert() -> None:
    """The pharmacy interface is slower than the laboratory: the alert comes with the order."""
    day = Scenario()
    day.at("d0 08:00").oru(alt="530")
    day.expect_silence()
    day.at("d0 12:00").prescription("NW", start="d-30")

    day.expect(STOP.started())
    assert day.outcome == "accepted/therapy"


def test_a_roster_that_comes_after_the_result_still_raises_the_alert() -> None:
    """A patient enrolled late is judged on what is there."""
    day = Scenario()
    day.at("d0 08:00").oru(alt="530")
    day.at("d1 08:00").roster("H1", start="d-60")

    day.expect(STOP.started())


def test_a_result_from_before_the_first_dose_raises_nothing() -> None:
    """Results before the therapy are a baseline, not a side effect."""
    day = Scenario()
    day.at("d0 08:00").oru(alt="130")
    day.at("d0 12:00").prescription("NW", start="d1")

    day.expect_silence()


def test_an_order_that_began_earlier_than_told_continues_the_alert() -> None:
    """The start moves back: the alert of the old episode goes on under the new one, and says so."""
    day = Scenario()
    day.prescription("NW", start="d-10")
    day.at("d0 08:00").oru(alt="530")
    day.expect(STOP.started())
    day.at("d0 09:00").roster("H1", start="d-60")

    day.expect(STOP.ended(AlertReason.SUPERSEDED), STOP.started())
    assert day.open_rules() == {"a02-alt-ast-500": "critical"}


@pytest.mark.parametrize(("collected", "judged"), [("d89 23:59", True), ("d90 00:00", False)])
def test_results_are_judged_for_ninety_days_after_a_stop(collected: str, judged: bool) -> None:
    """The drug acts on after the last tablet; after ninety days it is somebody else's question."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.roster_row("H1", "stop", "d0", "azathioprine")
    day.at(collected).oru(alt="530")

    assert bool(day.open_alerts()) is judged


def test_a_stop_that_becomes_known_late_takes_the_alert_back() -> None:
    """Stopped half a year ago and never told: the alert of today was nobody's."""
    day = Scenario()
    day.roster("H1", start="d-300")
    day.at("d0 08:00").oru(alt="530")
    day.expect(STOP.started())
    day.roster_row("H1", "stop", "d-180", "azathioprine")

    day.expect(STOP.ended())


def test_after_a_restart_the_lower_limit_holds() -> None:
    """Above three times the upper limit stops a second course, in a first course it is a mild rise."""
    day = Scenario()
    day.roster("H1", start="d-200")
    day.at("d-190 08:00").oru(alt="125")
    day.expect(MILD.started())
    day.at("d-150 08:00").oru(alt="30", ast="30")
    day.expect(MILD.ended())
    day.roster_row("H1", "stop", "d-140", "azathioprine")
    day.roster_row("H1", "restart", "d-20", "azathioprine", "50")
    day.at("d0 08:00").oru(alt="125")

    day.expect(alert("a08-alt-ast-3x-uln-after-restart", "critical").started())


def test_a_held_therapy_is_still_watched() -> None:
    """While the drug rests, its effect does not."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.roster_row("H1", "hold", "d-3", "azathioprine")
    day.at("d0 08:00").oru(wbc="1.9")

    day.expect(alert("d01-wbc-below-2-5").started())
    assert "on hold" in day.events()[0].drug_text


def test_mercaptopurine_is_watched_like_azathioprine() -> None:
    """Both thiopurines count."""
    day = Scenario()
    day.roster("H1", start="d-60", drug="mercaptopurine", dose=50)
    day.at("d0 08:00").oru(alt="530")

    day.expect(STOP.started())


def test_equal_order_numbers_of_two_patients_are_two_orders() -> None:
    """Two prescribing systems count alike: neither patient's therapy may vanish into the other's."""
    for number in ("", "RX1"):
        day = Scenario()
        for name in ("H1", "H2"):
            day.prescription("NW", number, of=patient(name), start="d-30")
        day.at("d0 08:00")
        for name in ("H1", "H2"):
            day.oru(of=patient(name), alt="530")

        assert len(day.open_alerts()) == 2


def test_importing_a_roster_twice_changes_nothing() -> None:
    """The monitoring service sends its whole list every morning."""
    rows = (
        "H1,STEVENS,start,2026-01-11,azathioprine,100,,\n"
        "H1,STEVENS,fact,2026-01-11,,,,baseline.alt=31 U/L\n"
        "H2,STEVENS,start,2026-01-11,mercaptopurine,50,,\n"
    )
    day = Scenario()
    day.import_roster(rows)
    day.at("d0 08:00").oru(alt="130")
    day.expect(MILD.started())
    before = [day.record("H1"), day.record("H2")]
    day.at("d1 08:00").import_roster(rows)

    day.expect_silence()
    assert [day.record("H1"), day.record("H2")] == before


def test_a_stated_baseline_judges_what_is_already_there() -> None:
    """A baseline that is stated later makes a fivefold rise visible."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alt="160")
    day.expect(MILD.started())
    day.roster_row("H1", "fact", "d-60", note="baseline.alt=31 U/L")

    day.expect(alert("a01-alt-ast-5x-baseline", "critical").escalated())


def test_a_recorded_symptom_changes_the_verdict() -> None:
    """A mild rise with symptoms is not the harmless mild rise any more."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alp="39")
    day.expect(alert("c03-alp-low", "info").started())
    day.roster_row("H1", "fact", "d0", note="symptom=fatigue")

    day.expect(alert("c04-alp-low-persistent", "review").escalated())


def test_results_of_untreated_people_need_not_be_kept() -> None:
    """A hospital that chooses privacy keeps nothing of people who never had a thiopurine."""
    day = Scenario(IntakeOptions(keep_untreated=False))
    day.roster("H2", start="d-60")
    day.at("d0 08:00").oru(alt="530")
    assert day.outcome == "ignored/nothing-monitored"
    assert not day.known("H1")

    day.oru(of=patient("H2"), alt="530")
    day.expect(STOP.started())


def test_an_order_of_another_drug_is_ignored_by_name() -> None:
    """Most prescriptions are none of our business, and the ledger says so."""
    day = Scenario()
    rxe = "RXE||308460^azithromycin 250 MG Oral Tablet^RXNORM|1||TAB"
    lines = [patient("H1").segment(), "ORC|NW||RX9", rxe, "TQ1|1||QD"]
    day.send(message("RDE^O11", day.control(), "20260312080000", lines, sender="PHARM|STEVENS"))

    assert day.outcome == "ignored/other-drug"
    assert not day.known("H1")


def test_a_refill_request_is_no_therapy() -> None:
    """Somebody asks for tablets: nobody has them yet."""
    day = Scenario()
    lines = [patient("H1").segment(), "ORC|NW||RX9"]
    day.send(message("RDE^O25", day.control(), "20260312080000", lines, sender="PHARM|STEVENS"))

    assert day.outcome == "ignored/refill-request"


def test_a_patient_known_by_dispenses_only_is_watched() -> None:
    """The pharmacy sends what it hands out and never an order: somebody takes it, at an unknown dose."""
    day = Scenario()
    lines = [patient("H1").segment(), "ORC|RE||RX9", "RXD|1|1256^azathioprine^RXNORM|20260201|60|TAB"]
    day.at("d-20 08:00")
    day.send(message("RDS^O13", day.control(), "20260210080000", lines, sender="PHARM|STEVENS"))
    assert day.outcome == "accepted/therapy"
    day.at("d0 08:00").oru(alt="530")

    day.expect(STOP.started())
    (event,) = day.events()
    assert event.drug_text == "azathioprine dose unknown since 2026-02-01"


def test_an_order_that_comes_after_the_dispenses_says_since_when() -> None:
    """Supplies confirm an order and never predate it: the alert goes on under the order's own start."""
    day = Scenario()
    lines = [patient("H1").segment(), "ORC|RE||RX9", "RXD|1|1256^azathioprine^RXNORM|20260201|60|TAB"]
    day.send(message("RDS^O13", day.control(), "20260210080000", lines, sender="PHARM|STEVENS"))
    day.at("d0 08:00").oru(alt="530")
    day.expect(STOP.started())
    day.prescription("NW", "RX9", start="d-10")

    day.expect(STOP.ended(AlertReason.SUPERSEDED), STOP.started())
    assert day.open_rules() == {"a02-alt-ast-500": "critical"}


def test_an_end_does_not_undo_what_was_dispensed_before_it() -> None:
    """Dispensed in February, discontinued in March: the alert of the weeks between stays."""
    day = Scenario()
    lines = [patient("H1").segment(), "ORC|RE||RX9", "RXD|1|1256^azathioprine^RXNORM|20260201|60|TAB"]
    day.send(message("RDS^O13", day.control(), "20260210080000", lines, sender="PHARM|STEVENS"))
    day.at("d0 08:00").oru(alt="530")
    day.expect(STOP.started())
    day.at("d1 08:00").prescription("DC", "RX9")

    day.expect_silence()
    assert day.open_rules() == {"a02-alt-ast-500": "critical"}
