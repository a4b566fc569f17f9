"""Episodes out of pharmacy orders, and which of their events are news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.therapy import exposure
from engine.therapy import newest, news, spans
from tests.unit.therapy.world import (
    ALLOPURINOL,
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
    rxe,
    told,
    tq1,
    utc,
)


def test_an_order_is_taken_until_it_is_discontinued() -> None:
    """NW, then DC."""
    assert episodes(told("NW", "20260101"), told("DC", "20260301")) == ["azathioprine 2026-01-01..2026-03-01"]


def test_any_code_that_tells_of_an_order_begins_it() -> None:
    """The feed was switched on in the middle of a therapy: a change is the first that we hear."""
    for control in ("RE", "OK", "XO", "XX", "RL", "HD", "OP", "SC"):
        if control == "SC":
            events = read(orc("SC", status="IP"), rxe(AZATHIOPRINE, "100", "mg"), sent="20260101").events
        else:
            events = told(control, "20260101")
        assert episodes(events) == ["azathioprine 2026-01-01..on"], control


def test_an_order_that_we_only_hear_the_end_of_was_taken() -> None:
    """The patient is watched for ninety days after it."""
    found = spans(told("DC", "20260101"))

    assert exposure(found, utc("2026-02-01T12:00")).in_scope
    assert not exposure(found, utc("2026-05-01T12:00")).in_scope


def test_a_request_and_its_confirmation_are_one_end() -> None:
    """DC, and DR three days later, of an order that we never saw begin."""
    assert episodes(told("DC", "20260101"), told("DR", "20260104")) == ["azathioprine 2026-01-01..2026-01-01"]


def test_changes_of_dose() -> None:
    """XO, XX and XR each begin a dose."""
    span = only(
        told("NW", "20260101"),
        told("XO", "20260201", mg="75", start="20260101"),
        told("XX", "20260301", mg="50"),
    )

    assert doses(span) == [("2026-01-01", "100"), ("2026-02-01", "75"), ("2026-03-01", "50")]


def test_an_order_that_is_told_again_stays_what_it_is() -> None:
    """RE messages follow at each dispense; without a dose they do not forget it."""
    span = only(
        told("NW", "20260101"),
        told("RE", "20260201", start="20260101"),
        read(orc("RE"), rxe(AZATHIOPRINE, "", ""), sent="20260301").events,
    )

    assert doses(span) == [("2026-01-01", "100")]


def test_a_hold_and_its_release() -> None:
    """HD and OE: one episode with a hold, no restart."""
    span = only(told("NW", "20260101"), told("HD", "20260201"), told("OE", "20260215"))

    assert [(day(begin), day(end)) for begin, end in span.holds] == [("2026-02-01", "2026-02-15")]
    assert not span.restart


def test_a_hold_told_before_the_first_day_holds_from_that_day() -> None:
    """Ordered for March, put on hold in February."""
    span = only(told("NW", "20260201", start="20260301"), told("HD", "20260210"))

    assert (day(span.start), [day(begin) for begin, _ in span.holds]) == ("2026-03-01", ["2026-03-01"])


# --- cancelled, discontinued before the start, reverted


def test_an_order_cancelled_before_it_began_vanishes() -> None:
    """Wrong patient, put right within the day: nobody has taken anything."""
    assert episodes(told("NW", "20260201", start="20260301"), told("CA", "20260202")) == []


def test_an_order_cancelled_after_it_began_is_stopped() -> None:
    """Some of it may have been taken."""
    assert episodes(told("NW", "20260201"), told("OC", "20260301")) == ["azathioprine 2026-02-01..2026-03-01"]


def test_a_cancellation_alone_tells_of_nothing() -> None:
    """Unlike a discontinuation, it is about an order that need not have begun."""
    assert episodes(told("CA", "20260301")) == []


def test_an_order_discontinued_before_it_began_vanishes() -> None:
    """DC "affects the order and all future occurrences"."""
    assert episodes(told("NW", "20260201", start="20260301"), told("DC", "20260210")) == []


def test_a_discontinued_order_takes_its_planned_changes_with_it() -> None:
    """A step up that was to come does not bring the therapy back."""
    assert episodes(
        told("NW", "20260101"), told("XO", "20260201", start="20260401"), told("DC", "20260301")
    ) == ["azathioprine 2026-01-01..2026-03-01"]


def test_an_order_told_again_after_its_end_is_taken_again() -> None:
    """A change of mind."""
    assert episodes(told("NW", "20260101"), told("DC", "20260301"), told("XX", "20260401")) == [
        "azathioprine 2026-01-01..2026-03-01",
        "azathioprine 2026-04-01..on restart",
    ]


@pytest.mark.parametrize(("request_", "answer"), [("DC", "UD"), ("DC", "UC"), ("CA", "UC"), ("RP", "UM")])
def test_what_could_not_be_ended_goes_on(request_: str, answer: str) -> None:
    """The pharmacy has refused to stop it."""
    ended = (told("NW", "20260101"), told(request_, "20260301"))

    assert episodes(*ended) == ["azathioprine 2026-01-01..2026-03-01"]
    assert episodes(*ended, told(answer, "20260302")) == ["azathioprine 2026-01-01..on"]


def test_a_refused_hold_and_a_refused_change_have_not_happened() -> None:
    """UH and UX."""
    span = only(
        told("NW", "20260101"), told("HD", "20260201"), told("UH", "20260202"),
        told("XO", "20260301", mg="75"), told("UX", "20260302"),
    )  # fmt: skip

    assert (span.holds, doses(span)) == ((), [("2026-01-01", "100")])


def test_an_order_that_was_not_accepted_never_was() -> None:
    """UA answers NW."""
    assert episodes(told("NW", "20260101"), told("UA", "20260102")) == []


def test_a_request_made_again_after_a_refusal_stands() -> None:
    """Refused in March, discontinued in April."""
    assert episodes(
        told("NW", "20260101"), told("DC", "20260301"), told("UD", "20260302"), told("DC", "20260401")
    ) == ["azathioprine 2026-01-01..2026-04-01"]


def test_unconfirmed_requests_change_nothing_at_a_cautious_site() -> None:
    """Monitoring ends when the pharmacy says so."""
    asked = (told("NW", "20260101"), told("DC", "20260301", trusting=False))

    assert episodes(*asked) == ["azathioprine 2026-01-01..on"]
    assert episodes(*asked, told("DR", "20260302")) == ["azathioprine 2026-01-01..2026-03-02"]


def test_a_bare_discontinuation_ends_the_order_that_it_names() -> None:
    """By placer or by filler number, one of which is enough."""
    order = told("NW", "20260101", filler="F1")

    assert episodes(order, bare("DC", "20260301")) == ["azathioprine 2026-01-01..2026-03-01"]
    assert episodes(order, bare("OD", "20260301", order="", filler="F1")) == [
        "azathioprine 2026-01-01..2026-03-01"
    ]
    assert episodes(order, bare("DC", "20260301", order="P9")) == ["azathioprine 2026-01-01..on"]
    assert episodes(bare("DC", "20260301")) == []


# --- several orders


def test_two_strengths_are_one_therapy_with_the_sum_of_doses() -> None:
    """Two tablets of 50 and one of 25."""
    span = only(told("NW", "20260101", mg="100"), told("NW", "20260101", mg="25", order="P2"))

    assert doses(span) == [("2026-01-01", "125")]


def test_one_of_two_orders_ending_leaves_the_other() -> None:
    """Reduced by stopping the smaller tablets."""
    span = only(
        told("NW", "20260101"),
        told("NW", "20260101", mg="25", order="P2"),
        told("DC", "20260201", order="P2"),
    )

    assert (span.stop, doses(span)) == (None, [("2026-01-01", "125"), ("2026-02-01", "100")])


def test_an_unknown_dose_of_one_order_makes_the_sum_unknown() -> None:
    """Half a sum is a wrong dose."""
    other = read(orc("NW", "P2"), rxe(AZATHIOPRINE, "1", "TAB"), tq1(), sent="20260101").events

    assert doses(only(told("NW", "20260101"), other)) == [("2026-01-01", "?")]


def test_stopped_and_written_anew_is_a_change_of_dose() -> None:
    """DC and NW of the next morning: how many prescribers change a dose. No restart rules."""
    span = only(
        told("NW", "20260101"),
        told("DC", "20260201150000"),
        told("NW", "20260202090000", mg="75", order="P2"),
    )

    assert (day(span.start), span.stop, span.restart) == ("2026-01-01", None, False)
    assert [dose for _, dose in doses(span)] == ["100", "75"]


def test_stopped_and_ordered_again_after_days_is_a_restart() -> None:
    """A break."""
    assert episodes(told("NW", "20260101"), told("DC", "20260201"), told("NW", "20260215", order="P2")) == [
        "azathioprine 2026-01-01..2026-02-01",
        "azathioprine 2026-02-15..on restart",
    ]


@pytest.mark.parametrize(("renewed", "count"), [("20260129", 1), ("20260205", 1), ("20260206", 2)])
def test_a_renewal_within_a_week_of_the_planned_end_continues(renewed: str, count: int) -> None:
    """Twenty-eight tablets from 1 January; the next prescription is fetched some days late."""
    first = told("NW", "20260101", start="20260101", end="20260129")
    second = told("NW", renewed, order="P2", start=renewed)

    assert len(spans(flat(first, second))) == count


def test_a_renewal_fetched_early_does_not_double_the_dose() -> None:
    """The last tablets of the old box are not taken on top."""
    first = told("NW", "20260101", start="20260101", end="20260129")
    second = told("NW", "20260125", order="P2", start="20260125", end="20260222")

    assert doses(only(first, second)) == [("2026-01-01", "100")]


def test_an_order_that_runs_out_ends() -> None:
    """TQ1-8 without a renewal."""
    assert episodes(told("NW", "20260101", start="20260101", end="20260129")) == [
        "azathioprine 2026-01-01..2026-01-29"
    ]


def test_a_prolonged_order_goes_on() -> None:
    """XO with a later end, or with none."""
    first = told("NW", "20260101", start="20260101", end="20260201")

    assert episodes(first, told("XO", "20260115", start="20260101", end="20260401")) == [
        "azathioprine 2026-01-01..2026-04-01"
    ]
    assert episodes(first, told("XO", "20260115")) == ["azathioprine 2026-01-01..on"]


def test_a_replaced_order_continues_in_its_replacement() -> None:
    """RP and RO with numbers of their own."""
    span = only(
        told("NW", "20260101"),
        told("RP", "20260201"),
        told("RO", "20260201", mg="75", order="P2", start="20260101"),
    )

    assert (span.stop, span.restart, doses(span)) == (
        None,
        False,
        [("2026-01-01", "100"), ("2026-02-01", "75")],
    )


def test_an_unsolicited_replacement_keeps_the_placers_number() -> None:
    """RU and RO under one placer number (table 0119, RO)."""
    span = only(
        told("NW", "20260101", filler="F1"),
        told("RU", "20260201", filler="F1"),
        told("RO", "20260201", filler="F2", mg="75", start="20260101"),
    )

    assert (span.stop, doses(span)) == (None, [("2026-01-01", "100"), ("2026-02-01", "75")])


def test_a_replacement_by_another_drug_ends_the_therapy() -> None:
    """Azathioprine replaced by allopurinol is stopped."""
    assert episodes(
        told("NW", "20260101"), told("RP", "20260201"), told("RO", "20260201", order="P2", code=ALLOPURINOL)
    ) == ["azathioprine 2026-01-01..2026-02-01"]


def test_a_replacement_by_the_other_thiopurine_is_a_restart() -> None:
    """Mercaptopurine instead of azathioprine, under the same placer number."""
    assert episodes(
        told("NW", "20260101", filler="F1"),
        told("RU", "20260201", filler="F1"),
        told("RO", "20260201", filler="F2", code=MERCAPTOPURINE),
    ) == ["azathioprine 2026-01-01..2026-02-01", "mercaptopurine 2026-02-01..on restart"]


def test_what_is_done_to_a_parent_is_done_to_its_children() -> None:
    """PA and CH: the dose is that of the children, and the parent's end ends them."""
    family = (
        told("PA", "20260101", order="P1"),
        told("CH", "20260101", order="P2", parent="P1", mg="50"),
        told("CH", "20260101", order="P3", parent="P1", mg="25"),
    )

    assert doses(only(*family)) == [("2026-01-01", "75")]
    assert episodes(*family, bare("DC", "20260301", order="P1")) == ["azathioprine 2026-01-01..2026-03-01"]
    assert only(*family, told("DC", "20260201", order="P2")).stop is None


# --- what is news


def test_a_newer_telling_replaces_and_an_older_one_does_not() -> None:
    """Messages that overtake each other leave the same record."""
    (first,) = told("NW", "20260101120000", start="20260101")
    (later,) = told("NW", "20260102120000", start="20260101", mg="75")

    assert first.event_id == later.event_id
    assert news([first], [later]) == (later,)
    assert news([later], [first]) == ()
    assert news([first], [first]) == ()
    assert newest([later, first]) == newest([first, later]) == (later,)


def test_another_person_id_is_no_news() -> None:
    """After a merge the same message is still the same message."""
    (event,) = told("NW", "20260101")

    assert news([replace(event, person_id="survivor")], [event]) == ()


def test_a_bare_end_of_any_order_is_news_only_for_one_of_ours() -> None:
    """ORM^O01 discontinues X-rays too; a pharmacy message does not."""
    order = told("NW", "20260101")
    end = bare("DC", "20260301", kind="ORM^O01")

    assert news([], end) == ()
    assert news(order, end) == end
    assert news([], bare("DC", "20260301")) == bare("DC", "20260301")
