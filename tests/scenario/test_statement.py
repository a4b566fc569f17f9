"""The daily statement: who was watched and why not, and that nobody can change it unnoticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine import app
from engine.intake import Intake
from engine.operations import Operations
from engine.settings import load
from engine.statement import (
    Hour,
    Installed,
    faults,
    feed_of,
    signed,
    signed_together,
    statement_of,
)
from engine.store import Store
from engine.sweep import Sweep
from engine.taken import Arrived, IntakeOptions

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
KNOWLEDGE = app.knowledge_of(load())
ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "anna,STEVENS,start,2025-10-01,azathioprine,100,,\n"
    "over,STEVENS,start,2024-01-01,azathioprine,100,,\n"
    "over,STEVENS,stop,2025-06-01,azathioprine,,,\n"
    "soon,STEVENS,start,2026-04-01,azathioprine,50,,\n"
    "held,STEVENS,start,2025-10-01,mercaptopurine,50,,\n"
    "held,STEVENS,hold,2026-03-01,mercaptopurine,,,\n"
)
KEY = b"k" * 40


def message(patient: str, at: datetime, alt: str, code: str = "1742-6^ALT^LN", sender: str = "LIS") -> bytes:
    sent = at.strftime("%Y%m%d%H%M%S+0000")
    lines = (
        rf"MSH|^~\&|{sender}|STEVENS|||{sent}||ORU^R01|{patient}{sent}{alt}|P|2.5.1",
        f"PID|1||{patient}^^^STEVENS^MR",
        f"OBR|1||{patient}{sent}|LFT|||{sent}",
        f"OBX|1|NM|{code}||{alt}|U/L|10-40||||F",
    )
    return "\r".join(lines).encode() + b"\r"


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that has heard of four patients, and in which time was judged ten minutes ago."""
    with closing(Store.open(f"sqlite:///{tmp_path_factory.mktemp('store')}/azawatch.db")) as opened:
        shown = [NOW - timedelta(days=2)]
        options = IntakeOptions(clock=lambda: shown[0])
        rows = app.roster_rows(ROSTER, "roster", KNOWLEDGE)
        Operations(opened, KNOWLEDGE, options, lambda: shown[0]).import_roster(rows, "roster")
        intake = Intake(opened, KNOWLEDGE, options)
        intake.take([Arrived(message("anna", shown[0], "35"), "queue")])
        shown[0] = NOW - timedelta(hours=1)
        intake.take([Arrived(message("anna", shown[0], "600"), "queue")])
        intake.take([Arrived(message("anna", shown[0], "5", "L-9^Something^L"), "queue")])
        while not Sweep(KNOWLEDGE, options).run(opened, NOW).done:
            pass
        yield opened


def stated(store: Store, at: datetime = NOW) -> dict[str, dict[str, Any]]:
    """The statement about each patient by the number."""
    hours = store.hours_of_senders(at - timedelta(days=28), at)
    feeds = {sender: feed_of(sender, [Hour(*hour) for hour in found], at) for sender, found in hours.items()}
    installed = Installed(at, "1", "strictest", KNOWLEDGE, store.watch(), feeds, 0)
    found = [statement_of(record, installed) for record in store.records(store.treated())]
    return {one["patient"]["id"]: one for one in found}


def test_a_patient_on_therapy_is_watched_and_everything_about_it_is_told(store: Store) -> None:
    """Last result, what was never measured, what could not be read, next test, open alert, and the feed."""
    anna = stated(store)["anna"]

    assert (anna["watched"], anna["why"]) == (True, ["on therapy"])
    assert anna["therapy"]["drug"] == "azathioprine"
    assert [one["value"] for one in anna["last_results"]] == ["600 U/L"]
    assert {"ast", "wbc"} <= set(anna["never_measured"])
    assert anna["not_understood"] == ["L-9"]
    assert {due["panel"] for due in anna["next_due"]} == {"liver", "blood"}
    assert ("critical", "a02-alt-ast-500") in {(a["severity"], a["rule"]) for a in anna["open_alerts"]}
    assert [(feed["sender"], feed["messages_of_the_day"]) for feed in anna["feeds"]] == [("LIS|STEVENS", 2)]
    assert anna["feeds"][0]["longest_gap_of_the_day_minutes"] == 23 * 60


def test_whoever_is_not_watched_is_told_with_the_reason(store: Store) -> None:
    """Stopped long ago, not yet begun, and on hold, which is watched."""
    found = {name: (one["watched"], one["why"]) for name, one in stated(store).items() if name != "anna"}

    assert found == {
        "over": (False, ["the therapy ended 2025-06-01"]),
        "soon": (False, ["the therapy has not begun"]),
        "held": (True, ["therapy on hold, still watched"]),
    }


