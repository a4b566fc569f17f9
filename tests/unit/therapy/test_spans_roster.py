"""Episodes out of a roster: what a clinic writes down about its patients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from engine.model.therapy import TherapyEvent, TherapyState, exposure
from engine.therapy import facts, other_drugs, spans
from tests.unit.therapy.world import day, doses, episodes, roster, utc


def state(events: Iterable[TherapyEvent], instant: str) -> TherapyState:
    return exposure(spans(events), utc(instant)).state


def test_a_start_is_an_open_episode() -> None:
    """On azathioprine until further notice."""
    assert episodes(roster("start,2026-01-01,,150")) == ["azathioprine 2026-01-01..on"]


def test_a_stop_ends_it() -> None:
    """Stopped on 10 March."""
    assert episodes(roster("start,2026-01-01", "stop,2026-03-10")) == ["azathioprine 2026-01-01..2026-03-10"]


def test_doses_are_in_force_from_their_dates() -> None:
    """150, then 100 mg a day from February."""
    (span,) = spans(roster("start,2026-01-01,,150", "dose,2026-02-01,,100"))

    assert doses(span) == [("2026-01-01", "150"), ("2026-02-01", "100")]
    assert [str(span.dose_at(utc(f"2026-{text}T12:00"))) for text in ("01-31", "02-01")] == ["150", "100"]


def test_a_restart_after_a_stop_is_another_episode() -> None:
    """The stricter rules of a rechallenge apply, at a dose that is not assumed."""
    told = roster("start,2026-01-01,,150", "stop,2026-03-10", "restart,2026-03-24,,50")

    assert episodes(told) == [
        "azathioprine 2026-01-01..2026-03-10",
        "azathioprine 2026-03-24..on restart",
    ]
    assert doses(spans(told)[1]) == [("2026-03-24", "50")]
    assert state(told, "2026-03-15T12:00") is TherapyState.STOPPED
    assert state(told, "2026-03-25T12:00") is TherapyState.RESTARTED


def test_a_restart_without_a_dose_has_an_unknown_dose() -> None:
    """Never the dose that did the harm."""
    told = roster("start,2026-01-01,,150", "stop,2026-03-10", "restart,2026-03-24")

    assert doses(spans(told)[1]) == [("2026-03-24", "?")]


def test_a_second_start_after_a_stop_is_a_restart_too() -> None:
    """Whatever the clinic calls it."""
    assert episodes(roster("start,2026-01-01", "stop,2026-03-10", "start,2026-03-24"))[1].endswith("restart")


def test_a_restart_needs_no_stop_on_record() -> None:
    """A first row that says restart means that there was something before."""
    assert episodes(roster("restart,2026-03-24")) == ["azathioprine 2026-03-24..on restart"]
    assert episodes(roster("start,2026-01-01", "restart,2026-03-24")) == [
        "azathioprine 2026-01-01..2026-03-24",
        "azathioprine 2026-03-24..on restart",
    ]


def test_a_hold_is_inside_the_episode() -> None:
    """Held patients are still watched: the drug acts for weeks."""
    told = roster("start,2026-01-01,,150", "hold,2026-02-01")

    assert episodes(told) == ["azathioprine 2026-01-01..on"]
    assert [(day(begin), end) for begin, end in spans(told)[0].holds] == [("2026-02-01", None)]
    assert state(told, "2026-01-31T12:00") is TherapyState.ACTIVE
    assert state(told, "2026-02-10T12:00") is TherapyState.HELD


def test_a_restart_after_a_hold_is_another_episode_too() -> None:
    """A break of two weeks and a rechallenge, whether the clinic wrote hold or stop."""
    told = roster("start,2026-01-01,,150", "hold,2026-02-01", "restart,2026-02-15,,50")

    assert episodes(told) == [
        "azathioprine 2026-01-01..2026-02-15",
        "azathioprine 2026-02-15..on restart",
    ]
    held, again = spans(told)
    assert [(day(begin), day(end)) for begin, end in held.holds] == [("2026-02-01", "2026-02-15")]
    assert (again.holds, doses(again)) == ((), [("2026-02-15", "50")])
    assert state(told, "2026-02-10T12:00") is TherapyState.HELD
    assert state(told, "2026-02-20T12:00") is TherapyState.RESTARTED


def test_a_restart_after_a_hold_is_not_assumed_to_be_at_the_old_dose() -> None:
    """The dose that did the harm is known; the new one is not."""
    told = roster("start,2026-01-01,,150", "hold,2026-02-01", "restart,2026-02-15")

    assert doses(spans(told)[1]) == [("2026-02-15", "?")]


def test_a_new_dose_or_a_start_after_a_hold_ends_the_hold_and_is_no_restart() -> None:
    """Who writes down a dose from a date has it taken from then."""
    for row in ("dose,2026-02-15,,75", "start,2026-02-15,,75"):
        told = roster("start,2026-01-01,,150", "hold,2026-02-01", row)
        assert state(told, "2026-02-20T12:00") is TherapyState.ACTIVE
        assert [(day(begin), day(end)) for begin, end in spans(told)[0].holds] == [
            ("2026-02-01", "2026-02-15")
        ]


def test_a_hold_listed_later_does_not_hold_a_restart_after_it() -> None:
    """Rows act by their dates alone: the hold of February was added to the list in April."""
    restarted, held = (
        replace(event, version=version)
        for row, version in (("restart,2026-03-01", "20260301"), ("hold,2026-02-01", "20260401"))
        for event in roster(row)
    )

    assert state((restarted, held), "2026-03-10T12:00") is TherapyState.RESTARTED


def test_a_stop_ends_a_hold() -> None:
    """Held in February, stopped in March."""
    (span,) = spans(roster("start,2026-01-01", "hold,2026-02-01", "stop,2026-03-01"))

    assert [(day(begin), day(end)) for begin, end in span.holds] == [("2026-02-01", "2026-03-01")]


def test_rows_without_a_start_still_mean_that_the_drug_is_taken() -> None:
    """A forgotten first row must not leave a patient unwatched."""
    assert episodes(roster("dose,2026-02-01,,100")) == ["azathioprine 2026-02-01..on"]
    assert episodes(roster("hold,2026-02-01")) == ["azathioprine 2026-02-01..on"]
    assert episodes(roster("stop,2026-02-01")) == ["azathioprine 2026-02-01..2026-02-01"]
    assert state(roster("hold,2026-02-01"), "2026-02-10T12:00") is TherapyState.HELD


def test_a_dose_after_a_stop_means_that_it_is_taken_again() -> None:
    """Somebody forgot the restart row; monitoring goes on."""
    told = roster("start,2026-01-01,,150", "stop,2026-02-01", "dose,2026-03-01,,50")

    assert episodes(told)[1] == "azathioprine 2026-03-01..on restart"


def test_contradictions_on_one_day_count_as_taken() -> None:
    """Start and stop, or hold and restart, of the same day: monitoring goes on."""
    assert episodes(roster("start,2026-01-01", "stop,2026-01-01")) == ["azathioprine 2026-01-01..on"]
    both = roster("start,2026-01-01", "hold,2026-02-01", "restart,2026-02-01")
    assert state(both, "2026-02-10T12:00") is TherapyState.RESTARTED


def test_a_start_and_a_restart_of_one_day_are_a_restart() -> None:
    """Two people keep the list; the stricter rules apply."""
    for rows in (
        ("start,2026-01-01", "restart,2026-01-01"),
        ("start,2026-01-01", "restart,2026-01-01T09:00"),
    ):
        assert episodes(roster(*rows)) == ["azathioprine 2026-01-01..on restart"]


def test_a_change_of_thiopurine_is_a_new_episode() -> None:
    """Mercaptopurine after azathioprine is a rechallenge with the same metabolites."""
    told = roster("start,2026-01-01,,150", "stop,2026-03-10", "start,2026-03-10,mercaptopurine,50")

    assert episodes(told) == [
        "azathioprine 2026-01-01..2026-03-10",
        "mercaptopurine 2026-03-10..on restart",
    ]


def test_two_thiopurines_at_once_are_two_episodes_and_no_restart() -> None:
    """An overlap while switching."""
    told = roster("start,2026-01-01", "start,2026-03-01,mercaptopurine", "stop,2026-03-10")

    assert episodes(told) == ["azathioprine 2026-01-01..2026-03-10", "mercaptopurine 2026-03-01..on"]
    governing = exposure(spans(told), utc("2026-03-20T12:00")).span
    assert governing is not None
    assert governing.drug == "mercaptopurine"


def test_nobody_without_rows_is_on_therapy() -> None:
    """Facts and other drugs put nobody in scope."""
    told = roster("fact,2026-01-01,,,tpmt=normal", "start,2026-01-01,allopurinol,100")

    assert episodes(told) == []
    assert exposure(spans(told), utc("2026-02-01T12:00")).state is TherapyState.NEVER_STARTED


# --- exposure


def test_results_are_in_scope_until_ninety_days_after_the_stop() -> None:
    """The injury may show after the last tablet."""
    found = spans(roster("start,2026-01-01", "stop,2026-03-01"))
    stop = found[0].stop
    assert stop is not None

    assert [exposure(found, stop + timedelta(days=offset)).in_scope for offset in (-60, -1, 0, 89, 90)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert exposure(found, stop + timedelta(days=10), days_after_stop=10).in_scope is False
    assert exposure(found, stop + timedelta(days=10)).state is TherapyState.STOPPED


def test_results_before_the_first_start_are_not_in_scope() -> None:
    """The baseline is measured before; it pages nobody."""
    found = exposure(spans(roster("start,2026-01-01")), utc("2025-12-31T12:00"))

    assert (found.in_scope, found.state, found.span) == (False, TherapyState.NEVER_STARTED, None)


def test_a_short_episode_inside_a_long_one_does_not_end_it() -> None:
    """Mercaptopurine tried and stopped while azathioprine goes on."""
    told = roster("start,2026-01-01", "start,2026-02-01,mercaptopurine", "stop,2026-02-10,mercaptopurine")

    found = exposure(spans(told), utc("2026-07-01T12:00"))
    assert (found.in_scope, found.span and found.span.drug) == (True, "azathioprine")


# --- other drugs and facts


def test_other_drugs_have_episodes_and_are_facts() -> None:
    """A dose of azathioprine that is right alone is too much beside allopurinol."""
    told = roster("start,2026-01-01", "start,2026-02-01,allopurinol,100", "stop,2026-03-01,allopurinol")

    assert [(day(span.start), day(span.stop)) for span in other_drugs(told)["allopurinol"]] == [
        ("2026-02-01", "2026-03-01")
    ]
    assert [(fact.value, day(fact.effective.at)) for fact in facts(told)["allopurinol"]] == [
        ("active", "2026-02-01"),
        ("stopped", "2026-03-01"),
    ]
    assert "azathioprine" not in other_drugs(told)


def test_another_drug_that_is_restarted_is_still_taken() -> None:
    """Allopurinol after a pause: its fact must not end on the day on which it goes on."""
    for row in ("hold,2026-02-01,allopurinol", "stop,2026-02-15,allopurinol"):
        told = roster("start,2026-01-01,allopurinol,100", row, "restart,2026-02-15,allopurinol,100")
        assert facts(told)["allopurinol"][-1].value == "active"


def test_facts_ascend_by_date() -> None:
    """The newest statement is the last one."""
    told = roster(
        "fact,2026-02-01,,,tpmt=intermediate",
        "fact,2026-01-01,,,tpmt=normal",
        "fact,2026-01-05,,,baseline.alt=31 U/L",
    )

    found = facts(told)
    assert list(found) == ["baseline.alt", "tpmt"]
    assert [fact.value for fact in found["tpmt"]] == ["normal", "intermediate"]
    assert found["baseline.alt"][0].value == "31 U/L"


def test_several_symptoms_of_one_day_are_all_kept() -> None:
    """Nausea does not replace fatigue."""
    told = roster("fact,2026-01-01,,,symptom=nausea", "fact,2026-01-01,,,symptom=fatigue")

    assert sorted(fact.value for fact in facts(told)["symptom"]) == ["fatigue", "nausea"]
