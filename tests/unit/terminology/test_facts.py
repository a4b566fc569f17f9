"""mappings/facts.csv: what its mistakes are called, and what it says when asked."""

from __future__ import annotations

import pytest

from engine.model.facts import FACT_VALUES
from tests.unit.terminology.tables import defects, files, lines, shipped

_HEADER = "place,question_system,question,system,code,fact,value,name,source"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("PR1,,,icd10,K75.4,diagnosis,aih,x,y", 'facts.csv:2: unknown place "PR1"'),
        ("OBX,loinc,,snomed,1,symptom,nausea,x,y", "facts.csv:2: an OBX row without a question"),
        ("OBX,,1-8,snomed,1,symptom,nausea,x,y", 'facts.csv:2: unknown question_system ""'),
        ("OBX,loinc,1-8,oid,1,symptom,nausea,x,y", 'facts.csv:2: unknown system "oid"'),
        ("DG1,loinc,1-8,icd10,K75.4,diagnosis,aih,x,y", "facts.csv:2: a DG1 row with a question"),
        ("DG1,,,,K75.4,diagnosis,aih,x,y", 'facts.csv:2: unknown system ""'),
        ("DG1,,,drug,azathioprine,diagnosis,aih,x,y", 'facts.csv:2: unknown system "drug"'),
        ("DG1,,,icd10,,diagnosis,aih,x,y", "facts.csv:2: the row has no code"),
        ("DG1,,,icd10,*,diagnosis,aih,x,y", 'facts.csv:2: "*" is not a code'),
        ("DG1,,,icd10,K*4,diagnosis,aih,x,y", 'facts.csv:2: "K*4" is not a code'),
        ("DG1,,,snomed,4083*,diagnosis,aih,x,y", 'facts.csv:2: "4083*" is not a code'),
        ("DG1,,,icd10,K75.4,diagnoses,aih,x,y", 'facts.csv:2: unknown fact "diagnoses"'),
        ("DG1,,,icd10,K75.4,diagnosis,hepatitis,x,y", 'facts.csv:2: "hepatitis" is not a value of diagnosis'),
        ("DG1,,,icd10,K75.4,diagnosis,aih,,y", 'facts.csv:2: code "K75.4" has no name'),
        ("DG1,,,icd10,K75.4,ignore,aih,x,y", "facts.csv:2: an ignored code with a value"),
        ("OBX,loinc,1-8,DG1,,diagnosis,aih,x,y", "facts.csv:2: a question answered by diagnoses has"),
    ],
)
def test_every_mistake_is_named(row: str, message: str) -> None:
    """A fact under a wrong name would silence a rule."""
    (defect,) = defects(facts_csv=lines(_HEADER, row))

    assert defect.startswith(message)


def test_a_row_twice_is_a_mistake() -> None:
    """One of the two would never be read."""
    row = "DG1,,,icd10,K75.4,diagnosis,aih,x,y"

    assert defects(facts_csv=lines(_HEADER, row, row)) == [
        'facts.csv:3: DG1 code "K75.4" stands twice (first on line 2; remove one of the rows)'
    ]


def test_a_file_of_facts_that_does_not_exist_is_named() -> None:
    """A typing error in sites.yaml must not switch a site's answers off."""
    sites = files()["sites.yaml"].replace(
        "  codes: sites/north.csv\n", "  codes: sites/north.csv\n  facts: sites/nort.csv\n"
    )

    assert any("there is no file sites/nort.csv" in defect for defect in defects(sites_yaml=sites))


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("82810-3", "pregnancy"),
        ("422587007", "symptom=nausea"),
        ("K75.4", "diagnosis=aih, chronic-liver-disease=yes"),
        ("K74.61", "cirrhosis=yes, chronic-liver-disease=yes"),
        ("LA4489-6", "of no interest"),
    ],
)
def test_a_code_can_be_looked_up(code: str, meaning: str) -> None:
    """``mappings lookup`` tells of questions, answers and diagnoses."""
    assert meaning in {entry.meaning.partition(": ")[2] for entry in shipped().look_up(code).entries}


def test_the_values_of_the_list_do_not_hold_spaces() -> None:
    """An answer of several symptoms is kept as one text of several words."""
    assert not [value for values in FACT_VALUES.values() for value in values if " " in value]
