"""What is measured in people, and how much of it well people have.

Rates and shapes are our own choice, round numbers of the size that laboratories print.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing that laboratories measure, in the unit of mappings/analytes.yaml.

    ``typical`` is the middle of well people, ``between`` and ``within`` the logarithmic standard
    deviations between people and from draw to draw; ``low`` and ``high`` are the usual printed range.
    """

    loinc: str
    name: str
    typical: float
    between: float
    within: float
    decimals: int
    unit: str
    low: float
    high: float


LIVER: Mapping[str, Measured] = {
    "alt": Measured(
        "1742-6",
        "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        *(22, 0.28, 0.18, 0, "U/L", 10, 40),
    ),
    "ast": Measured(
        "1920-8",
        "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        *(22, 0.20, 0.12, 0, "U/L", 10, 40),
    ),
    "alp": Measured(
        "6768-6",
        "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma",
        *(75, 0.20, 0.06, 0, "U/L", 42, 141),
    ),
    "ggt": Measured(
        "2324-2",
        "Gamma glutamyl transferase [Enzymatic activity/volume] in Serum or Plasma",
        *(24, 0.35, 0.12, 0, "U/L", 8, 60),
    ),
    "bilirubin": Measured(
        "14631-6",
        "Bilirubin.total [Moles/volume] in Serum or Plasma",
        *(8, 0.30, 0.20, 0, "umol/L", 3, 17),
    ),
    "direct_bilirubin": Measured(
        "14629-0",
        "Bilirubin.direct [Moles/volume] in Serum or Plasma",
        *(2.4, 0.30, 0.20, 1, "umol/L", 0, 5),
    ),
    "albumin": Measured(
        "1751-7", "Albumin [Mass/volume] in Serum or Plasma", *(42, 0.05, 0.03, 0, "g/L", 35, 50)
    ),
}
BLOOD: Mapping[str, Measured] = {
    "wbc": Measured(
        "6690-2", "Leukocytes [#/volume] in Blood by Automated count", *(6.5, 0.20, 0.11, 1, "10*9/L", 4, 11)
    ),
    "neutrophils": Measured(
        "751-8",
        "Neutrophils [#/volume] in Blood by Automated count",
        *(3.8, 0.24, 0.16, 1, "10*9/L", 1.8, 7.5),
    ),
    "platelets": Measured(
        "777-3",
        "Platelets [#/volume] in Blood by Automated count",
        *(260, 0.18, 0.08, 0, "10*9/L", 150, 400),
    ),
    "haemoglobin": Measured(
        "718-7", "Hemoglobin [Mass/volume] in Blood", *(138, 0.07, 0.03, 0, "g/L", 115, 165)
    ),
    "mcv": Measured("787-2", "MCV [Entitic volume] by Automated count", *(91, 0.04, 0.01, 0, "fL", 80, 100)),
}
KIDNEY: Mapping[str, Measured] = {
    "creatinine": Measured(
        "14682-9",
        "Creatinine [Moles/volume] in Serum or Plasma",
        *(72, 0.18, 0.06, 0, "umol/L", 50, 110),
    ),
}
# Nobody judges these; a laboratory sends them all the same.
CHEMISTRY: Mapping[str, Measured] = {
    "sodium": Measured(
        "2951-2", "Sodium [Moles/volume] in Serum or Plasma", *(140, 0.01, 0.01, 0, "mmol/L", 135, 145)
    ),
    "potassium": Measured(
        "2823-3", "Potassium [Moles/volume] in Serum or Plasma", *(4.2, 0.05, 0.05, 1, "mmol/L", 3.5, 5.1)
    ),
    "chloride": Measured(
        "2075-0", "Chloride [Moles/volume] in Serum or Plasma", *(103, 0.01, 0.01, 0, "mmol/L", 98, 107)
    ),
    "bicarbonate": Measured(
        "2028-9",
        "Carbon dioxide, total [Moles/volume] in Serum or Plasma",
        *(25, 0.05, 0.05, 0, "mmol/L", 22, 29),
    ),
    "urea": Measured(
        "22664-7", "Urea [Moles/volume] in Serum or Plasma", *(5.0, 0.15, 0.1, 1, "mmol/L", 2.5, 7.8)
    ),
    "glucose": Measured(
        "14749-6", "Glucose [Moles/volume] in Serum or Plasma", *(5.1, 0.06, 0.06, 1, "mmol/L", 3.9, 5.8)
    ),
    "calcium": Measured(
        "2000-8", "Calcium [Moles/volume] in Serum or Plasma", *(2.36, 0.02, 0.02, 2, "mmol/L", 2.15, 2.55)
    ),
    "protein": Measured(
        "2885-2", "Protein [Mass/volume] in Serum or Plasma", *(72, 0.04, 0.03, 0, "g/L", 64, 83)
    ),
}
CELLS: Mapping[str, Measured] = {
    "haematocrit": Measured(
        "4544-3",
        "Hematocrit [Volume Fraction] of Blood by Automated count",
        *(42, 0.05, 0.03, 0, "%", 36, 48),
    ),
    "erythrocytes": Measured(
        "789-8",
        "Erythrocytes [#/volume] in Blood by Automated count",
        *(4.7, 0.05, 0.03, 1, "10*12/L", 4.0, 5.6),
    ),
}
MONITORED: Mapping[str, Measured] = {**LIVER, **BLOOD, **KIDNEY}
ALL: Mapping[str, Measured] = {**MONITORED, **CHEMISTRY, **CELLS}
