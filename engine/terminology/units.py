"""Units as laboratories write them → canonical UCUM and an exact factor, from mappings/units.csv.

The table decides, not UCUM: ``K/uL`` is kelvin per microlitre in UCUM and thousand per microlitre in every
laboratory. Nothing is understood that has no row for the analyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from engine.errors import Defect
from engine.terminology.analytes import AS_SENT, AnalyteEntry
from engine.terminology.csvtable import Row, read_table

_COLUMNS = ("applies_to", "as_sent", "canonical", "factor", "note")
_FACTOR = re.compile(r"(\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?")

_SAME_CHARACTER = str.maketrans(
    {"µ": "u", "μ": "u", "^": "*", "×": "x", "⋅": ".", "·": ".", "\u2215": "/", "\u2044": "/"}
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SUPERSCRIPT_RUN = re.compile(r"(?<=\d)[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LITRE = re.compile(r"(?<![A-Za-z])([dcmunf]?)l(?![A-Za-z])")
_TIMES_TEN = re.compile(r"^[xX](?=10)")
# U+FFFD and ? stand for a byte that could not be read; Â and Î begin a UTF-8 micro sign read as Latin-1.
_DAMAGED = re.compile("[?\ufffdÂÎ]")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Multiply by ``factor`` to get the canonical ``unit``; ``note`` is the table's, ``line`` its row."""

    unit: str
    factor: Decimal
    note: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class UnitTable:
    """(analyte, unit as sent) → conversion; ``normal`` is the same by normalised unit."""

    exact: Mapping[tuple[str, str], Conversion]
    normal: Mapping[tuple[str, str], Conversion]

    def find(self, analyte: str, unit: str) -> Conversion | None:
        """The conversion of ``unit`` for ``analyte``: as sent first, then normalised; None when unknown."""
        found = self.exact.get((analyte, unit))
        return found if found is not None else self.normal.get((analyte, normalised(unit)))

    def of(self, analyte: str) -> Iterator[tuple[str, Conversion]]:
        """Every unit text listed for ``analyte``."""
        return ((unit, found) for (name, unit), found in self.exact.items() if name == analyte)


@lru_cache(maxsize=4096)
def normalised(unit: str) -> str:
    """``unit`` without differences that cannot change its meaning.

    White space is removed; both micro signs become ``u``; ``^`` and superscript digits after a digit become
    ``*`` and digits, other superscripts plain digits; a leading ``x`` before 10 is dropped; a litre is
    written ``L`` (UCUM has both). Letters keep their case otherwise: ``Mg`` is not ``mg``.
    """
    text = "".join(unit.split()).translate(_SAME_CHARACTER)
    text = _SUPERSCRIPT_RUN.sub(lambda run: "*" + run.group(), text).translate(_SUPERSCRIPTS)
    return _LITRE.sub(r"\1L", _TIMES_TEN.sub("", text))


def damage(unit: str) -> str:
    """What is wrong with a unit that lost a character on its way, or empty: ``?mol/L`` is not ``umol/L``."""
    if _DAMAGED.search(unit):
        return (
            "a character was lost, probably a micro sign: the sender must declare its character set in MSH-18"
        )
    return ""


def parse_factor(text: str) -> Decimal | None:
    """A positive decimal or fraction (``0.06``, ``1/1000``) as an exact Decimal; None when it is neither."""
    match = _FACTOR.fullmatch(text)
    if match is None:
        return None
    numerator, denominator = Decimal(match[1]), Decimal(match[2] or 1)
    if not numerator or not denominator:
        return None
    factor = numerator / denominator
    return factor if factor * denominator == numerator else None


