"""Pharmacy messages as therapy events: which drug, what happened, from when, until when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.errors import ContentError
from engine.model.disposition import Reason
from engine.model.therapy import TherapyEventKind as Kind
from engine.therapy import spans
from engine.therapy.control_codes import CONTROL_CODES, STATUS_EFFECTS
from tests.unit.therapy.world import (
    AZATHIOPRINE,
    AZATHIOPRINE_50,
    CAUTIOUS_SITE,
    at,
    one,
    orc,
    read,
    rxe,
    tq1,
)

# What each code of table 0119 does when it stands in an RDE with a recognised drug.
REACTIONS = {
    **dict.fromkeys(("NW", "OK", "RE", "PR", "RO", "OP", "PY", "PA", "CH"), Kind.START),
    **dict.fromkeys(("XO", "XR", "XX"), Kind.DOSE),
    **dict.fromkeys(("RP", "RQ", "RU"), Kind.REPLACE),
    **dict.fromkeys(("DC", "DR", "OD"), Kind.STOP),
    **dict.fromkeys(("CA", "CR", "OC"), Kind.VOID),
    **dict.fromkeys(("HD", "HR", "OH"), Kind.HOLD),
    **dict.fromkeys(("RL", "OE", "OR"), Kind.RELEASE),
    **dict.fromkeys(("UA", "UC", "UD", "UH", "UM", "UR", "UX"), Kind.REVERT),
    **dict.fromkeys(("OF", "FU"), Kind.SUPPLY),
    **dict.fromkeys(("RF", "AF", "DF", "UF", "NA", "SN", "CN", "DE", "LI", "UN", "MC"), None),
    **dict.fromkeys(("SC", "SR", "SS"), None),  # without ORC-5
    **dict.fromkeys(("CP", "NR", "RR", "RA", "RC", "RD", "SQ", "SU"), None),
}


@pytest.mark.parametrize("code", sorted(CONTROL_CODES))
def test_every_order_control_code_does_what_the_table_says(code: str) -> None:
    """A code that is not reacted to would leave somebody on a drug that was stopped, or the reverse."""
    events = read(orc(code), rxe(), tq1()).events

    assert [event.kind for event in events] == ([REACTIONS[code]] if REACTIONS[code] else [])


def test_the_table_of_order_control_codes_is_complete() -> None:
    """No code of HL7 table 0119 is missing, and none was invented."""
    assert set(CONTROL_CODES) == set(REACTIONS)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("CA", Kind.VOID),
        ("DC", Kind.STOP),
        ("HD", Kind.HOLD),
        ("RP", Kind.REPLACE),
        ("IP", Kind.RELEASE),
        ("SC", Kind.START),
        ("CM", None),
        ("A", None),
        ("ER", None),
        ("", None),
        ("ZZ", None),
    ],
)
@pytest.mark.parametrize("code", ["SC", "SR", "SS"])
def test_a_status_message_is_read_by_its_status(code: str, status: str, kind: Kind | None) -> None:
    """Some pharmacies report everything as "status changed" with ORC-5."""
    events = read(orc(code, status=status), rxe(), tq1()).events

    assert [event.kind for event in events] == ([kind] if kind else [])


def test_every_status_of_table_0038_has_a_reaction() -> None:
    """A status without a reaction would be passed over in silence."""
    assert set(STATUS_EFFECTS) == {"A", "CA", "CM", "DC", "ER", "HD", "IP", "RP", "SC"}


@pytest.mark.parametrize(("status", "kind"), [("DC", Kind.STOP), ("CA", Kind.VOID), ("HD", Kind.HOLD)])
@pytest.mark.parametrize("code", ["RE", "XX"])
def test_an_ending_status_counts_beside_any_code(code: str, status: str, kind: Kind) -> None:
    """An RE or XX of a discontinued order is not taken for a new prescription."""
    assert read(orc(code, status=status), rxe(), tq1()).events[-1].kind is kind


def test_completed_is_not_stopped() -> None:
    """A filled prescription is completed for the pharmacy; for the patient it begins."""
    assert [event.kind for event in read(orc("RE", status="CM"), rxe(), tq1()).events] == [Kind.START]


def test_an_order_without_control_code_exists() -> None:
    """Old pharmacy systems leave ORC-1 empty, or send no ORC at all."""
    assert one("ORC||P1", rxe()).kind is Kind.START
    assert one(rxe()).kind is Kind.START


def test_an_unknown_control_code_of_our_drug_is_quarantined() -> None:
    """It might mean "stopped"; nobody guesses."""
    with pytest.raises(ContentError) as refused:
        read(orc("ZZ"), rxe())

    assert (refused.value.reason, refused.value.location) == (Reason.THERAPY_UNREADABLE, "ORC[1]-1")


def test_an_unknown_control_code_of_another_drug_is_none_of_ours() -> None:
    """Paracetamol may be ordered with whatever code."""
    assert read(orc("ZZ"), rxe("161^paracetamol^RXNORM")).events == ()
    assert read(orc("ZZ")).events == ()


@pytest.mark.parametrize("code", ["CA", "DC", "HD", "XO", "RP"])
def test_requests_are_provisional_where_the_site_waits_for_confirmation(code: str) -> None:
    """A request that the pharmacy may refuse does not end monitoring there."""
    assert one(orc(code), rxe(), tq1(), site=CAUTIOUS_SITE).provisional
    assert not one(orc(code), rxe(), tq1()).provisional


@pytest.mark.parametrize("code", ["NW", "RL", "CR", "DR", "HR", "XR", "RQ", "OD"])
def test_confirmations_and_beginnings_are_never_provisional(code: str) -> None:
    """What the pharmacy says has happened; and monitoring begins at once."""
    assert not one(orc(code), rxe(), tq1(), site=CAUTIOUS_SITE).provisional


# --- which drug


@pytest.mark.parametrize(
    ("segment", "kind"),
    [
        (f"RXE||{AZATHIOPRINE}|2||TAB", "RDE^O11"),
        (f"RXE||{AZATHIOPRINE}|2||TAB", "RDE^O01"),
        (f"RXE||L1^Aza^L^{AZATHIOPRINE}|2||TAB", "RDE^O11"),
        (f"RXE||L1^Aza^L^^^^^^^{AZATHIOPRINE}|2||TAB", "RDE^O11"),
        (f"RXE||L1^Aza^L|2||TAB{'|' * 26}{AZATHIOPRINE}", "RDE^O11"),
        (f"RXO|{AZATHIOPRINE}|2||TAB", "OMP^O09"),
        (f"RXO|{AZATHIOPRINE}|2||TAB", "ORM^O01"),
        (f"RXO|{AZATHIOPRINE}|2||TAB\rRXE||L1^Aza^L|2||TAB", "RDE^O11"),
        (f"RXD|1|{AZATHIOPRINE}|20260310|56", "RDS^O13"),
        (f"RXG|1|||{AZATHIOPRINE}", "RGV^O15"),
        (f"RXA|0|1|20260310||{AZATHIOPRINE}", "RAS^O17"),
    ],
)
def test_the_drug_is_found_wherever_its_code_stands(segment: str, kind: str) -> None:
    """RXE-2, RXO-1, RXD-2, RXG-4, RXA-5, any triplet, supplementary codes."""
    assert one(orc(), segment, kind=kind).drug == "azathioprine"


def test_a_drug_by_name_only_is_handed_back_for_mapping() -> None:
    """Text is never matched by the engine: azithromycin is one slip away from azathioprine."""
    told = read(orc(), rxe("^Azathioprine 50 mg tablets"), tq1())

    assert told.events == ()
    (unknown,) = told.unrecognised
    assert unknown.location == "RXE[1]-2"
    assert [(coding.code, coding.text) for coding in unknown.codings] == [("", "Azathioprine 50 mg tablets")]


def test_an_odd_coding_is_noticed() -> None:
    """The warning of the drug table reaches the log."""
    told = read(orc(), rxe("ATC-COLLISION^^ATC", "50", "mg"), tq1())

    assert [notice.text for notice in told.notices] == ["table 0396 calls this system something else"]


def test_each_order_of_a_message_is_read_for_itself() -> None:
    """Azathioprine, allopurinol and paracetamol in one message."""
    told = read(
        orc("NW", "P1"), rxe(), tq1(),
        orc("NW", "P2"), rxe("519^allopurinol^RXNORM", "100", "mg"), tq1(),
        orc("NW", "P3"), rxe("161^paracetamol^RXNORM", "500", "mg"), tq1(),
    )  # fmt: skip

    assert [event.drug for event in told.events] == ["azathioprine", "allopurinol"]
    assert len(told.unrecognised) == 1


# --- when


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            (orc(transaction="20260305", effective="20260306"), rxe(), tq1(start="20260304")),
            "2026-03-04T00:00",
        ),
        ((orc(effective="20260306"), "RXE|^QD^^20260303|" + rxe()[5:]), "2026-03-03T00:00"),
        (("ORC|NW|P1|||||^QD^^20260302||20260305", rxe()), "2026-03-02T00:00"),
        ((orc(transaction="20260305", effective="20260306"), rxe(), tq1()), "2026-03-06T00:00"),
        ((orc(transaction="20260305"), rxe(), tq1()), "2026-03-05T00:00"),
        ((orc(), rxe(), tq1()), "2026-03-10T10:00"),
        ((orc(), rxe(), "TQ1|1||QD||||20260304120000+0100"), "2026-03-04T11:00"),
    ],
)
def test_a_therapy_begins_when_the_best_source_says(lines: tuple[str, ...], expected: str) -> None:
    """TQ1-7, RXE-1, ORC-7, ORC-15, ORC-9, MSH-7, in this order."""
    assert at(one(*lines).effective) == expected


def test_the_timing_that_counts_stands_after_the_encoded_order() -> None:
    """The original request's TQ1 comes first in an RDE, and is not the one that was dispensed."""
    event = one(
        orc(), f"RXO|{AZATHIOPRINE}|1||TAB", tq1(start="20260301"), rxe(), tq1("BID", start="20260304")
    )

    assert (at(event.effective), event.dose_mg_per_day) == ("2026-03-04T00:00", Decimal(200))


