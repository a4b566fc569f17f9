"""An archive whose patients are split over several shares tells what one share alone tells, byte for byte."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from tempfile import TemporaryFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app import roster_rows
from engine.arrival import Reading
from engine.decide import Knowledge
from engine.message_clock import MessageClock
from engine.model.alert import AlertEvent
from engine.model.finding import Severity
from engine.outbound import Format, RenderOptions, render
from engine.replay import (
    Chunk,
    Hands,
    Listener,
    Load,
    OneShare,
    OwnHands,
    Plan,
    Remarks,
    Replay,
    Roster,
    Share,
    SplitPlan,
    Step,
    chunks,
    chunks_of,
    portable,
)
from engine.store import Store
from engine.sweep import Sweep
from engine.taken import IntakeOptions, Taken
from engine.transports.archive import ArchiveMessage
from tests.scenario.timeline import ROSTER_HEADER, knowledge
from tests.scenario.wire import DAY_ZERO, Panel, Patient, cx, instant, message, obx, prescription, stamp

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
IDS = ("H1", "H2", "H3", "H4", "H5", "H6", "E1@CITY", "E2@CITY", "H1@CITY")
VALUES = {
    "alt": ("30", "41", "130", "499", "600"),
    "bilirubin": ("8", "40"),
    "wbc": ("2.4", "7.1"),
    "platelets": ("22", "180"),
    "sodium": ("140",),
}
ROSTER = (
    "H1,STEVENS,start,2026-03-01,azathioprine,100,,\n",
    "H2,,start,2026-01-01,azathioprine,150,,\n",
    "E1,CITY,start,2025-12-01,azathioprine,100,,\n",
    "H1,STEVENS,fact,2026-03-02,,,,tpmt=deficient\n",
    "H6,STEVENS,start,2026-03-10,mercaptopurine,50,,\n",
)
SOMEBODY = st.lists(st.sampled_from(IDS), min_size=1, max_size=2, unique=True)


@functools.cache
def impatient() -> Knowledge:
    """All rules; an alert that nobody takes on is told again after two hours."""
    soon = timedelta(hours=2)
    return replace(knowledge(), escalation={Severity.CRITICAL: soon, Severity.URGENT: soon})


@st.composite
def persons(draw: st.DrawFn) -> Patient:
    """Somebody under one or two numbers; now and then described in a way that contradicts the others."""
    born, sex = draw(st.sampled_from([("19700101", "F")] * 5 + [("19430708", "M")]))
    return Patient(tuple(draw(SOMEBODY)), born, sex)


@st.composite
def results(draw: st.DrawFn, control: str, at: datetime) -> bytes:
    """Results of one or two persons."""
    lines = []
    for person in draw(st.lists(persons(), min_size=1, max_size=2)):
        told = draw(
            st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 4), min_size=1, max_size=2)
        )
        observations = [obx(name, VALUES[name][pick % len(VALUES[name])]) for name, pick in told.items()]
        panel = Panel(observations, draw(st.sampled_from(["O1", "O2"])), stamp(at), stamp(at))
        lines += [person.segment(), *panel.segments()]
    return message("ORU^R01^ORU_R01", control, draw(sent(at)), lines)


def sent(at: datetime) -> st.SearchStrategy[str]:
    """When a message says that it was sent: mostly then, now and then not, or by a clock that is wrong."""
    return st.sampled_from([stamp(at)] * 8 + ["", stamp(at - timedelta(days=3)), "20400101"])


@st.composite
def orders(draw: st.DrawFn, control: str, at: datetime) -> bytes:
    """A course of azathioprine begins or ends."""
    code = draw(st.sampled_from(["NW", "DC"]))
    lines = [
        draw(persons()).segment(),
        *prescription(code, draw(st.sampled_from(["A", "B"])), start=stamp(at)),
    ]
    return message("RDE^O11^RDE_O11", control, stamp(at), lines, sender="PHARM|STEVENS")


@st.composite
def merges(draw: st.DrawFn, control: str, at: datetime) -> bytes:
    """One number gives way to another."""
    kept, gone = draw(st.lists(st.sampled_from(IDS), min_size=2, max_size=2, unique=True))
    lines = [Patient((kept,)).segment(), f"MRG|{cx(gone)}"]
    return message("ADT^A40^ADT_A39", control, stamp(at), lines, sender="ADT|STEVENS")


@st.composite
def archives(draw: st.DrawFn) -> tuple[bytes, ...]:
    """A few weeks of messages, some of which come twice, speak of nobody or cannot be read."""
    bodies: list[bytes] = []
    at = DAY_ZERO
    for number in range(draw(st.integers(1, 14))):
        at += draw(
            st.sampled_from([timedelta(minutes=3), timedelta(hours=1), timedelta(days=2), timedelta(days=9)])
        )
        kind = draw(st.integers(0, 11))
        control = f"C{draw(st.integers(0, number)) if kind == 11 else number}"
        if kind <= 5 or kind == 11:
            body = draw(results(control, at))
        elif kind <= 7:
            body = draw(orders(control, at))
        elif kind == 8:
            body = draw(merges(control, at))
        elif kind == 9 and bodies:
            body = draw(st.sampled_from(bodies))
        else:
            nobody = Panel([obx("alt", "600")], "O9", stamp(at)).segments()
            body = draw(st.sampled_from([b"no HL7", message("ORU^R01", control, stamp(at), nobody)]))
        bodies.append(body)
    return tuple(bodies)


class Together:
    """Several shares in this process, as workers are in theirs."""

    ahead = 2

    def __init__(self, shares: Sequence[Share]) -> None:
        self.shares = len(shares)
        self._each = shares
        self._loads: deque[Sequence[Load]] = deque()

    def put(self, loads: Sequence[Load]) -> None:
        self._loads.append(loads)

    def get(self) -> list[list[Step]]:
        loads = self._loads.popleft()
        return [
            [portable(step) for step in share.take(load)]
            for share, load in zip(self._each, loads, strict=True)
        ]


def told(
    bodies: Sequence[bytes], roster: str, shares: int, until: datetime | None, since: datetime | None
) -> list[object]:
    """All that a replay tells in its order, and what it has counted."""
    known, options = impatient(), IntakeOptions(until=until)
    stores = [Store.open("sqlite://") for _ in range(shares)]
    parts = [Share(store, known, options, kept=False) for store in stores]
    reading, clock = Reading(known.terminology, options.max_message_bytes), MessageClock(options.leap)
    transcript: list[object] = []

    def event(one: AlertEvent) -> None:
        transcript.append(render(one, Format.EVENT_JSON, RenderOptions()).body)

    def taken(one: Taken) -> None:
        assert one.fault is None, one
        transcript.append(one)

    def cut() -> Iterator[Chunk]:
        messages = (ArchiveMessage(f"m{number}", body) for number, body in enumerate(bodies))
        return chunks_of(messages, Remarks(), lambda: 0)

    rows = roster_rows(ROSTER_HEADER + roster, "roster.csv", known)
    with TemporaryFile() as places, pytest.MonkeyPatch.context() as patched:
        patched.setattr(chunks, "_MESSAGES_AT_MOST", 4)
        hands: Hands = OwnHands(parts[0]) if shares == 1 else Together(parts)
        plan: Plan = OneShare(reading, clock)
        if shares > 1:
            plan = SplitPlan(cut(), reading, clock, shares, places)
        one = Replay(
            hands, plan, Sweep(known, options), Listener(taken, event), Roster(rows, "roster.csv"), since
        )
        transcript.append(one.run(cut()))
    for store in stores:
        store.close()
    return transcript


@settings(max_examples=20, deadline=None, suppress_health_check=CHECKS)
@given(
    bodies=archives(),
    roster=st.lists(st.sampled_from(ROSTER), unique=True).map("".join),
    until=st.sampled_from([None, instant("d20"), instant("d60")]),
    since=st.sampled_from([None, None, instant("d5")]),
)
def test_shares_tell_what_one_tells(
    bodies: tuple[bytes, ...], roster: str, until: datetime | None, since: datetime | None
) -> None:
    """Merges, several numbers or persons, repeats, wrong clocks, reminders: nothing shows the split."""
    alone = told(bodies, roster, 1, until, since)

    assert told(bodies, roster, 2, until, since) == alone
    assert told(bodies, roster, 3, until, since) == alone
