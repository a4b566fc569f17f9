"""The four laboratories that send to Stevens: their codes, units, ranges and ordinary values.

Only Stevens' own laboratory sends LOINC and UCUM. The others send what such laboratories send: local
codes, microkatal, milligrams per decilitre, thousands per microlitre, or no unit at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.sample_day.wire import Sender


@dataclass(frozen=True, slots=True)
class Assay:
    """How one laboratory reports one analyte: OBX-3, OBX-6 as sent, OBX-7, and healthy values."""

    identifier: str
    unit: str
    reference: str
    healthy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A sender, the letter its order numbers begin with, and the tests of its panels by analyte name.

    ``panels`` maps a panel name to OBR-4, the specimen type and the analytes reported in it.
    """

    sender: Sender
    letter: str
    panels: Mapping[str, tuple[str, str, tuple[str, ...]]]
    tests: Mapping[str, Assay]


_LIVER = ("alt", "ast", "alp", "ggt", "bilirubin", "albumin")
_BLOOD = ("wbc", "neutrophils", "lymphocytes", "platelets", "haemoglobin", "mcv")

# Healthy values differ by less than a factor of two, so that none is twice the baseline of another.
_ALT = ("22", "27", "31", "24", "35", "20", "29", "33")
_AST = ("21", "26", "24", "30", "19", "28", "33", "23")
_ALP = ("64", "88", "71", "95", "104", "77", "82")
_GGT = ("18", "26", "31", "22", "24")
_BILIRUBIN = ("7", "9", "11", "8", "10", "12")
_ALBUMIN = ("41", "43", "39", "44", "42")
_WBC = ("6.1", "7.4", "5.8", "8.2", "6.6", "5.4", "7.0")
_NEUTROPHILS = ("3.4", "4.2", "3.1", "4.8", "3.9")
_LYMPHOCYTES = ("1.8", "2.1", "1.5", "2.4", "1.6")
_PLATELETS = ("246", "288", "212", "305", "231", "267")
_HAEMOGLOBIN = ("138", "144", "131", "149", "135")
_MCV = ("91", "94", "88", "96", "92")

