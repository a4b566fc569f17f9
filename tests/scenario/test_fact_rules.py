"""Rules about facts, by real messages: enzymes, hypersensitivity, pregnancy, metabolites."""

from __future__ import annotations

import pytest

from tests.scenario.test_facts import SYMPTOM, adt, said
from tests.scenario.test_genes import ACTIVITY, BOTH, GENOTYPE, PHENOTYPE, activity, coded
from tests.scenario.timeline import Scenario
from tests.scenario.wire import Observation

TGN = "32660-3^6-TGN^LN"
MMP = "32654-6^6-MMP^LN"
BILIRUBIN = Observation("14631-6^Bilirubin^LN", "36", "umol/L", "3-17")
FEVER = "386661006^Fever^SCT"
RASH = "271807003^Rash^SCT"
ON_A_THIOPURINE = "measured on a thiopurine, which may falsify it"


def hospital() -> Scenario:
    """Every rule in force, nobody on the drug yet."""
    return Scenario(every_rule=True).at("d0 08:00")


def treated(start: str = "d-400") -> Scenario:
    """Somebody who has long tolerated the drug, unless told otherwise."""
    day = hospital()
    day.roster("H1", start=start)
    return day


def severity(day: Scenario, rule: str) -> str:
    """Of the open alert of this rule, empty where there is none."""
    return day.open_rules().get(rule, "")


def test_a_deficient_genotype_pages_and_its_correction_ends_the_alert() -> None:
    """The laboratory had mixed up two samples."""
    day = treated()
    day.oru(coded(GENOTYPE, "*3A/*3C"), order="O1")
    assert severity(day, "e01-tpmt-deficient") == "critical"
    day.at("d1 08:00").oru(coded(GENOTYPE, "*1/*1", status="C"), order="O1", collected="d0 08:00")

    assert severity(day, "e01-tpmt-deficient") == ""


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (coded(GENOTYPE, "^TPMT *3A/*3A"), "TPMT is deficient (genotype *3A/*3A of 2026-03-12)"),
        (
            coded(PHENOTYPE, "^Poor metabolizer"),
            "TPMT is deficient (phenotype Poor metabolizer of 2026-03-12)",
        ),
        (
            activity("14", "mU/L"),
            f"TPMT is possibly deficient (activity 14 mU/L of 2026-03-12; {ON_A_THIOPURINE})",
        ),
        (coded(BOTH, "^TPMT *1/*1 NUDT15 *3/*3"), "NUDT15 is deficient (genotype *3/*3 of 2026-03-12)"),
    ],
    ids=["genotype", "phenotype", "activity", "both genes"],
)
def test_the_page_says_which_test_told_what_and_when(told: Observation, message: str) -> None:
    """The clinician reads the genotype, or the activity with its unit, on the page itself."""
    day = treated()
    day.oru(told)

    whole = f"{message}: the usual dose of azathioprine destroys the bone marrow."
    assert whole in [event.message for event in day.events()]


def test_the_order_of_its_bits_does_not_matter() -> None:
    """Genotype before the start, or the start before the genotype."""
    first, second = hospital(), hospital()
    first.oru(coded(GENOTYPE, "*3A/*3C"))
    first.roster("H1", start="d0")
    second.roster("H1", start="d0")
    second.oru(coded(GENOTYPE, "*3A/*3C"))

    assert severity(first, "e01-tpmt-deficient") == severity(second, "e01-tpmt-deficient") == "critical"


def test_a_start_without_tpmt_is_asked_about_before_any_result() -> None:
    """The pharmacy's order is enough; the result ends the question, whatever it is."""
    day = hospital()
    day.prescription()
    assert severity(day, "e05-tpmt-not-known") == "review"
    day.at("d3 08:00").oru(Observation(ACTIVITY, "100", "mU/L"))

    assert severity(day, "e05-tpmt-not-known") == ""


def test_patients_long_on_the_drug_are_not_asked_about() -> None:
    """A site that begins with this engine has hundreds of them."""
    day = treated("d-400")
    day.oru(alt="20", wbc="6.0")

    assert not [rule for rule in day.open_rules() if rule.startswith("e0")]


