"""Clocks: one that was wrong, and the times of messages as the clock of a replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.model.alert import AlertEvent, Phase
from engine.replay import ReplaySummary, replay
from engine.store import Store
from engine.taken import IntakeOptions
from engine.transports.archive import ArchiveMessage
from tests.scenario.test_time import (
    BLOOD,
    BLOOD_AGAIN,
    OVERDUE,
    RULES,
    STRANGER,
    WEEKLY,
    begun,
    overdue,
    timed,
)
from tests.scenario.test_unacknowledged import AGAIN, escalating
from tests.scenario.timeline import Scenario
from tests.scenario.wire import Patient, instant

# --- a clock that was wrong -----------------------------------------------------------------------


def test_a_clock_that_was_in_the_future_once_does_not_stop_time() -> None:
    """What was told by it ends, and what is missed from then on is told."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d1000").sweep()
    day.expect(overdue(WEEKLY.started()))

    day.at("d1")
    swept = day.sweeper.run(day.store, day.now)
    assert swept.set_back_from == instant("d1000")
    assert [(event.rule, event.phase) for event in swept.events] == [(WEEKLY.rule, Phase.END)]
    watch = day.store.watch()
    assert watch is not None
    assert watch.clock == instant("d1")
    assert day.sweeper.run(day.store, day.now).set_back_from is None

    day.at("d9").sweep()
    day.expect(overdue(WEEKLY.started()))


def test_a_message_does_not_believe_a_clock_that_was_in_the_future() -> None:
    """The clock is right again, and a message comes before the next sweep."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d1000").sweep()
    day.expect(overdue(WEEKLY.started()))
    day.at("d1 00:03").oru(wbc="7")
    day.expect(WEEKLY.ended())
    day.roster("H2", start="d0")
    day.expect_silence()


def test_a_clock_that_is_put_back_a_little_changes_nothing() -> None:
    """Time that was judged once is not judged again for some minutes."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d9").sweep()
    day.expect(overdue(WEEKLY.started()))
    day.at("d8 23:52").sweep()
    day.oru(wbc="7")
    day.expect_silence()


def test_an_alert_told_by_a_clock_in_the_future_is_still_waited_for() -> None:
    """Nobody is spared the reminder of an alert that nobody takes on until the wrong time has come."""
    day = escalating(told="d1000", critical=1)
    day.at("d0 10:00").sweep()
    day.expect_silence()
    day.at("d0 10:50").sweep()
    day.expect_silence()
    day.at("d0 11:00").sweep()
    day.expect(AGAIN)


# --- replay ---------------------------------------------------------------------------------------


def archive(until: str, wrong: str = "") -> tuple[list[AlertEvent], Store]:
    """A replay of a start, a test in time, and a stranger's results that let time pass.

    ``wrong``: when the first message of all was sent, by a wrong clock.
    """
    day = Scenario(known=timed(*RULES))
    lines = [
        day.oru_text(wbc="7", sent="d-30", collected="d-30", of=STRANGER),
        day.oru_text(alt="30", wbc="7", sent="d0 08:00", collected="d0 08:00"),
        day.oru_text(alt="30", wbc="7", sent="d7 08:00", collected="d7 08:00"),
        *(
            day.oru_text(wbc="7", sent=f"d{number} 12:00", collected=f"d{number} 12:00", of=STRANGER)
            for number in range(8, 30)
        ),
    ]
    if wrong:
        lines.insert(0, day.oru_text(wbc="7", sent=wrong, collected="d-30", of=Patient(("H8",))))
    store = Store.open("sqlite://")
    options = IntakeOptions(until=instant(until))
    day.store, day._options = store, replace(options, clock=lambda: instant("d-30"))
    day.restarted(day.knowledge)
    day.now = instant("d0")
    day.roster(start="d0")
    events: list[AlertEvent] = []
    messages = [ArchiveMessage(f"m{number}", body) for number, body in enumerate(lines)]
    replay(messages, store, day.knowledge, options, lambda _: None, events.append)
    return events, store


def test_a_replay_lets_time_pass_with_its_messages() -> None:
    """Overdue tests are told at the time at which the live engine would have told them."""
    events, _ = archive("d20")

    assert [(event.rule, event.reason, event.decided_at) for event in events] == [
        (BLOOD.rule, OVERDUE, instant("d16 08:00")),
        (WEEKLY.rule, OVERDUE, instant("d16 08:00")),
    ]
    assert events == archive("d20")[0]


def test_a_replay_goes_on_until_the_end_it_was_given() -> None:
    """Time passes after the last message too."""
    events, store = archive("d60")

    assert events[-1].rule == BLOOD_AGAIN.rule
    watch = store.watch()
    assert watch is not None
    assert watch.clock == instant("d60")


def jumping(*sent: str) -> tuple[ReplaySummary, list[datetime | None]]:
    """A replay of one message for each of these times; when each was judged."""
    day = Scenario(known=timed(*RULES))
    bodies = [day.oru_text(wbc="7", sent=at, collected="d0", of=STRANGER) for at in sent]
    messages = [ArchiveMessage(f"m{number}", body) for number, body in enumerate(bodies)]
    judged: list[datetime | None] = []
    store, options = Store.open("sqlite://"), IntakeOptions(leap=timedelta(days=31))
    told = replay(messages, store, day.knowledge, options, lambda one: judged.append(one.at), print)
    return told, judged


@pytest.mark.parametrize(
    ("sent", "judged", "warnings"),
    [
        (("d0", "d31", "d62"), ("d0", "d31", "d62"), 0),
        (("d0", "d26000", "d1"), ("d0", "d0", "d1"), 1),
        (("d26000", "d0", "d1"), ("d0", "d0", "d1"), 1),
        (("d0", "d32", "d33"), ("d0", "d0", "d33"), 1),
        (("d0", "d100", "d70", "d101"), ("d0", "d0", "d70", "d101"), 1),
        (("d0", "d400", "d800", "d801"), ("d0", "d0", "d400", "d801"), 2),
        (("d26000",), ("d26000",), 0),
    ],
)
def test_no_message_alone_lets_a_replay_leap(
    sent: tuple[str, ...], judged: tuple[str, ...], warnings: int
) -> None:
    """A time far ahead is believed when the next message confirms it; until then the old time holds."""
    told, at = jumping(*sent)

    assert at == [instant(when) for when in judged]
    assert told.warnings["time_jump"] == warnings


def test_a_message_from_the_future_hides_nothing_that_is_overdue() -> None:
    """One wrong clock in an archive, and every alert of the others is told as without it."""
    usual, _ = archive("d20")
    poisoned, _ = archive("d20", wrong="d26000")

    assert poisoned == usual
