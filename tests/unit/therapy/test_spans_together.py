"""Episodes out of orders, supplies and roster together."""

from __future__ import annotations

import pytest

from engine.model.therapy import TherapyEvent
from engine.therapy import spans
from tests.unit.therapy.world import (
    AZATHIOPRINE,
    MERCAPTOPURINE,
    bare,
    day,
    doses,
    episodes,
    flat,
    only,
    orc,
    read,
    roster,
    rxe,
    told,
    tq1,
)

# --- supplies


def dispensed(when: str, *, order: str = "P1", code: str = AZATHIOPRINE) -> tuple[TherapyEvent, ...]:
    """A dispense of that day, told a week later."""
    return read(orc("RE", order), f"RXD|1|{code}|{when}|56", kind="RDS^O13", sent="20260310").events


def administered(when: str, completion: str = "CP") -> tuple[TherapyEvent, ...]:
    """One dose given on a ward."""
    segment = f"RXA|0|1|{when}||{AZATHIOPRINE}" + "|" * 15 + completion
    return read(orc("RE"), segment, kind="RAS^O17", sent="20260310").events


def test_a_supply_does_not_predate_a_therapy() -> None:
    """Dispensed in December, ordered in January."""
    supply = dispensed("20251201")

    assert episodes(supply, told("NW", "20260101")) == ["azathioprine 2026-01-01..on"]
    assert episodes(told("NW", "20260101"), supply) == ["azathioprine 2026-01-01..on"]
    assert episodes(supply, roster("start,2026-01-01,,150")) == ["azathioprine 2026-01-01..on"]


def test_whoever_was_given_the_drug_without_any_order_is_watched() -> None:
    """A filled prescription is the best evidence there is: from the first one on, at an unknown dose."""
    span = only(dispensed("20260201", order="P2"), dispensed("20260103"))

    assert (day(span.start), span.stop, doses(span)) == ("2026-01-03", None, [("2026-01-03", "?")])
    assert episodes(administered("20260103"), administered("20260104", "PA")) == [
        "azathioprine 2026-01-03..on"
    ]
    assert episodes(read(orc("RE"), f"RXG|1|||{AZATHIOPRINE}|2", kind="RGV^O15", sent="20260103").events) == [
        "azathioprine 2026-01-03..on"
    ]
    assert episodes(administered("20260103", "RE")) == []


def test_an_order_of_the_other_drug_does_not_explain_a_supply() -> None:
    """Mercaptopurine is ordered, azathioprine is handed out: both are watched."""
    assert episodes(told("NW", "20260201", order="P2", code=MERCAPTOPURINE), dispensed("20260103")) == [
        "azathioprine 2026-01-03..on",
        "mercaptopurine 2026-02-01..on",
    ]


def test_a_request_that_nobody_confirmed_does_not_explain_a_supply() -> None:
    """An unconfirmed discontinuation leaves the patient watched."""
    assert episodes(dispensed("20260103"), told("DC", "20260201", trusting=False)) == [
        "azathioprine 2026-01-03..on"
    ]


def test_a_bare_end_of_the_order_ends_what_its_supplies_tell_of() -> None:
    """The pharmacy never sent the order, but says that it is discontinued."""
    assert episodes(dispensed("20260103"), bare("DC", "20260201")) == ["azathioprine 2026-01-03..2026-02-01"]


# --- orders and roster


def test_roster_and_order_tell_of_one_therapy() -> None:
    """The clinic and the pharmacy both say 150 mg: it is not 300."""
    span = only(roster("start,2026-01-01,,150"), told("NW", "20260102", mg="150"))

    assert (day(span.start), doses(span)) == ("2026-01-01", [("2026-01-01", "150")])
    assert span.source == "RDE^O11, roster"


def test_the_newer_statement_of_a_dose_counts() -> None:
    """The clinic reduces by telephone; months later the pharmacy has a new order."""
    span = only(
        told("NW", "20260101", mg="150"), roster("dose,2026-02-01,,100"), told("XX", "20260401", mg="75")
    )

    assert doses(span) == [("2026-01-01", "150"), ("2026-02-01", "100"), ("2026-04-01", "75")]


def test_a_dose_that_the_pharmacy_cannot_tell_is_taken_from_the_roster() -> None:
    """Tablets of unknown strength."""
    vague = read(orc("NW"), rxe(AZATHIOPRINE, "2", "TAB"), tq1(), sent="20260201").events

    assert doses(only(roster("start,2026-01-01,,150"), vague)) == [("2026-01-01", "150")]


