"""LOINC: the table of codes that we know, and the check digit of those that we do not.

Source: LOINC Users' Guide, "LOINC code structure": digits, a hyphen, and a mod 10 check digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import Defect
from engine.model.codes import AnalyteDefinition, CodeKind
from engine.terminology.csvtable import read_table

# What feeds write in CWE-3 for LOINC: HL7 table 0396 has LN; the others are seen instead of it.
LOINC_SYSTEMS = frozenset({"ln", "loinc", "lnc", "2.16.840.1.113883.6.1"})

_COLUMNS = ("loinc", "use", "analyte", "name", "name_kind", "method")
_USES = {
    kind.value: kind for kind in (CodeKind.ANALYTE, CodeKind.EXCLUDED, CodeKind.PANEL, CodeKind.NOT_MONITORED)
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a row of a code table says: a kind, and for kind ``analyte`` which one.

    ``unit_when_missing`` is what a site's row supplies for a code that comes without a unit.
    """

    kind: CodeKind
    analyte: str
    title: str
    method: str = ""
    unit_when_missing: str = ""
    line: int = 0
    file: str = ""

    @property
    def place(self) -> str:
        """The row, within the mappings: ``loinc.csv:2``."""
        return f"{self.file}:{self.line}"


def is_loinc_shaped(code: str) -> bool:
    """One to seven ASCII digits, a hyphen, one digit; the check digit may be wrong."""
    return (
        len(code) >= 3
        and code[-2] == "-"
        and len(code) <= 9
        and code.isascii()
        and code[:-2].isdigit()
        and code[-1].isdigit()
    )


def has_right_check_digit(code: str) -> bool:
    """Whether ``code`` is LOINC-shaped and its last digit is the mod 10 check digit of the others.

    From the right, every second digit beginning with the last is doubled and its own digits added up.
    """
    if not is_loinc_shaped(code):
        return False
    total = 0
    for place, digit in enumerate(reversed(code[:-2])):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value if value < 10 else value - 9
    return (10 - total % 10) % 10 == int(code[-1])


def parse_loinc(
    file: str,
    text: str,
    analytes: Mapping[str, AnalyteDefinition],
    defects: list[Defect],
    warnings: list[Defect],
) -> dict[str, Meaning]:
    """Read mappings/loinc.csv: code → meaning. A wrong check digit is a warning: a few old codes have one."""
    table: dict[str, Meaning] = {}
    for row in read_table(file, text, _COLUMNS, defects):
        code, use, analyte = row["loinc"], row["use"], row["analyte"]
        if not is_loinc_shaped(code):
            hint = "digits, hyphen, one digit; a spreadsheet may have made a date of it"
            defects.append(Defect(file, row.line, f'"{code}" is not a LOINC code', hint))
            continue
        if code in table:
            hint = f"first on line {table[code].line}; remove one of the rows"
            defects.append(Defect(file, row.line, f"LOINC {code} stands twice", hint))
            continue
        if not has_right_check_digit(code):
            hint = "compare it with loinc.org; a few withdrawn codes are really so"
            warnings.append(Defect(file, row.line, f"LOINC {code} has a wrong check digit", hint))
        if row["name_kind"] not in ("long", "descriptive"):
            hint = "long: the LOINC long common name, unchanged; descriptive: another text"
            defects.append(Defect(file, row.line, f'unknown name_kind "{row["name_kind"]}"', hint))
        if not row["name"]:
            defects.append(Defect(file, row.line, f"LOINC {code} has no name", "copy its long common name"))
        kind = _USES.get(use)
        if kind is None:
            defects.append(Defect(file, row.line, f'unknown use "{use}"', f"one of {', '.join(_USES)}"))
            continue
        if kind is CodeKind.ANALYTE and analyte not in analytes:
            hint = "use a name of analytes.yaml"
            defects.append(Defect(file, row.line, f'unknown analyte "{analyte}"', hint))
        if kind is not CodeKind.ANALYTE and analyte:
            hint = "leave the analyte empty, or write use analyte"
            defects.append(Defect(file, row.line, f"use {use} with an analyte", hint))
        table[code] = Meaning(kind, analyte, row["name"], row["method"], line=row.line, file=file)
    return table
