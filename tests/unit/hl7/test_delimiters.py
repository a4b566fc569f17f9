"""Separators that a message declares for itself, and escape sequences."""

from __future__ import annotations

import pytest

from engine.errors import ContentError
from engine.hl7 import parse


def first_leaf(text: str, declared: str = "") -> str:
    header = f"MSH|^~\\&#|LAB|NORTH|||20260105||ORU^R01|1|P|2.7||||||{declared}"
    return parse(f"{header}\rNTE|1||{text}".encode()).segments[1].text(3)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f\P\g", r"a|b^c&d~e\f#g"),
        (r"10\S\9/L", "10^9/L"),
        (r"line\.br\next", "line\nnext"),
        (r"line\.BR\next", "line\nnext"),
        (r"line\.sp\next\.sp3\last\.ce\centre", "line\nnext\nlast\ncentre"),
        (r"\.in+4\a\.ti-2\b\.fi\c\.nf\d\.sk3\e", "abcd e"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"\X41\\X4243\ \X0D\\X0A\.", "ABC \r\n."),
        (r"\E\F\E\ ", "\\F\\ "),
        (r"\.br\\.br\x", "\n\nx"),
    ],
)
def test_escapes_are_replaced_in_each_leaf(sent: str, meant: str) -> None:
    """Separators, line breaks and hexadecimal characters in a comment read as they were meant."""
    assert meant == first_leaf(sent)


@pytest.mark.parametrize(
    "sent",
    [
        r"C:\temp",
        r"100\ ",
        r"\Q\ unknown",
        r"\Zlocal\ ",
        r"\C2842\ and \M261F4C\ ",
        r"\X4\ ",
        r"\XZZ\ ",
        r"\X41 42\ ",
        r"\X\ ",
        r"\X00\ ",
        r"\XFF\ ",
        r"\.xx\ ",
        r"\f\ ",
        r"\\ ",
        "\\",
    ],
)
def test_what_is_no_known_escape_stays_as_it_was_sent(sent: str) -> None:
    """Nothing is dropped from a text because a backslash stands in it."""
    assert sent == first_leaf(sent)


def test_an_unknown_sequence_does_not_swallow_the_next() -> None:
    """The backslash that ends no sequence may begin one."""
    assert "C:\\temp|x" == first_leaf(r"C:\temp\F\x")


def test_hexadecimal_escapes_are_in_the_charset_of_the_message() -> None:
    """The same byte is another letter for another sender."""
    assert "é" == first_leaf(r"\XE9\ ".strip(), "8859/1")
    assert "щ" == first_leaf(r"\XE9\ ".strip(), "8859/5")
    assert "é" == first_leaf(r"\XC3A9\ ".strip(), "UNICODE UTF-8")
    assert "\\XE9\\" == first_leaf(r"\XE9\ ".strip(), "UNICODE UTF-8")


def test_other_separators_are_read_from_the_header() -> None:
    """A sender may choose every separator for itself (HL7 v2.9 2.4.4)."""
    text = (
        "MSH#*+!%#LAB#NORTH###20260105##ORU*R01#77#P#2.5\rPID#1##A|1***NORTH%1.2.3%ISO*MR+B^2#!F!!S!!T!!R!!E!"
    )
    message = parse(text.encode())
    pid = message.segments[1]
    assert ("#", "*+!%") == (message.header.text(1), message.header.text(2))
    assert ("ORU", "R01", "77") == (message.type, message.trigger, message.control_id)
    assert ("A|1", "1.2.3", "B^2") == (pid.text(3), pid.text(3, 4, 1, 2), pid.text(3, 1, 2))
    assert "#*%+!" == pid.text(4)


@pytest.mark.parametrize(
    ("encoding", "components", "warnings"),
    [
        ("^~\\&", ("A\\S\\B&C", "D"), ()),
        ("^~\\&#", ("A\\S\\B&C", "D"), ()),
        ("^~\\", ("A\\S\\B&C", "D"), ("encoding_characters_short",)),
        ("^", ("A\\S\\B&C", "D~E"), ("encoding_characters_short",)),
        ("^~&", ("A\\S\\B&C", "D"), ("encoding_characters_short",)),
        ("^~\\\\&", ("A\\S\\B&C", "D"), ("encoding_characters_repeated",)),
        ("^~\\&#!", ("A\\S\\B&C", "D"), ("encoding_characters_extra",)),
        ("^^^^", ("A\\S\\B&C", "D~E"), ("encoding_characters_repeated",)),
        ("^~|", ("A\\S\\B&C", "D"), ("encoding_characters_short",)),
    ],
)
def test_short_and_repeated_encoding_characters(
    encoding: str, components: tuple[str, ...], warnings: tuple[str, ...]
) -> None:
    """What MSH-2 does not declare does not separate, and it is said that MSH-2 is odd."""
    message = parse(f"MSH|{encoding}|L|N|||1||ORU^R01|1|P|2.5\rNTE|1||A\\S\\B&C^D~E".encode())
    nte = message.segments[1]
    sent = tuple(
        nte.leaf(3, position) + ("&C" if position == 1 and nte.leaf(3, 1, 1, 2) else "")
        for position in (1, 2)
    )
    assert (components, warnings) == (sent, message.warnings)


def test_a_lost_backslash_leaves_the_subcomponents() -> None:
    """``^~&`` was written by a program that took the backslash for its own: & separates, nothing escapes."""
    nte = parse(b"MSH|^~&|L|N|||1||ORU^R01|1|P|2.5\rNTE|1||AA&1.2.3&ISO\\F\\").segments[1]
    assert ("AA", "1.2.3", "ISO\\F\\") == tuple(nte.text(3, 1, 1, part) for part in (1, 2, 3))


@pytest.mark.parametrize("encoding", ["", "LAB", "^~0", "^ ~", "^~\\&^~\\&^~\\&", "\t", "^~\x01"])
def test_a_header_without_encoding_characters_is_refused(encoding: str) -> None:
    """Splitting at letters, or not at all, would read wrong values and identifiers in silence."""
    with pytest.raises(ContentError) as caught:
        parse(f"MSH|{encoding}|NORTH|||1||ORU^R01|1|P|2.5\rPID|1||A".encode())
    assert ("unreadable", "MSH[1]-2") == (caught.value.reason, caught.value.location)
