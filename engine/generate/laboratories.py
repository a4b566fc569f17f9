"""The laboratories that send: versions, clocks, character sets, codes, units and ranges of each.

Four of them are those of ``mappings/sites.yaml``; the others are known to no table, and their LOINC codes
speak for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.generate.physiology import ALL, BLOOD, CELLS, CHEMISTRY, KIDNEY, LIVER, Measured

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Sender:
    """What a system puts into MSH, which clock it writes (``offset``: with the offset from UTC), its bytes.

    ``charset`` is MSH-18, ``codec`` what its bytes are. ``encoding`` is MSH-1 and MSH-2.
    """

    application: str
    facility: str
    version: str
    zone: ZoneInfo = _UTC
    offset: bool = False
    charset: str = ""
    codec: str = "utf-8"
    encoding: str = "|^~\\&"

    @property
    def structured(self) -> bool:
        """Whether MSH-9 names the structure of the message, and a specimen has a segment (from 2.5 on)."""
        return self.version >= "2.5"


@dataclass(frozen=True, slots=True)
class Assay:
    """How one laboratory reports one thing: OBX-3, OBX-6, OBX-7, and how values are written.

    A value of the physiology times ``scale`` is the number in ``unit``, written with ``decimals``.
    """

    name: str
    identifier: str
    unit: str
    scale: float
    decimals: int
    reference: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A sender with its assays and the codes of its panels (OBR-4) by panel name."""

    sender: Sender
    letter: str
    assays: Mapping[str, Assay]
    panels: Mapping[str, str]


PANELS: Mapping[str, tuple[str, ...]] = {
    "liver": tuple(LIVER),
    "blood": (*BLOOD, *CELLS),
    "kidney": tuple(KIDNEY),
    "chemistry": tuple(CHEMISTRY),
}
SPECIMENS: Mapping[str, str] = {"liver": "SER", "blood": "BLD", "kidney": "SER", "chemistry": "SER"}

_LOINC_PANELS = {
    "liver": "24325-3^Hepatic function 2000 panel - Serum or Plasma^LN",
    "blood": "58410-2^CBC panel - Blood by Automated count^LN",
    "kidney": "RENAL^Kidney function^L",
    "chemistry": "CHEM^Chemistry^L",
}

_MICRO = "\N{MICRO SIGN}"
_CONVENTIONAL: Mapping[str, tuple[str, float, int]] = {
    "bilirubin": ("mg/dL", 1 / 17.1, 1),
    "direct_bilirubin": ("mg/dL", 1 / 17.1, 2),
    "albumin": ("g/dL", 0.1, 1),
    "haemoglobin": ("g/dL", 0.1, 1),
    "creatinine": ("mg/dL", 1 / 88.4, 2),
    "wbc": ("K/uL", 1, 1),
    "neutrophils": ("10*3/uL", 1, 1),
    "platelets": ("K/uL", 1, 0),
}
_KATAL: Mapping[str, tuple[str, float, int]] = {
    **dict.fromkeys(("alt", "ast", "alp", "ggt"), (f"{_MICRO}kat/L", 1 / 60, 2)),
    "bilirubin": (f"{_MICRO}mol/L", 1, 0),
    "direct_bilirubin": (f"{_MICRO}mol/L", 1, 1),
    "creatinine": (f"{_MICRO}mol/L", 1, 0),
    "wbc": ("10^9/L", 1, 1),
    "neutrophils": ("x10^9/L", 1, 1),
    "platelets": ("x10^9/L", 1, 0),
}
_GIGA: Mapping[str, tuple[str, float, int]] = {
    **dict.fromkeys(("wbc", "neutrophils"), ("G/L", 1, 2)),
    "platelets": ("G/L", 1, 0),
    "haemoglobin": ("g/dL", 0.1, 1),
    "creatinine": ("mg/dL", 1 / 88.4, 2),
    "bilirubin": ("mg/dL", 1 / 17.1, 2),
}
# St Mary sends no unit for these; its table says which one is meant.
_UNSAID: Mapping[str, tuple[str, float, int]] = {
    "wbc": ("", 1, 1),
    "neutrophils": ("", 1, 1),
    "mcv": ("", 1, 0),
}
_RIVERSIDE = {
    "alt": "SGPT",
    "ast": "SGOT",
    "alp": "ALKP",
    "ggt": "GGTP",
    "bilirubin": "TBIL",
    "albumin": "ALB",
    "direct_bilirubin": "DBIL",
    "wbc": "WBC",
    "neutrophils": "ANEU",
    "platelets": "PLT",
    "mcv": "MCV",
    "haemoglobin": "HGB",
    "creatinine": "CREA",
    "sodium": "NA",
    "potassium": "K",
    "chloride": "CL",
    "bicarbonate": "CO2",
    "glucose": "GLU",
    "calcium": "CA",
    "protein": "TP",
    "erythrocytes": "RBC",
    "haematocrit": "HCT",
}
_ST_MARY = {
    "alt": "1001",
    "ast": "1002",
    "alp": "1003",
    "ggt": "1004",
    "bilirubin": "1005",
    "albumin": "1007",
    "direct_bilirubin": "1006",
    "wbc": "1020",
    "neutrophils": "1021",
    "platelets": "1024",
    "mcv": "1025",
    "haemoglobin": "1026",
    "creatinine": "1008",
    "sodium": "1101",
    "potassium": "1102",
    "urea": "1103",
    "calcium": "1104",
    "protein": "1106",
    "haematocrit": "1107",
    "erythrocytes": "1108",
}
_NORTH = {
    "alt": "NL-ALT",
    "ast": "NL-AST",
    "alp": "NL-ALP",
    "ggt": "NL-GGT",
    "bilirubin": "NL-BIL",
    "direct_bilirubin": "NL-BILD",
    "albumin": "NL-ALB",
    "wbc": "NL-WBC",
    "neutrophils": "NL-NEU",
    "platelets": "NL-PLT",
    "mcv": "NL-MCV",
    "haemoglobin": "NL-HB",
    "creatinine": "NL-CREA",
    "sodium": "NL-NA",
    "potassium": "NL-K",
    "urea": "NL-UREA",
    "calcium": "NL-CA",
    "haematocrit": "NL-EVF",
}