def test_a_low_enzyme_makes_a_liver_finding_graver() -> None:
    """One step, for low activity of either enzyme; a normal one changes nothing."""
    normal, low = treated(), treated()
    for day, value in ((normal, "100"), (low, "30")):
        day.oru(Observation(ACTIVITY, value, "mU/L"))
        day.at("d1 08:00").oru(alt="90")

    (mild,) = (each for each in normal.open_alerts() if each.family == "liver-injury")
    (raised,) = (each for each in low.open_alerts() if each.family == "liver-injury")
    assert (str(mild.current.severity), str(raised.current.severity)) == ("review", "urgent")
    assert "e04-low-enzyme" in {label.rule_id for label in raised.current.labels}


def test_fever_and_rash_in_the_second_week_page_without_any_result() -> None:
    """Hypersensitivity: the liver tests may be normal, or not there at all."""
    day = treated("d-10")
    day.oru(said(SYMPTOM, f"{FEVER}~{RASH}"))

    assert severity(day, "h06-early-hypersensitivity") == "critical"


def test_fever_and_rash_years_later_are_something_else() -> None:
    """Four weeks are over."""
    day = treated("d-400")
    day.oru(said(SYMPTOM, f"{FEVER}~{RASH}"))

    assert severity(day, "h06-early-hypersensitivity") == ""


def test_an_allergy_on_record_is_told_when_the_drug_is_ordered() -> None:
    """Whether the allergy or the order comes first."""
    first, second = hospital(), hospital()
    adt(first, "AL1|1|DA|1256^azathioprine^RXNORM")
    first.prescription()
    second.prescription()
    adt(second, "AL1|1|DA|1256^azathioprine^RXNORM")

    assert severity(first, "h06-known-intolerance") == "urgent"
    assert severity(second, "h06-known-intolerance") == "urgent"


def test_a_pregnancy_of_an_admission_is_told_at_the_start() -> None:
    """DG1 of the ADT, and a roster row."""
    day = hospital()
    adt(day, "DG1|1|I10|O26.9^^I10||20260301", trigger="A01")
    day.roster("H1", start="d0")

    assert severity(day, "h07-pregnancy-or-malignancy") == "review"


def test_gilberts_syndrome_is_said_and_changes_no_severity() -> None:
    """The same panel of two patients: one alert has one label more."""
    plain, known = treated(), treated()
    adt(known, "DG1|1|I10|E80.4^^I10||20200101", trigger="A01")
    for day in (plain, known):
        day.oru(Observation("1742-6^ALT^LN", "42", "U/L", "10-40"), BILIRUBIN)

    without, (alert,) = (
        [each.current for each in day.open_alerts() if each.current.rule_id == "a07-bilirubin-2x-uln"]
        for day in (plain, known)
    )
    assert [alert.severity] == [each.severity for each in without]
    said_more = {each.text for each in alert.labels} - {each.text for each in without[0].labels}
    assert said_more == {"Gilbert's syndrome on record: judge direct bilirubin."}


def test_an_anticoagulant_explains_an_inr() -> None:
    """A roster row says so; the low ALP is told as what it is."""
    day = treated()
    day.oru(
        Observation("6768-6^ALP^LN", "41", "U/L", "42-141"),
        Observation("6301-6^INR^LN", "2.6", "{INR}"),
    )
    assert severity(day, "c06-alp-low-liver-failure") == "critical"

    day.roster_row("H1", "fact", "d0", note="anticoagulant=yes")
    assert severity(day, "c06-alp-low-liver-failure") == ""


def test_a_low_enzyme_does_not_raise_published_action_levels() -> None:
    """White cells of 3.4 in a carrier are for the same day; no page at night for one patient in ten."""
    day = treated()
    day.oru(Observation(ACTIVITY, "30", "mU/L"))
    day.at("d1 08:00").oru(wbc="3.4")

    assert severity(day, "p03-wbc-below-3-5") == "urgent"


def test_metabolites_per_hundred_million_cells_are_eight_times_as_many() -> None:
    """300 per 8 x 10^8 is in range, 300 per 10^8 is 2400 and far above it."""
    target, above = treated(), treated()
    target.oru(Observation(TGN, "300", "pmol/8x10(8)RBC"), Observation(MMP, "3000", "pmol/8x10(8)RBC"))
    above.oru(Observation(TGN, "300", "pmol/10*8{RBC}"), Observation(MMP, "300", "pmol/10*8{RBC}"))

    assert not [rule for rule in target.open_rules() if rule.startswith("p13")]
    assert severity(above, "p13-6tgn-high") == "review"
