"""The tables as people ask about them: ``mappings lookup CODE`` and ``mappings check``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.errors import Defect
from engine.model.codes import AnalyteDefinition, CodeKind
from engine.model.quantity import plain
from engine.terminology.drugs import DrugTable, normalised_ndc
from engine.terminology.facts import FactTable
from engine.terminology.loinc import Meaning, has_right_check_digit, is_loinc_shaped
from engine.terminology.sites import DEFAULT_SITE, LocalRow, SiteTable
from engine.terminology.specimens import SpecimenTable
from engine.terminology.units import UnitTable, damage, normalised

# A laboratory that reports to this engine reports these; a site file without one is probably unfinished.
_EXPECTED_OF_A_SITE = ("alt", "ast", "alp", "bilirubin", "wbc", "neutrophils", "platelets")
_WORD = re.compile(r"[a-z0-9]+")
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One row that mentions what was asked for: where it stands and what it says."""

    place: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answer to ``mappings lookup``: rows, remarks on the code, and guesses for a person to check."""

    asked: str
    entries: tuple[Entry, ...]
    remarks: tuple[str, ...]
    suggestions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What ``mappings check`` prints when nothing is defective: numbers of rows, and warnings."""

    counts: Mapping[str, int]
    warnings: tuple[Defect, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """All parsed tables; private to this package."""

    analytes: Mapping[str, AnalyteDefinition]
    loinc: Mapping[str, Meaning]
    units: UnitTable
    drugs: DrugTable
    sites: SiteTable
    facts: FactTable
    specimens: SpecimenTable


def look_up(tables: Tables, asked: str, text: str) -> Lookup:
    """Everything the tables know about a code or unit; ``text`` is the name sent with it."""
    asked = asked.strip()
    entries = (*_codes(tables, asked), *_drugs(tables, asked), *_facts(tables, asked), *_units(tables, asked))
    remarks = []
    listed = asked in tables.loinc or asked in tables.specimens.indices
    if is_loinc_shaped(asked) and not listed:
        right = has_right_check_digit(asked)
        remarks.append(
            "a well-formed LOINC that is not in the table: it is not monitored"
            if right
            else "shaped like a LOINC, and the check digit is wrong"
        )
    if damage(asked):
        remarks.append(damage(asked))
    suggestions = () if entries else suggest(tables, text or asked)
    drug = "" if entries else tables.drugs.suggest(f"{asked} {text}")
    if drug:
        remarks.append(f"the text names {drug}; add the code to drugs.csv once a pharmacist has confirmed it")
    return Lookup(asked, entries, tuple(remarks), suggestions)


def _codes(tables: Tables, asked: str) -> Iterator[Entry]:
    meaning = tables.loinc.get(asked)
    if meaning is not None:
        yield Entry(f"loinc.csv:{meaning.line}", _describe(meaning))
    for (site, code), rows in tables.sites.codes.items():
        if code != asked:
            continue
        for row in rows:
            where = [f"specimen {row.specimen}"] if row.specimen else []
            where += [f"unit {row.unit}"] if row.unit else []
            only = f" (only {' and '.join(where)})" if where else ""
            yield Entry(f"site {site}, line {row.meaning.line}", _describe_local(row) + only)
    condition = tables.specimens.indices.get(asked)
    if condition is not None:
        yield Entry("specimen.csv", f"an index of the specimen: {condition}")


def _describe_local(row: LocalRow) -> str:
    if row.limit is None:
        return _describe(row.meaning)
    condition, operator, number = row.limit
    return f"an index of the specimen: {condition} {operator} {plain(number)}: {row.meaning.title}"


def _describe(meaning: Meaning) -> str:
    kind = meaning.analyte or str(meaning.kind)
    parts = [f"{kind}: {meaning.title}"]
    parts += [f"method {meaning.method}"] if meaning.method else []
    parts += [f"{meaning.unit_when_missing} when no unit is sent"] if meaning.unit_when_missing else []
    return ", ".join(parts)


def _drugs(tables: Tables, asked: str) -> Iterator[Entry]:
    for (system, code), row in tables.drugs.codes.items():
        if code in (asked, normalised_ndc(asked) if system == "ndc" else asked):
            strength = f", {plain(row.strength_mg)} mg" if row.strength_mg is not None else ""
            yield Entry(f"drugs.csv:{row.line}", f"{row.drug}{strength} ({system}: {row.name})")


def _facts(tables: Tables, asked: str) -> Iterator[Entry]:
    for place, said in tables.facts.mentioning(asked):
        yield Entry("facts.csv", f"{place}: {said}")


def _units(tables: Tables, asked: str) -> Iterator[Entry]:
    wanted = normalised(asked)
    if not wanted:
        return
    by_conversion: dict[tuple[str, str], list[str]] = {}
    for (analyte, unit), found in tables.units.normal.items():
        if unit == wanted:
            by_conversion.setdefault((found.unit, plain(found.factor)), []).append(analyte)
    for (unit, factor), analytes in by_conversion.items():
        yield Entry("units.csv", f"{factor} {unit} for {', '.join(analytes)}")


def suggest(tables: Tables, text: str) -> tuple[str, ...]:
    """Analytes whose names share words with ``text``, best first: for a person to confirm."""
    wanted = set(_WORD.findall(text.casefold()))
    if not wanted:
        return ()
    scores: Counter[str] = Counter()
    for analyte, names in _names(tables):
        words = set(_WORD.findall(names.casefold()))
        score = len(words & wanted) / len(words | wanted)
        scores[analyte] = max(scores[analyte], int(1000 * score))
    return tuple(analyte for analyte, score in scores.most_common(_SUGGESTIONS) if score)


def _names(tables: Tables) -> Iterator[tuple[str, str]]:
    for definition in tables.analytes.values():
        yield definition.name, f"{definition.name} {definition.title}".replace("_", " ")
    for meaning in tables.loinc.values():
        if meaning.kind is CodeKind.ANALYTE:
            yield meaning.analyte, meaning.title
    for rows in tables.sites.codes.values():
        for row in rows:
            if row.meaning.kind is CodeKind.ANALYTE:
                yield row.meaning.analyte, row.meaning.title


def check_report(tables: Tables, warnings: tuple[Defect, ...]) -> CheckReport:
    """Count the rows by kind and collect what is legal and yet looks unfinished."""
    counts: Counter[str] = Counter()
    counts["analytes"] = len(tables.analytes)
    for meaning in tables.loinc.values():
        counts[f"loinc {meaning.kind}"] += 1
    counts["unit aliases"] = len({unit for _, unit in tables.units.exact})
    counts["drug codes"] = len(tables.drugs.codes)
    counts["fact codes"] = sum(len(codes) for codes in tables.facts.rows.values())
    counts["sites"] = len(tables.sites.sites)
    for (site, _), rows in tables.sites.codes.items():
        for row in rows:
            counts[f"site {site} {row.meaning.kind}"] += 1
    return CheckReport(dict(counts), (*warnings, *_unfinished_sites(tables)))


def _unfinished_sites(tables: Tables) -> Iterator[Defect]:
    mapped: dict[str, set[str]] = {}
    for (site, _), rows in tables.sites.codes.items():
        mapped.setdefault(site, set()).update(row.meaning.analyte for row in rows)
    for site, analytes in mapped.items():
        missing = [name for name in _EXPECTED_OF_A_SITE if name not in analytes]
        if missing:
            message = f"site {site} has local codes and none for {', '.join(missing)}"
            yield Defect("sites.yaml", 0, message, "add them, unless the laboratory sends LOINC for them")
    for site in tables.sites.sites:
        if site != DEFAULT_SITE and site not in mapped:
            yield Defect(
                "sites.yaml",
                0,
                f"site {site} has no local codes",
                "right where it sends LOINC for everything",
            )