def _assay(
    name: str,
    measured: Measured,
    local: Mapping[str, str],
    units: Mapping[str, tuple[str, float, int]],
    *,
    dash: str,
    both: bool,
    ucum: bool,
) -> Assay:
    loinc = f"{measured.loinc}^{measured.name}^LN"
    if name in _MASS and units.get(name, ("",))[0] == "mg/dL":
        loinc = f"{_MASS[name]}^{measured.name.replace('Moles', 'Mass')}^LN"
    code = local.get(name, "")
    identifier = f"{code}^{measured.name.split(' [')[0]}^L" + (f"^{loinc}" if both else "") if code else loinc
    unit, scale, decimals = units.get(name, (measured.unit, 1, measured.decimals))
    low, high = round(measured.low * scale, decimals), round(measured.high * scale, decimals)
    reference = f"{low:.{decimals}f}{dash}{high:.{decimals}f}"
    said = f"{unit}^^UCUM" if ucum and name not in units else unit
    return Assay(name, identifier, said, scale, decimals, reference, low, high)


# LOINC has another code where mass is counted instead of moles.
_MASS = {"bilirubin": "1975-2", "direct_bilirubin": "1968-7", "creatinine": "2160-0"}


def _laboratory(
    sender: Sender,
    letter: str,
    *,
    local: Mapping[str, str] | None = None,
    units: Mapping[str, tuple[str, float, int]] | None = None,
    dash: str = "-",
    both: bool = False,
    ucum: bool = False,
) -> Laboratory:
    """A laboratory with ``local`` codes (``both``: LOINC beside them), ``units`` of its own and its dash."""
    assays = {
        name: _assay(name, measured, local or {}, units or {}, dash=dash, both=both, ucum=ucum)
        for name, measured in ALL.items()
    }
    return Laboratory(sender, letter, assays, _LOINC_PANELS)


STEVENS = _laboratory(
    Sender("STEVLIS", "STEVENS", "2.5.1", offset=True, charset="UNICODE UTF-8"), "S", ucum=True
)
RIVERSIDE = _laboratory(
    Sender("RIVERLIS", "RIVERSIDE", "2.3", ZoneInfo("America/New_York"), charset="8859/1", codec="latin-1"),
    "R",
    local=_RIVERSIDE,
    units=_CONVENTIONAL,
    dash=" - ",
)
ST_MARY = _laboratory(
    Sender("STMARYLAB", "STMARY", "2.5", ZoneInfo("Europe/London"), charset="8859/1", codec="latin-1"),
    "M",
    local=_ST_MARY,
    units=_UNSAID,
)
NORTH = _laboratory(
    Sender("NORTHLAB", "NORTH", "2.4", ZoneInfo("Europe/Stockholm"), charset="8859/1", codec="latin-1"),
    "N",
    local=_NORTH,
    units=_KATAL,
)
INVENTED = _laboratory(
    Sender("INVENTLAB", "INVENTED", "2.7", offset=True, charset="8859/1", codec="latin-1"),
    "I",
    local={name: f"IV{number:03}" for number, name in enumerate(ALL, 1)},
    units=_GIGA,
    both=True,
)
NOWHERE = _laboratory(
    Sender("NOWHERELIS", "NOWHERE", "2.6", offset=True, charset="UNICODE UTF-8", encoding="$%~\\&"),
    "W",
    local={name: f"{name[:3].upper()}{number}" for number, name in enumerate(ALL, 1)},
    both=True,
)
LABORATORIES = (STEVENS, RIVERSIDE, ST_MARY, NORTH, INVENTED, NOWHERE)
