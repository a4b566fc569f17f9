"""In whatever order, how often and in which batches messages come: the same record, the same alerts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.decide import Knowledge
from engine.model.record import Record
from engine.taken import Arrived
from tests.scenario.timeline import Scenario
from tests.scenario.wire import Observation, Panel, Patient, instant, message, obx, prescription, stamp

# Hypothesis counts the reading of the rules against the first example.
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
ANALYTES = {
    "alt": ("30", "41", "130", "499", "600", ">480"),
    "ast": ("30", "90", "700"),
    "bilirubin": ("8", "16", "40"),
    "alp": ("39", "41", "90"),
    "wbc": ("2.4", "2.5", "7.1"),
    "neutrophils_percent": ("12", "60"),
    "platelets": ("22", "180"),
    "inr": ("1.0", "1.8"),
    "tgn": ("300", "1200"),
    "tpmt_activity": ("5", "30", "90"),
}
# What somebody says, sent as an observation.
STATEMENTS = (
    Observation("82810-3^Pregnancy status^LN", "LA15173-0^Pregnant^LN", kind="CWE"),
    Observation("82810-3^Pregnancy status^LN", "LA26683-5^Not pregnant^LN", kind="CWE"),
)
# Status U is left out: before the value that it makes final it has nothing to say, and is held.
STATUSES = "FFFFFCCAPSRWDXBVION"
ROSTER = (
    "start,d-200,azathioprine,100,",
    "stop,d-40,azathioprine,,",
    "restart,d-20,azathioprine,50,",
    "restart,d20,azathioprine,100,",
    "dose,d-10,azathioprine,100,",
    "start,d-15,allopurinol,300,",
    "dose,d-12,azathioprine,150,",
    "hold,d-18,azathioprine,,",
    "fact,d-45,,,decompensation=yes",
    "fact,d-6,,,symptom=nausea",
    "fact,d-6,,,symptom=fever",
    "fact,d-2,,,symptom=none",
    "fact,d-90,,,tpmt=deficient",
    "fact,d-60,,,diagnosis=aih",
    "fact,d-100,,,baseline.alt=30 U/L",
    "fact,d-3,,,restart-decision=documented",
    "fact,d-30,,,protocol=s2",
    "fact,d-5,,,protocol=dili-split",
    "fact,d-4,,,limit.a02-alt-ast-500.alt=800 U/L until 2026-03-13 because hepatitis B",
)


@dataclass(frozen=True)
class Step:
    """Something that happens: a message, or (``roster``) a row of the monitoring service's list."""

    body: bytes = b""
    roster: str = ""


def number(name: str) -> Patient:
    """All numbers have one birth date and sex, so that no pair of them contradicts the other."""
    return Patient(tuple(name.split()))


@st.composite
def results(draw: st.DrawFn, control: int, names: Sequence[str]) -> Step:
    """A result message; one of a few orders, so that messages restate each other's results."""
    order = draw(st.integers(1, 4))
    taken = f"d{-60 * order + 70} 07:00"
    # As many versions as messages: which of two equal times is the later one is no question of order.
    reported = f"d{draw(st.integers(11, 13))} {control // 60:02}:{control % 60:02}"
    observations = []
    for analyte in draw(st.lists(st.sampled_from(sorted(ANALYTES)), min_size=1, max_size=3, unique=True)):
        value = draw(st.sampled_from(ANALYTES[analyte]))
        kind = "ST" if value.startswith(">") else "NM"
        unit = draw(st.sampled_from([None, None, None, "", "furlong"]))
        status = draw(st.sampled_from(STATUSES))
        observations.append(obx(analyte, value, unit=unit, status=status, kind=kind))
    if draw(st.integers(0, 5)) == 0:
        observations.append(Observation("XL99^Liver thing^L", "7", "U/L"))
    if draw(st.integers(0, 5)) == 0:
        observations.append(draw(st.sampled_from(STATEMENTS)))
    panel = Panel(observations, f"O{order}", stamp(instant(taken)), stamp(instant(reported)))
    lines = [number(draw(st.sampled_from(names))).segment(), *panel.segments()]
    return Step(message("ORU^R01", f"C{control}", stamp(instant("d14")), lines))