def parse_units(
    file: str, text: str, entries: Mapping[str, AnalyteEntry], defects: list[Defect]
) -> tuple[UnitTable, dict[str, tuple[str, ...]]]:
    """Read units.csv; also returns the canonical units of each analyte, in the order of the file."""
    groups: dict[str, list[str]] = {}
    for entry in entries.values():
        if entry.unit_group:
            groups.setdefault(entry.unit_group, []).append(entry.name)
    table = _Builder(file, defects)
    used = set()
    for row in read_table(file, text, _COLUMNS, defects):
        target = row["applies_to"]
        used.add(target)
        names = [*groups.get(target, []), *([target] if target in entries else [])]
        if not names:
            hint = "use a name or a unit_group of analytes.yaml"
            defects.append(Defect(file, row.line, f'unknown analyte or unit group "{target}"', hint))
        table.add(row, [entries[name] for name in names])
    for entry in entries.values():
        if entry.unit and entry.unit != AS_SENT and entry.unit not in table.canonical.get(entry.name, ()):
            hint = f"add a row with as_sent {entry.unit}, canonical {entry.unit}, factor 1"
            message = f"no row gives {entry.name} its canonical unit {entry.unit}"
            defects.append(Defect(file, 0, message, hint))
    for name, unit in {(name, found.unit) for (name, _), found in table.exact.items()}:
        if unit not in table.canonical.get(name, ()) and entries[name].unit == AS_SENT:
            message = f"{unit} is a canonical unit of {name} without a row of its own"
            defects.append(
                Defect(file, 0, message, f"add a row with as_sent {unit}, canonical {unit}, factor 1")
            )
    canonical = {name: tuple(units) for name, units in table.canonical.items()}
    return UnitTable(table.exact, table.normal), canonical


class _Builder:
    """Adds rows one by one and refuses what contradicts an earlier one."""

    def __init__(self, file: str, defects: list[Defect]) -> None:
        self.file = file
        self.defects = defects
        self.exact: dict[tuple[str, str], Conversion] = {}
        self.normal: dict[tuple[str, str], Conversion] = {}
        self.canonical: dict[str, list[str]] = {}
        self.lines: dict[tuple[str, str], int] = {}

    def add(self, row: Row, entries: list[AnalyteEntry]) -> None:
        """Take one row for every analyte that it applies to."""
        alias, canonical = row["as_sent"], row["canonical"]
        factor = parse_factor(row["factor"])
        if not alias or not canonical:
            self._defect(
                row, "as_sent and canonical must not be empty", "accepts_empty_unit in analytes.yaml"
            )
            return
        if factor is None:
            hint = "a positive number or fraction that is finite as a decimal: 0.06, 17.1, 1/1000"
            self._defect(row, f'the factor "{row["factor"]}" is not exact', hint)
            return
        if alias == canonical and factor != 1:
            self._defect(row, f"{alias} to itself with factor {row['factor']}", "the factor is 1")
        conversion = Conversion(canonical, factor, row["note"], row.line)
        for entry in entries:
            self._add_for(row, alias, conversion, entry)

    def _add_for(self, row: Row, alias: str, conversion: Conversion, entry: AnalyteEntry) -> None:
        name = entry.name
        if entry.unit not in (conversion.unit, AS_SENT):
            message = f"{conversion.unit} is not the unit of {name}, which is {entry.unit}"
            self._defect(row, message, "convert to the canonical unit of analytes.yaml")
            return
        if (name, alias) in self.exact:
            hint = f"first on line {self.lines[name, alias]}; remove one of the rows"
            self._defect(row, f"{alias} stands twice for {name}", hint)
            return
        key = (name, normalised(alias))
        known = self.normal.get(key)
        if known is not None and (known.unit, known.factor) != (conversion.unit, conversion.factor):
            message = f"{alias} means two things for {name}: line {self.lines[key]} says {known.unit}"
            self._defect(row, message, "the two texts differ only in what reading a unit ignores")
            return
        self.exact[name, alias] = conversion
        self.normal.setdefault(key, conversion)
        self.lines[name, alias] = row.line
        self.lines.setdefault(key, row.line)
        if alias == conversion.unit:
            self.canonical.setdefault(name, []).append(alias)

    def _defect(self, row: Row, message: str, hint: str) -> None:
        self.defects.append(Defect(self.file, row.line, message, hint))
