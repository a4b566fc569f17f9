"""What time brings about: tests that are overdue."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

from engine import sweep
from engine.decide import Decision, Knowledge, decide_sweep
from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Severity
from engine.model.record import Record
from engine.telling import Occasion
from tests.scenario.timeline import Expected, Scenario, alert, knowledge
from tests.scenario.wire import Patient, instant

RULES = (
    "a02-alt-ast-500",
    "a16-abnormal-repeat-sooner",
    "d04-blood-weekly-long-overdue",
    "d04-blood-weekly-overdue",
    "f01-liver-weekly-first-month",
    "f02-liver-monthly",
    "f04-liver-weekly-after-restart-s1",
    "f14-both-panels-in-date",
)
WEEKLY = alert("f01-liver-weekly-first-month", "review")
LATER = alert("f02-liver-monthly", "review")
BLOOD = alert("d04-blood-weekly-overdue", "review")
BLOOD_AGAIN = alert("d04-blood-weekly-long-overdue", "urgent")
HIGH = alert("a02-alt-ast-500", "critical")
OVERDUE = AlertReason.OVERDUE
STRANGER = Patient(("H9",))


@functools.cache
def timed(*rules: str) -> Knowledge:
    """Some rules alone in force."""
    known = knowledge()
    book = known.rulebook
    protocols = {
        name: replace(protocol, rules=tuple(sorted(rules))) for name, protocol in book.protocols.items()
    }
    return replace(
        known, rulebook=replace(book, protocols=protocols, protocol=None).with_protocol("strictest")
    )


def begun(*rules: str, known: Knowledge | None = None) -> Scenario:
    """A first course from day zero on; the engine has watched for a month before."""
    day = Scenario(known=known or timed(*(rules or RULES)))
    day.at("d-30").oru(alt="30")
    day.at("d0 09:00").roster(start="d0")
    return day


def overdue(expected: Expected) -> Expected:
    """The first event, because something has not happened."""
    return replace(expected, reason=OVERDUE)


# --- overdue tests --------------------------------------------------------------------------------


def test_a_missed_week_is_told_once_and_ends_with_the_test() -> None:
    """The clinic hears on the second day after the day, once, and hears when it is done."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d8 23:50").sweep()
    day.expect_silence()

    day.at("d9 00:00").sweep()
    day.expect(overdue(WEEKLY.started()))
    (told,) = day.events()
    assert told.action == (
        "Test overdue: Liver tests were due 2026-03-19 (2 days late), protocol strictest; request it."
    )
    day.at("d12").sweep()
    day.expect_silence()

    day.at("d12 10:00").oru(alt="30")
    day.expect(WEEKLY.ended())
    assert "next liver tests due 2026-03-31" in day.events()[-1].message


def test_a_sweep_that_comes_late_tells_the_same() -> None:
    """After a weekend without the engine the same steps are told, in their order."""
    in_time, late = (begun("d04-blood-weekly-overdue", "d04-blood-weekly-long-overdue") for _ in range(2))
    for hour in range(9 * 24, 18 * 24):
        in_time.at(f"d{hour // 24} {hour % 24:02}:00").sweep()
    late.at("d17 23:00").sweep()

    steps = [overdue(BLOOD.started()), overdue(BLOOD_AGAIN.escalated())]
    in_time.expect(*steps)
    late.expect(*steps)
    assert [undated(event) for event in in_time.events()] == [undated(event) for event in late.events()]


def undated(event: AlertEvent) -> AlertEvent:
    """An event without the time at which it was decided."""
    return replace(event, decided_at=instant("d0"))


def test_a_late_result_closes_by_the_time_of_its_sample() -> None:
    """Blood was taken in time, the laboratory was slow: nobody has missed anything."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d9 01:00").sweep()
    day.expect(overdue(WEEKLY.started()))

    day.at("d10 08:00").oru(alt="30", collected="d5 08:00")
    day.expect(WEEKLY.ended())
    day.at("d14 07:50").sweep()
    day.expect_silence()
    day.at("d14 08:00").sweep()
    day.expect(overdue(WEEKLY.started()))


def test_an_overdue_test_of_somebody_who_left_the_watch_ends_in_words_of_its_own() -> None:
    """Ninety days after the stop nobody waits any more: the test was not taken, and the drug is stopped."""
    day = begun("f03-liver-weekly-after-stop")
    day.at("d5 08:00").oru(alt="300")
    day.at("d10 09:00").roster_row("H1", "stop", "d10", "azathioprine")
    day.at("d20").sweep()
    (told,) = day.events()
    assert told.drug_text.startswith("azathioprine 100 mg/day stopped")

    day.at("d110").sweep()

    ended = day.events()[-1]
    assert (ended.phase, ended.rule) == (Phase.END, "f03-liver-weekly-after-stop")
    assert ended.message.startswith("No longer watched, and the test was not taken: the therapy is over.")
    assert ended.drug_text.startswith("azathioprine 100 mg/day stopped")


def test_an_old_result_that_comes_late_does_not_close_it() -> None:
    """A sample from before the last interval answers nothing."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d9 01:00").sweep()
    day.at("d10 08:00").oru(alt="30", collected="d-3 08:00")

    assert day.open_rules() == {WEEKLY.rule: "review"}


