"""``azawatch mappings ledger``: what was not understood, and whom it has made the engine blind for."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.shared import ConfigOption, load_settings, print_json, print_table, say, store_of

if TYPE_CHECKING:
    from engine.terminology import Terminology

_COLUMNS = (
    "sender",
    "code",
    "system",
    "unit",
    "kind",
    "text",
    "may_be",
    "first_seen",
    "last_seen",
    "count",
    "patients",
    "blind_days",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class LedgerFormat(StrEnum):
    """How the ledger is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def ledger(
    form: Annotated[LedgerFormat, typer.Option("--format", help="text, json (one object a line) or csv.")] = (
        LedgerFormat.TEXT
    ),
    config: ConfigOption = None,
) -> None:
    """Codes and units that nobody has mapped, by harm: patient-days for which they made the engine blind.

    A patient-day is blind when a patient on therapy had a result under that code, none of that day was
    usable, and so nobody judged it. "may be" is what the name suggests; nothing is mapped by it.
    """
    from engine import app

    settings = load_settings(config)
    terminology = app.knowledge_of(settings).terminology
    rows = [_row(found, terminology) for found in store_of(settings).mapping_ledger()]
    if form is LedgerFormat.JSON:
        print_json(rows)
    elif form is LedgerFormat.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows([_cell(row[name]) for name in _COLUMNS] for row in rows)
    else:
        headings = [name.upper().replace("_", " ") for name in _COLUMNS]
        print_table(headings, [[_shown(name, row[name]) for name in _COLUMNS] for row in rows])
        blind = sum(row["blind_days"] for row in rows)
        say(f"{len(rows)} codes and units, {blind} blind patient-days")


def _row(found: Mapping[str, Any], terminology: Terminology) -> dict[str, Any]:
    read = terminology.names.read(found["text"])
    ruled_out = read.ruled_out or read.elsewhere
    named = sorted(name for name in read.named if name in terminology.analytes and not ruled_out)
    return {name: " ".join(named) if name == "may_be" else found[name] for name in _COLUMNS}


def _shown(name: str, value: object) -> str:
    return str(value)[:10] if name in ("first_seen", "last_seen") else str(value)


def _cell(value: object) -> object:
    """Text of a laboratory as a spreadsheet shows it, never as one that it works out."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