STEVENS = Laboratory(
    Sender("STEVLIS", "STEVENS", "2.5.1", offset=True, charset="UNICODE UTF-8"),
    "S",
    {
        "liver": ("24325-3^Hepatic function 2000 panel - Serum or Plasma^LN", "SER", _LIVER),
        "blood": ("58410-2^CBC panel - Blood by Automated count^LN", "BLD", _BLOOD),
    },
    {
        "alt": Assay(
            "1742-6^Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma^LN",
            "U/L^^UCUM",
            "10-40",
            _ALT,
        ),
        "ast": Assay(
            "1920-8^Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma^LN",
            "U/L^^UCUM",
            "10-40",
            _AST,
        ),
        "alp": Assay(
            "6768-6^Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma^LN",
            "U/L^^UCUM",
            "42-141",
            _ALP,
        ),
        "ggt": Assay(
            "2324-2^Gamma glutamyl transferase [Enzymatic activity/volume] in Serum or Plasma^LN",
            "U/L^^UCUM",
            "5-55",
            _GGT,
        ),
        "bilirubin": Assay(
            "14631-6^Bilirubin.total [Moles/volume] in Serum or Plasma^LN", "umol/L^^UCUM", "3-17", _BILIRUBIN
        ),
        "albumin": Assay(
            "1751-7^Albumin [Mass/volume] in Serum or Plasma^LN", "g/L^^UCUM", "35-50", _ALBUMIN
        ),
        "wbc": Assay(
            "6690-2^Leukocytes [#/volume] in Blood by Automated count^LN", "10*9/L^^UCUM", "4.0-11.0", _WBC
        ),
        "neutrophils": Assay(
            "751-8^Neutrophils [#/volume] in Blood by Automated count^LN",
            "10*9/L^^UCUM",
            "2.0-7.5",
            _NEUTROPHILS,
        ),
        "lymphocytes": Assay(
            "731-0^Lymphocytes [#/volume] in Blood by Automated count^LN",
            "10*9/L^^UCUM",
            "1.0-4.0",
            _LYMPHOCYTES,
        ),
        "platelets": Assay(
            "777-3^Platelets [#/volume] in Blood by Automated count^LN", "10*9/L^^UCUM", "150-400", _PLATELETS
        ),
        "haemoglobin": Assay(
            "718-7^Hemoglobin [Mass/volume] in Blood^LN", "g/L^^UCUM", "M:130-170;F:120-155", _HAEMOGLOBIN
        ),
        "mcv": Assay("787-2^MCV [Entitic volume] by Automated count^LN", "fL^^UCUM", "80-100", _MCV),
        "inr": Assay(
            "6301-6^INR in Platelet poor plasma by Coagulation assay^LN", "{INR}^^UCUM", "0.8-1.2", ("1.0",)
        ),
        "tgn": Assay(
            "32660-3^6-Thioguanine [Entitic substance] in Red Blood Cells^LN",
            "pmol/8x10(8)RBC",
            "235-450",
            ("310",),
        ),
        "mmp": Assay(
            "32654-6^6-Methylmercaptopurine [Entitic substance] in Red Blood Cells^LN",
            "pmol/8x10(8)RBC",
            "<5700",
            ("1850",),
        ),
        "crp": Assay(
            "1988-5^C reactive protein [Mass/volume] in Serum or Plasma^LN", "mg/L^^UCUM", "<5", ("2",)
        ),
        "sodium": Assay(
            "2951-2^Sodium [Moles/volume] in Serum or Plasma^LN", "mmol/L^^UCUM", "135-145", ("140",)
        ),
    },
)

# Latin-1 without a word about it, microkatal, and the caret of 10^9/L left unescaped: OBX-6 falls apart.
NORTH = Laboratory(
    Sender("NORTHLAB", "NORTH", "2.4", zone=ZoneInfo("Europe/Stockholm"), codec="latin-1"),
    "N",
    {"liver": ("LEVER^Leverstatus^L", "SER", _LIVER), "blood": ("BLOD^Blodstatus^L", "BLD", _BLOOD)},
    {
        "alt": Assay("NL-ALT^P-ALAT^L", "µkat/L", "0.15-0.75", ("0.38", "0.45", "0.52", "0.41", "0.58")),
        "ast": Assay("NL-AST^P-ASAT^L", "µkat/L", "0.20-0.70", ("0.36", "0.43", "0.40", "0.50")),
        "alp": Assay("NL-ALP^P-ALP^L", "µkat/L", "0.70-1.90", ("1.1", "1.3", "1.2", "1.5")),
        "ggt": Assay("NL-GGT^P-GT^L", "µkat/L", "0.20-1.30", ("0.35", "0.44", "0.51")),
        "bilirubin": Assay("NL-BIL^P-Bilirubin^L", "µmol/L", "5-25", _BILIRUBIN),
        "albumin": Assay("NL-ALB^P-Albumin^L", "g/L", "36-48", _ALBUMIN),
        "wbc": Assay("NL-WBC^B-Leukocytes^L", "10^9/L", "3.5-8.8", _WBC),
        "neutrophils": Assay("NL-NEU^B-Neutrophils^L", "10^9/L", "1.7-7.5", _NEUTROPHILS),
        "lymphocytes": Assay("NL-LYM^B-Lymphocytes^L", "10^9/L", "1.0-4.0", _LYMPHOCYTES),
        "platelets": Assay("NL-PLT^B-Platelets^L", "x10^9/L", "150-400", _PLATELETS),
        "haemoglobin": Assay("NL-HB^B-Haemoglobin^L", "g/L", "117-170", _HAEMOGLOBIN),
        "mcv": Assay("NL-MCV^Erc-MCV^L", "fL", "82-98", _MCV),
        "crp": Assay("NL-CRP^P-CRP^L", "mg/L", "<5", ("3",)),
    },
)

