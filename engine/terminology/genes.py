"""TPMT and NUDT15 (mappings/genes.csv): phenotype words, two alleles, or an activity → metaboliser level.

Words are matched whole, never searched in a sentence. The same number of two units is two activities: each
unit has its own bands, and one without bands settles nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.errors import Defect
from engine.model.facts import GENES, METABOLISER_LEVELS, GeneLevel
from engine.model.quantity import Interval, Quantity
from engine.terminology.csvtable import Row, read_table

_COLUMNS = ("gene", "kind", "unit", "value", "level", "source")
_ANY = "any"
_PHENOTYPE, _ALLELE, _ACTIVITY, _GENOTYPE = "phenotype", "allele", "activity", "genotype"
_NORMAL, _NONE = "normal-function", "no-function"
_UNSETTLED = "indeterminate"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_STAR = re.compile(r"\*\d+[A-Z]?")
# A gene, or a star allele; behind its point stands a sub-allele, which has the function of the allele.
_TOKEN = re.compile(r"(?P<gene>TPMT|NUDT15)|(?P<allele>\*\d+[A-Z]?)(?:\.\d+)?(?![A-Z0-9])", re.IGNORECASE)
_SPACE = re.compile(r"[\s_-]+")
_TWO_ALLELES = 2

# Which results tell of which genes, and how; the names are those of analytes.yaml.
_ANALYTES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "tpmt_activity": (_ACTIVITY, ("tpmt",)),
    "tpmt_genotype": (_GENOTYPE, ("tpmt",)),
    "tpmt_phenotype": (_PHENOTYPE, ("tpmt",)),
    "nudt15_genotype": (_GENOTYPE, ("nudt15",)),
    "nudt15_phenotype": (_PHENOTYPE, ("nudt15",)),
    "tpmt_nudt15_genotype": (_GENOTYPE, ("tpmt", "nudt15")),
}
GENE_ANALYTES = frozenset(_ANALYTES)


@dataclass(frozen=True, slots=True)
class GeneTable:
    """(gene, words) → level; (gene, allele) → function; (gene, unit) → bands with their lower ends."""

    words: Mapping[tuple[str, str], str]
    alleles: Mapping[tuple[str, str], str]
    bands: Mapping[tuple[str, str], tuple[tuple[Decimal, str], ...]]

    def levels(self, analyte: str, text: str, quantity: Quantity | None) -> tuple[GeneLevel, ...]:
        """What one result says of its genes; empty where it tells of none, or cannot be read."""
        kind, genes = _ANALYTES.get(analyte, ("", ()))
        if kind == _ACTIVITY:
            return tuple(self._activity(genes[0], quantity)) if quantity is not None else ()
        if kind == _GENOTYPE:
            return tuple(self._genotype(genes, text))
        return tuple(self._phenotype(gene, text) for gene in genes if self._word(gene, text))

    def _phenotype(self, gene: str, text: str) -> GeneLevel:
        return GeneLevel(gene, self._word(gene, text), _PHENOTYPE, text.strip())

    def _word(self, gene: str, text: str) -> str:
        plain = _SPACE.sub(" ", text.strip().casefold().removeprefix(gene).lstrip(" :")).strip()
        exact = text.strip().casefold()
        return self.words.get((gene, plain)) or self.words.get((gene, _SPACE.sub(" ", exact)), "")

    def _genotype(self, genes: tuple[str, ...], text: str) -> Iterator[GeneLevel]:
        """Two alleles of each gene; more or fewer of one gene are not a genotype."""
        gene = genes[0] if len(genes) == 1 else ""
        found: dict[str, list[str]] = {}
        for token in _TOKEN.finditer(text):
            if token["gene"]:
                gene = token["gene"].casefold()
            elif gene:
                found.setdefault(gene, []).append(token["allele"].upper())
        for name, alleles in found.items():
            if name in genes and len(alleles) == _TWO_ALLELES:
                yield GeneLevel(name, self._of_alleles(name, alleles), _GENOTYPE, "/".join(alleles))

    def _of_alleles(self, gene: str, alleles: Iterable[str]) -> str:
        """As CPIC combines them; one without function beside one of unknown function may be intermediate."""
        functions = sorted(self.alleles.get((gene, allele), "") for allele in alleles)
        if functions == [_NONE, _NONE]:
            return "deficient"
        if _NONE in functions:
            return "intermediate"
        return "normal" if functions == [_NORMAL, _NORMAL] else _UNSETTLED

    def _activity(self, gene: str, quantity: Quantity) -> Iterator[GeneLevel]:
        bands = self.bands.get((gene, quantity.unit), ())
        possible = _levels_within(quantity.interval, bands)
        level = possible.pop() if len(possible) == 1 else _UNSETTLED
        words = str(quantity) if bands else f"{quantity}, a unit without bands"
        yield GeneLevel(gene, level, _ACTIVITY, words)


def _levels_within(interval: Interval, bands: tuple[tuple[Decimal, str], ...]) -> set[str]:
    """The levels of all bands that a value may lie in."""
    found = set()
    for number, (low, level) in enumerate(bands):
        end = bands[number + 1][0] if number + 1 < len(bands) else None
        above = (
            interval.high is None or interval.high > low or (interval.high == low and not interval.high_open)
        )
        below = end is None or interval.low is None or interval.low < end
        if above and below:
            found.add(level)
    return found


def parse_genes(file: str, text: str, units: Iterable[str], defects: list[Defect]) -> GeneTable:
    """Read genes.csv; ``units`` are those of TPMT activity. Defects are appended."""
    words: dict[tuple[str, str], str] = {}
    alleles: dict[tuple[str, str], str] = {}
    bands: dict[tuple[str, str], list[tuple[Decimal, str]]] = {}
    known = tuple(units)
    seen: dict[tuple[str, ...], int] = {}
    for row in read_table(file, text, _COLUMNS, defects):
        problems = list(_problems(row, known))
        defects.extend(Defect(file, row.line, message, hint) for message, hint in problems)
        key = tuple(row[column] for column in _COLUMNS[:4])
        if key in seen:
            hint = f"first on line {seen[key]}; remove one of the rows"
            defects.append(Defect(file, row.line, f'{row["kind"]} "{row["value"]}" stands twice', hint))
        elif not problems:
            for gene in GENES if row["gene"] == _ANY else (row["gene"],):
                if row["kind"] == _PHENOTYPE:
                    words[gene, _SPACE.sub(" ", row["value"].casefold())] = row["level"]
                elif row["kind"] == _ALLELE:
                    alleles[gene, row["value"]] = row["level"]
                else:
                    bands.setdefault((gene, row["unit"]), []).append((Decimal(row["value"]), row["level"]))
        seen.setdefault(key, row.line)
    return GeneTable(words, alleles, {where: tuple(sorted(found)) for where, found in bands.items()})


def _problems(row: Row, units: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    kind, value = row["kind"], row["value"]
    if row["gene"] not in (*GENES, _ANY):
        yield f'unknown gene "{row["gene"]}"', f"one of {', '.join(GENES)}, {_ANY}"
    if kind not in (_PHENOTYPE, _ALLELE, _ACTIVITY):
        yield f'unknown kind "{kind}"', f"one of {_PHENOTYPE}, {_ALLELE}, {_ACTIVITY}"
        return
    levels = (_NORMAL, _NONE) if kind == _ALLELE else METABOLISER_LEVELS
    if row["level"] not in levels:
        yield f'unknown level "{row["level"]}"', f"one of {', '.join(levels)}"
    if kind == _ACTIVITY and row["unit"] not in units:
        yield f'"{row["unit"]}" is not a unit of TPMT activity', f"one of {', '.join(units)}"
    if kind != _ACTIVITY and row["unit"]:
        yield f"a {kind} with a unit", "leave the unit empty"
    if kind == _ALLELE and not _STAR.fullmatch(value):
        yield f'"{value}" is not a star allele', "write *3A"
    if kind == _ACTIVITY and not _NUMBER.fullmatch(value):
        yield f'"{value}" is not the lower end of a band', "a number; the band ends where the next one begins"
    if not value:
        yield "the row has no value", "remove the row or add the value"
