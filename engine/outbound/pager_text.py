"""One line of at most 140 characters for a pager: how bad, who, what, how high, on what, what to do, why.

A number is never cut in two. When the line would be too long, the dose goes first, then the end of the
action, then the name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from engine.hl7.writer import clean
from engine.model.alert import AlertEvent, Phase
from engine.model.person import Person, in_order_of_use
from engine.outbound.options import RenderOptions
from engine.outbound.wording import (
    extent_text,
    measured,
    measured_text,
    name_text,
    outcome,
    prefix,
    retracted,
    shorten,
    therapy_text,
    undecided,
)

LIMIT = 140

_NAME_LIMIT = 24
_WHAT_LIMIT = 60
_RULE_LIMIT = 12
_LEAST_ACTION = 12  # fewer characters of an action say nothing
_TAIL = 4
_CLAUSE_END = re.compile(r"[;.](\s|$)|\n")
_PUNCTUATION = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "−": "-",
        "\u2018": "'",  # left single quotation mark
        "’": "'",
        "“": '"',
        "”": '"',
        "×": "x",
        "·": ".",
        "≥": ">=",
        "≤": "<=",
        "µ": "u",
        "μ": "u",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "þ": "th",
        "Þ": "Th",
        "ð": "d",
        "Ð": "D",
        "\u0131": "i",  # dotless i
    }
)


def render(event: AlertEvent, options: RenderOptions) -> bytes:
    """The event as one line without a line end; ASCII where the options ask for it, else UTF-8."""
    return pager_line(event, _ascii if options.pager_ascii else _one_line).encode()


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


def _ascii(text: str) -> str:
    """The nearest ASCII: accents go, known signs are spelled, anything else becomes a question mark."""
    decomposed = unicodedata.normalize("NFKD", _one_line(text).translate(_PUNCTUATION))
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return bare.encode("ascii", "replace").decode()


def pager_line(event: AlertEvent, spell: Callable[[str], str]) -> str:
    """The line; ``spell`` makes each part fit for the receiver before lengths are counted."""
    opening = spell(f"{prefix(event).replace(':', '')}{event.severity.upper()}")
    what = _what(event, spell)
    ending = f" {_short_rule(spell(event.rule))}".rstrip()
    action = spell(_action(event))
    for who, therapy, least in _variants(event, spell, len(action)):
        line = " ".join(filter(None, (opening, who, what, therapy)))
        room = LIMIT - len(line) - len(ending)
        told = action if len(action) + len(": .") <= room else shorten(action, room - len(": "))
        closing = f": {told}" if told else ""
        closing += "." if told == action else ""
        if len(told) >= least and len(closing) <= room:
            return line + closing + ending
    return shorten(" ".join(filter(None, (opening, what))), LIMIT)


def _variants(event: AlertEvent, spell: Callable[[str], str], whole: int) -> Iterator[tuple[str, str, int]]:
    """Who, therapy, and the least length of the action that justifies this wording: fullest first.

    A whole action is worth more than the dose; a name is worth more than a whole action.
    """
    therapy = spell(therapy_text(event)).replace("mg/day", "mg/d")
    drug = therapy.removeprefix("on ").split(" ")[0]
    therapies = [therapy, f"on {drug}", ""] if therapy.startswith("on ") else [therapy, ""]
    nobody = event.technical
    name, number = ("", "") if nobody else (spell(_name(event.person)), _number(event.person, spell))
    named = f"{shorten(name, _NAME_LIMIT)} {number}".strip()
    for who, least in ((named, whole), (named, _LEAST_ACTION), (number, _LEAST_ACTION), (number, 0)):
        for taken in therapies:
            yield who, taken, min(least, whole)


def _name(person: Person) -> str:
    """Given name and the initial of the family name."""
    family, given = (*person.demographics.name, "", "")[:2]
    initial = f"{family.strip()[:1]}." if family.strip() else ""
    return f"{given} {initial}".strip()


def _number(person: Person, spell: Callable[[str], str]) -> str:
    """The end of the medical record number, enough to find the patient on a ward list."""
    identifiers = in_order_of_use(person.identifiers)
    if not identifiers:
        return ""
    label = "MRN" if identifiers[0].type in ("MR", "") else "ID"
    value = spell(identifiers[0].value)
    return f"{label}..{value[-_TAIL:]}" if len(value) > _TAIL else f"{label} {value}"


def _what(event: AlertEvent, spell: Callable[[str], str]) -> str:
    if event.trigger is None or not measured(event) or retracted(event):
        return shorten(spell(name_text(event)).rstrip("."), _WHAT_LIMIT)
    value = spell(measured_text(event, event.trigger))
    extent = "" if undecided(event) else spell(extent_text(event.trigger, "x "))
    both = f"{value} ({extent})" if extent else value
    if len(both) <= _WHAT_LIMIT:
        return both
    return value if len(value) <= _WHAT_LIMIT else shorten(spell(name_text(event)), _WHAT_LIMIT)


def _action(event: AlertEvent) -> str:
    """The first clause of the action, or why there is nothing to do any more."""
    if event.phase is Phase.END:
        return outcome(event)
    clause = _CLAUSE_END.split(event.action.strip(), maxsplit=1)[0].strip()
    return clause[:1].lower() + clause[1:] if clause[1:2].islower() else clause


def _short_rule(rule: str) -> str:
    return shorten(rule.split("-", maxsplit=1)[0], _RULE_LIMIT)
