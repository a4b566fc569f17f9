"""Drug codes: exact, in any triplet, and never by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.codes import Coding
from engine.terminology import parse_terminology
from tests.unit.terminology.tables import defects, files, lines, shipped

_HEADER = "system,code,drug,strength_mg,name"


def drug(*codings: Coding) -> str:
    match = shipped().drug(codings)
    return match.drug if match is not None else ""


@pytest.mark.parametrize(
    ("coding", "name", "strength"),
    [
        (Coding("1256", "azathioprine", "RXNORM"), "azathioprine", None),
        (Coding("1256", "azathioprine", "RxNorm"), "azathioprine", None),
        (Coding("197388", "", "RXN"), "azathioprine", "50"),
        (Coding("199310", "", "2.16.840.1.113883.6.88"), "azathioprine", "25"),
        (Coding("197931", "", "RXNORM"), "mercaptopurine", "50"),
        (Coding("197320", "", "RXNORM"), "allopurinol", "300"),
        (Coding("L04AX01", "", "WC"), "azathioprine", None),
        (Coding("L01BB02", "", "WC"), "mercaptopurine", None),
        (Coding("M04AA03", "", "WC"), "febuxostat", None),
        (Coding("372574004", "", "SCT"), "azathioprine", None),
        (Coding("327070006", "", "SCT2"), "azathioprine", "50"),
        (Coding("42264911000001100", "", "DMD"), "azathioprine", "75"),
        (Coding("16571-835", "", "NDC"), "azathioprine", "50"),
        (Coding("16571-0835-01", "", "NDC"), "azathioprine", "50"),
        (Coding("16571-835-01", "", "NDC"), "azathioprine", "50"),
        (Coding("64764-918-30", "", "NDC"), "febuxostat", "40"),
        (Coding("387407006", "", "SCT"), "tioguanine", None),
        (Coding("6851", "", "RXNORM"), "methotrexate", None),
        (Coding("386976000", "", "SCT"), "mycophenolate", None),
        (Coding("H02AB06", "", "WC"), "prednisolone", None),
        (Coding("8638", "", "RXNORM"), "prednisolone", None),
        (Coding("116601002", "", "SCT"), "prednisolone", None),
        (Coding("8640", "", "RXNORM"), "prednisolone", None),
        (Coding("H02AB07", "Prednisone", "WC"), "prednisolone", None),
        (Coding("116602009", "Prednisone", "SCT"), "prednisolone", None),
        (Coding("A07EA06", "", "WC"), "budesonide", None),
        (Coding("395726003", "", "SCT"), "budesonide", None),
    ],
)
def test_exact_codes(coding: Coding, name: str, strength: str | None) -> None:
    """Every coding system that pharmacies send leads to the drug, and to the strength of a product."""
    match = shipped().drug([coding])

    assert match is not None
    assert (name, Decimal(strength) if strength else None) == (match.drug, match.strength_mg)
    assert not match.warning


@pytest.mark.parametrize(
    "coding",
    [
        Coding("18631", "azithromycin", "RXNORM"),
        Coding("387531004", "Azithromycin", "SCT"),
        Coding("J01FA10", "azithromycin", "WC"),
        Coding("AZA50", "Azathioprine 50 mg tablets", "L"),
        Coding("1256", "azathioprine", ""),
        Coding("1256", "azathioprine", "LN"),
        Coding("16571083501", "azathioprine", "NDC"),
        Coding("l04ax01", "azathioprine", "WC"),
        Coding("", "Imuran", "RXNORM"),
    ],
)
def test_nothing_but_an_exact_code_counts(coding: Coding) -> None:
    """A name, a code without its system and an NDC without hyphens identify nothing."""
    assert not drug(coding)


def test_the_code_may_stand_in_any_triplet() -> None:
    """Pharmacies put their own code first and RxNorm behind it."""
    assert drug(Coding("AZA25", "", "L"), Coding("199310", "", "RXNORM")) == "azathioprine"
    assert drug(Coding("X", "", "L"), Coding(""), Coding("L04AX01", "", "WC")) == "azathioprine"


def test_atc_under_its_wrong_name_is_accepted_with_a_warning() -> None:
    """HL7 table 0396 gives ATC to a collection of cell cultures; everybody writes it for the drug classes."""
    match = shipped().drug([Coding("L04AX01", "azathioprine", "ATC")])

    assert match is not None
    assert match.drug == "azathioprine"
    assert "WC" in match.warning


def test_the_azithromycin_mix_up_is_told() -> None:
    """A public table gives azathioprine's code to azithromycin: the code counts, and somebody should look."""
    match = shipped().drug([Coding("372574004", "Azithromycin 250 mg", "SCT")])

    assert match is not None
    assert match.drug == "azathioprine"
    assert "spelt alike" in match.warning