def test_nobody_is_watched_by_an_engine_that_stands_still_or_hears_nothing(store: Store) -> None:
    """Three hours without a sweep, and two weeks without a message: no alert says nothing then."""
    assert stated(store, NOW + timedelta(hours=3))["anna"]["why"] == [
        "time was judged last at 2026-03-12T12:00:00+00:00"
    ]
    later = NOW + timedelta(days=14)
    Sweep(KNOWLEDGE, IntakeOptions(clock=lambda: later)).run(store, later)

    assert stated(store, later)["anna"]["why"] == [
        "no sender sends",
        "nothing comes from LIS|STEVENS, who sent the last liver tests",
    ]


def test_a_panel_that_no_longer_comes_is_not_watched(store: Store) -> None:
    """Liver tests come, and the laboratory of the blood counts is silent."""
    shown = [NOW]
    intake = Intake(store, KNOWLEDGE, IntakeOptions(clock=lambda: shown[0]))
    wbc, platelets = "6690-2^WBC^LN", "777-3^PLT^LN"
    intake.take([Arrived(message("anna", NOW, "7", wbc, "BLOOD").replace(b"U/L", b"10*9/L"), "queue")])
    later = shown[0] = NOW + timedelta(days=14)
    intake.take([Arrived(message("anna", later, "36"), "queue")])
    Sweep(KNOWLEDGE, IntakeOptions(clock=lambda: later)).run(store, later)
    blind = stated(store, later)["anna"]

    assert blind["why"] == ["nothing comes from BLOOD|STEVENS, who sent the last blood tests"]
    assert not blind["watched"]
    intake.take([Arrived(message("anna", later, "200", platelets).replace(b"U/L", b"10*9/L"), "queue")])
    assert stated(store, later)["anna"]["why"] == ["on therapy", "but nothing comes from BLOOD|STEVENS"]


def test_what_came_later_is_not_in_the_statement_of_a_day(store: Store) -> None:
    """As of the day before: the first value, and no alert yet; the same bytes each time it is asked for."""
    before = NOW - timedelta(days=1)
    anna = stated(store, before)["anna"]

    assert [one["value"] for one in anna["last_results"]] == ["35 U/L"]
    assert "a02-alt-ast-500" not in {alert["rule"] for alert in anna["open_alerts"]}
    assert json.dumps(anna) == json.dumps(stated(store, before)["anna"])


def test_a_silence_is_measured_by_the_habit_of_the_sender() -> None:
    """A laboratory that rests each weekend is not silent on Sunday, one that never rests is after four hours.

    One outage in the four weeks does not make a longer silence usual.
    """

    def feed(hours: list[int], silent: int) -> bool:
        begin = NOW - timedelta(days=28)
        told = [Hour(begin + timedelta(hours=h), 5, begin + timedelta(hours=h)) for h in hours]
        return feed_of("LIS", told, told[-1].last + timedelta(hours=silent)).healthy

    weekdays = [day * 24 + hour for day in range(26) if day % 7 < 5 for hour in range(8, 18)]
    always = [hour for hour in range(600) if not 200 < hour < 270]

    assert feed(weekdays, 63)
    assert not feed(weekdays, 100)
    assert feed(always, 3)
    assert not feed(always, 5)
    assert feed([1, 50, 51], 100)
    assert not feed([1, 50, 51], 200)


STATEMENTS = [{"statement": "patient", "patient": name, "watched": True} for name in ("anna", "bert", "carl")]
LINES = [json.dumps(one) for one in signed_together(STATEMENTS, KEY)]


def test_signed_statements_are_whole_and_unchanged() -> None:
    """All of them as they were written, and any single one of them."""
    assert not list(faults(LINES, KEY))
    assert not list(faults([json.dumps(signed(STATEMENTS[0], KEY))], KEY))


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ([LINES[0].replace("true", "false"), *LINES[1:]], 1),
        ([*LINES[:2], *LINES[3:]], 3),
        ([LINES[1], LINES[0], *LINES[2:]], 4),
        ([*LINES[:3], LINES[1], LINES[3]], 5),
        (LINES[:3], 3),
        ([*LINES, LINES[0]], 5),
        ([], 0),
        ([LINES[0].replace("{", '{"half": "\\ud800", ', 1), *LINES[1:]], 1),
    ],
    ids=["changed", "removed", "reordered", "doubled", "cut off", "appended", "empty", "half a sign"],
)
def test_a_changed_file_is_found_at_its_line(lines: list[str], place: int) -> None:
    """Nobody can make a patient watched who was not, or leave one out."""
    assert [number for number, _ in faults(lines, KEY)] == [place]


def test_another_key_and_a_name_given_twice_are_refused() -> None:
    """Of two values under one name a reader might take the forged one."""
    assert [number for number, _ in faults(LINES[:1], b"x" * 40)] == [1]
    assert [number for number, _ in faults([LINES[0].replace("hmac", "\\ud800")], KEY)] == [1]
    with pytest.raises(ValueError, match="1"):
        list(faults([LINES[0].replace("{", '{"watched": false, ', 1)], KEY))
    with pytest.raises(ValueError, match="1"):
        list(faults(["[" * 200_000], KEY))
