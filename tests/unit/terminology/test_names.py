"""The names that laboratories give our analytes: what a text says, and what the table refuses."""

from __future__ import annotations

import pytest

from engine.terminology import parse_terminology
from tests.unit.terminology.tables import defects, files, lines, shipped

HEADER = "kind,text,means,language"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("P-ALAT", {"alt"}),
        ("sgpt (ALAT), Serum", {"alt"}),
        ("Hémoglobine", {"haemoglobin"}),
        ("HAMOGLOBIN", {"haemoglobin"}),
        ("Neutrophile", {"neutrophils", "neutrophils_percent"}),
        ("Bilirubin", {"bilirubin"}),
        ("Bilirubin, direkt", {"direct_bilirubin"}),
        ("Mittleres Hb", {"other"}),
        ("Haemoglobin A1c", {"other"}),
        ("AST/ALT", {"alt", "ast"}),
        ("Kreatinkinase", set()),
        ("Salat", set()),
    ],
)
def test_a_text_names_what_its_words_say(text: str, named: set[str]) -> None:
    """Whole words in any order, without case and accents; a longer name hides the shorter one in it."""
    assert set(shipped().names.read(text).named) == named


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Albumin/Kreatinin-Quotient im Urin", "urin"),
        ("ALT-AST ratio", "ratio"),
        ("International normalized ratio", ""),
        ("Platelet clumps", "clumps"),
        ("ALAT", ""),
    ],
)
def test_a_word_that_rules_out_is_found_unless_it_is_part_of_a_name(text: str, word: str) -> None:
    """A ratio is no ALT, and the INR is one all the same."""
    assert shipped().names.read(text).ruled_out == word


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("name,XYZ,alat,", 'unknown meaning "alat" of a name (an analyte of analytes.yaml, or other)'),
        ("word,two words,filler,", '"two words" is not one word'),
        ("word,level,nothing,", 'unknown meaning "nothing" of a word'),
        ("specimen,UR,wine,", 'unknown meaning "wine" of a specimen'),
        ("noun,UR,other,", 'unknown kind "noun"'),
        ("name,(),alt,", '"()" is not one word'),
    ],
)
def test_a_defective_row_is_named_with_its_line(row: str, said: str) -> None:
    """A misspelt analyte would silently suggest nothing."""
    (found,) = defects(names_csv=lines(HEADER, "name,ALT,alt,", row))

    assert found.startswith("names.csv:3: ")
    assert said in found


def test_a_name_twice_is_refused_and_one_name_of_two_analytes_is_not() -> None:
    """Neutrophils are a count and a share: the unit decides."""
    twice = lines(HEADER, "name,Neut,neutrophils,", "name,NEUT,neutrophils,")

    assert "stands twice" in defects(names_csv=twice)[0]
    assert not defects(names_csv=lines(HEADER, "name,Neut,neutrophils,", "name,Neut,neutrophils_percent,"))


def test_a_folder_without_names_is_a_folder() -> None:
    """A site that keeps its own mappings need not have them: they are for suggestions only."""
    own = files()
    del own["names.csv"]

    assert parse_terminology(own).names.read("ALT").named == {}


def test_a_line_that_begins_with_a_hash_and_a_blank_is_a_comment() -> None:
    """Suggested rows are commented out; a code #NEUT is a code."""
    header = "code,name,analyte,specimen,unit,unit_when_missing,method"
    text = lines("# not, yet", header, '# ALT,"a, b",nonsense', "#NEUT,Neutrophils,neutrophil,,,,")
    (found,) = defects(sites_north_csv=text)

    assert found.startswith('sites/north.csv:4: unknown analyte "neutrophil"')
