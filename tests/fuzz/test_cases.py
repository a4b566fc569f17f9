"""Inputs that were found by fuzzing or made to do harm: each is answered as its target promises, for good."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from engine.errors import ConfigError, ContentError
from engine.hl7 import parse
from engine.model.disposition import Reason
from engine.model.site import Site
from engine.strictyaml import load
from engine.terminology.sites import SiteTable
from tests.fuzz.__main__ import NAMES
from tests.fuzz.targets import SITE_ZONE, TARGETS

ROOT = Path(__file__).parents[2]
CASES = sorted(file for file in (Path(__file__).parent / "cases").iterdir() if file.name != "README.md")
HEADER = b"MSH|^~\\&|L|N|||1||ORU^R01|1|P|2.5\r"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_was_found_once_stays_answered(case: Path) -> None:
    """No crash, no hang and no untyped error comes back."""
    TARGETS[case.name.partition("-")[0]](case.read_bytes())


def test_every_target_can_be_named() -> None:
    """The command offers what there is."""
    assert tuple(TARGETS) == NAMES


@pytest.mark.parametrize("content", [b"a", b"a\xff"])
def test_thousands_of_byte_order_marks_do_not_exhaust_the_stack(content: bytes) -> None:
    """They were taken off one call deeper each: RecursionError from 1,000 on."""
    with pytest.raises(ContentError) as refused:
        parse(b"\xef\xbb\xbf" * 20_000 + content)

    assert refused.value.reason == Reason.NO_HEADER


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000])
def test_deep_nesting_does_not_end_the_process(text: str) -> None:
    """The YAML parser in C recursed until the process was gone, with a rule file of 200 kB."""
    with pytest.raises(ConfigError, match=r"rule\.yaml:1: more than 50 levels of nesting"):
        load(text, "rule.yaml")


def test_entity_expansion_is_refused() -> None:
    """A billion laughs in YAML: every anchor and alias is a defect before any is followed."""
    names = "abcdefghij"
    lines = ["a: &a [lol, lol]"]
    lines += [
        f"{name}: &{name} [{', '.join(f'*{before}' for _ in range(10))}]" for before, name in pairwise(names)
    ]
    with pytest.raises(ConfigError, match='alias "\\*a"'):
        load("\n".join(lines), "rule.yaml")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (HEADER + b"OBX|1\r" * 200_001, "segment 200001"),
        (HEADER + b"PID|1\rOBX|1" + b"|" * 1_001, r"OBX\[1\]-1001"),
        (HEADER + b"PID|1||" + b"A~" * 100_001, r"PID\[1\]-3"),
        (HEADER + b"OBX|1|SN|X||" + b"1^" * 100_001, r"OBX\[1\]-5"),
    ],
    ids=["segments", "fields", "repetitions", "components"],
)
def test_more_parts_than_any_message_has_is_refused_at_its_place(body: bytes, place: str) -> None:
    """What would only cost memory is quarantined, and the reason says which part was too many."""
    with pytest.raises(ContentError, match=place) as refused:
        parse(body)

    assert refused.value.reason == Reason.TOO_LARGE


LONG = b"N" * 251


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (HEADER.replace(b"|1|P", b"|" + LONG + b"|P"), r"MSH\[1\]-10"),
        (HEADER + b"PID|1||A^^^H~" + LONG + b"^^^H", r"PID\[1\]-3"),
        (HEADER + b"PID|1||A^^^N&" + LONG + b"&ISO", r"PID\[1\]-3"),
        (HEADER + b"PID|1||A\rMRG|" + LONG, r"MRG\[1\]-1"),
        (HEADER + b"PID|1||A\rOBR|1||" + LONG, r"OBR\[1\]-3"),
        (HEADER + b"PID|1||A\rOBR|1\rOBX|1|NM|A^B^L^" + LONG, r"OBX\[1\]-3"),
        (HEADER + b"PID|1||A\rOBR|1\rOBX|1|NM|A|" + LONG, r"OBX\[1\]-4"),
    ],
)
def test_a_name_longer_than_any_index_holds_is_refused_at_its_place(body: bytes, place: str) -> None:
    """PostgreSQL cannot hold it; a control id of 200 KB would not fit into the headers of its copy either."""
    with pytest.raises(ContentError, match=place) as refused:
        parse(body)

    assert refused.value.reason == Reason.TOO_LARGE


def test_long_texts_are_no_names() -> None:
    """Reports, comments and descriptions may be as long as they like."""
    body = b"PID|1||A||" + LONG + b"\rOBR|1\rOBX|1|FT|A^" + LONG + b"^L||" + LONG
    assert parse(HEADER + body).segment_count == 4


def test_a_hundred_thousand_results_in_one_message_are_read() -> None:
    """The limits are far above real life."""
    assert parse(HEADER + b"PID|1||A\rOBR|1\r" + b"OBX|1|NM|A||1\r" * 100_000).segment_count == 100_003


def test_a_key_in_brackets_is_read_as_what_it_is() -> None:
    """The parser in C refuses it and the other one does not: the rule file ended in a traceback."""
    assert load("a: [b:]", "rule.yaml") == load("a: [{b: }]", "rule.yaml")


def test_a_count_of_thousands_of_digits_is_refused_with_its_line() -> None:
    """Python makes no number of more than 4,300 digits: the rule file ended in a traceback."""
    rule = (ROOT / "rules/azathioprine/b07-stable.yaml").read_text("utf-8")
    many = re.sub(r"for [0-9]+ results", f"for {'9' * 5000} results", rule)
    assert many != rule

    TARGETS["rules"](many.encode())


def test_a_sender_of_a_million_letters_is_compared_with_a_pattern_of_three_stars() -> None:
    """A regular expression took the square of its length: minutes for one message, while all others wait."""
    site = Site("north", SITE_ZONE, "ascii", "NORTH", frozenset())
    table = SiteTable({"default": site, "north": site}, {}, (("*a*b*", "", site),), {}, {})

    assert table.site("a" * 1_000_000, "") is site


@pytest.mark.parametrize(
    ("pattern", "sender", "fits"),
    [
        ("lab*", "laboratory", True),
        ("*lab", "northlab", True),
        ("n*l*b", "northlab", True),
        ("n*b*l*", "northlab", False),
        ("ab*ba", "aba", False),
        ("**", "", True),
    ],
)
def test_a_star_stands_for_anything(pattern: str, sender: str, fits: bool) -> None:
    """The linear comparison says what the regular expression said, overlapping ends included."""
    default, north = (Site(name, SITE_ZONE, "ascii", "A", frozenset()) for name in ("default", "north"))
    table = SiteTable({"default": default, "north": north}, {}, ((pattern, "*", north),), {}, {})

    assert (table.site(sender, "any") is north) == fits
