"""The mixed feed: repeatable, read without complaint by us and by hl7apy, and flat in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.generate import MixedFeed, Recipe
from engine.hl7.charset import decode
from engine.hl7.validation import validate_message
from tests.generate.command import content, generate, run


@pytest.mark.parametrize("packed", [(), ("--gzip",)])
def test_the_same_seed_makes_the_same_bytes(tmp_path: Path, packed: tuple[str, ...]) -> None:
    """Who repeats the command in README.txt gets the same feed, and another seed another one."""
    options = ("--messages", "300", "--people", "60", "--treated", "50%", *packed)
    for name, seed in (("one", "7"), ("two", "7"), ("three", "8")):
        assert generate(tmp_path / name, *options, "--seed", seed).returncode == 0

    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert content(tmp_path / "one") != content(tmp_path / "three")
    command = (tmp_path / "one" / "README.txt").read_text().split("azawatch generate FOLDER ")[1].split()
    assert generate(tmp_path / "again", *command).returncode == 0
    assert content(tmp_path / "again") == content(tmp_path / "one")


def test_every_message_conforms() -> None:
    """A feed for load must not measure how the engine deals with faults."""
    sizes = []
    for sent in MixedFeed(Recipe.of(messages=60, people=40)).messages():
        text, _, warnings = decode(sent.body, "ascii")

        assert validate_message(text) == (), text
        assert not warnings
        assert text.count("\rOBX") == 20
        sizes.append(len(sent.body))
    assert 2048 < sum(sizes) / len(sizes)
    assert max(sizes) < 4096


def test_replay_takes_all_of_it_and_finds_what_was_planted(tmp_path: Path) -> None:
    """Codes and units of all laboratories are understood, and each planted injury is told of."""
    generate(tmp_path / "feed", "--messages", "300", "--people", "30", "--treated", "100%", "--seed", "3")
    feed = tmp_path / "feed"
    replay = run(
        "replay", feed / "messages", "--roster", feed / "roster.csv", "--alerts", tmp_path / "alerts.jsonl"
    )
    told = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    planted = [json.loads(line) for line in (feed / "truth.jsonl").read_text().splitlines()]
    loud = {event["patient"]["id"] for event in told if event["severity"] in {"urgent", "critical"}}

    assert replay.returncode == 0, replay.stderr
    assert "300  accepted: results" in replay.stderr
    assert "3000 results" in replay.stderr
    assert "warning" not in replay.stderr
    assert planted
    assert {truth["patient"] for truth in planted} <= loud
    assert not [event for event in told if event["rule"].startswith("q")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--treated", "many"), "is no share"),
        (("--treated", "120%"), "is no share"),
        (("--from", "yesterday"), "is no date"),
        (("--from", "9999-12-30"), "out of reach"),
        (("--messages", "0"), "--messages"),
        (("--people", "0"), "--people"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    """The user reads which option is wrong, and no folder is begun."""
    refused = generate(tmp_path / "feed", *options)

    assert refused.returncode == 2
    assert words in refused.stderr
    assert not (tmp_path / "feed").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A folder with something in it stays as it is."""
    (tmp_path / "mine.txt").write_text("mine")

    refused = generate(tmp_path, "--messages", "5")
    other = generate(tmp_path / "mine.txt", "--messages", "5")

    assert refused.returncode == 2
    assert "not empty" in refused.stderr
    assert other.returncode == 2
    assert "is a file" in other.stderr
    assert content(tmp_path) == {"mine.txt": b"mine"}
