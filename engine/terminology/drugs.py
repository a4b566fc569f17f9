"""Drug codes → the drugs that matter to a patient on a thiopurine, by exact code only.

Azathioprine and azithromycin are two letters apart, and public tables have confused their codes: a name never
identifies a drug here. Coding systems are those of HL7 table 0396.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.errors import Defect
from engine.model.codes import Coding, DrugMatch
from engine.model.facts import OTHER_DRUGS
from engine.terminology.csvtable import Row, read_table

_COLUMNS = ("system", "code", "drug", "strength_mg", "name")
_STRENGTH = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"\w+")
_TEXT = "text"
_LOCAL = "local:"

# What stands in CWE-3 → the system of our table.
_SYSTEMS = {
    "rxnorm": "rxnorm",
    "rxn": "rxnorm",
    "2.16.840.1.113883.6.88": "rxnorm",
    "wc": "atc",  # table 0396: WHO ATC
    "atc": "atc",  # table 0396: American Type Culture Collection, which has no drugs
    "sct": "snomed",
    "sct2": "snomed",
    "dmd": "snomed",  # UK dm+d products have SNOMED CT identifiers
    "dm+d": "snomed",
    "ndc": "ndc",
}
_DRUGS = ("azathioprine", "mercaptopurine", "tioguanine", *OTHER_DRUGS)
_CONFUSABLE = {
    "azathioprine": ("azithromycin", "azithromycine", "zithromax"),
    # public tables have given prednisone's code to it
    "prednisolone": ("methylprednisolone", "methylprednisolon"),
}


@dataclass(frozen=True, slots=True)
class DrugRow:
    """One row of drugs.csv."""

    drug: str
    strength_mg: Decimal | None
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class DrugTable:
    """(system, code) → drug, and words that suggest one."""

    codes: Mapping[tuple[str, str], DrugRow]
    words: Mapping[str, str]

    def match(self, codings: Iterable[Coding]) -> DrugMatch | None:
        """The drug that the triplets of a give code name, or None.

        Where triplets name different drugs the first in the order of our list is taken, thiopurines first
        (watching one patient too many is the safer mistake), and the warning says so. The strength is that
        of the codes that have one, and unknown where they differ.
        """
        sent = tuple(codings)
        found = [(coding, row) for coding in sent if (row := self._row(coding)) is not None]
        if not found:
            return None
        warnings = []
        drugs = sorted({row.drug for _, row in found}, key=_DRUGS.index)
        if len(drugs) > 1:
            warnings.append(f"codes name different drugs: {', '.join(drugs)}")
        drug = drugs[0]
        coding = next(coding for coding, row in found if row.drug == drug)
        if any(coding.system.strip().casefold() == "atc" for coding, _ in found):
            warnings.append("coding system ATC read as WHO ATC; HL7 table 0396 names it WC")
        words = set(_WORD.findall(" ".join(item.text for item in sent).casefold()))
        if words.intersection(_CONFUSABLE.get(drug, ())):
            warnings.append(f"the code says {drug}, the text names a drug that is spelt alike")
        strengths = {row.strength_mg for _, row in found if row.drug == drug and row.strength_mg is not None}
        if len(strengths) > 1:
            warnings.append("codes name different strengths")
        strength = strengths.pop() if len(strengths) == 1 else None
        return DrugMatch(drug, strength, coding.code, coding.system, "; ".join(warnings))

    def _row(self, coding: Coding) -> DrugRow | None:
        label, code = coding.system.strip().casefold(), coding.code.strip()
        system = _SYSTEMS.get(label)
        if system is None:
            return self.codes.get((_LOCAL + label, code)) if label else None
        return self.codes.get((system, normalised_ndc(code) if system == "ndc" else code))

    def suggest(self, text: str) -> str:
        """The drug whose name or brand stands in ``text`` as a word, or empty: for a person to confirm."""
        return next((self.words[word] for word in _WORD.findall(text.casefold()) if word in self.words), "")


def normalised_ndc(code: str) -> str:
    """Labeler and product of a hyphenated NDC as 5-4 digits, without the package; empty when not hyphenated.

    10-digit codes come as 4-4-2, 5-3-2 or 5-4-1, 11-digit ones as 5-4-2; only the hyphens tell which zero
    was left out, so a code without them is not guessed at (21 CFR 207.33).
    """
    parts = code.split("-")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() for part in parts):
        return ""
    if len(parts[0]) > 5 or len(parts[1]) > 4:
        return ""
    return f"{parts[0]:0>5}-{parts[1]:0>4}"


def parse_drugs(file: str, text: str, defects: list[Defect]) -> DrugTable:
    """Read drugs.csv; defects are appended."""
    codes: dict[tuple[str, str], DrugRow] = {}
    words: dict[str, str] = {}
    for row in read_table(file, text, _COLUMNS, defects):
        drug, code = row["drug"], row["code"]
        if drug not in _DRUGS:
            defects.append(Defect(file, row.line, f'unknown drug "{drug}"', f"one of {', '.join(_DRUGS)}"))
            continue
        if row["system"] == _TEXT:
            words[code.casefold()] = drug
            continue
        key = _key(file, row, defects)
        if key in codes:
            hint = f"first on line {codes[key].line}; remove one of the rows"
            defects.append(Defect(file, row.line, f'{row["system"]} code "{code}" stands twice', hint))
            continue
        codes[key] = DrugRow(drug, _strength(file, row, defects), row["name"], row.line)
    return DrugTable(codes, words)


def _key(file: str, row: Row, defects: list[Defect]) -> tuple[str, str]:
    system, code = row["system"], row["code"]
    if system not in _SYSTEMS.values() and not (system.startswith(_LOCAL) and system != _LOCAL):
        known = ", ".join(sorted(set(_SYSTEMS.values())))
        hint = f"one of {known}, {_TEXT}, or {_LOCAL}LABEL as sent in the message"
        defects.append(Defect(file, row.line, f'unknown system "{system}"', hint))
    if not code:
        defects.append(Defect(file, row.line, "the row has no code", "remove the row or add the code"))
    if system == "ndc":
        normal = normalised_ndc(code)
        if code and not normal:
            hint = "write labeler-product or labeler-product-package with the hyphens"
            defects.append(Defect(file, row.line, f'"{code}" is not a hyphenated NDC', hint))
        return system, normal
    return (system.casefold() if system.startswith(_LOCAL) else system), code


def _strength(file: str, row: Row, defects: list[Defect]) -> Decimal | None:
    text = row["strength_mg"]
    if not text:
        return None
    if not _STRENGTH.fullmatch(text) or not Decimal(text):
        hint = "mg of drug in one tablet, capsule or vial, or nothing"
        defects.append(Defect(file, row.line, f'the strength "{text}" is not a number of mg', hint))
        return None
    return Decimal(text)
