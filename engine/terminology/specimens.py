"""The condition of a specimen (haemolysed, clotted): how it is said, and what it does to which values.

mappings/specimen.csv has the codes and words, mappings/spoiling.csv what they spoil.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from engine.errors import Defect
from engine.model.quantity import Operator
from engine.terminology.csvtable import read_table

_COLUMNS = ("condition", "field", "as_sent", "value")
_CODE_FIELDS = ("SPM-21", "SPM-24", "OBX-8")
_NEGATING = ("negation-before", "negation-after", "negation-link", "negation-end", "negation-list")
_WITHOUT_CONDITION = (*_NEGATING, "remedied", "index-yes", "index-no")
_FIELDS = (*_CODE_FIELDS, "OBX-3", "words", "index", "index-name", *_WITHOUT_CONDITION)
_SPOILING_COLUMNS = ("condition", "analyte", "effect", "source")
_NOT_JUDGED, _RESERVE = "not-judged", "reserve"
_ANY = "any"
_LIMIT = re.compile(r"([a-z]+(?:-[a-z]+)*) (>=|>) ([0-9]+(?:\.[0-9]+)?)")
_CONDITION = re.compile(r"[a-z]+(?:-[a-z]+)*")
_SENTENCE = re.compile(r"[.;\r\n]+")
_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\W_]+|[:,<]|(?<=\s)[-–](?=\s)")
_BREAKS = frozenset(":-–")

Words = tuple[str, ...]


class IndexLimit(NamedTuple):
    """From which number of an index on (of the analyser of one site) a specimen has a condition."""

    condition: str
    operator: Operator
    number: Decimal


def read_limit(text: str) -> IndexLimit | None:
    """``haemolysed >= 100`` as the analyte of a site's code; None for anything else."""
    found = _LIMIT.fullmatch(text)
    return None if found is None else IndexLimit(found[1], Operator(found[2]), Decimal(found[3]))


class Effects(NamedTuple):
    """What conditions do to the values of an analyte: not judged, or judged with reserve."""

    spoiled_by: tuple[str, ...] = ()
    reserved_in: tuple[str, ...] = ()


