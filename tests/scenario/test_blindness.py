"""Codes and units that nobody has mapped, and what they cost: blind patient-days, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from engine import app
from engine.intake import Intake
from engine.operations import Operations
from engine.settings import load
from engine.store import Store, check
from engine.taken import Arrived, IntakeOptions

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
KNOWLEDGE = app.knowledge_of(load())
ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "anna,STEVENS,start,2026-01-01,azathioprine,100,,\n"
    "bert,STEVENS,start,2026-01-01,azathioprine,100,,\n"
    "bert,STEVENS,stop,2026-02-20,azathioprine,,,\n"
)
UNMAPPED = "L-77^Alanine transaminase^L"


class Feed:
    """A store that takes messages in."""

    def __init__(self, store: Store) -> None:
        self.store = store
        options = IntakeOptions(clock=lambda: NOW)
        rows = app.roster_rows(ROSTER, "roster", KNOWLEDGE)
        Operations(store, KNOWLEDGE, options, lambda: NOW).import_roster(rows, "roster")
        self.intake = Intake(store, KNOWLEDGE, options)
        self.sent = 0

    def hear(self, patient: str, day: str, *, code: str = UNMAPPED, unit: str = "U/L") -> None:
        """One observation collected at eight in the morning of a day."""
        self.sent += 1
        lines = (
            rf"MSH|^~\&|LIS|STEVENS|||20260309070000+0000||ORU^R01|C{self.sent}|P|2.5.1",
            f"PID|1||{patient}^^^STEVENS^MR",
            f"OBR|1||C{self.sent}|LFT|||{day}0800+0000",
            f"OBX|1|NM|{code}||35|{unit}|10-40||||F",
        )
        self.say("\r".join(lines))

    def merge(self, survivor: str, retired: str) -> None:
        """One patient was registered twice."""
        self.say(
            "MSH|^~\\&|ADT|STEVENS|||20260309070000+0000||ADT^A40|M1|P|2.5.1\r"
            f"PID|1||{survivor}^^^STEVENS^MR\rMRG|{retired}^^^STEVENS^MR"
        )

    def say(self, text: str) -> None:
        (taken,) = self.intake.take([Arrived(text.encode() + b"\r", "queue")])
        assert taken.fault is None

    def lines(self) -> list[tuple[Any, ...]]:
        columns = ("code", "unit", "kind", "count", "patients", "blind_days")
        return [tuple(row[name] for name in columns) for row in self.store.mapping_ledger()]


@pytest.fixture
def feed(url: str) -> Iterator[Feed]:
    one = Feed(Store.open(url))
    with closing(one.store):
        yield one
    assert check(url) == []


def test_blind_are_the_days_of_patients_who_took_the_drug_then(feed: Feed) -> None:
    """Before the start, after the stop, and of people on no drug at all, nobody was blind."""
    for patient, day in (
        ("anna", "20251230"),  # before the start
        ("anna", "20260301"),
        ("anna", "20260301"),  # twice on one day
        ("anna", "20260302"),
        ("bert", "20260219"),
        ("bert", "20260225"),  # after the stop
        ("carl", "20260301"),  # on no drug
    ):
        feed.hear(patient, day)

    assert feed.lines() == [("L-77", "U/L", "unmapped", 7, 2, 3)]


def test_a_day_with_a_usable_result_of_the_same_code_is_not_blind(feed: Feed) -> None:
    """A unit that nobody knows, and on one of the days the same test again with a unit that we know."""
    feed.hear("anna", "20260301", code="1742-6^ALT^LN", unit="furlong")
    feed.hear("anna", "20260302", code="1742-6^ALT^LN", unit="furlong")
    feed.hear("anna", "20260302", code="1742-6^ALT^LN")

    assert feed.lines() == [("1742-6", "furlong", "unit-unknown", 2, 1, 1)]


def test_the_most_harmful_comes_first_however_often_the_others_came(feed: Feed) -> None:
    """A thousand potassiums of people on no drug do not hide one ALT of a patient."""
    for _ in range(4):
        feed.hear("carl", "20260301", code="L-11^Something^L")
    feed.hear("anna", "20260301")

    assert [line[0] for line in feed.lines()] == ["L-77", "L-11"]


def test_a_patient_who_was_merged_is_counted_once(feed: Feed) -> None:
    """The same day under two numbers of one human being is one day of one patient."""
    feed.hear("anna", "20260201")
    feed.hear("bert", "20260201")
    assert feed.lines()[0][4:] == (2, 2)

    feed.merge("anna", "bert")

    assert feed.lines()[0][4:] == (1, 1)