@pytest.mark.parametrize("code", ["DC", "CA", "HD", "RL", "RP"])
def test_what_happens_to_an_order_happens_at_its_own_time(code: str) -> None:
    """ORC-15 before ORC-9 before MSH-7; the start of the order in TQ1 says nothing about its end."""
    timing = tq1(start="20260101")

    assert (
        at(one(orc(code, transaction="20260305", effective="20260306"), rxe(), timing).effective)[:10]
        == "2026-03-06"
    )
    assert at(one(orc(code, transaction="20260305"), rxe(), timing).effective)[:10] == "2026-03-05"
    assert at(one(orc(code), rxe(), timing).effective) == "2026-03-10T10:00"


@pytest.mark.parametrize("code", ["XO", "XR", "XX", "RO"])
def test_a_change_takes_effect_no_earlier_than_it_was_made(code: str) -> None:
    """Most systems repeat the order's first day in a change; the past dose stays what it was."""
    assert at(one(orc(code), rxe(), tq1(start="20260101")).effective) == "2026-03-10T10:00"
    assert at(one(orc(code), rxe(), tq1(start="20260315")).effective) == "2026-03-15T00:00"
    assert (
        at(one(orc(code, effective="20260308"), rxe(), tq1(start="20260101")).effective)[:10] == "2026-03-08"
    )


