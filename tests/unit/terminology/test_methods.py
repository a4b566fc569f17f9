"""mappings/methods.csv: what its mistakes are called."""

from __future__ import annotations

import pytest

from tests.unit.terminology.tables import defects, lines


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("With P5P,", "methods.csv:3: a cell is empty"),
        (",With P-5'-P", "methods.csv:3: a cell is empty"),
        ("p5p,No addition of P-5'-P", 'methods.csv:3: "p5p" stands twice'),
    ],
)
def test_every_mistake_is_named(row: str, message: str) -> None:
    """A method under the wrong name would compare what cannot be compared."""
    (defect,) = defects(methods_csv=lines("as_sent,method", "P5P,With P-5'-P", row))

    assert defect.startswith(message)
