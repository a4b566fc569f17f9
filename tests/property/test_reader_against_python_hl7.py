"""Our reader and python-hl7 agree on every leaf of every message that both can read.

Two readers that were written independently make the same mistake less easily. Where python-hl7 is known
to be wrong it is not asked, and each case is named here:

* it only knows CR as the end of a segment (LF-only input becomes one segment): it is given CR, no blank
  lines, no framing bytes, and wrapped lines joined, as HL7 v2.9 2.4.4 has them;
* ``hl7.parse`` strips Python's white space from the whole message, also what belongs to the last leaf
  (``str.strip`` takes U+0085 and U+2028 too): a last segment ``ZZZ|end`` is added for both readers;
* it fills in separators that a short MSH-2 does not declare, and loses its way where one character
  has two meanings: only messages with at least four distinct encoding characters are compared;
* an MSH segment that ends before MSH-3 is cut wrongly: ``str.find`` gives -1;
* ``hl7.util.unescape`` drops unknown and unbalanced sequences, makes CR of line breaks, ``_`` of
  highlighting and Latin-1 of hexadecimal characters: unescaped leaves are compared where every escape
  sequence is one of F S T R E; the leaves as sent are compared always.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ContentError
from engine.hl7 import Message, parse, read_stream
from engine.hl7.segment import ReadSegment

SENTINEL = "ZZZ|end"
Position = tuple[int, int, int, int]  # field, component, repetition, subcomponent


def oracle_leaves(segment: hl7.Segment) -> Iterator[tuple[Position, str]]:
    """Every leaf that python-hl7 sees, with the position that our reader calls it by."""
    for field_number, field in enumerate(segment):
        if field_number == 0:
            continue
        for repetition_number, repetition in enumerate(field, start=1):
            components = [repetition] if isinstance(repetition, str) else repetition
            for component_number, component in enumerate(components, start=1):
                leaves = [component] if isinstance(component, str) else component
                for leaf_number, leaf in enumerate(leaves, start=1):
                    assert isinstance(leaf, str)
                    yield (field_number, component_number, repetition_number, leaf_number), leaf


def assert_same_leaves(message: Message, oracle: hl7.Message) -> int:
    """Compare all leaves and the places just behind them; returns how many leaves there were."""
    assert [str(segment[0]) for segment in oracle] == [segment.name for segment in message.segments]
    seen = 0
    for ours, theirs in zip(message.segments, oracle, strict=True):
        positions = dict(oracle_leaves(theirs))
        seen += len(positions)
        for position, leaf in positions.items():
            assert leaf == ours.leaf(*position), (ours.location(), position)
            field, component, repetition, subcomponent = position
            if position[0] > 2 and only_separator_escapes(leaf, oracle.esc):
                assert hl7_text(oracle, leaf) == ours.text(*position), (ours.location(), position)
            # One further at the innermost level is either the next leaf or nothing.
            following = (field, component, repetition, subcomponent + 1)
            assert positions.get(following, "") == ours.leaf(*following)
        assert_same_counts(ours, set(positions))
    return seen


def assert_same_counts(ours: ReadSegment, positions: set[Position]) -> None:
    fields = {position[0] for position in positions}
    assert not ours.raw(max(fields, default=0) + 1)
    for field in fields:
        raw = ours.raw(field)
        repetitions = {position[2] for position in positions if position[0] == field}
        assert (len(repetitions) if raw else 0) == ours.repetitions(field)
        for repetition in repetitions:
            components = {where[1] for where in positions if where[0] == field and where[2] == repetition}
            texts = ours.components(field, repetition)
            assert len(components) == len(texts) or (components == {1} and texts == ())
            assert texts == tuple(ours.text(field, number, repetition) for number in range(1, len(texts) + 1))
        assert ours.leaf(field, 1, len(repetitions) + 1) == ""


def only_separator_escapes(leaf: str, escape: str) -> bool:
    sequence = re.escape(escape)
    return escape not in re.sub(f"{sequence}[FSTRE]{sequence}", "", leaf) and leaf != '""'


def hl7_text(oracle: hl7.Message, leaf: str) -> str:
    return str(oracle.unescape(leaf))


# --- generated messages ---

SEPARATORS = st.permutations(list("|^~\\&#$%*+!@:;")).map(lambda characters: "".join(characters[:5]))
FILLING = "AbZ019 .,-<>=\"'/_äß€\u00a0\x0c\x85\u2028\t"


@st.composite
def messages(draw: st.DrawFn) -> str:
    """A message of 1 to 12 segments whose separators and fields are arbitrary."""
    separators = draw(st.one_of(st.just("|^~\\&"), SEPARATORS))
    field_separator, encoding = separators[0], separators[1:]
    escapes = [separators[3] + name + separators[3] for name in "FSTRE"]
    # A Z or an X at the start of a piece would only by chance be an escape; the letters are enough.
    piece = st.one_of(st.sampled_from([*separators, *escapes]), st.text(FILLING, max_size=4))
    body = st.lists(piece, max_size=24).map("".join)
    head = st.text("ABC 1" + encoding[0] + encoding[1] + encoding[3], max_size=8)
    heads = draw(st.lists(head, min_size=8, max_size=8))
    header = field_separator.join(["MSH", encoding, *heads, "P", "2.5", "", "", "", "", "", "UNICODE UTF-8"])
    names = st.sampled_from(["PID", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM", "ZAB", "DSC"])
    segments = draw(st.lists(st.tuples(names, body), max_size=11))
    lines = [name + field_separator + text for name, text in segments]
    return "\r".join([header, *lines, SENTINEL.replace("|", field_separator)])


@given(messages())
def test_generated_messages_have_the_same_leaves(text: str) -> None:
    """Whatever the separators and the contents, both readers split alike."""
    assert_same_leaves(parse(text.encode()), hl7.parse(text))


# --- other people's messages ---

CORPUS = os.environ.get("AZAWATCH_CORPUS", "")
needs_corpus = pytest.mark.skipif(not CORPUS, reason="AZAWATCH_CORPUS does not name a folder of messages")


def corpus_messages() -> Iterator[tuple[str, bytes]]:
    for path in sorted(Path(CORPUS).rglob("*")):
        if path.is_file() and path.name not in ("INDEX.tsv", "README.md"):
            for number, body in enumerate(read_stream(path.read_bytes()).messages, start=1):
                yield f"{path.relative_to(CORPUS)}#{number}", body


def normalised(body: bytes, charset: str) -> str | None:
    """The message as HL7 wants it, for python-hl7; None where it has no full set of separators."""
    text = body.decode(charset).removeprefix("\ufeff")
    separator = re.escape(text[3:4])
    segments: list[str] = []
    for line in re.split("\r\n|\r|\n", text):
        bare = line.strip("\x0b\x1c\0").replace("\0", "\ufffd")
        start = bare.lstrip(" \t")
        if re.match(f"(?:[A-Z][A-Z0-9]{{2}}|pid)(?:{separator}| *$)", start):
            segments.append(start[:3].upper() + start[3:])
        elif start and segments:
            segments[-1] += "\n" + bare
    encoding = segments[0][4:].partition(text[3:4])[0]
    characters = text[3:4] + encoding
    if len(encoding) < 4 or len(set(characters)) != len(characters) or len(segments[0]) < 10:
        return None
    return "\r".join([*segments, SENTINEL.replace("|", text[3:4])])


@needs_corpus
def test_corpus_messages_have_the_same_leaves() -> None:
    """Both readers see the same in thousands of messages that other people wrote."""
    compared = leaves = 0
    for name, body in corpus_messages():
        try:
            charset = parse(body).charset
        except ContentError:
            continue
        text = normalised(body, charset)
        if text is None:
            continue
        # Ours reads the bytes as they came, so that its own handling of lines is compared too.
        ours = parse(body.rstrip(b"\r\n\0") + b"\r" + SENTINEL.replace("|", text[3]).encode())
        try:
            leaves += assert_same_leaves(ours, hl7.parse(text))
        except AssertionError as error:
            raise AssertionError(name) from error
        compared += 1
    assert compared > 2000
    assert leaves > 100_000


@needs_corpus
def test_corpus_messages_are_read_or_refused_and_nothing_is_lost() -> None:
    """Every message gives groups with all its results, or one typed refusal."""
    read = refused = 0
    for name, body in corpus_messages():
        try:
            message = parse(body)
        except ContentError:
            refused += 1
            continue
        read += 1
        results = [observation.obx for patient in message.patients() for order in patient.orders
                   for observation in order.observations]  # fmt: skip
        sent = [segment for segment in message.segments if segment.name == "OBX"]
        assert sent == results, name
        assert message.segment_count == message.handled + message.ignored, name
        drugs = sum(len(group.orders) for group in message.pharmacy())
        assert drugs >= 0, name
    assert read > 2500
    assert refused < 60
