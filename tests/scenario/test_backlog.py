"""What a backlog holds back, and when and how it is told, on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from engine import app
from engine.alerts import collapsed
from engine.catching_up import CatchingUp
from engine.intake import Intake
from engine.model.alert import CATCHING_UP, AlertEvent, AlertReason, Phase
from engine.model.finding import Severity
from engine.operations import Operations
from engine.outbound import Format
from engine.outbox import Publishing, alert_rows
from engine.settings import load
from engine.store import Store, check
from engine.taken import Arrived, IntakeOptions
from tests.support.outbox import hand_over, unsent

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
KNOWLEDGE = app.knowledge_of(load())
ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "anna,STEVENS,start,2025-01-01,azathioprine,100,,\n"
    "bert,STEVENS,start,2025-01-01,azathioprine,100,,\n"
)


@dataclass
class Live:
    """An engine without its transports, at a clock of the test's."""

    store: Store
    now: datetime = NOW
    publishing: Publishing = field(default_factory=Publishing)
    sent: int = 0
    waiting: dict[str, int] = field(default_factory=lambda: {"in": 0})

    def __post_init__(self) -> None:
        self.options = IntakeOptions(
            publishing=self.publishing,
            clock=lambda: self.now,
            late_after=timedelta(hours=12),
            hold_for=timedelta(minutes=10),
        )
        self.intake = Intake(self.store, KNOWLEDGE, self.options)
        self.catching_up = CatchingUp(self.store, KNOWLEDGE, self.options, lambda: self.now, 50)

    def hear(self, hours_ago: float, alt: str, patient: str = "anna") -> None:
        """ALT of a patient, sent so long ago."""
        self.sent += 1
        sent = (self.now - timedelta(hours=hours_ago)).strftime("%Y%m%d%H%M%S+0000")
        lines = (
            rf"MSH|^~\&|LIS|STEVENS|||{sent}||ORU^R01|C{self.sent}|P|2.5.1",
            f"PID|1||{patient}^^^STEVENS^MR",
            f"OBR|1||C{self.sent}|LFT|||{sent}",
            f"OBX|1|NM|1742-6^ALT^LN||{alt}|U/L|10-40||||F",
        )
        taken = self.intake.take([Arrived("\r".join(lines).encode() + b"\r", "queue")])
        self.catching_up.note(taken)

    def after(self, **later: float) -> list[tuple[str, str]]:
        """Let time pass, and give what is then published: rule and routing key, without panels."""
        self.now += timedelta(**later)
        self.catching_up.settle(lambda: self.waiting)
        rows = unsent(self.store)
        hand_over(self.store, self.now, confirmed=[row.message_id for row in rows])
        return [(row.headers["rule"], row.routing_key) for row in rows if row.headers["rule"] != PANELS]

    def events(self) -> list[AlertEvent]:
        return [event for event in self.store.alert_events() if event.family == CATCHING_UP]


def opened(url: str, formats: tuple[Format, ...] = (Format.HL7_R40,)) -> Live:
    store = Store.open(url)
    Operations(store, KNOWLEDGE, IntakeOptions(clock=lambda: NOW), lambda: NOW).import_roster(
        app.roster_rows(ROSTER, "roster", KNOWLEDGE), "roster"
    )
    live = Live(store, publishing=Publishing(formats))
    live.after(seconds=0)
    return live


@pytest.fixture
def live(url: str) -> Iterator[Live]:
    one = opened(url)
    with closing(one.store):
        yield one
    assert check(url) == []


START = ("a02-alt-ast-500", "alert.critical.start")
PANELS = "f15-liver-panel-incomplete-s3"


def test_nothing_waits_longer_than_the_settings_say(live: Live) -> None:
    """A backlog without end: what was held back for ten minutes goes out as it stands."""
    live.hear(60, "700")
    live.now += timedelta(minutes=5)
    live.hear(59, "30", "bert")
    assert live.after(seconds=2) == []

    live.now += timedelta(minutes=5)
    live.hear(58, "31", "bert")

    assert live.after(seconds=1) == [START]


@pytest.mark.parametrize("waiting", [{}, {"in": 3}], ids=["nobody knows", "three messages"])
def test_nothing_is_settled_while_the_queue_may_hold_more(live: Live, waiting: dict[str, int]) -> None:
    """A broker that was lost in the middle of a backlog, or is slow: what ends an alert may still come."""
    live.hear(60, "700")
    live.waiting = waiting
    assert live.after(seconds=6) == []

    live.waiting = {"in": 0}
    live.hear(50, "30")

    assert live.after(seconds=6) == [(CATCHING_UP, "alert.review.start")]


def test_fresh_news_is_told_at_once_with_what_it_makes_of_the_old(live: Live) -> None:
    """A new message of today ends one held alert and makes another one worse: neither waits."""
    live.hear(60, "700")
    live.hear(60, "130", "bert")
    live.hear(1, "30")
    live.hear(1, "800", "bert")
    # Of one alert nothing overtakes what is held back: receivers would hear of its end before its start.
    assert {row.headers["rule"] for row in unsent(live.store)} <= {PANELS}

    assert sorted(live.after(seconds=1)) == [START, (CATCHING_UP, "alert.review.start")]
    assert live.after(minutes=20) == []


