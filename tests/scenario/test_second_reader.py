"""Messages read twice: a reader that errs is found by the other one, and the feed never waits for it."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from engine import app, log
from engine.arrival import Reading
from engine.disagreement import Difference, Disagreement
from engine.hl7.segment import ReadSegment
from engine.intake import Intake
from engine.model.alert import READERS_DISAGREE
from engine.outbound import Format
from engine.outbox import Publishing
from engine.second_reader import Outcome, SecondReader
from engine.settings import load
from engine.store import InboxKey, Store, check
from engine.taken import Arrived, IntakeOptions, Taken
from tests.support.outbox import hand_over, unsent

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
KNOWLEDGE = app.knowledge_of(load())
READING = Reading(KNOWLEDGE.terminology, 10_000_000)


def message(number: int) -> bytes:
    lines = (
        rf"MSH|^~\&|LIS|STEVENS|||20260312100000+0000||ORU^R01|C{number}|P|2.5.1",
        "PID|1||4711^^^STEVENS^MR||Secret^Name",
        f"OBR|1||C{number}|LFT|||20260312100000+0000",
        "OBX|1|NM|1742-6^ALT^LN||612.5|U/L|10-40||||F",
    )
    return "\r".join(lines).encode() + b"\r"


def taken_in(store: Store, count: int) -> tuple[list[bytes], list[Taken]]:
    intake = Intake(store, KNOWLEDGE, IntakeOptions(clock=lambda: NOW))
    bodies = [message(number) for number in range(count)]
    return bodies, intake.take([Arrived(body, "queue") for body in bodies])


def alarm(store: Store, clock: Callable[[], datetime] = lambda: NOW) -> Disagreement:
    return Disagreement(store, Publishing(formats=(Format.EVENT_JSON,)), clock, "r1")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(Store.open(url)) as opened:
        yield opened
    assert check(url) == []


@pytest.fixture
def written() -> io.StringIO:
    stream = io.StringIO()
    log.configure("info", "json", stream)
    return stream


def test_a_reader_that_errs_is_told_of_and_the_message_is_kept(
    store: Store, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our reader loses a digit of a value: an error with the place, no content, and a copy to look into."""
    bodies, taken = taken_in(store, 1)
    right = ReadSegment.leaf

    def wrong(self: ReadSegment, field: int, *inner: int) -> str:
        leaf = right(self, field, *inner)
        return leaf[:-1] if self.name == "OBX" and field == 5 else leaf

    monkeypatch.setattr(ReadSegment, "leaf", wrong)
    told: list[Outcome] = []
    raised = alarm(store)
    reader = SecondReader(READING, store, lambda: NOW, 1, told.append, raised)
    reader.offer(bodies, taken)
    reader.close()

    assert told == [Outcome.DISAGREED]
    assert raised.settle()
    (row,) = unsent(store)
    event = json.loads(row.body)
    assert (row.headers["rule"], row.routing_key) == (READERS_DISAGREE, "alert.review.start")
    assert event["message"].startswith("Message C0 of LIS|STEVENS differs at OBX[1]-5;")
    assert not any(secret in str(event) for secret in ("612", "4711", "Secret"))
    (line,) = [json.loads(one) for one in written.getvalue().splitlines() if "disagree" in one]
    assert (line["level"], line["message_control_id"], line["location"]) == ("error", "C0", "OBX[1]-5")
    assert not any(secret in written.getvalue() for secret in ("612.", "4711", "Secret"))
    (copy,) = store.quarantined(state="copy")
    assert (copy.body, copy.why) == (bodies[0], "two readers disagree at OBX[1]-5")
    assert store.quarantined(state="held") == []


def test_readers_that_agree_say_nothing(store: Store, written: io.StringIO) -> None:
    """A message that is read alike leaves a count behind, and no line."""
    bodies, taken = taken_in(store, 1)
    told: list[Outcome] = []
    reader = SecondReader(READING, store, lambda: NOW, 1, told.append, alarm(store))
    reader.offer(bodies, taken)
    reader.close()

    assert told == [Outcome.AGREED]
    assert written.getvalue() == ""
    assert store.quarantined() == []


def test_one_in_so_many_is_chosen_and_one_a_minute_at_least(store: Store) -> None:
    """Of a busy feed every tenth, of a slow one the first after a minute, none where it is switched off."""
    bodies, taken = taken_in(store, 25)
    shown = [NOW]
    told: list[Outcome] = []
    reader = SecondReader(READING, store, lambda: shown[0], 10, told.append, alarm(store))
    reader.offer(bodies, taken)
    shown[0] += timedelta(minutes=1)
    reader.offer(bodies[:2], taken[:2])
    reader.close()
    assert told == [Outcome.AGREED] * 3

    never = SecondReader(READING, store, lambda: shown[0], 0, told.append, alarm(store))
    shown[0] += timedelta(days=1)
    never.offer(bodies, taken)
    never.close()
    assert len(told) == 3


def test_a_busy_second_reader_holds_nobody_up(store: Store) -> None:
    """It hangs on its first message: eight wait, the others are dropped and counted, the feed goes on."""
    bodies, taken = taken_in(store, 25)
    hanging, go_on = threading.Event(), threading.Event()

    class Hanging(Reading):
        def read(self, arrived: Arrived) -> tuple[InboxKey, object]:  # type: ignore[override]
            hanging.set()
            go_on.wait()
            return Reading.read(self, arrived)

    told: list[Outcome] = []
    reader = SecondReader(
        Hanging(KNOWLEDGE.terminology, 10_000_000), store, lambda: NOW, 1, told.append, alarm(store)
    )
    reader.offer(bodies[:1], taken[:1])
    hanging.wait()
    reader.offer(bodies[1:], taken[1:])

    assert told == [Outcome.DROPPED] * 16
    go_on.set()
    reader.close()
    assert told[16:] == [Outcome.AGREED] * 9


def test_an_alarm_about_readers_ends_when_a_day_has_had_no_difference(store: Store) -> None:
    """One alarm however many messages and workers; it lasts while nothing is compared, and may come again."""
    shown = [NOW]
    one, other = (alarm(store, lambda: shown[0]) for _ in range(2))
    for worker in (one, other, one):
        worker.found(Difference("C1", "LIS|", "OBX[1]-5"))
        worker.found(Difference("C2", "LIS|", "OBX[1]-5"))
        worker.settle()
        shown[0] += timedelta(hours=1)

    def told() -> list[str]:
        rows = unsent(store)
        hand_over(store, shown[0], confirmed=[row.message_id for row in rows])
        return [row.routing_key for row in rows]

    assert told() == ["alert.review.start"]
    one.agreed(shown[0] + timedelta(hours=20))
    shown[0] += timedelta(days=3)
    assert not one.settle()
    other.agreed(shown[0])
    shown[0] += timedelta(minutes=10)
    assert other.settle()
    assert told() == ["alert.review.end"]
    one.found(Difference("C3", "LIS|", "segments"))
    assert one.settle()
    assert told() == ["alert.review.start"]
    assert store.condition().technical == {READERS_DISAGREE: 1}
