"""Thousands of messages of strangers through the whole engine: every one ends, once, and nothing breaks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import app
from engine.hl7.validation import validate_message
from engine.model.disposition import Disposition
from engine.operations import Operations
from engine.outbound import Format, render
from engine.replay import ReplaySummary, replay
from engine.settings import load
from engine.store import Store
from engine.sweep import EPOCH
from engine.taken import Taken
from engine.transports.archive import ArchiveMessage, read_archive

CORPUS = os.environ.get("AZAWATCH_CORPUS", "")
pytestmark = pytest.mark.skipif(not CORPUS, reason="AZAWATCH_CORPUS names no folder of messages")

ROSTER_HEADING = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One replay of the corpus: the summary, every outcome, and the store it filled."""

    summary: ReplaySummary
    taken: list[Taken]
    store: Store


def replayed(folder: Path, roster: str = "") -> Replayed:
    """The corpus, test and training messages included, with a roster of our own making."""
    config = folder / "azawatch.toml"
    config.write_text('[flow]\nprocessing_ids = ["P", "T", "D"]\n', "utf-8")
    settings = load(config)
    knowledge = app.knowledge_of(settings)
    options = app.intake_options(settings, None)
    store = Store.open("sqlite://")
    taken: list[Taken] = []
    if roster:
        rows = app.roster_rows(roster, "roster.csv", knowledge)
        Operations(store, knowledge, options, lambda: EPOCH).import_roster(rows, "roster.csv")
    return Replayed(replay(archive(), store, knowledge, options, taken.append, lambda _: None), taken, store)


def archive() -> Iterator[ArchiveMessage]:
    """The messages; files that are no archive at all are not what is tested here."""
    return read_archive([CORPUS], on_defect=lambda _: None)


@pytest.fixture(scope="module")
def untreated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    """As it is: nobody is on a roster."""
    one = replayed(tmp_path_factory.mktemp("corpus"))
    yield one
    one.store.close()


@pytest.fixture(scope="module")
def treated(untreated: Replayed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    """Everybody of the corpus on azathioprine since 1980, so that every rule looks at every result."""
    rows = [
        f"{quoted(identifier.value)},{quoted(identifier.authority)},start,1980-01-01,azathioprine,100,,\n"
        for record in untreated.store.records()
        for identifier in record.person.identifiers[:1]
        if "\n" not in identifier.value and identifier.value.strip() == identifier.value
    ]
    one = replayed(tmp_path_factory.mktemp("treated"), ROSTER_HEADING + "".join(rows))
    yield one
    one.store.close()


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def test_no_message_meets_a_defect_of_the_engine(untreated: Replayed, treated: Replayed) -> None:
    """Whatever strangers send, the engine decides about it; nothing ends as an internal error."""
    assert untreated.summary.messages > 1000
    for one in (untreated, treated):
        assert [(taken.source, repr(taken.fault)) for taken in one.taken if taken.fault] == []


def test_every_message_ends_in_exactly_one_disposition(treated: Replayed) -> None:
    """What came in is what the ledger accounts for: no message is lost, none is counted twice."""
    sources = [message.source for message in archive()]
    ledger = {(how, why): count for how, why, count in treated.store.disposition_counts()}

    assert [taken.source for taken in treated.taken] == sources
    assert ledger == dict(treated.summary.outcomes)
    assert sum(ledger.values()) == len(sources)


def test_what_is_held_can_be_worked_on(treated: Replayed) -> None:
    """Each quarantined message has a reason and a place, and its body is kept byte for byte."""
    bodies = {message.source: message.body for message in archive()}
    held = {row.message["source"]: row for row in treated.store.quarantined()}
    quarantined = [one for one in treated.taken if one.outcome.disposition is Disposition.QUARANTINED]

    assert {taken.source for taken in quarantined} == set(held)
    for taken in quarantined:
        assert held[taken.source].body == bodies[taken.source]
        assert taken.outcome.location
        assert taken.outcome.detail


def test_a_second_replay_is_the_same(untreated: Replayed, tmp_path: Path) -> None:
    """An archive gives the same outcomes whenever it is replayed."""
    again = replayed(tmp_path)
    again.store.close()

    assert again.taken == untreated.taken


def test_alerts_about_strangers_can_be_sent(treated: Replayed) -> None:
    """Names, units and texts as strangers send them give alerts that can be rendered, and valid HL7."""
    options = app.render_options(load(Path(os.devnull)))
    events = [event for taken in treated.taken for event in taken.events]
    # validation takes its time: one of each rule and phase stands for its kind
    of_each_kind = {(event.rule, event.phase): event for event in events}
    problems = [
        problem
        for event in of_each_kind.values()
        for problem in validate_message(render(event, Format.HL7_R40, options).body.decode("utf-8"))
        # an authority with a longer name than HL7 allows is told as the laboratory tells it
        if "PATIENT_IDENTIFIER_LIST: component 4: longer than 20" not in str(problem)
    ]

    assert all(render(event, name, options).body for event in events for name in Format)
    assert len(of_each_kind) > 5
    assert problems == []