def test_what_cannot_be_settled_goes_out_as_it_is(live: Live) -> None:
    """A message that belongs to no event of its alert, by whatever mistake: it pages, and nothing stops."""
    live.hear(1, "700")
    assert live.after(seconds=1) == [START]
    (event,) = (event for event in live.store.alert_events() if event.rule == START[0])
    with live.store.transaction() as unit:
        row = replace(alert_rows([event], live.publishing)[0], message_id="of nobody")
        unit.put_outbox([row], live.now, live.now + timedelta(minutes=10))

    assert live.after(seconds=6) == [START]


def test_a_clock_that_was_put_back_holds_nothing(live: Live) -> None:
    """Held until an instant that is hours away because the clock was wrong: told at once."""
    live.hear(60, "700")
    live.now -= timedelta(hours=3)

    assert live.after(seconds=0) == [START]


def test_messages_without_a_time_and_new_ones_are_never_held(live: Live) -> None:
    """Only a message that says it is old is; whoever sends none of it is paged as ever."""
    live.hear(11, "700")

    assert live.after(seconds=0) == [START]


def test_a_digest_waits_for_a_reader_and_then_goes(live: Live) -> None:
    """The next result of the patient does not take it off the worklist; an acknowledgement does."""
    live.hear(60, "700")
    live.hear(50, "30")
    assert live.after(seconds=6) == [(CATCHING_UP, "alert.review.start")]
    (told,) = live.events()
    assert "Not paged: critical a02-alt-ast-500 of 2026-03-06 20:00" in told.message

    live.hear(1, "31")
    assert live.after(hours=1) == []
    assert live.store.acknowledge(told.alert_id, "nurse", live.now)
    live.hear(0, "32")

    assert live.after(hours=1) == [(CATCHING_UP, "alert.review.end")]


def test_a_digest_that_nobody_reads_goes_after_a_week(live: Live) -> None:
    """A site that acknowledges elsewhere does not collect digests for ever."""
    live.hear(60, "700")
    live.hear(50, "30")
    live.after(seconds=6)
    live.now += timedelta(days=8)
    live.hear(0, "32")

    assert live.after(seconds=6) == [(CATCHING_UP, "alert.review.end")]


def test_every_format_tells_the_same_of_a_backlog(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All messages about an event are held, dropped or rewritten together, and a digest has each form."""
    live = opened(f"sqlite:///{tmp_path_factory.mktemp('formats')}/azawatch.db", tuple(Format))
    with closing(live.store):
        live.hear(60, "130")
        live.hear(50, "800")
        live.hear(60, "700", "bert")
        live.hear(50, "30", "bert")
        live.now += timedelta(seconds=6)
        live.catching_up.settle(lambda: live.waiting)
        rows = [row for row in unsent(live.store) if not row.headers["rule"].startswith("f15")]

    assert [row.routing_key for row in rows] == ["alert.critical.start"] * 4 + ["alert.review.start"] * 4
    assert b'"phase": "start"' in rows[2].body or b'"phase":"start"' in rows[2].body
    assert all(b"Not paged: critical" in row.body for row in rows[4:7])


@dataclass(frozen=True, slots=True)
class Course:
    """What receivers knew (None: nothing), what was held back, and what they are told."""

    known: str | None
    held: str
    told: str | None


U, C, R = "urgent", "critical", "review"
COURSES = [
    Course(None, "start critical", "start critical"),
    Course(None, "start urgent, escalate critical", "start critical"),
    Course(None, "start critical, deescalate review", "start review"),
    Course(None, "start critical, end critical", None),
    Course(U, "escalate critical, deescalate urgent", "deescalate urgent"),
    Course(R, "escalate critical, deescalate urgent", "escalate urgent"),
    Course(R, "escalate critical, update critical", "escalate critical"),
    Course(C, "deescalate review, escalate urgent", "deescalate urgent"),
    Course(C, "end critical, start critical", "update critical"),
    Course(C, "update critical", "update critical"),
    Course(C, "deescalate review, end review", "end review"),
]


@pytest.mark.parametrize("course", COURSES, ids=lambda course: f"{course.known}: {course.held}")
def test_what_is_told_instead_is_graver_whenever_it_is_graver_than_what_is_known(
    course: Course, an_event: AlertEvent
) -> None:
    """Receivers who page on start, update and escalate hear of every alert that is graver than they know."""

    def event(number: int, words: str) -> AlertEvent:
        phase, severity = words.split()
        return replace(
            an_event,
            event_id=f"E{number}",
            sequence=number,
            phase=Phase(phase),
            severity=Severity(severity),
            reason=AlertReason.CHANGED,
        )

    before = None if course.known is None else event(1, f"update {course.known}")
    held = [event(number, words) for number, words in enumerate(course.held.split(", "), start=2)]
    became = collapsed(held, before)

    told = None if became.tell is None else f"{became.tell.phase} {became.tell.severity}"
    assert told == course.told
    assert became.tell is None or became.tell.event_id == held[-1].event_id
    assert len(became.unpaged) == len(held) - (became.tell is not None)


@pytest.fixture
def an_event(tmp_path_factory: pytest.TempPathFactory) -> AlertEvent:
    """Some alert event."""
    live = opened(f"sqlite:///{tmp_path_factory.mktemp('event')}/azawatch.db")
    with closing(live.store):
        live.hear(1, "700")
        return live.store.alert_events()[0]