@st.composite
def therapies(draw: st.DrawFn, control: int, names: Sequence[str]) -> Step:
    """A pharmacy order begins, changes, rests or ends."""
    what = draw(st.sampled_from(["NW", "NW", "DC", "HD", "RL", "XO"]))
    start = draw(st.sampled_from(["d-250", "d-100", "d-30 09:00"]))
    told = instant(draw(st.sampled_from(["d-250", "d-90 10:00", "d-20 10:00"])))
    lines = [
        number(draw(st.sampled_from(names))).segment(),
        *prescription(
            what,
            draw(st.sampled_from(["RX1", "RX2"])),
            start=stamp(instant(start)),
            tablets=draw(st.sampled_from([2, 4, 6])),
        ),
    ]
    return Step(message("RDE^O11", f"C{control}", stamp(told), lines, sender="PHARM|STEVENS"))


@st.composite
def merges(draw: st.DrawFn, control: int, names: Sequence[str]) -> Step:
    """A merge of one number into another."""
    old, new = draw(st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True))
    first_new, first_old = new.split()[0], old.split()[0]
    value, _, authority = first_old.partition("@")
    retired = f"MRG|{value}^^^{authority or 'STEVENS'}^{'PE' if authority else 'MR'}"
    lines = [number(first_new).segment(), retired]
    return Step(message("ADT^A40", f"C{control}", stamp(instant("d0")), lines, sender="PAS|STEVENS"))


@st.composite
def registrations(draw: st.DrawFn, control: int, names: Sequence[str]) -> Step:
    """A registration message."""
    lines = [number(draw(st.sampled_from(names))).segment()]
    return Step(message("ADT^A08", f"C{control}", stamp(instant("d0")), lines, sender="PAS|STEVENS"))


@st.composite
def roster_rows(draw: st.DrawFn, names: Sequence[str]) -> Step:
    """A row of the roster."""
    patient_id = draw(st.sampled_from(names)).split()[0]
    event, when, drug, dose, note = draw(st.sampled_from(ROSTER)).split(",")
    day = instant(when).date().isoformat()
    return Step(roster=f"{patient_id},STEVENS,{event},{day},{drug},{dose},,{note}\n")


@st.composite
def days(draw: st.DrawFn, names: Sequence[str], *, merging: bool) -> list[Step]:
    """What happens, in no particular order; therapy comes first so that most days have alerts."""
    steps = [Step(roster=f"{names[0].split()[0]},STEVENS,start,2025-08-01,azathioprine,100,,\n")]
    for control in range(draw(st.integers(3, 12))):
        kinds = [results(control, names)] * 5 + [therapies(control, names), *[roster_rows(names)] * 3]
        kinds.append(registrations(control, names))
        if merging:
            kinds += [merges(control, names)] * 2
        steps.append(draw(st.one_of(kinds)))
    return steps


def batches(steps: Sequence[Step], chance: random.Random) -> Iterator[list[Step]]:
    """The steps in order, cut into batches; a roster row is a batch of its own."""
    batch: list[Step] = []
    for step in steps:
        if batch and (step.roster or batch[-1].roster or chance.random() < 0.4):
            yield batch
            batch = []
        batch.append(step)
    if batch:
        yield batch


def happened(steps: Sequence[Step], chance: random.Random, known: Knowledge | None = None) -> Scenario:
    """A hospital after these steps, by every rule of the repository or by what is ``known``."""
    day = Scenario(every_rule=True, known=known)
    day.at("d14")
    for batch in batches(steps, chance):
        if batch[0].roster:
            day.import_roster(batch[0].roster)
        else:
            day.send_all(step.body for step in batch)
    assert [taken.fault for taken in day.taken if taken.fault] == []
    return day


