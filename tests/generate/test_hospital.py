"""The feed of a hospital: everything odd in it is named, and the engine meets it as the truth says."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from engine.cli.shared import QUARANTINED
from engine.generate import Hospital, Kind, MixedFeed, Recipe, Sent, Truth
from engine.generate.laboratories import LABORATORIES, Laboratory
from engine.generate.oddities import BREAKS
from engine.generate.physiology import MONITORED
from engine.hl7.charset import decode
from engine.hl7.validation import validate_message
from engine.model.codes import CodeKind, Coding
from engine.terminology.loinc import has_right_check_digit
from engine.transports.archive import read_archive
from tests.generate.command import content, generate, run
from tests.scenario.timeline import knowledge

RECIPE = Recipe.of(people=60, days=200, seed=11)
MAY_OFFEND = {Kind.BROKEN, Kind.UNREADABLE}


@cache
def feed() -> tuple[tuple[Sent, ...], tuple[Truth, ...]]:
    """Messages and truth of a small feed."""
    hospital = Hospital(RECIPE)
    return tuple(hospital.messages()), tuple(hospital.truths())


def test_only_what_is_named_as_odd_does_not_conform() -> None:
    """hl7apy finds nothing in any other message, and our reader needs no guess about its bytes."""
    messages, _ = feed()
    odd = {sent.control for sent in messages for truth in sent.truths if truth.kind in MAY_OFFEND}

    seen: Counter[tuple[str, str]] = Counter()
    for sent in messages:
        seen[sent.sender, sent.control[-1:]] += 1
        if seen[sent.sender, sent.control[-1:]] > 2:  # hl7apy takes its time
            continue
        text, _, warnings = decode(sent.body, "ascii")
        if sent.control not in odd:
            assert validate_message(text) == (), text
            assert not warnings


def test_a_feed_has_everything_a_hospital_sends() -> None:
    """Versions, systems, statuses, comparators, notes, merges and batches."""
    messages, truths = feed()
    text = b"".join(sent.body for sent in messages)
    kinds = Counter(truth.kind for truth in truths)

    versions = (b"|2.3|", b"|2.4|", b"|2.5|", b"|2.5.1|", b"$2.6$", b"|2.7|")
    types = (b"RDE^O11", b"OMP^O09", b"ORM^O01", b"ADT^A01", b"ADT^A08", b"ADT^A31", b"ADT^A40")
    for said in (*versions, *types, b"\rNTE|", b"\rSPM|", b"|P\r", b"|C\r"):
        assert said in text
    for unit in ("U/L", "\N{MICRO SIGN}kat/L", "K/uL", "G/L", "10*9/L", "x10^9/L", "mg/dL"):
        assert unit.encode("latin-1") in text
    assert sum(bool(sent.opening) for sent in messages) == sum(bool(sent.closing) for sent in messages) > 10
    assert kinds.keys() >= {Kind.LIVER_INJURY, Kind.CYTOPENIA, Kind.WRONG_RESULT, Kind.MERGE, Kind.RESENT}


def test_messages_come_in_the_order_of_sending() -> None:
    """But for those of a batch, which are older than the batch."""
    messages, _ = feed()
    held = LABORATORIES[3].sender.application
    times = [sent.at for sent in messages if sent.sender != held]

    assert times == sorted(times)
    assert len({sent.body for sent in messages}) == len(messages) - sum(
        truth.kind is Kind.RESENT for sent in messages for truth in sent.truths
    )


def test_replay_quarantines_exactly_what_is_planted_as_broken(tmp_path: Path) -> None:
    """File, number and reason are those of truth.jsonl; the rest is taken in."""
    options = ("--people", str(RECIPE.people), "--days", str(RECIPE.days), "--seed", str(RECIPE.seed))
    assert generate(tmp_path / "feed", *options).returncode == 0
    truths = [json.loads(line) for line in (tmp_path / "feed" / "truth.jsonl").read_text().splitlines()]
    planted = {(truth["place"], truth["detail"]) for truth in truths if truth["kind"] == "broken"}

    replayed = run("replay", tmp_path / "feed" / "messages", "--roster", tmp_path / "feed" / "roster.csv")

    found = set()
    for line in replayed.stderr.splitlines():
        if line.startswith("quarantined: "):
            _, source, reason, *_ = line.split(": ")
            found.add((source.rpartition("/")[2], reason.partition(" at ")[0]))
    assert replayed.returncode == QUARANTINED
    assert found == planted
    assert {reason for _, reason in planted} <= BREAKS.keys()
    assert len(planted) > 2
    assert "warning" not in replayed.stderr


def test_every_truth_is_where_it_says(tmp_path: Path) -> None:
    """Place and control id of a truth lead to one and the same message."""
    generate(tmp_path / "feed", "--people", "20", "--days", "100", "--gzip")
    archive = {
        message.source.rpartition("/")[2]: message.body
        for message in read_archive([tmp_path / "feed" / "messages"])
    }
    truths = [json.loads(line) for line in (tmp_path / "feed" / "truth.jsonl").read_text().splitlines()]
    shown = [truth for truth in truths if truth["place"]]

    assert shown
    for truth in shown:
        assert truth["control_id"].encode() in archive[truth["place"]].partition(b"\r")[0]


@pytest.mark.parametrize("packed", [(), ("--gzip",)])
def test_the_same_seed_makes_the_same_bytes(tmp_path: Path, packed: tuple[str, ...]) -> None:
    """Two runs, and the command that README.txt names, write equal files; another day or seed does not."""
    options = ("--people", "12", "--days", "90", "--seed", "5", *packed)
    for name in ("one", "two"):
        assert generate(tmp_path / name, *options).returncode == 0
    generate(tmp_path / "later", *options, "--from", "2025-03-01")
    command = (tmp_path / "one" / "README.txt").read_text().split("azawatch generate FOLDER ")[1].split()
    generate(tmp_path / "again", *command)

    assert content(tmp_path / "one") == content(tmp_path / "two") == content(tmp_path / "again")
    assert content(tmp_path / "one") != content(tmp_path / "later")


@pytest.mark.parametrize("laboratory", LABORATORIES, ids=lambda laboratory: laboratory.letter)
def test_codes_of_laboratories_are_real_and_understood(laboratory: Laboratory) -> None:
    """A LOINC with a wrong check digit, or a code that no table knows, would test the wrong thing."""
    terminology = knowledge().terminology
    site = terminology.site(laboratory.sender.application, laboratory.sender.facility)
    for assay in laboratory.assays.values():
        parts = assay.identifier.split("^")
        codings = [Coding(*parts[first : first + 3]) for first in range(0, len(parts), 3)]
        match = terminology.identify(codings, site.name, "", assay.unit)

        assert match.analyte == (assay.name if assay.name in MONITORED else "")
        assert match.kind is not CodeKind.UNMAPPED
        assert all(has_right_check_digit(coding.code) for coding in codings if coding.system == "LN")


def test_memory_does_not_grow_with_the_messages() -> None:
    """Twenty times the messages of as many people need no more than a little more."""
    peaks = []
    for count in (500, 10_000):
        tracemalloc.start()
        for _ in MixedFeed(Recipe.of(messages=count, people=100)).messages():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + 200_000


def test_people_without_the_drug_are_drawn_too() -> None:
    """They come with results and without any order, roster row or truth of harm."""
    hospital = Hospital(Recipe.of(people=30, days=200, treated=0))
    messages = list(hospital.messages())

    assert messages
    assert not list(hospital.roster())
    assert {truth.kind for truth in hospital.truths()} <= {Kind.BROKEN, Kind.RESENT}
    assert all(b"ORU" in sent.body for sent in messages)
