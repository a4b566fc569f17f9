"""Files of tests/rules/bad: one or more rule files with one defect, and the defects that must be reported.

A line ``# file: PATH`` begins a file; ``# expect: DEFECT`` is a defect word for word, with the line of the
bad file itself. ``# without cases`` leaves out the cases that every rule but an invariant otherwise gets.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from engine.errors import ConfigError, Defect
from engine.model.codes import AnalyteDefinition, AnalyteKind
from engine.rulebook import parse_rulebook
from engine.rulebook.check import rule_files

ROOT = Path(__file__).parents[3]
BAD = ROOT / "tests" / "rules" / "bad"
_FILE = "# file: "
_EXPECT = "# expect: "
_PROOFS = {"alt": "liver", "ast": "liver", "wbc": "blood"}


def _analyte(name: str, title: str, *units: str) -> AnalyteDefinition:
    kind = AnalyteKind.QUANTITY if units else AnalyteKind.CODED
    unit = units[0] if len(units) == 1 else ""
    panel = _PROOFS.get(name, "")
    return AnalyteDefinition(
        name, title, unit, kind, panel, units, Decimal(0), Decimal(9999), proves_panel=bool(panel)
    )


ANALYTES = {
    each.name: each
    for each in (
        _analyte("alt", "ALT", "U/L"),
        replace(_analyte("ast", "AST", "U/L"), spoiled_by=("haemolysed",)),
        _analyte("alp", "ALP", "U/L"),
        _analyte("bilirubin", "Bilirubin", "umol/L"),
        _analyte("albumin", "Albumin", "g/L"),
        _analyte("creatinine", "Creatinine", "umol/L"),
        _analyte("inr", "INR", "{INR}"),
        _analyte("wbc", "WBC", "10*9/L"),
        _analyte("platelets", "Platelets", "10*9/L"),
        _analyte("tpmt_activity", "TPMT activity", "mU/L", "nmol/h/g{Hb}"),
        _analyte("tpmt_phenotype", "TPMT phenotype"),
    )
}


def sources_text() -> str:
    """The list of sources of the checkout."""
    return (ROOT / "docs" / "sources.md").read_text("utf-8")


def split(text: str) -> dict[str, str]:
    """The rule files inside a bad file; each keeps its line numbers by a run of empty lines before it."""
    files: dict[str, str] = {}
    path = ""
    for number, line in enumerate(text.splitlines()):
        if line.startswith(_FILE):
            path = line.removeprefix(_FILE)
            files[path] = "\n" * (number + 1)
        elif path and not line.startswith("# without cases"):
            files[path] += f"{line}\n"
    if "# without cases" not in text:
        for rule in [file for file in rule_files(files) if "\nkind: invariant\n" not in files[file]]:
            files[rule.removesuffix(".yaml") + "_test.yaml"] = ""
    return files


def defects_of(text: str) -> tuple[Defect, ...]:
    """What parse_rulebook says about the files inside a bad file."""
    try:
        parse_rulebook(split(text), ANALYTES, sources_text())
    except ConfigError as error:
        return error.defects
    return ()


def expected_of(text: str) -> tuple[str, ...]:
    """The defects that the bad file announces."""
    return tuple(line.removeprefix(_EXPECT) for line in text.splitlines() if line.startswith(_EXPECT))