def test_a_withdrawn_result_makes_it_overdue_again() -> None:
    """What the laboratory takes back was not tested."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d7 08:00").oru(alt="30", order="S1")
    day.at("d10").sweep()
    day.expect_silence()

    day.at("d10 10:00").oru(alt="", order="S1", collected="d7 08:00", status="W")
    day.expect(overdue(WEEKLY.started()))


def test_another_panel_does_not_close_it() -> None:
    """Blood counts say nothing of the liver."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d9").sweep()
    day.at("d9 10:00").oru(wbc="7")

    assert day.open_rules() == {WEEKLY.rule: "review"}


def test_a_stop_ends_what_is_awaited() -> None:
    """Nobody is asked for tests of a drug that is not taken."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d9").sweep()
    day.expect(overdue(WEEKLY.started()))
    day.at("d9 12:00").roster_row("H1", "stop", "d9", "azathioprine")
    day.expect(WEEKLY.ended())


def test_nothing_is_overdue_at_go_live() -> None:
    """The first message of all is the day from which on anything can be missed."""
    day = Scenario(known=timed("f02-liver-monthly"))
    day.roster(start="d-200")
    day.at("d0 08:00").oru(wbc="7")
    day.at("d36 23:00").sweep()
    day.expect_silence()

    day.at("d37 08:00").sweep()
    day.expect(overdue(LATER.started()))


def test_an_abnormal_test_is_due_again_in_a_week() -> None:
    """The schedule asks for a month, the modifier for a week; the label says why."""
    day = Scenario(known=timed("f02-liver-monthly", "a16-abnormal-repeat-sooner"))
    day.at("d-100").oru(wbc="7")
    day.roster(start="d-60")
    day.at("d0 08:00").oru(alt="60")
    day.at("d14 08:00").sweep()

    day.expect(overdue(LATER.started()))
    assert [label.rule_id for label in day.events()[-1].labels] == ["a16-abnormal-repeat-sooner"]


def test_the_densest_schedule_speaks_for_the_wider_ones() -> None:
    """One missed test is one alert of its kind, not one for each rule."""
    day = begun()
    day.at("d120").sweep()

    assert set(day.open_rules()) == {WEEKLY.rule, BLOOD_AGAIN.rule}


def test_a_restart_begins_its_own_schedule_and_its_own_alert() -> None:
    """A test that was missed before a stop is not the one that is missed after a restart."""
    day = begun("f01-liver-weekly-first-month", "f04-liver-weekly-after-restart-s1")
    day.at("d9").sweep()
    day.at("d10").roster_row("H1", "stop", "d10", "azathioprine")
    day.at("d20").roster_row("H1", "restart", "d20", "azathioprine", "50")
    day.at("d28 23:00").sweep()
    assert day.open_rules() == {}
    day.at("d29").sweep()

    (open_alert,) = day.open_alerts()
    assert open_alert.current.rule_id == "f04-liver-weekly-after-restart-s1"
    assert open_alert.episode_id.endswith(instant("d20").date().isoformat())


@pytest.mark.parametrize(
    ("taken", "due"),
    [(20, "2026-04-08"), (62, "2026-05-27"), (140, "2026-08-29")],
    ids=["weekly", "fortnightly", "monthly"],
)
def test_a_missed_date_is_not_moved_by_a_wider_schedule(taken: int, due: str) -> None:
    """After a restart the denser schedule is missed first; the alert keeps that date until a test comes."""
    after_restart = ("weekly-after", "fortnightly-after", "monthly-after")
    dense = (f"f12-blood-{name}-restart" for name in after_restart)
    steps = (f"f12-blood-{name}-long-overdue" for name in ("fortnightly", "monthly"))
    wide = ("d04-blood-3-monthly-overdue", "d04-blood-3-monthly-long-overdue")
    day = begun(*dense, *steps, *wide)
    day.at("d10").roster_row("H1", "stop", "d10", "azathioprine")
    day.at("d20").roster_row("H1", "restart", "d20", "azathioprine", "50")
    day.at(f"d{taken}").oru(wbc="7")
    for later in range(taken + 1, taken + 200):
        day.at(f"d{later}").sweep()

    told = day.events()
    assert told[-1].severity is Severity.URGENT
    assert {event.message.split(" (")[0] for event in told} == {f"Blood counts were due {due}"}


@pytest.mark.parametrize(
    ("protocol", "days", "told_on", "missed"),
    [
        (
            "bsr-2017",
            (14, 28, 42, 72, 102, 132),
            132 + 84 + 7,
            {"p01-blood-12-weekly", "p01-liver-12-weekly"},
        ),
        ("sps-gastro", (14, 28, 56, 84), 84 + 90 + 7, {"p02-blood-3-monthly", "p02-liver-3-monthly"}),
        ("fda-label", (7, 14, 21, 28, 42, 56, 70, 84, 98), 98 + 30 + 7, {"p19-blood-monthly"}),
    ],
    ids=["bsr-2017", "sps-gastro", "fda-label"],
)
def test_a_published_schedule_asks_for_its_own_days_only(
    protocol: str, days: tuple[int, ...], told_on: int, missed: set[str]
) -> None:
    """Who is tested on the days of the guidance hears nothing until the next of them is missed."""
    day = Scenario(every_rule=True)
    day.at("d-30").oru(alt="30", wbc="7")
    day.roster_row("H1", "fact", "d-30", note=f"protocol={protocol}")
    day.at("d0").roster(start="d0", dose=50)
    told: list[AlertEvent] = []
    for each in range(1, told_on + 1):
        if each in days:
            day.at(f"d{each}").oru(alt="30", wbc="7")
        told += [event for event in day.at(f"d{each}").sweep() if event.reason is OVERDUE]

    own = [event for event in told if not event.rule.startswith("f02")]
    assert {event.decided_at for event in own} == {instant(f"d{told_on}")}
    assert {event.rule.removesuffix("-overdue") for event in own} == missed


def test_a_start_that_lies_ahead_is_awaited() -> None:
    """An order for next week: its first test is due a week after it begins, though nothing more is heard."""
    day = Scenario(known=timed("f01-liver-weekly-first-month"))
    day.at("d-30").oru(wbc="7")
    day.at("d0").roster(start="d5")
    day.at("d13 23:00").sweep()
    day.expect_silence()
    day.at("d14").sweep()
    day.expect(overdue(WEEKLY.started()))


def test_a_message_between_two_sweeps_leaves_the_alert_open() -> None:
    """Whatever comes about the patient, only the missed test ends it."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d9").sweep()
    day.at("d9 00:05").oru(wbc="7")
    day.at("d9 00:07").roster_row("H1", "fact", "d9", note="symptom=none")
    day.expect(overdue(WEEKLY.started()))

    assert set(day.open_rules()) == {WEEKLY.rule}