@dataclass(slots=True)
class SpecimenTable:
    """The conditions of a specimen by code, by local observation, by index and by words."""

    codes: dict[tuple[str, str], str] = field(default_factory=dict)
    observations: dict[tuple[str, str], str] = field(default_factory=dict)
    phrases: dict[Words, str] = field(default_factory=dict)
    negations: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in _NEGATING})
    remedies: set[Words] = field(default_factory=set)
    indices: dict[str, str] = field(default_factory=dict)
    index_names: dict[Words, str] = field(default_factory=dict)
    index_words: dict[str, bool] = field(default_factory=dict)

    @property
    def conditions(self) -> frozenset[str]:
        """Every condition that some row names."""
        by_code = (*self.codes.values(), *self.observations.values(), *self.indices.values())
        return frozenset((*by_code, *self.phrases.values(), *self.index_names.values()))

    def by_code(self, place: str, code: str) -> str:
        """The condition that a code in SPM-21, SPM-24 or OBX-8 means, or empty."""
        return self.codes.get((place, code.strip().casefold()), "")

    def by_observation(self, code: str, value: str) -> str:
        """The condition that a local observation (a serum index) with that value means, or empty."""
        return self.observations.get((code.strip(), value.strip().casefold()), "")

    def of_index(self, code: str, name: str) -> str:
        """The condition that an observation is an index of, by its code or by the name sent; or empty.

        Which code a laboratory uses for its index varies, and the name is what everybody sends.
        """
        words = _WORD.findall(name.casefold())
        named = (condition for phrase, condition in self.index_names.items() if _places(words, phrase))
        return self.indices.get(code.strip(), "") or next(named, "")

    def grade(self, value: str) -> bool | None:
        """Whether a word or grade as the value of an index means yes (``2+``, ``marked``); None: neither."""
        return self.index_words.get(" ".join(value.casefold().split()))

    def says(self, value: str, condition: str) -> bool | None:
        """Whether the value of an index names the condition: also ``2+ (moderate)``; None: nobody knows.

        A value of several words must not speak both ways; one with "not" is known as a whole or not at all.
        """
        whole = self.grade(value)
        if whole is not None:
            return whole
        if condition in self.by_text(value):
            return True
        single = {word.strip("()[],;:.") for word in value.casefold().split()}
        said = {self.index_words[word] for word in single if word in self.index_words}
        return said.pop() if len(said) == 1 and "not" not in single else None

    def by_text(self, text: str) -> Collection[str]:
        """The conditions that a comment names and does not deny: ``no haemolysis`` names none.

        Nor does a comment which says that the value sent is of a better specimen: ``repeated in citrate``.
        Where it may be read either way it is read as a denial: the value is then judged, and not hidden.
        """
        found: set[str] = set()
        for sentence in _SENTENCE.split(text.casefold()):
            tokens = _TOKEN.findall(sentence)
            for phrase, condition in self.phrases.items():
                found.update(condition for place in _places(tokens, phrase) if self._said(tokens, place))
        return () if found and self._remedied(_WORD.findall(text.casefold())) else found

    def _remedied(self, words: list[str]) -> bool:
        """Whether it was done again; "to be repeated in citrate" asks for it."""
        places = (place for phrase in self.remedies for place in _places(words, phrase))
        return any("be" not in words[max(0, place.start - 1) : place.start] for place in places)

    def _said(self, tokens: list[str], place: range) -> bool:
        return not (self._denied_before(tokens[: place.start]) or self._denied_after(tokens[place.stop :]))

    def _denied_before(self, tokens: list[str]) -> bool:
        """``no sign of``; over a comma in a list only: ``no lipaemia, icterus or``."""
        parts: list[list[str]] = [[]]
        for word in tokens:
            if word in _BREAKS:
                parts = [[]]
            elif word == ",":
                parts.append([])
            else:
                parts[-1].append(word)
        denies = self.negations["negation-before"]
        if not denies.isdisjoint(parts[-1]):
            return True
        listed = not self.negations["negation-list"].isdisjoint(parts[-1])
        return listed and any(not denies.isdisjoint(part) for part in parts)

    def _denied_after(self, tokens: list[str]) -> bool:
        """``: none``, ``was not seen``, ``<10``; but not ``not suitable for potassium``."""
        links = _BREAKS | self.negations["negation-link"]
        said = next((place for place, token in enumerate(tokens) if token not in links), len(tokens))
        rest = tokens[said:]
        if "," in rest:
            rest = rest[: rest.index(",")]
        if rest[:1] == ["<"]:
            return True
        denies = self.negations["negation-after"]
        return bool(rest) and rest[0] in denies and self.negations["negation-end"].issuperset(rest[1:])


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
        denies = place in _WITHOUT_CONDITION
        if place not in _FIELDS:
            defects.append(Defect(file, row.line, f'unknown field "{place}"', f"one of {', '.join(_FIELDS)}"))
        if not sent:
            defects.append(Defect(file, row.line, "as_sent is empty", "write the code or the words"))
        if denies and condition:
            defects.append(Defect(file, row.line, f"{place} has no condition", "leave it empty"))
        elif not denies and not _CONDITION.fullmatch(condition):
            defects.append(
                Defect(file, row.line, f'"{condition}" is not a condition', "lower case: haemolysed")
            )
        if bool(row["value"]) is not (place == "OBX-3"):
            hint = "OBX-3 needs the value that means yes; no other field has one"
            defects.append(Defect(file, row.line, f'value of {place} is "{row["value"]}"', hint))
        words = tuple(_WORD.findall(sent.casefold()))
        if place in ("words", "index-name"):
            (table.phrases if place == "words" else table.index_names)[words] = condition
        elif place == "index":
            table.indices[sent] = condition
        elif place in ("index-yes", "index-no"):
            table.index_words[" ".join(sent.casefold().split())] = place == "index-yes"
        elif place == "remedied":
            table.remedies.add(words)
        elif denies:
            table.negations.get(place, set()).update(words)
        elif place == "OBX-3":
            table.observations[sent, row["value"].casefold()] = condition
        else:
            table.codes[place, sent.casefold()] = condition
    return table


def parse_spoiling(
    file: str, text: str, analytes: Collection[str], table: SpecimenTable, defects: list[Defect]
) -> dict[str, Effects]:
    """Read mappings/spoiling.csv: analyte → effects; the analyte ``any`` stands for each of them.

    A condition that nothing ever says is a defect.
    """
    found: dict[str, Effects] = {}
    seen: dict[tuple[str, str], int] = {}
    for row in read_table(file, text, _SPOILING_COLUMNS, defects):
        condition, analyte, effect = row["condition"], row["analyte"], row["effect"]
        if condition not in table.conditions:
            hint = "no row of specimen.csv names it"
            defects.append(Defect(file, row.line, f'nothing says "{condition}" of a specimen', hint))
        if analyte not in analytes and analyte != _ANY:
            hint = f"use a name of analytes.yaml, or {_ANY}"
            defects.append(Defect(file, row.line, f'unknown analyte "{analyte}"', hint))
        if effect not in (_NOT_JUDGED, _RESERVE):
            hint = f"{_NOT_JUDGED} or {_RESERVE}"
            defects.append(Defect(file, row.line, f'unknown effect "{effect}"', hint))
        if not row["source"]:
            hint = "who says so, or: our caution"
            defects.append(Defect(file, row.line, "the row has no source", hint))
        if (condition, analyte) in seen:
            hint = f"first on line {seen[condition, analyte]}; remove one of the rows"
            defects.append(Defect(file, row.line, f"{analyte} in {condition} stands twice", hint))
        seen.setdefault((condition, analyte), row.line)
        for name in analytes if analyte == _ANY else (analyte,):
            spoiled, reserved = found.get(name, Effects())
            if effect == _NOT_JUDGED:
                found[name] = Effects((*spoiled, condition), reserved)
            else:
                found[name] = Effects(spoiled, (*reserved, condition))
    return found
