"""mappings/names.csv: what laboratories call our analytes: for suggestions to a person, never for results."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from engine.errors import Defect
from engine.model.codes import AnalyteDefinition
from engine.terminology.csvtable import read_table

OTHER = "other"
"""What the name of a test means that is none of our analytes."""

_COLUMNS = ("kind", "text", "means", "language")
_TOKEN = re.compile(r"[^\W_]+|[%#]")


class Word(StrEnum):
    """What a word says wherever it stands in the text of a code."""

    FILLER = "filler"  # nothing about what is measured: serum, level, count
    PERCENT = "percent"  # a share of something
    COUNT = "count"  # an absolute number
    RULES_OUT = "rules-out"  # a ratio, an antibody, a comment: none of ours
    ELSEWHERE = "elsewhere"  # of another specimen: none of ours, and a battery so named holds none


class Specimen(StrEnum):
    """What a specimen code (SPM-4, OBR-15) says about what can be measured in it."""

    SERUM = "serum"
    BLOOD = "blood"
    RULES_OUT = "rules-out"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text may name: each meaning with the words that say so; ``significant`` are all but fillers.

    ``ruled_out`` is a word that makes it none of ours, or empty; one that is part of a name does not.
    ``elsewhere`` is such a word that names another specimen.
    """

    named: Mapping[str, frozenset[str]]
    significant: frozenset[str]
    ruled_out: str = ""
    elsewhere: str = ""
    percent: bool = False
    count: bool = False

    def share(self, means: str) -> float:
        """How much of the text the words of a meaning are, 0 to 1."""
        words = self.named[means]
        return len(words) / len(self.significant | words)


@dataclass(frozen=True, slots=True)
class NameTable:
    """Names by their first word, words, and specimens."""

    names: Mapping[str, tuple[tuple[frozenset[str], str], ...]] = field(default_factory=dict)
    words: Mapping[str, Word] = field(default_factory=dict)
    specimens: Mapping[str, Specimen] = field(default_factory=dict)

    def read(self, text: str) -> Reading:
        """What a text names, of names that all of their words are in it.

        A name within a longer one says nothing: ``bilirubin`` in ``direct bilirubin``.
        """
        words = tokens(text)
        found: dict[str, set[str]] = {}
        for word in words:
            for name, means in self.names.get(word, ()):
                if name <= words:
                    found.setdefault(means, set()).update(name)
        named = {
            means: frozenset(said)
            for means, said in found.items()
            if not any(said < more for other, more in found.items() if other != means)
        }
        part_of_a_name = {word for means, said in named.items() if means != OTHER for word in said}
        telling = {self.words.get(word): word for word in sorted(words - part_of_a_name)}
        elsewhere = telling.get(Word.ELSEWHERE, "")
        return Reading(
            named,
            frozenset(word for word in words if self.words.get(word) is None),
            elsewhere or telling.get(Word.RULES_OUT, ""),
            elsewhere,
            any(self.words.get(word) is Word.PERCENT for word in words),
            any(self.words.get(word) is Word.COUNT for word in words),
        )

    def specimen(self, code: str) -> Specimen | None:
        """What a specimen code as sent says; None for one that is not listed."""
        return self.specimens.get(code.strip().casefold())


@lru_cache(maxsize=4096)
def tokens(text: str) -> frozenset[str]:
    """The words of a text without case and accents; ``%`` and ``#`` are words of their own."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return frozenset(_TOKEN.findall("".join(sign for sign in plain if not unicodedata.combining(sign))))


def parse_names(
    file: str, text: str, analytes: Mapping[str, AnalyteDefinition], defects: list[Defect]
) -> NameTable:
    """Read names.csv; defects are appended."""
    names: dict[str, list[tuple[frozenset[str], str]]] = {}
    words: dict[str, Word] = {}
    specimens: dict[str, Specimen] = {}
    seen: dict[tuple[str, frozenset[str], str], int] = {}
    for row in read_table(file, text, _COLUMNS, defects):
        kind, said, means = row["kind"], tokens(row["text"]), row["means"]
        # Two names that differ in case or accents only are one; a specimen is looked up as it is written.
        key = (kind, said, means if kind == "name" else "")
        known: tuple[str, ...] = ()
        if kind == "name":
            known = (*analytes, OTHER)
            if means in known and said:
                names.setdefault(min(said), []).append((said, means))
        elif kind == "word":
            known = tuple(Word)
            if means in known and len(said) == 1:
                words[next(iter(said))] = Word(means)
        elif kind == "specimen":
            known = tuple(Specimen)
            if means in known:
                specimens[row["text"].casefold()] = Specimen(means)
        if not known:
            defects.append(Defect(file, row.line, f'unknown kind "{kind}"', "name, word or specimen"))
        elif means not in known:
            hint = "an analyte of analytes.yaml, or other" if kind == "name" else f"one of {', '.join(known)}"
            defects.append(Defect(file, row.line, f'unknown meaning "{means}" of a {kind}', hint))
        elif not said or (kind == "word" and len(said) != 1):
            defects.append(Defect(file, row.line, f'"{row["text"]}" is not one word', "a row for each word"))
        elif key in seen:
            hint = f"first on line {seen[key]}; remove one of the rows"
            defects.append(Defect(file, row.line, f'{kind} "{row["text"]}" stands twice', hint))
        seen.setdefault(key, row.line)
    return NameTable({first: tuple(found) for first, found in names.items()}, words, specimens)
