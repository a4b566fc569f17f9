"""mappings/reference_ranges.csv: ranges to assume where a laboratory sends none. Off unless a site asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from engine.errors import Defect
from engine.model.codes import AnalyteDefinition
from engine.model.quantity import ReferenceRange
from engine.terminology.csvtable import Row, read_table

_COLUMNS = ("analyte", "sex", "low", "high", "unit", "source")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class AssumedRange(NamedTuple):
    """A published range and the canonical unit that it is in."""

    range: ReferenceRange
    unit: str


def parse_ranges(
    file: str, text: str, analytes: Mapping[str, AnalyteDefinition], defects: list[Defect]
) -> dict[tuple[str, str], AssumedRange]:
    """Read the table: (analyte, sex) → range in the canonical unit; sex is ``M``, ``F`` or empty for all.

    The text of every range names its source.
    """
    found: dict[tuple[str, str], AssumedRange] = {}
    lines: dict[tuple[str, str], int] = {}
    for row in read_table(file, text, _COLUMNS, defects):
        key = (row["analyte"], row["sex"])
        definition = analytes.get(row["analyte"])
        if definition is None:
            hint = "use a name of analytes.yaml"
            defects.append(Defect(file, row.line, f'unknown analyte "{row["analyte"]}"', hint))
        elif row["unit"] not in definition.units:
            message = f"{row['unit'] or 'no unit'} is not the canonical unit of {row['analyte']}"
            defects.append(Defect(file, row.line, message, f"convert to {' or '.join(definition.units)}"))
        if row["sex"] not in ("", "M", "F"):
            defects.append(Defect(file, row.line, f'unknown sex "{row["sex"]}"', "M, F, or empty for all"))
        if not row["source"]:
            defects.append(Defect(file, row.line, "the range has no source", "say where it was published"))
        if key in lines:
            hint = f"first on line {lines[key]}; remove one of the rows"
            defects.append(Defect(file, row.line, f"{row['analyte']} stands twice for this sex", hint))
        lines.setdefault(key, row.line)
        low, high = (_limit(file, row, column, defects) for column in ("low", "high"))
        if low is None and high is None:
            defects.append(Defect(file, row.line, "the range has no limit", "give low, high or both"))
        elif low is not None and high is not None and low >= high:
            defects.append(Defect(file, row.line, "low is not below high", "exchange them"))
        shown = (
            f"{row['low']}-{row['high']}"
            if row["low"] and row["high"]
            else f"<{row['high']}"
            if row["high"]
            else f">{row['low']}"
        )
        limits = ReferenceRange(low, high, f"{shown}, {row['source']}", assumed=True)
        found[key] = AssumedRange(limits, row["unit"])
    return found


def _limit(file: str, row: Row, column: str, defects: list[Defect]) -> Decimal | None:
    text = row[column]
    if text and not _NUMBER.fullmatch(text):
        defects.append(Defect(file, row.line, f'{column} is "{text}"', "write a plain number"))
        return None
    return Decimal(text) if text else None