def test_the_methylprednisolone_mix_up_is_told() -> None:
    """Public tables give prednisone's code to methylprednisolone: it counts, and somebody should look."""
    match = shipped().drug([Coding("116602009", "Methylprednisolone 4 mg", "SCT")])

    assert match is not None
    assert match.drug == "prednisolone"
    assert "spelt alike" in match.warning


def test_codes_of_different_drugs_err_towards_watching() -> None:
    """Watching a patient who needs none is safer than missing one who does, and the warning says so."""
    match = shipped().drug([Coding("519", "", "RXNORM"), Coding("L04AX01", "", "WC")])

    assert match is not None
    assert match.drug == "azathioprine"
    assert "different drugs" in match.warning


def test_contradictory_strengths_are_no_strength() -> None:
    """A dose computed from the wrong tablet would be wrong by half."""
    match = shipped().drug([Coding("197388", "", "RXNORM"), Coding("327071005", "", "SCT")])

    assert match is not None
    assert match.strength_mg is None
    assert "strengths" in match.warning


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Azathioprine 50mg tablets", "azathioprine"),
        ("IMURAN TAB", "azathioprine"),
        ("azithromycin 250 mg", ""),
        ("mercaptopurine 20 mg/mL", "mercaptopurine"),
        ("azathioprines", ""),
    ],
)
def test_texts_only_suggest(text: str, suggestion: str) -> None:
    """A person who reviews unmapped orders is helped by whole words."""
    assert suggestion == shipped().drug_by_text(text)


def test_local_codes_of_a_pharmacy() -> None:
    """A pharmacy's own code counts under the system that it is sent with."""
    own = parse_terminology(files(drugs_csv=f"{_HEADER}\nlocal:99PHA,AZA50,azathioprine,50,Azathioprine\n"))

    assert own.drug([Coding("AZA50", "", "99pha")]) is not None
    assert own.drug([Coding("AZA50", "", "L")]) is None


def test_every_defect_of_the_drug_table_is_named_with_its_line() -> None:
    """The pharmacist gets one list of everything to correct."""
    text = lines(
        _HEADER,
        "rxnorm,1256,azathioprine,,x",
        "rxnorm,1256,azathioprine,,x",
        "rxnorm,2,azithromycin,,x",
        "RxNorm,3,azathioprine,,x",
        "ndc,1657183501,azathioprine,,x",
        "atc,L04AX01,azathioprine,50 mg,x",
        "snomed,,azathioprine,,x",
        "local:,1,azathioprine,,x",
    )

    assert [defect.split(" (")[0] for defect in defects(drugs_csv=text)] == [
        'drugs.csv:3: rxnorm code "1256" stands twice',
        'drugs.csv:4: unknown drug "azithromycin"',
        'drugs.csv:5: unknown system "RxNorm"',
        'drugs.csv:6: "1657183501" is not a hyphenated NDC',
        'drugs.csv:7: the strength "50 mg" is not a number of mg',
        "drugs.csv:8: the row has no code",
        'drugs.csv:9: unknown system "local:"',
    ]
