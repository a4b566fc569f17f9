"""mappings/specimen.csv: what codes and words say about the condition of a specimen (haemolysed, clotted)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.errors import Defect
from engine.terminology.csvtable import read_table

_COLUMNS = ("condition", "field", "as_sent", "value")
_CODE_FIELDS = ("SPM-21", "SPM-24", "OBX-8")
_FIELDS = (*_CODE_FIELDS, "OBX-3", "words", "negation-before", "negation-after")
_CONDITION = re.compile(r"[a-z]+(?:-[a-z]+)*")
_CLAUSE = re.compile(r"[.;,\r\n]+")
_WORD = re.compile(r"[^\W_]+")
_BEFORE, _AFTER = 3, 2  # how near a negation stands: "no sign of haemolysis", "haemolysis: none"

Words = tuple[str, ...]


@dataclass(slots=True)
class SpecimenTable:
    """The conditions of a specimen by code, by local observation and by words."""

    codes: dict[tuple[str, str], str] = field(default_factory=dict)
    observations: dict[tuple[str, str], str] = field(default_factory=dict)
    phrases: dict[Words, str] = field(default_factory=dict)
    before: set[str] = field(default_factory=set)
    after: set[str] = field(default_factory=set)

    @property
    def conditions(self) -> frozenset[str]:
        """Every condition that some row names."""
        return frozenset((*self.codes.values(), *self.observations.values(), *self.phrases.values()))

    def by_code(self, place: str, code: str) -> str:
        """The condition that a code in SPM-21, SPM-24 or OBX-8 means, or empty."""
        return self.codes.get((place, code.strip().casefold()), "")

    def by_observation(self, code: str, value: str) -> str:
        """The condition that a local observation (a serum index) with that value means, or empty."""
        return self.observations.get((code.strip(), value.strip().casefold()), "")

    def by_text(self, text: str) -> Collection[str]:
        """The conditions that a comment names and does not deny: ``no haemolysis`` names none."""
        found: set[str] = set()
        for clause in _CLAUSE.split(text.casefold()):
            words = _WORD.findall(clause)
            for phrase, condition in self.phrases.items():
                found.update(condition for place in _places(words, phrase) if self._said(words, place))
        return found

    def _said(self, words: list[str], place: range) -> bool:
        before = words[max(0, place.start - _BEFORE) : place.start]
        after = words[place.stop : place.stop + _AFTER]
        return self.before.isdisjoint(before) and self.after.isdisjoint(after)


def _places(words: list[str], phrase: Words) -> list[range]:
    length = len(phrase)
    return [
        range(start, start + length)
        for start in range(len(words) - length + 1)
        if tuple(words[start : start + length]) == phrase
    ]


def parse_specimens(file: str, text: str, defects: list[Defect]) -> SpecimenTable:
    """Read the table; defects are appended."""
    table = SpecimenTable()
    for row in read_table(file, text, _COLUMNS, defects):
        place, sent, condition = row["field"], row["as_sent"], row["condition"]
        denies = place.startswith("negation-")
        if place not in _FIELDS:
            defects.append(Defect(file, row.line, f'unknown field "{place}"', f"one of {', '.join(_FIELDS)}"))
        if not sent:
            defects.append(Defect(file, row.line, "as_sent is empty", "write the code or the words"))
        if denies and condition:
            defects.append(Defect(file, row.line, "a negation has no condition", "leave it empty"))
        elif not denies and not _CONDITION.fullmatch(condition):
            defects.append(
                Defect(file, row.line, f'"{condition}" is not a condition', "lower case: haemolysed")
            )
        if bool(row["value"]) is not (place == "OBX-3"):
            hint = "OBX-3 needs the value that means yes; no other field has one"
            defects.append(Defect(file, row.line, f'value of {place} is "{row["value"]}"', hint))
        words = tuple(_WORD.findall(sent.casefold()))
        if place == "words":
            table.phrases[words] = condition
        elif denies:
            (table.before if place == "negation-before" else table.after).update(words)
        elif place == "OBX-3":
            table.observations[sent, row["value"].casefold()] = condition
        else:
            table.codes[place, sent.casefold()] = condition
    return table


def unknown_conditions(
    file: str, spoiled_by: Mapping[str, tuple[Collection[str], int]], table: SpecimenTable
) -> list[Defect]:
    """Conditions that analytes.yaml names and no row of the table ever gives."""
    return [
        Defect(file, line, f'{name} is spoiled by "{condition}"', "no row of specimen.csv names it")
        for name, (conditions, line) in spoiled_by.items()
        for condition in sorted(set(conditions) - table.conditions)
    ]