@pytest.mark.parametrize(
    ("timing", "end"),
    [
        (tq1(start="20260301", end="20260401"), "2026-04-01"),
        ("TQ1|1||QD|||28^d|20260301", "2026-03-29"),
        ("TQ1|1||QD|||28^d|20260301|20260315", "2026-03-15"),
        ("TQ1|1||BID||||20260301||||||20", None),
        ("TQ1|1||BID||||20260301||||||" + "|20", "2026-03-11"),
        (tq1(start="20260301"), None),
        (tq1(start="20260301", end="20260201"), None),
    ],
)
def test_an_order_ends_at_the_earliest_of_its_ends(timing: str, end: str | None) -> None:
    """TQ1-8, TQ1-7 plus TQ1-6, TQ1-14 occurrences; an end before the start is a typing error."""
    ends = one(orc(), rxe(), timing).ends

    assert (None if ends is None else at(ends)[:10]) == end


def test_an_old_timing_field_has_an_end() -> None:
    """ORC-7 of version 2.3: duration and end."""
    assert at(one("ORC|NW|P1|||||^QD^W2^20260301", rxe()).ends)[:10] == "2026-03-15"
    assert at(one("ORC|NW|P1|||||^QD^^20260301^20260310", rxe()).ends)[:10] == "2026-03-10"


