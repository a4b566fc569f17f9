"""mappings/analytes.yaml: what is measured, in which unit, and which values are not believed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from engine.errors import ConfigError, Defect
from engine.model.codes import AnalyteKind
from engine.strictyaml import Reader, Table, load

AS_SENT = "as-sent"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_PANELS = ("liver", "blood", "coagulation", "kidney", "immunology", "pancreas", "thiopurine", "other")
_KEYS = (
    "title",
    "panel",
    "kind",
    "unit",
    "unit_group",
    "plausible",
    "accepts_empty_unit",
    "contradicted_by",
    "proves_panel",
    "range_needed_above",
)


@dataclass(frozen=True, slots=True)
class AnalyteEntry:
    """One analyte as written; units.csv adds its canonical units."""

    name: str
    title: str
    panel: str
    kind: AnalyteKind
    unit: str
    unit_group: str
    low: Decimal | None
    high: Decimal | None
    accepts_empty_unit: bool
    contradicted_by: tuple[str, ...]
    proves_panel: bool
    range_needed_above: Decimal | None
    line: int


def parse_analytes(file: str, text: str, defects: list[Defect]) -> dict[str, AnalyteEntry]:
    """Read analytes.yaml; defects are appended, and what could be read is returned."""
    reader = Reader(file)
    try:
        root = reader.table(load(text, file), "analytes.yaml")
    except ConfigError as error:
        defects.extend(error.defects)
        return {}
    entries = {}
    for name, node in root.entries.items():
        if not _NAME.fullmatch(name):
            reader.defect(
                root.line_of(name), f'"{name}" is not an analyte name', "lower case, digits, underscore"
            )
        what = f"analyte {name}"
        entries[name] = _entry(name, reader.table(node, what), root.line_of(name), reader, what)
    for entry in entries.values():
        if entry.unit_group in entries:
            message = f"the unit group {entry.unit_group} has the name of an analyte"
            reader.defect(entry.line, message, "rows of units.csv could mean either; rename the group")
    defects.extend(reader.defects)
    return entries


def _entry(name: str, table: Table, line: int, reader: Reader, what: str) -> AnalyteEntry:
    reader.only_keys(table, _KEYS, what)
    kind = reader.text(table, "kind", what, required=True)
    if kind and kind not in tuple(AnalyteKind):
        reader.defect(table.line_of("kind"), f'unknown kind "{kind}" of {what}', "quantity or coded")
    panel = reader.text(table, "panel", what, required=True)
    if panel and panel not in _PANELS:
        reader.defect(
            table.line_of("panel"), f'unknown panel "{panel}" of {what}', f"one of {', '.join(_PANELS)}"
        )
    coded = kind == AnalyteKind.CODED
    if coded:
        for key in ("unit", "unit_group", "plausible", "accepts_empty_unit", "range_needed_above"):
            if key in table.entries:
                reader.defect(table.line_of(key), f"{what} is coded and has {key}", f"remove {key}")
    low, high = (None, None) if coded else _bounds(table, reader, what)
    return AnalyteEntry(
        name=name,
        title=reader.text(table, "title", what, required=True),
        panel=panel,
        kind=AnalyteKind.CODED if coded else AnalyteKind.QUANTITY,
        unit="" if coded else reader.text(table, "unit", what, required=True),
        unit_group="" if coded else reader.text(table, "unit_group", what),
        low=low,
        high=high,
        accepts_empty_unit=reader.boolean(table, "accepts_empty_unit", what, default=False),
        contradicted_by=tuple(word.text.casefold() for word in reader.texts(table, "contradicted_by", what)),
        proves_panel=reader.boolean(table, "proves_panel", what, default=False),
        range_needed_above=_range_needed_above(table, reader, what),
        line=line,
    )


def _bounds(table: Table, reader: Reader, what: str) -> tuple[Decimal | None, Decimal | None]:
    node = table.entries.get("plausible")
    if node is None:
        reader.defect(table.line, f'{what} has no "plausible"', "add plausible: {low: 0, high: ...}")
        return None, None
    bounds = reader.table(node, f"plausible of {what}")
    reader.only_keys(bounds, ("low", "high"), f"plausible of {what}")
    low = _number(bounds, "low", reader, what)
    high = _number(bounds, "high", reader, what)
    if low is not None and high is not None and low >= high:
        reader.defect(bounds.line, f"plausible of {what}: low is not below high", "exchange them")
    return low, high


def _range_needed_above(table: Table, reader: Reader, what: str) -> Decimal | None:
    if "range_needed_above" not in table.entries:
        return None
    text = reader.text(table, "range_needed_above", what)
    if not _NUMBER.fullmatch(text):
        line = table.line_of("range_needed_above")
        reader.defect(line, f'range_needed_above of {what} is "{text}"', "write a plain number")
        return None
    return Decimal(text)


def _number(bounds: Table, key: str, reader: Reader, what: str) -> Decimal | None:
    text = reader.text(bounds, key, f"plausible of {what}", required=True)
    if not _NUMBER.fullmatch(text):
        reader.defect(bounds.line_of(key), f'plausible {key} of {what} is "{text}"', "write a plain number")
        return None
    return Decimal(text)