def state(day: Scenario) -> object:
    """Results and open alerts of every person, by what does not depend on who came first."""
    return {
        frozenset(identifier.key for identifier in record.person.identifiers): (
            stored_results(record),
            open_alerts(record),
        )
        for record in day.store.records()
    }


def stored_results(record: Record) -> object:
    """Key, version and value of each."""
    return {
        result.key: (
            result.version,
            result.status,
            result.quantity,
            result.problem,
            result.reference,
            result.sent,
            result.collected.at,
        )
        for result in record.results
    }


def open_alerts(record: Record) -> object:
    """What is open and why, as judged last."""
    return sorted(
        (
            alert.family,
            alert.subject,
            alert.episode_id,
            alert.current.rule_id,
            str(alert.current.severity),
            alert.current.message,
            [str(evidence) for evidence in alert.current.evidence],
        )
        for alert in record.alerts
        if alert.open
    )


def shuffled(steps: Sequence[Step], chance: random.Random) -> list[Step]:
    """Another order, with some steps twice."""
    repeated = [*steps, *chance.choices(steps, k=3)]
    chance.shuffle(repeated)
    return repeated


@settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
@given(steps=days(["H1", "H2"], merging=False), seed=st.integers(0, 2**32))
def test_order_repetition_and_batches_do_not_matter(steps: list[Step], seed: int) -> None:
    """Two laboratories, a queue that redelivers and a restart in between lead to the same alerts."""
    chance = random.Random(seed)
    expected = state(happened(steps, chance))

    assert state(happened(shuffled(steps, chance), chance)) == expected


@settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
@given(steps=days(["H1", "H2", "H3", "H2 E2@CITY", "E2@CITY"], merging=True), seed=st.integers(0, 2**32))
def test_order_does_not_matter_with_merges(steps: list[Step], seed: int) -> None:
    """Whether a merge comes before, between or after the results, one person has all of them."""
    chance = random.Random(seed)
    expected = state(happened(steps, chance))

    assert state(happened(shuffled(steps, chance), chance)) == expected


@settings(max_examples=15, deadline=None, suppress_health_check=CHECKS)
@given(steps=days(["H1", "H2", "H2 E2@CITY"], merging=True))
def test_the_same_messages_in_the_same_order_tell_the_same(steps: list[Step]) -> None:
    """A replay gives the events of the live day, identical in every field."""
    first, second = (happened(steps, random.Random(1)) for _ in range(2))

    assert first.events() == second.events()


@settings(max_examples=15, deadline=None, suppress_health_check=CHECKS)
@given(steps=days(["H1", "H2"], merging=True))
def test_a_batch_taken_again_changes_nothing(steps: list[Step]) -> None:
    """After a crash between commit and acknowledgement the broker delivers the batch again."""
    day = happened(steps, random.Random(1))
    before, told = state(day), day.events()

    again = day.intake.take([Arrived(step.body, "again") for step in steps if step.body])

    assert {str(taken.outcome.disposition) for taken in again} <= {"duplicate"}
    assert (state(day), day.events()) == (before, told)


@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
@given(steps=days(["H1"], merging=False), seed=st.integers(0, 2**32))
def test_an_order_may_come_in_one_message_or_in_several(steps: list[Step], seed: int) -> None:
    """A laboratory that sends each result as it is ready leads to the alerts of one that waits for all."""
    whole = happened(steps, random.Random(seed))
    parts = happened([part for step in steps for part in taken_apart(step)], random.Random(seed))

    assert state(parts) == state(whole)


def taken_apart(step: Step) -> list[Step]:
    """A result message as several, with one observation each; anything else as it is."""
    lines = step.body.decode().split("\r")
    results = [line for line in lines if line.startswith("OBX|")]
    if len(results) < 2:
        return [step]
    control = lines[0].split("|")[9]
    above = [line for line in lines[1:] if line and not line.startswith("OBX|")]
    return [
        Step("\r".join((lines[0].replace(f"|{control}|", f"|{control}-{place}|"), *above, line, "")).encode())
        for place, line in enumerate(results)
    ]
