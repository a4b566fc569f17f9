"""The watchdog: counted day by day, judged against its own history, told in the log and by alarms."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest

from engine import app, log
from engine.intake import Intake
from engine.model.alert import HABIT_CHANGED, TECHNICAL
from engine.operations import Operations
from engine.outbound import Format
from engine.outbox import Publishing
from engine.settings import load
from engine.store import Store
from engine.taken import Arrived, IntakeOptions
from engine.watchdog import Watchdog, judge

TODAY = datetime(2026, 3, 12, 12, tzinfo=UTC)
KNOWLEDGE = app.knowledge_of(load())
ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "anna,STEVENS,start,2025-01-01,azathioprine,100,,\n"
)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(Store.open(url)) as opened:
        yield opened


def message(number: int, sent: datetime, alt: str) -> bytes:
    at = sent.strftime("%Y%m%d%H%M%S+0000")
    lines = (
        rf"MSH|^~\&|LIS|STEVENS|||{at}||ORU^R01|C{number}|P|2.5.1",
        "PID|1||anna^^^STEVENS^MR",
        f"OBR|1||C{number}|LFT|||{at}",
        f"OBX|1|NM|{alt}||600|U/L|10-40||||F",
        "OBX|2|NM|6690-2^WBC^LN||5.2|10*9/L|4-10||||F",
    )
    return "\r".join(lines).encode() + b"\r"


def test_a_laboratory_that_renames_a_code_is_told_of(store: Store) -> None:
    """Nine weeks of ALT and white cells; in the last one ALT comes under a name that nobody has mapped."""
    shown = [TODAY]
    options = IntakeOptions(clock=lambda: shown[0])
    rows = app.roster_rows(ROSTER, "roster", KNOWLEDGE)
    Operations(store, KNOWLEDGE, options, lambda: shown[0]).import_roster(rows, "roster")
    intake = Intake(store, KNOWLEDGE, options)
    publishing = Publishing(formats=(Format.EVENT_JSON,))
    watchdog = Watchdog(store, publishing, lambda: shown[0], "r1")
    written = io.StringIO()
    log.configure("info", "json", written)
    for week in range(9, 0, -1):
        shown[0] = TODAY - timedelta(days=7 * week)
        code = "1742-6^ALT^LN" if week > 1 else "ALAT-NEW^ALT^L"
        bodies = [message(week * 100 + n, shown[0] + timedelta(seconds=n), code) for n in range(10)]
        watchdog.note(intake.take([Arrived(body, "queue") for body in bodies]))
        watchdog.note(intake.take([Arrived(bodies[0], "queue")]))  # a repeat counts for nothing
        watchdog.keep()
    shown[0] = TODAY

    found = judge(store, TODAY)
    assert [(one.subject.kind, one.subject.name, one.change, one.count, one.usual) for one in found] == [
        ("code", "1742-6 (alt)", "stopped", 0, 10),
        ("unit", "alt U/L", "stopped", 0, 10),
    ]
    assert {one.last for one in found} == {date(2026, 2, 26)}
    assert sum(store.alerts_by_day(TODAY)["rule", "", "a02-alt-ast-500"].values()) >= 1

    shown[0] += timedelta(minutes=10)
    assert watchdog.settle()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    told = [line for line in lines if line["event"] == "does not come as it used to"]
    assert [(line["level"], line["code"], line["unit"]) for line in told] == [
        ("error", "1742-6 (alt)", ""),
        ("error", "", "alt U/L"),
    ]
    started = [
        (HABIT_CHANGED, "alert.review.start", "Code 1742-6 (alt) of LIS|STEVENS does not come any more"),
        (HABIT_CHANGED, "alert.review.start", "Unit alt U/L of LIS|STEVENS does not come any more"),
    ]
    assert alarms(store) == started

    other = Watchdog(store, publishing, lambda: shown[0], "r1")
    for _ in range(60):  # a worker that was started anew, until night
        shown[0] += timedelta(minutes=10)
        other.settle()
    assert alarms(store) == []
    assert store.condition().technical == {HABIT_CHANGED: 2}

    bodies = [message(n, shown[0] + timedelta(seconds=n), "1742-6^ALT^LN") for n in range(10)]
    other.note(intake.take([Arrived(body, "queue") for body in bodies]))
    shown[0] += timedelta(days=1)
    assert other.settle()
    ended = [(rule, key.replace("start", "end"), title) for rule, key, title in started]
    assert alarms(store) == ended
    assert store.condition().technical == {}
    shown[0] += timedelta(days=1)
    assert not other.settle()


def alarms(store: Store) -> list[tuple[str, str, str]]:
    """Rule, routing key and title of what the relay gets about the engine, which is then out."""
    with store.handover(100) as handover:
        handover.done([row.id for row in handover.rows], {}, TODAY)
        rows = [row for row in handover.rows if row.headers["rule"] in TECHNICAL]
    return [(row.headers["rule"], row.routing_key, json.loads(row.body)["title"]) for row in rows]


def test_counts_of_several_workers_add_up_and_old_ones_go(store: Store) -> None:
    """Two engines count the same code on one day; what no history reaches is forgotten."""
    old, new = "2025-11-01", "2026-03-11"
    for _ in range(2):
        store.count_days({(new, "code", "LIS", "1742-6 (alt)"): 3, (old, "code", "LIS", "x"): 1}, TODAY)

    assert store.daily_counts(TODAY) == {("code", "LIS", "1742-6 (alt)"): {date(2026, 3, 11): 6}}