RIVERSIDE = Laboratory(
    Sender("RIVERLIS", "RIVERSIDE", "2.3", zone=ZoneInfo("America/New_York")),
    "R",
    {"liver": ("HFP^Hepatic Function Panel^L", "SER", _LIVER), "blood": ("CBC^CBC w Diff^L", "BLD", _BLOOD)},
    {
        "alt": Assay("SGPT^ALT (SGPT)^L", "U/L", "7-56", _ALT),
        "ast": Assay("SGOT^AST (SGOT)^L", "U/L", "10 - 40", _AST),
        "alp": Assay("ALKP^Alkaline Phosphatase^L", "IU/L", "44-147", _ALP),
        "ggt": Assay("GGTP^Gamma GT^L", "U/L", "<56", _GGT),
        "bilirubin": Assay("TBIL^Bilirubin Total^L", "mg/dL", "0.1-1.2", ("0.5", "0.6", "0.7", "0.6", "0.8")),
        "albumin": Assay("ALB^Albumin^L", "g/dL", "3.5-5.0", ("4.1", "4.3", "4.4", "3.9")),
        "wbc": Assay("WBC^WBC^L", "K/uL", "4.5-11.0", _WBC),
        "neutrophils": Assay("ANEU^Absolute Neutrophils^L", "K/uL", "1.8-7.7", _NEUTROPHILS),
        "lymphocytes": Assay("ALYM^Absolute Lymphocytes^L", "K/uL", "1.0-4.8", _LYMPHOCYTES),
        "platelets": Assay("PLT^Platelet Count^L", "K/uL", "150-450", _PLATELETS),
        "haemoglobin": Assay("HGB^Hemoglobin^L", "g/dL", "12.0-17.0", ("13.8", "14.4", "13.1", "14.9")),
        "mcv": Assay("MCV^MCV^L", "fL", "80-100", _MCV),
    },
)

# Numeric codes, and no unit for the white cells and the MCV: the site's table supplies it.
STMARY = Laboratory(
    Sender("STMARYLAB", "STMARY", "2.5", zone=ZoneInfo("Europe/London")),
    "M",
    {
        "liver": ("LFT^Liver function tests^L", "SER", _LIVER),
        "blood": ("FBC^Full blood count^L", "BLD", _BLOOD),
    },
    {
        "alt": Assay("1001^Serum ALT level^L", "U/L", "<41", _ALT),
        "ast": Assay("1002^Serum AST level^L", "U/L", "<40", _AST),
        "alp": Assay("1003^Serum alkaline phosphatase level^L", "U/L", "30-130", _ALP),
        "ggt": Assay("1004^Serum gamma-glutamyl transferase level^L", "U/L", "<60", _GGT),
        "bilirubin": Assay("1005^Serum total bilirubin level^L", "umol/L", "<21", _BILIRUBIN),
        "albumin": Assay("1007^Serum albumin level^L", "g/L", "35-50", _ALBUMIN),
        "wbc": Assay("1020^White cell count^L", "", "4.0-11.0", _WBC),
        "neutrophils": Assay("1021^Neutrophil count^L", "", "2.0-7.5", _NEUTROPHILS),
        "lymphocytes": Assay("1022^Lymphocyte count^L", "", "1.0-4.0", _LYMPHOCYTES),
        "platelets": Assay("1024^Platelet count^L", "10*9/L", "150-400", _PLATELETS),
        "haemoglobin": Assay("1026^Haemoglobin concentration^L", "g/L", "120-165", _HAEMOGLOBIN),
        "mcv": Assay("1025^Mean corpuscular volume^L", "", "80-100", _MCV),
    },
)

LABORATORIES = (STEVENS, NORTH, RIVERSIDE, STMARY)
