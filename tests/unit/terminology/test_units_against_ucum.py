"""The factors of units.csv proved by an independent UCUM library, and the exceptions listed one by one."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator

import pytest
from pint import Quantity
from ucumvert import PintUcumRegistry

from tests.unit.terminology.tables import files

# A mass is not an amount of substance: the factor is a molar mass, with its source in the note.
_MOLAR = {
    ("bilirubins", "mg/dL"),
    ("creatinine", "mg/dL"),
    ("haemoglobin", "mmol/L"),
}
# What UCUM reads in these is not what laboratories mean by them.
_READ_DIFFERENTLY = {
    ("enzyme", "u/L"),  # atomic mass unit
    ("enzyme", "[IU]/L"),  # arbitrary unit: UCUM converts none of them
    ("enzyme", "[iU]/L"),
    ("cell-count", "G/L"),  # gauss
    ("cell-count", "K/uL"),  # kelvin
    ("cell-count", "K/mm3"),
    ("cell-count", "109/L"),  # a hundred and nine
    ("cell-count", "103/uL"),
    ("cell-count", "103/mm3"),
    ("bilirubins", "mg%"),  # milligram times a hundredth
    ("creatinine", "mg%"),
    ("albumin", "g%"),
    ("haemoglobin", "g%"),
    ("filtration-rate", "mL/min/1.73"),  # 1 . 73
    ("filtration-rate", "mL/min/1.73.m2"),
    ("metabolite", "pmol/8.10*8{RBC}"),  # (pmol/8) . 10*8
    ("thiopurine-enzyme", "mu/L"),
}


@pytest.fixture(scope="module")
def registry() -> PintUcumRegistry:
    return PintUcumRegistry()


def _rows() -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(files()["units.csv"].splitlines()))


def _read(registry: PintUcumRegistry, unit: str) -> Quantity[float] | None:
    """``unit`` as a quantity in base units, or None when it is no UCUM."""
    if re.fullmatch(r"\{[^}]*\}", unit):  # an annotation alone is the unity; ucumvert stumbles over it
        unit = "1"
    try:
        quantity: Quantity[float] = registry.from_ucum(unit).to_base_units()
    except Exception:  # noqa: BLE001 - it raises whatever its parser raises
        return None
    return quantity


def _ratio(registry: PintUcumRegistry, row: dict[str, str]) -> float | None:
    """How many canonical units one unit as sent is according to UCUM; None when they are not comparable."""
    sent, canonical = _read(registry, row["as_sent"]), _read(registry, row["canonical"])
    if sent is None or canonical is None or sent.dimensionality != canonical.dimensionality:
        return None
    return float(sent.magnitude / canonical.magnitude)


def test_canonical_units_are_ucum(registry: PintUcumRegistry) -> None:
    """Alerts carry the canonical unit with the coding system UCUM."""
    unreadable = {row["canonical"] for row in _rows() if _read(registry, row["canonical"]) is None}

    assert not unreadable


def test_every_factor_of_a_ucum_unit_is_what_ucum_says(registry: PintUcumRegistry) -> None:
    """A wrong power of ten in the table would change every alert of a laboratory."""
    wrong = set()
    for row in _rows():
        if _read(registry, row["as_sent"]) is None:
            continue
        ratio = _ratio(registry, row)
        if ratio is None or not math.isclose(ratio, float(row["factor"]), rel_tol=1e-9):
            wrong.add((row["applies_to"], row["as_sent"]))

    assert _MOLAR | _READ_DIFFERENTLY == wrong


def test_every_factor_is_proved_by_some_ucum_unit(registry: PintUcumRegistry) -> None:
    """A spelling that is no UCUM (cells/uL) only repeats the factor of one that is (/uL)."""
    proved = {
        (row["applies_to"], row["canonical"], row["factor"])
        for row in _rows()
        if (row["applies_to"], row["as_sent"]) in _MOLAR
        or (
            (row["applies_to"], row["as_sent"]) not in _READ_DIFFERENTLY
            and _read(registry, row["as_sent"]) is not None
        )
    }

    assert {(row["applies_to"], row["canonical"], row["factor"]) for row in _rows()} == proved


def test_a_different_reading_is_explained_in_the_table() -> None:
    """Whoever edits the table sees why UCUM was overruled."""
    silent = {
        (row["applies_to"], row["as_sent"])
        for row in _rows()
        if (row["applies_to"], row["as_sent"]) in _MOLAR | _READ_DIFFERENTLY and not row["note"]
    }

    assert not silent