def test_phases_in_sequence_change_the_dose() -> None:
    """One tablet a day for two weeks, then twice a day."""
    told = read(
        orc(), rxe(amount="1"), "TQ1|1||QD|||14^d|20260301|||||S", "TQ1|2||BID||||20260315|20260501"
    ).events

    assert [(event.kind, at(event.effective)[:10], event.dose_mg_per_day) for event in told] == [
        (Kind.START, "2026-03-01", Decimal(50)),
        (Kind.DOSE, "2026-03-15", Decimal(100)),
    ]
    assert {at(event.ends)[:10] for event in told} == {"2026-05-01"}


def test_a_phase_begins_where_the_one_before_ends() -> None:
    """TQ1-7 of the second phase is often left out."""
    told = read(orc(), rxe(amount="1"), "TQ1|1||QD|||14^d|20260301|||||S", "TQ1|2||BID").events

    assert [at(event.effective)[:10] for event in told] == ["2026-03-01", "2026-03-15"]
    assert [event.ends for event in told] == [None, None]


def test_phases_of_unknown_length_make_the_dose_unknown() -> None:
    """A ladder of doses without dates has to be read by a person."""
    told = read(orc(), rxe(amount="1"), "TQ1|1||QD||||20260301|||||S", "TQ1|2||BID")

    assert [event.dose_mg_per_day for event in told.events] == [None]
    assert [notice.text for notice in told.notices] == ["when the dose changes is not told: read the timing"]


def test_words_in_the_timing_are_for_a_person() -> None:
    """TQ1-10 and TQ1-11: "stop if ALT above 100"."""
    notices = read(orc(), rxe(), "TQ1|1||QD||||20260301||||with food").notices

    assert [notice.text for notice in notices] == [
        "the timing has a condition or instruction in words: read it"
    ]


def test_an_unreadable_time_of_our_drug_is_quarantined() -> None:
    """A start that cannot be read must be looked at; its text stays out of the log."""
    with pytest.raises(ContentError) as refused:
        read(orc(), rxe(), tq1(start="next week"))

    assert (refused.value.reason, refused.value.location) == (Reason.TIME_UNREADABLE, "TQ1[1]-7")
    assert "next" not in str(refused.value)


def test_a_message_without_any_time_is_quarantined() -> None:
    """Nobody knows since when."""
    with pytest.raises(ContentError) as refused:
        read(orc(), rxe(), sent="")

    assert refused.value.reason == Reason.TIME_UNREADABLE


# --- supplies


@pytest.mark.parametrize("trigger", ["O25", "O49"])
def test_refill_and_dispense_requests_begin_nothing(trigger: str) -> None:
    """A pharmacy that asks for a refill does not put anybody on azathioprine."""
    events = read(orc("NW"), rxe(), tq1(), kind=f"RDE^{trigger}").events

    assert {event.kind for event in events} <= {Kind.SUPPLY}
    assert spans(events) == ()


def test_a_dispense_is_a_supply_on_its_day() -> None:
    """RXD-3."""
    event = one(orc("RE"), f"RXD|1|{AZATHIOPRINE_50}|20260308|56", kind="RDS^O13")

    assert (event.kind, at(event.effective)[:10]) == (Kind.SUPPLY, "2026-03-08")


