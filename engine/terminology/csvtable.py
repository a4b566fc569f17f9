"""CSV files as pharmacists and engineers save them, read strictly: every oddity is a defect with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import Defect

_COMMENT = "# "  # with its space: a laboratory may call the neutrophils #NEUT
_SPREADSHEET_NUMBER = re.compile(r"\d(?:[.,]\d+)?E\+\d+")


@dataclass(frozen=True, slots=True)
class Row:
    """One data row: its first line in the file, and its cells by column name without outer spaces."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def read_table(file: str, text: str, columns: tuple[str, ...], defects: list[Defect]) -> Iterator[Row]:
    """Yield the rows of ``text``; defects (header, number of cells, quoting) are appended, not raised.

    The header must name exactly ``columns``, in any order. Empty lines, and those that begin with ``# ``,
    are skipped.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    header: list[str] = []
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells) or cells[0].startswith(_COMMENT):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                if not _header_is_right(file, line, header, columns, defects):
                    return
            elif len(cells) != len(header):
                message = f"{len(cells)} cells where the header has {len(header)}"
                hint = "quote a cell that holds a comma; a row needs a comma for every empty cell"
                defects.append(Defect(file, line, message, hint))
            else:
                row = Row(line, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
                _refuse_spreadsheet_numbers(file, row, defects)
                yield row
    except csv.Error as error:
        defects.append(
            Defect(file, reader.line_num, f"not valid CSV: {error}", 'close the quote; write " as ""')
        )
    if not header:
        defects.append(Defect(file, 1, "the file is empty", f"the header is {','.join(columns)}"))


def _header_is_right(
    file: str, line: int, header: list[str], columns: tuple[str, ...], defects: list[Defect]
) -> bool:
    if sorted(header) == sorted(columns):
        return True
    if len(header) == 1 and ";" in header[0]:
        hint = "the file uses semicolons; save it as comma-separated UTF-8"
        defects.append(Defect(file, line, "the header has one column", hint))
        return False
    missing = [column for column in columns if column not in header]
    extra = [column for column in header if column not in columns]
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"unknown {', '.join(extra)}"] if extra else []
    message = f"the header is wrong: {'; '.join(parts) or 'a column stands twice'}"
    defects.append(Defect(file, line, message, f"it must be {','.join(columns)}"))
    return False


def _refuse_spreadsheet_numbers(file: str, row: Row, defects: list[Defect]) -> None:
    for column, cell in row.cells.items():
        if column == "code" and _SPREADSHEET_NUMBER.fullmatch(cell):
            hint = "a spreadsheet rounded a long code; import the column as text and enter the code again"
            defects.append(Defect(file, row.line, f'"{cell}" is a rounded number, not a code', hint))
