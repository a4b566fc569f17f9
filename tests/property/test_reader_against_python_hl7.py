"""Our reader and python-hl7 agree on every leaf of every message that both can read.

Where python-hl7 is known to be wrong it is not asked: see :mod:`engine.hl7.second_reading`, which compares.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ContentError
from engine.hl7 import parse, read_stream
from engine.hl7.second_reading import compared, normalised, sentinel

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
    return "\r".join([header, *lines, sentinel(field_separator)])


SAMPLE_DAY = Path(__file__).parents[1] / "sample_day/messages"


@given(messages())
def test_generated_messages_have_the_same_leaves(text: str) -> None:
    """Whatever the separators and the contents, both readers split alike."""
    assert compared(parse(text.encode()), text).differing == ()


# --- the sample day, and other people's messages ---


def test_messages_of_the_sample_day_have_the_same_leaves() -> None:
    """Results, orders, merges and repeats, escapes and charsets as laboratories write them."""
    both = 0
    for file in sorted(SAMPLE_DAY.iterdir()):
        for body in read_stream(file.read_bytes()).messages:
            try:
                message = parse(body)
            except ContentError:
                continue
            text = normalised(body, message.charset)
            if text is not None:
                assert compared(message, text).differing == (), file.name
                both += 1
    assert both > 150


CORPUS = os.environ.get("AZAWATCH_CORPUS", "")
needs_corpus = pytest.mark.skipif(not CORPUS, reason="AZAWATCH_CORPUS does not name a folder of messages")


def corpus_messages() -> Iterator[tuple[str, bytes]]:
    for path in sorted(Path(CORPUS).rglob("*")):
        if path.is_file() and path.name not in ("INDEX.tsv", "README.md"):
            for number, body in enumerate(read_stream(path.read_bytes()).messages, start=1):
                yield f"{path.relative_to(CORPUS)}#{number}", body


@needs_corpus
def test_corpus_messages_have_the_same_leaves() -> None:
    """Both readers see the same in thousands of messages that other people wrote."""
    both = leaves = 0
    for name, body in corpus_messages():
        try:
            charset = parse(body).charset
        except ContentError:
            continue
        text = normalised(body, charset)
        if text is None:
            continue
        # Ours reads the bytes as they came, so that its own handling of lines is compared too.
        ours = parse(body.rstrip(b"\r\n\0") + b"\r" + sentinel(text[3]).encode())
        found = compared(ours, text)
        assert found.differing == (), name
        leaves += found.leaves
        both += 1
    assert both > 2000
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
