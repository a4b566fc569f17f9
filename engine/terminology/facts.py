"""What coded answers, diagnoses and allergies say about a patient: mappings/facts.csv and the files of sites.

Exact codes, and of ICD-10 also the beginning of one (``K74*``): of several rows that fit, those with the
longest code speak. A name never identifies anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.errors import Defect
from engine.model.codes import Coding
from engine.model.facts import FACT_VALUES
from engine.terminology.csvtable import Row, read_table
from engine.terminology.loinc import LOINC_SYSTEMS

OBX, DG1, AL1 = "OBX", "DG1", "AL1"

_COLUMNS = ("place", "question_system", "question", "system", "code", "fact", "value", "name", "source")
_PLACES = (OBX, DG1, AL1)
_IGNORE = "ignore"
_ANY = "*"
_LOINC, _SNOMED, _ICD10, _YES_NO, _DRUG = "loinc", "snomed", "icd10", "yes-no", "drug"
_LOCAL = "local"  # how a site's file is asked, whatever label the site gives its own codes

# What stands in CWE-3, and in DG1-2, → the system of our table (HL7 table 0396 and what is seen instead).
_SYSTEMS = {
    **dict.fromkeys(LOINC_SYSTEMS, _LOINC),
    **dict.fromkeys(("sct", "sct2", "snomed", "snomed-ct", "snomedct", "2.16.840.1.113883.6.96"), _SNOMED),
    **dict.fromkeys(
        (
            *("i10", "icd10", "icd-10", "i10c", "icd10cm", "icd-10-cm", "icd10gm", "icd-10-gm", "icd10am"),
            *("2.16.840.1.113883.6.3", "2.16.840.1.113883.6.90"),
        ),
        _ICD10,
    ),
    **dict.fromkeys(("hl70136", "yes-no"), _YES_NO),
}
_KNOWN = (_LOINC, _SNOMED, _ICD10, _YES_NO)


@dataclass(frozen=True, slots=True)
class Statement:
    """One fact that a code says, and the name of the code in our table."""

    fact: str
    value: str
    name: str


_Where = tuple[str, str, str]  # place, then system and code of the question; both empty beside OBX
_Codes = dict[tuple[str, str], list[Statement]]  # (system, code or beginning with a star)


@dataclass(slots=True)
class FactTable:
    """Places and questions → codes → statements. An empty list of statements: known, and of no interest."""

    rows: dict[_Where, _Codes] = field(default_factory=dict)
    as_diagnosis: set[_Where] = field(default_factory=set)

    def question(self, codings: Iterable[Coding], site_name: str) -> Coding | None:
        """The triplet of an OBX-3 that is a question we know."""
        return next((coding for coding in codings if self._asked(coding, site_name) is not None), None)

    def facts_of(self, question: Coding, site_name: str) -> tuple[str, ...]:
        """All facts that an answer to this question can tell of."""
        where = self._asked(question, site_name)
        if where is None:
            return ()
        codes = self._codes(where)
        return tuple(sorted({said.fact for statements in codes.values() for said in statements}))

    def answer(
        self, question: Coding, codings: Iterable[Coding], site_name: str
    ) -> tuple[Statement, ...] | None:
        """What the first triplet says that is an answer we know; None where none is.

        An answer without coding system is looked for in every system that the question's answers have.
        """
        where = self._asked(question, site_name)
        if where is None:
            return None
        if where in self.as_diagnosis:  # begins like a chapter of ICD-10, and may be anything
            codings = [coding for coding in codings if coding.system.strip()]
        return _first(self._codes(where), codings, site_name)

    def diagnosis(self, codings: Iterable[Coding], site_name: str) -> tuple[Statement, ...] | None:
        """What a DG1-3 says; None where no triplet is in the table."""
        sent = tuple(codings)
        local = _first(self.rows.get((DG1, _local(site_name), ""), {}), sent, site_name)
        return local if local is not None else _first(self.rows.get((DG1, "", ""), {}), sent, site_name)

    def allergy(self, codings: Iterable[Coding], site_name: str, drug: str) -> tuple[Statement, ...] | None:
        """What an AL1-3 says; ``drug`` is what the table of drugs makes of it."""
        sent = (*codings, *([Coding(drug, "", _DRUG)] if drug else []))
        local = _first(self.rows.get((AL1, _local(site_name), ""), {}), sent, site_name)
        return local if local is not None else _first(self.rows.get((AL1, "", ""), {}), sent, site_name)

    def mentioning(self, asked: str) -> Iterator[tuple[str, str]]:
        """Where a code stands in the tables, as question, answer, diagnosis or allergy, and what it says."""
        for (place, _, question), codes in self.rows.items():
            if asked and asked == question:
                yield (
                    f"{place} question",
                    ", ".join(sorted({s.fact for said in codes.values() for s in said})),
                )
            for (system, _), said in codes.items():
                if _find(codes, system, asked) == tuple(said):
                    facts = ", ".join(f"{one.fact}={one.value}" for one in said) or "of no interest"
                    yield f"{place} {question} {system}".replace("  ", " "), facts

    def _asked(self, coding: Coding, site_name: str) -> _Where | None:
        code = coding.code.strip()
        system = _system(coding.system)
        # a code of the site, else one of a public system; without a system a LOINC is one all the same
        for name in (_local(site_name), system if coding.system.strip() else _LOINC):
            where = (OBX, name, code)
            if where in self.rows or where in self.as_diagnosis:
                return where
        return None

    def _codes(self, where: _Where) -> Mapping[tuple[str, str], list[Statement]]:
        if where in self.as_diagnosis:
            return self.rows.get((DG1, "", ""), {})
        return self.rows[where]


def _first(
    codes: Mapping[tuple[str, str], list[Statement]], codings: Iterable[Coding], site_name: str
) -> tuple[Statement, ...] | None:
    own = _local(site_name)
    systems = sorted({s for s, _ in codes if s == own or not s.startswith(_LOCAL)})
    for coding in codings:
        label = coding.system.strip()
        asked = (own, _system(label)) if label else systems
        for system in asked:
            found = _find(codes, system, coding.code.strip())
            if found is not None:
                return found
    return None


def _find(
    codes: Mapping[tuple[str, str], list[Statement]], system: str, code: str
) -> tuple[Statement, ...] | None:
    """Exact, else by the longest beginning that the table has."""
    if not code:
        return None
    normal = _normal(system, code)
    exact = codes.get((system, normal))
    if exact is not None:
        return tuple(exact)
    for length in range(len(normal), 0, -1):
        begun = codes.get((system, normal[:length] + _ANY))
        if begun is not None:
            return tuple(begun)
    return None


def _system(label: str) -> str:
    text = label.strip().casefold()
    return text if text == _DRUG else _SYSTEMS.get(text, "")


def _local(site_name: str) -> str:
    return f"{_LOCAL}:{site_name}"


def _normal(system: str, code: str) -> str:
    """ICD-10 with and without its point, and in small letters, is one code."""
    return code.replace(".", "").upper() if system == _ICD10 else code


def is_known_system(label: str) -> bool:
    """Whether a coding system is one whose codes we would know if they mattered."""
    return _system(label) in _KNOWN


def parse_facts(file: str, text: str, table: FactTable, defects: list[Defect], site_name: str = "") -> None:
    """Read facts.csv, or with ``site_name`` the file of a site, whose own codes have an empty system."""
    seen: dict[tuple[str, ...], int] = {}
    for row in read_table(file, text, _COLUMNS, defects):
        problems = list(_problems(row, site_name))
        defects.extend(Defect(file, row.line, message, hint) for message, hint in problems)
        key = tuple(row[column] for column in _COLUMNS[:6])
        if key in seen:
            hint = f"first on line {seen[key]}; remove one of the rows"
            defects.append(Defect(file, row.line, f'{row["place"]} code "{row["code"]}" stands twice', hint))
        elif not problems:
            _add(table, row, site_name)
        seen.setdefault(key, row.line)


def _add(table: FactTable, row: Row, site_name: str) -> None:
    own = _local(site_name) if site_name else ""
    where = (row["place"], row["question_system"] or own, row["question"])
    if row["system"] == DG1:
        table.as_diagnosis.add(where)
        return
    system = row["system"] or own
    said = table.rows.setdefault(where, {}).setdefault((system, _normal(system, row["code"])), [])
    if row["fact"] != _IGNORE:
        said.append(Statement(row["fact"], row["value"], row["name"]))


def _problems(row: Row, site_name: str) -> Iterator[tuple[str, str]]:
    place, system, code = row["place"], row["system"], row["code"]
    if place not in _PLACES:
        yield f'unknown place "{place}"', f"one of {', '.join(_PLACES)}"
        return
    if not row["name"]:
        yield f'code "{code}" has no name', "the name of the code, so that people can check the row"
    if place == OBX and not row["question"]:
        yield "an OBX row without a question", "write what stands in OBX-3"
    if place != OBX and (row["question"] or row["question_system"]):
        yield f"a {place} row with a question", "only OBX has questions; leave both columns empty"
    systems = (*_KNOWN, *((_DRUG,) if place == AL1 else ()))
    own = "or nothing for the site's own codes" if site_name else "a site's own codes stand in its own file"
    for column, allowed in (("question_system", _KNOWN), ("system", systems)):
        named = row[column]
        needed = column == "system" or place == OBX
        if named == DG1 and column == "system" and place == OBX:
            continue
        if (named or (needed and not site_name)) and named not in allowed:
            yield f'unknown {column} "{named}"', f"one of {', '.join(allowed)}; {own}"
    if system == DG1:
        if code or row["fact"]:
            yield "a question answered by diagnoses has a code or a fact", "leave code, fact and value empty"
        return
    if not code:
        yield "the row has no code", "remove the row or add the code"
    if _ANY in code and (system != _ICD10 or code.rstrip(_ANY).count(_ANY) or len(code) < 2):
        yield f'"{code}" is not a code', "a star ends the beginning of an ICD-10 code, such as K74*"
    yield from _fact_problems(row)


def _fact_problems(row: Row) -> Iterator[tuple[str, str]]:
    fact, value = row["fact"], row["value"]
    if fact == _IGNORE:
        if value:
            yield "an ignored code with a value", "leave the value empty"
    elif fact not in FACT_VALUES:
        yield f'unknown fact "{fact}"', f"one of {', '.join(sorted(FACT_VALUES))}, {_IGNORE}"
    elif value not in FACT_VALUES[fact]:
        yield f'"{value}" is not a value of {fact}', f"one of {', '.join(FACT_VALUES[fact])}"
