"""The one-line grammar of conditions: words with one space between them, matched against a closed list.

A pattern is a line of words; the words in capitals are slots (``ANALYTE OPERATOR NUMBER UNIT``). There is
one spelling for each thing: what does not match is refused with the words that could have stood there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from engine.model.facts import FACT_VALUES, GENES, METABOLISER_LEVELS, OTHER_DRUGS
from engine.model.finding import Severity
from engine.model.quantity import Operator
from engine.model.result import Problem
from engine.model.therapy import TherapyState

_DIGITS = frozenset("0123456789")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_NO_UNIT = ("x", "for", "lasting", "since", "before")
_OPERATOR_CHARACTERS = frozenset("<>=≥≤≠!")
_NO_NAMES = frozenset({"dose", "break"})  # begin conditions of their own
_SHARE = re.compile("[0-9]+/[0-9]+")
_NUMBER, _FRACTION = "a number", "a number or fraction"
_END = "the end of the line"


LONGEST_DAYS = 3660
MOST_RESULTS = 1000


class Unreadable(Exception):  # noqa: N818 - it says what is wrong with a text, like a parser's verdict
    """A text that the grammar refuses: ``message`` says what is wrong, ``hint`` what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand at a place of a pattern: one of ``choices``, or a text of the kind ``name``."""

    name: str
    choices: tuple[str, ...] = ()

    def fits(self, word: str) -> bool:
        """Whether the word has the shape of this slot; its content is checked afterwards."""
        if self.choices:
            return word in self.choices
        if self.name in (_NUMBER, _FRACTION):
            return word[:1] in _DIGITS
        if self.name == "a unit":
            return word.isascii() and word not in _NO_UNIT and word[0] not in _OPERATOR_CHARACTERS
        return word[0] not in _DIGITS and _NAME.issuperset(word) and word not in _NO_NAMES


PERIODS = {"h": 3600, "d": 86400, "w": 604800}
_PERIOD_WORDS = {"h": "hours", "d": "days", "w": "weeks"}
PANELS = ("liver", "blood")
SYMPTOMS = tuple(value for value in FACT_VALUES["symptom"] if value != "none")
STATES = tuple(state.value for state in TherapyState if state is not TherapyState.NEVER_STARTED)

SLOTS: Mapping[str, Slot] = {
    "ANALYTE": Slot("an analyte"),
    "OTHER": Slot("an analyte"),
    "FRACTION": Slot(_FRACTION),
    "OPERATOR": Slot("an operator", tuple(operator.value for operator in reversed(Operator))),
    "NUMBER": Slot(_NUMBER),
    "UNIT": Slot("a unit"),
    "REFERENCE": Slot("a reference", ("baseline", "ULN", "LLN", "previous", "peak")),
    "RELATION": Slot("since or before", ("since", "before")),
    "EVENT": Slot("an event", ("start", "restart", "stop")),
    "LIMIT": Slot("a limit", ("baseline", "ULN", "LLN")),
    "COUNT": Slot(_NUMBER),
    "DIRECTION": Slot("a direction", ("rising", "falling")),
    "MOVE": Slot("a move", ("rose", "fell")),
    "SIDE": Slot("a side", ("within", "outside")),
    "SPAN": Slot(_NUMBER),
    "PERIOD": Slot("a period", tuple(PERIODS)),
    "STATE": Slot("a therapy state", STATES),
    "GENE": Slot("a gene", GENES),
    "LEVEL": Slot("a level", METABOLISER_LEVELS),
    "SYMPTOM": Slot("a symptom", SYMPTOMS),
    "DRUG": Slot("a drug", OTHER_DRUGS),
    "NAME": Slot("a fact"),
    "VALUE": Slot("a value"),
    "RULEID": Slot("a rule"),
    "SEVERITY": Slot("a severity", tuple(severity.value for severity in Severity)[:-1]),
    "PANEL": Slot("a panel", PANELS),
    "DAYS": Slot("a number"),
    "FIRST": Slot("a number"),
    "LAST": Slot("a number"),
    "LATE": Slot("a number"),
    "BEGINNING": Slot("a beginning", ("start", "restart", "stop", "dose-change")),
    "PROBLEM": Slot("a problem", tuple(problem.value for problem in Problem)),
}


class Match(NamedTuple):
    """The pattern that a line follows, and the word that stands in each of its slots."""

    pattern: str
    words: Mapping[str, str]


def match(line: str, patterns: Iterable[str]) -> Match:
    """The one pattern that ``line`` follows; raises Unreadable where there is none."""
    words = _split(line)
    best = furthest = 0
    expected: list[str] = []
    for pattern in patterns:
        places = pattern.split(" ")
        fitting, own_words = _fitting(words, places)
        if fitting == len(places) == len(words):
            slots = {p: word for p, word in zip(places, words, strict=True) if p in SLOTS}
            for place, word in slots.items():
                _check(place, word)
            _check_lengths(places, words)
            return Match(pattern, slots)
        score = 2 * fitting + own_words  # of patterns that go as far, the one whose own words are there
        if score > best:
            best, furthest, expected = score, fitting, []
        if score == best:
            expected.extend(_options(places[fitting]) if fitting < len(places) else (_END,))
    raise _refusal(line, words, furthest, tuple(dict.fromkeys(expected)))


def number(text: str) -> Decimal:
    """A plain decimal number: digits, at most one point between them. Raises Unreadable."""
    whole, point, fraction = text.partition(".")
    if _DIGITS.issuperset(whole + fraction) and whole and bool(fraction) == bool(point):
        return Decimal(text)
    if "," in text:
        raise Unreadable(f'"{text}" is not a number', "write a decimal point and no thousands separators")
    raise Unreadable(f'"{text}" is not a number', "one space between a number and what follows it")


def length(count: str, unit: str) -> timedelta:
    """So many hours, days or weeks; raises Unreadable where that is longer than anybody can mean."""
    seconds = number(count) * PERIODS[unit]
    if seconds > LONGEST_DAYS * PERIODS["d"]:
        said = f"{count} {unit}" if len(count) < 20 else f"a number of {len(count)} digits"
        raise Unreadable(f'"{said}" is longer than ten years', f"write at most {LONGEST_DAYS} d")
    return timedelta(seconds=float(seconds))


def period(words: Mapping[str, str]) -> tuple[timedelta, str]:
    """How long the slots SPAN and PERIOD say, and the same in words: ``30 days``."""
    return length(words["SPAN"], words["PERIOD"]), f"{words['SPAN']} {_PERIOD_WORDS[words['PERIOD']]}"


def fraction(text: str) -> Fraction:
    """A plain decimal number, or two whole ones with a stroke between them: ``1/3``. Raises Unreadable."""
    above, stroke, below = text.partition("/")
    if not stroke:
        return Fraction(number(text))
    if above.isdecimal() and below.isdecimal() and int(below):
        exact = Fraction(int(above), int(below))
        if f"{exact.numerator}/{exact.denominator}" == text:
            return exact
        raise Unreadable(f'"{text}" is not in lowest terms', f"write {exact}")
    raise Unreadable(f'"{text}" is not a fraction', "write 1/3")


def near(name: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, or everything there is."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(names) or 'none'}"


def _split(line: str) -> Sequence[str]:
    if not line:
        raise Unreadable("a condition is empty", "write a condition, such as alt >= 500 U/L")
    words = line.split(" ")
    if not all(words) or line.split() != words:
        raise Unreadable(f'spaces are not single: "{line}"', "exactly one space between two words")
    return words


def _fitting(words: Sequence[str], places: Sequence[str]) -> tuple[int, bool]:
    """How many words fit from the left, and whether the first is a word of the pattern itself."""
    fitting = 0
    for word, place in zip(words, places, strict=False):
        slot = SLOTS.get(place)
        if not (word == place if slot is None else slot.fits(word)):
            break
        fitting += 1
    return fitting, words[0] == places[0]


def _options(place: str) -> tuple[str, ...]:
    slot = SLOTS.get(place)
    if slot is None:
        return (place,)
    return slot.choices or (slot.name,)


def _check(place: str, word: str) -> None:
    if SLOTS[place].name == _FRACTION:
        fraction(word)
    if SLOTS[place].name != _NUMBER:
        return
    value = number(word)
    if place == "COUNT" and (value != value.to_integral_value() or not 2 <= value <= MOST_RESULTS):
        hint = f"write a whole number from 2 to {MOST_RESULTS}"
        raise Unreadable(f'"for {word} results" is not a count', hint)


def _check_lengths(places: Sequence[str], words: Sequence[str]) -> None:
    """Every length of time in a line: a number before h, d or w, or after ``day``."""
    for index, (place, word) in enumerate(zip(places, words, strict=True)):
        if place not in SLOTS or SLOTS[place].name != _NUMBER:
            continue
        if places[index - 1] == "day":
            length(word, "d")
        elif places[index + 1 : index + 2] and (
            places[index + 1] == "PERIOD" or places[index + 1] in PERIODS
        ):
            length(word, words[index + 1])


def _refusal(line: str, words: Sequence[str], furthest: int, expected: tuple[str, ...]) -> Unreadable:
    for operator, word in pairwise(words[:furthest]):
        if operator in SLOTS["OPERATOR"].choices and SLOTS["NUMBER"].fits(word):
            try:
                fraction(word) if _SHARE.fullmatch(word) else number(word)
            except Unreadable as error:
                return error
    if not furthest:
        return Unreadable(f'"{line}" is not a condition', "see the grammar in rules/README.md")
    last = words[furthest - 1]
    ways = [way for way in expected if way != _END]
    choice = " or ".join(filter(None, (", ".join(ways[:-1]), *ways[-1:])))
    choice = f"write {choice}" if ways else "end the line"
    if furthest == len(words):
        return Unreadable(f'"{line}" ends too early', f'after "{last}" {choice}')
    word = words[furthest]
    if word[0] in _OPERATOR_CHARACTERS and word.lstrip("".join(_OPERATOR_CHARACTERS)):
        return Unreadable(f'"{word}" in "{line}"', "one space between the operator and the number")
    if ways and _END in expected:
        choice = f"end the line or {choice}"
    return Unreadable(f'"{word}" cannot stand here: "{line}"', f'after "{last}" {choice}')
