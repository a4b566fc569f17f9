"""Thousands of messages of strangers with pseudonyms: nothing breaks, and what comes out can be read."""

from __future__ import annotations

import os

import pytest

from engine.hl7 import Message
from engine.identity import is_placeholder
from engine.transports.archive import read_archive
from tests.property.test_pseudonyms_leak import secrets_of
from tests.support.pseudonymising import read, rewritten

# a type of identifier, a type of message, a unit of a dose
PASSING = {"NHSNMBR", "ADT_A01", "Capsule"}
CORPUS = os.environ.get("AZAWATCH_CORPUS", "")
pytestmark = pytest.mark.skipif(not CORPUS, reason="AZAWATCH_CORPUS names no folder of messages")


def test_messages_of_strangers_go_through_and_can_be_read() -> None:
    """Every message is sent or withheld with its reason; what is sent keeps its type and its segments."""
    messages = [message.body for message in read_archive([CORPUS], on_defect=lambda _: None)]
    result = rewritten(messages)

    assert len(result.bodies) == len(messages) > 1000
    assert sum(map(bool, result.bodies)) > len(messages) // 3
    for body, sent, withheld in zip(messages, result.bodies, result.withheld, strict=True):
        assert bool(sent) == (withheld is None)
        if sent:
            before, after = read(body), [read(one) for one in sent]
            for name in ("PID", "OBX", "OBR", "NTE"):
                assert count(name, [before]) == count(name, after)
            assert {one.type for one in after} <= {before.type, "[REMOVED]"}


def count(name: str, messages: list[Message]) -> int:
    return sum(segment.name == name for message in messages for segment in message.segments)


def test_nothing_of_strangers_leaves() -> None:
    """Message by message: nothing that says who somebody is stands in what is sent of it."""
    messages = [message.body for message in read_archive([CORPUS], on_defect=lambda _: None)]
    result = rewritten(messages)
    leaks = []
    for body, sent in zip(messages, result.bodies, strict=True):
        if not sent:
            continue
        output = b"".join(sent).decode().casefold()
        leaks += [text for text in secrets_of(read(body)) if tells(text) and text.casefold() in output]

    assert leaks == []


def tells(text: str) -> bool:
    """Whether a text says something of somebody; short numbers are found everywhere by chance."""
    letters, digits = sum(map(str.isalpha, text)), sum(map(str.isdigit, text))
    return (letters > 4 or digits > 6) and text not in PASSING and not is_placeholder(text)