def test_a_discontinued_order_ends_what_the_roster_began() -> None:
    """The only prescription is stopped; nobody thinks of the roster."""
    listed = roster("start,2026-01-01,,150")

    assert episodes(listed, told("NW", "20260102"), told("DC", "20260301")) == [
        "azathioprine 2026-01-01..2026-03-01"
    ]
    assert episodes(listed, told("DC", "20260301")) == ["azathioprine 2026-01-01..2026-03-01"]


def test_the_end_of_a_hospital_stay_does_not() -> None:
    """Ward orders end at discharge, and the tablets at home go on."""
    assert episodes(
        roster("start,2026-01-01,,150"), told("NW", "20260201", pv1="I"), told("DC", "20260208", pv1="I")
    ) == ["azathioprine 2026-01-01..on"]


def test_one_of_two_orders_ending_does_not_end_what_the_roster_began() -> None:
    """The other prescription is still open."""
    assert episodes(
        roster("start,2026-01-01"),
        told("NW", "20260101"),
        told("NW", "20260101", order="P2"),
        told("DC", "20260201"),
    ) == ["azathioprine 2026-01-01..on"]


def test_an_order_that_ran_out_does_not_end_what_the_roster_began() -> None:
    """The next box may come from another pharmacy."""
    assert episodes(roster("start,2026-01-01"), told("NW", "20260101", start="20260101", end="20260129")) == [
        "azathioprine 2026-01-01..on"
    ]


def test_an_order_cancelled_before_it_began_does_not_end_what_the_roster_began() -> None:
    """A double entry that was taken back."""
    assert episodes(
        roster("start,2026-01-01"), told("NW", "20260201", start="20260301"), told("CA", "20260202")
    ) == ["azathioprine 2026-01-01..on"]


def test_a_roster_stop_ends_open_orders() -> None:
    """The clinic has stopped it; the pharmacy never hears of that."""
    stopped = (told("NW", "20260101"), roster("stop,2026-03-01"))

    assert episodes(*stopped) == ["azathioprine 2026-01-01..2026-03-01"]
    assert episodes(*stopped, roster("restart,2026-03-20,,50")) == [
        "azathioprine 2026-01-01..2026-03-01",
        "azathioprine 2026-03-20..on restart",
    ]


def test_holds_of_either_hold_the_therapy() -> None:
    """And releases of either release it: an order by OE, the roster by a dose."""
    both = (roster("start,2026-01-01"), told("NW", "20260101"))
    by_order = only(*both, told("HD", "20260201"), told("OE", "20260215"))
    by_roster = only(*both, roster("hold,2026-02-01", "dose,2026-02-15,,100"))

    for span in (by_order, by_roster):
        assert [(day(begin), day(end)) for begin, end in span.holds] == [("2026-02-01", "2026-02-15")]


@pytest.mark.parametrize("control", ["RL", "OE", "OR"])
def test_the_release_of_an_order_is_no_restart(control: str) -> None:
    """Prescribing systems hold and release orders for every short stay."""
    released = (told("NW", "20260101"), told("HD", "20260201"), told(control, "20260215"))

    assert episodes(*released) == ["azathioprine 2026-01-01..on"]
    assert episodes(roster("start,2026-01-01", "hold,2026-02-01"), *released) == [
        "azathioprine 2026-01-01..on"
    ]


def test_a_roster_restart_is_one_whatever_orders_go_on() -> None:
    """The pharmacy never heard of the break: its order is open all the time."""
    for before in ((), ("hold,2026-02-01",), ("stop,2026-02-01",)):
        events = (told("NW", "20260101", mg="50"), roster("start,2026-01-01", *before, "restart,2026-02-15"))
        assert episodes(*events)[-1] == "azathioprine 2026-02-15..on restart"
    with_order = (told("NW", "20260101", mg="50"), roster("start,2026-01-01", "restart,2026-02-15"))
    assert [doses(span) for span in spans(flat(*with_order))] == [
        [("2026-01-01", "50")],
        [("2026-02-15", "50")],
    ]


def test_an_order_written_for_the_day_of_the_restart_is_part_of_it() -> None:
    """New tablets for the new course, at the same instant, and nothing known of the old one."""
    assert episodes(told("NW", "20260215", start="20260215"), roster("restart,2026-02-15")) == [
        "azathioprine 2026-02-15..on restart"
    ]