@pytest.mark.parametrize("code", ["CA", "DC", "OD"])
def test_a_cancelled_dispense_stops_nothing(code: str) -> None:
    """CA in an RDS cancels that dispense, in an RDE the order (table 0119, CA)."""
    assert read(orc(code), f"RXD|1|{AZATHIOPRINE_50}|20260308|56", kind="RDS^O13").events == ()


def rxa(completion: str = "", refused: str = "", action: str = "") -> str:
    return f"RXA|0|1|20260308||{AZATHIOPRINE_50}" + "|" * 13 + f"{refused}||{completion}|{action}"


@pytest.mark.parametrize(("segment", "count"), [
    (rxa(), 1), (rxa("CP"), 1), (rxa("PA"), 1), (rxa("RE"), 0), (rxa("NA"), 0),
    (rxa("CP", refused="nausea"), 0), (rxa("CP", action="D"), 0),
])  # fmt: skip
def test_only_doses_that_were_taken_are_supplies(segment: str, count: int) -> None:
    """RXA-20 complete or partial, not refused (RXA-18), not deleted (RXA-21)."""
    assert len(read(orc("RE"), segment, kind="RAS^O17").events) == count


# --- identity of orders and events


def test_order_numbers_join_and_parents_are_kept() -> None:
    """Placer and filler number, without namespaces, which one system sends and the next does not."""
    event = one("ORC|CH|P2^HIS|F 2^PHARM|||||P1&HIS^F1&PHARM", rxe())

    assert (event.order, event.parent) == ("placer:P2 filler:F2", "placer:P1 filler:F1")


def test_a_child_that_inherits_its_parents_number_keeps_its_own_only() -> None:
    """Else a stop of one child would stop them all."""
    assert one("ORC|CH|P1|F2|||||P1^F1", rxe()).order == "filler:F2"


def test_a_prescription_number_stands_in_for_order_numbers() -> None:
    """RXE-15."""
    assert one("ORC|NW", rxe(more="||||||||||RX77")).order == "prescription:RX77"
    assert one("ORC|NW", rxe()).order == "unnumbered"


def test_the_same_message_twice_gives_the_same_events() -> None:
    """A redelivery, or a resend under another control id, changes nothing."""
    first = read(orc(transaction="20260305"), rxe(), tq1(), sent="20260310100000")
    resent = read(orc(transaction="20260305"), rxe(), tq1(), sent="20260311100000")

    assert [event.event_id for event in first.events] == [event.event_id for event in resent.events]
    assert first.events[0].version < resent.events[0].version


def test_different_orders_codes_and_times_are_different_events() -> None:
    """Nothing that was told overwrites something else that was told."""
    ids = {
        one(orc(code, placer, transaction=time), rxe(), tq1()).event_id
        for code in ("NW", "RE")
        for placer in ("P1", "P2")
        for time in ("20260305", "20260306")
    }

    assert len(ids) == 8


@pytest.mark.parametrize(("pv1", "order_type", "inpatient"), [
    ("I", "", True), ("O", "", False), ("", "", False), ("I", "O", False), ("O", "I", True),
])  # fmt: skip
def test_hospital_stays_are_told_apart(pv1: str, order_type: str, inpatient: bool) -> None:
    """PV1-2, or ORC-29 of the order itself."""
    control = orc("DC") + "|" * (29 - orc("DC").count("|")) + order_type

    assert one(control, rxe(), pv1=pv1).inpatient is inpatient


def test_the_indication_is_kept() -> None:
    """RXE-27, as text."""
    assert (
        one(orc(), rxe(more="|" * 22 + "K75.4^Autoimmune hepatitis^I10")).indication == "Autoimmune hepatitis"
    )


def test_an_order_named_without_its_drug_can_still_end() -> None:
    """Many systems send a bare ORC to discontinue; it cannot begin anything."""
    assert [(event.kind, event.drug) for event in read(orc("DC")).events] == [(Kind.STOP, "")]
    assert read(orc("NW")).events == ()
    assert read(orc("SC", status="IP")).events[0].kind is Kind.RELEASE
