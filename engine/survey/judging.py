"""From what an archive holds to rows that a person may confirm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.survey.reading import FEW, SenderSurvey, Sent
from engine.terminology import Candidate, CompareUnits, Specimen, Terminology, candidates

IGNORE = "ignore"

_ROWS_OF_A_CODE = 3
_REFUSED = 3


@dataclass(frozen=True, slots=True)
class SuggestedRow:
    """One row of a site file; ``specimen`` and ``unit`` narrow it where the code means several things."""

    analyte: str
    specimen: str
    unit: str
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuggestedCode:
    """One unmapped code, what describes it, and what it may be: best first, empty where nothing fits.

    ``refused`` names analytes that something speaks for and that it cannot be, with why.
    """

    code: str
    results: int
    persons: int
    texts: tuple[str, ...]
    alternates: tuple[str, ...]
    units: tuple[str, ...]
    ranges: tuple[str, ...]
    specimens: tuple[str, ...]
    types: tuple[str, ...]
    numbers: str
    places: tuple[str, ...]
    rows: tuple[SuggestedRow, ...]
    refused: tuple[str, ...]

    @property
    def few(self) -> bool:
        """Whether so few persons stand behind it that nothing of their values is told."""
        return self.persons < FEW


@dataclass(frozen=True, slots=True)
class _Judged:
    specimen: str
    unit: str
    sent: Sent
    found: tuple[Candidate, ...]

    @property
    def proposed(self) -> tuple[Candidate, ...]:
        return tuple(one for one in self.found if one.proposed)

    @property
    def best(self) -> str:
        return self.proposed[0].analyte if self.proposed else ""


def judge(
    site: SenderSurvey, terminology: Terminology, compare: CompareUnits | None
) -> tuple[SuggestedCode, ...]:
    """Every unmapped code of a site, the most frequent first."""
    found = []
    for code, variants in site.codes.items():
        judged = [
            _Judged(
                specimen, unit, sent, candidates(sent.variant(code, specimen, unit), terminology, compare)
            )
            for (specimen, unit), sent in variants.items()
        ]
        judged.sort(key=lambda one: (-one.sent.results, one.specimen, one.unit))
        found.append(_code(code, judged, terminology))
    return tuple(sorted(found, key=lambda one: (-one.results, one.code)))


def _code(code: str, judged: Sequence[_Judged], terminology: Terminology) -> SuggestedCode:
    persons: set[int] = set()
    powers: set[int] = set()
    for one in judged:
        persons |= one.sent.persons
        powers |= one.sent.magnitudes.keys()
    numbers = ""
    if powers:
        numbers = f"10^{min(powers)} to 10^{max(powers)}" if len(persons) >= FEW else "few persons"
    refused = {
        f"{candidate.analyte}: {candidate.decisive}"
        for one in judged
        for candidate in one.found
        if candidate.decisive
    }
    return SuggestedCode(
        code=code,
        results=sum(one.sent.results for one in judged),
        persons=len(persons),
        texts=_most(one.sent.texts for one in judged),
        alternates=_most(
            Counter({f"{coding.code} {coding.text}".strip(): n for coding, n in one.sent.alternates.items()})
            for one in judged
        ),
        units=tuple(dict.fromkeys(one.unit for one in judged if one.unit)),
        ranges=_most(one.sent.ranges for one in judged),
        specimens=tuple(dict.fromkeys(one.specimen for one in judged if one.specimen)),
        types=_most(one.sent.types for one in judged),
        numbers=numbers,
        places=tuple(place for one in judged for place in one.sent.places)[:_ROWS_OF_A_CODE],
        rows=tuple(_rows(judged, terminology)),
        refused=tuple(sorted(refused))[:_REFUSED],
    )


def _most(counters: Iterable[Counter[str]]) -> tuple[str, ...]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return tuple(text for text, _ in ordered[:_ROWS_OF_A_CODE])


def _rows(judged: Sequence[_Judged], terminology: Terminology) -> Iterator[SuggestedRow]:
    """One row for a code that is one thing however it is sent; else rows by unit, or by specimen and unit.

    Where a specimen rules the code out, a row for that specimen ignores it.
    """
    meanings = dict.fromkeys(one.best for one in judged if one.best)
    if len(meanings) == 1:
        first = next(one for one in judged if one.best)
        yield from (_row(candidate, "", "") for candidate in first.proposed[:_ROWS_OF_A_CODE])
        for specimen in dict.fromkeys(one.specimen for one in judged):
            if terminology.names.specimen(specimen) is Specimen.RULES_OUT:
                yield SuggestedRow(IGNORE, specimen, "", 0, ("another specimen",))
        return
    by_unit: dict[str, set[str]] = {}
    for one in judged:
        by_unit.setdefault(one.unit, set()).add(one.best)
    units_tell = all(len(best) == 1 for best in by_unit.values())
    told = set()
    for one in judged:
        how = ("" if units_tell else one.specimen, one.unit)
        if one.best and how not in told:
            told.add(how)
            yield _row(one.proposed[0], *how)


def _row(candidate: Candidate, specimen: str, unit: str) -> SuggestedRow:
    reasons = (*candidate.reasons, *(f"but {why}" for why in candidate.against))
    return SuggestedRow(candidate.analyte, specimen, unit, candidate.score, reasons)
