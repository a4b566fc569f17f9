"""mappings/methods.csv: names that laboratories give to a method in OBX-17, and the name that we show."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import Defect
from engine.terminology.csvtable import read_table

_COLUMNS = ("as_sent", "method")


def as_named(text: str) -> str:
    """What is compared: upper and lower case alike, white space as one space."""
    return " ".join(text.casefold().split())


def parse_methods(file: str, text: str, defects: list[Defect]) -> Mapping[str, str]:
    """Read the table; defects are appended."""
    found: dict[str, str] = {}
    for row in read_table(file, text, _COLUMNS, defects):
        sent = as_named(row["as_sent"])
        if not sent or not row["method"]:
            defects.append(Defect(file, row.line, "a cell is empty", "write as_sent and method"))
        if sent in found:
            defects.append(
                Defect(file, row.line, f'"{row["as_sent"]}" stands twice', "remove one of the rows")
            )
        found[sent] = row["method"]
    return found