def test_people_whom_a_merge_joins_are_looked_at_once() -> None:
    """The test of one number counts for the other."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d8").oru(alt="30", of=Patient(("H2",)))
    day.at("d8 12:00").merged("H2", Patient(("H1",)))
    day.at("d16 12:00").sweep()
    day.expect_silence()


def test_new_rules_find_those_who_are_waited_for() -> None:
    """After an update the first sweep looks at everybody on therapy, without a message about them."""
    day = begun("a02-alt-ast-500")
    day.at("d60").sweep()
    day.expect_silence()
    day.restarted(replace(timed("f01-liver-weekly-first-month"), revision="another"))
    day.at("d60 01:00").sweep()

    day.expect(overdue(WEEKLY.started()))


def test_a_person_who_cannot_be_judged_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect met in one record is told, and tried again; the others are judged."""
    day = begun("f01-liver-weekly-first-month")
    day.roster("H2", start="d0")
    poisoned = day.record("H1").person.person_id

    def failing(record: Record, known: Knowledge, occasion: Occasion) -> Decision:
        if record.person.person_id == poisoned:
            raise ZeroDivisionError
        return decide_sweep(record, known, occasion)

    monkeypatch.setattr(sweep, "decide_sweep", failing)
    swept = day.at("d9").sweeper.run(day.store, day.now)
    assert [type(fault) for fault in swept.faults] == [ZeroDivisionError]
    assert len(swept.events) == 1

    monkeypatch.undo()
    assert len(day.at("d9 00:10").sweep()) == 1


def many_who_missed_a_week() -> Scenario:
    day = begun("f01-liver-weekly-first-month")
    for number in range(2, 51):
        day.roster(f"H{number}", start="d0")
    return day.at("d9")


def test_a_sweep_is_taken_in_short_parts() -> None:
    """Messages and alerts go on between them, a kill loses nothing, and the same is told."""
    whole, parts = many_who_missed_a_week(), many_who_missed_a_week()
    assert len(whole.sweep()) == 50

    first = parts.sweeper.run(parts.store, parts.now)
    assert not first.done
    assert 0 < len(first.events) < 50
    parts.oru(wbc="7", of=Patient(("H99",)))
    parts.restarted(parts.knowledge)
    parts.at("d9 00:20").sweep()

    assert {undated(event) for event in whole.events()} == {undated(event) for event in parts.events()}
    parts.sweep()
    assert len(parts.events()) == 50
