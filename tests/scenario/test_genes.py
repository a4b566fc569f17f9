"""TPMT and NUDT15 results become facts whenever a record is judged, and so do their corrections."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engine.history import derived_facts
from engine.model.therapy import Fact
from engine.therapy import facts, spans
from tests.scenario.timeline import Scenario, alert
from tests.scenario.wire import Observation

ACTIVITY = "53819-9^TPMT activity^LN"
GENOTYPE = "41048-0^TPMT gene^LN"
PHENOTYPE = "79713-4^TPMT phenotype^LN"
BOTH = "93193-1^TPMT and NUDT15^LN"


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


def activity(value: str, unit: str, status: str = "F") -> Observation:
    return Observation(ACTIVITY, value, unit, status=status)


def coded(code: str, value: str, status: str = "F") -> Observation:
    return Observation(code, value, status=status, kind="CWE")


def seen(day: Scenario) -> Mapping[str, tuple[Fact, ...]]:
    """The facts that the rules see."""
    record = day.record()
    read = day.knowledge.terminology.gene_levels
    return derived_facts(record.results, facts(record.therapy), spans(record.therapy), read)


def newest(day: Scenario, name: str = "tpmt") -> str:
    """What holds at last."""
    told = seen(day).get(name, ())
    return told[-1].value if told else ""


def source(day: Scenario, name: str = "tpmt") -> str:
    """Where that comes from."""
    return seen(day)[name][-1].source


def test_thirty_is_low_in_one_unit_and_normal_in_another() -> None:
    """The trap of the laboratories."""
    low, normal = treated(), treated()
    low.oru(activity("30", "mU/L"))
    normal.oru(activity("30", "nmol/h/g Hb"))

    assert (newest(low), newest(normal)) == ("intermediate", "normal")
    assert source(low).startswith("activity 30 mU/L, STEVLIS|STEVENS")


def test_an_activity_without_a_unit_is_refused_and_noticed() -> None:
    """Nobody can tell which 30 it is."""
    day = treated()
    day.oru(activity("30", ""))

    assert newest(day) == ""
    day.expect(alert("q01-unit-missing", "review").started())


def test_a_result_that_says_nothing_of_the_enzyme_is_noticed() -> None:
    """A letter follows, perhaps."""
    day = treated()
    day.oru(coded(GENOTYPE, "^see letter"))

    assert newest(day) == ""
    day.expect(alert("q03-value-unreadable", "review").started())


def test_a_corrected_result_is_corrected_here() -> None:
    """Facts of results are never stored: nothing of the wrong genotype is left."""
    day = treated()
    day.oru(coded(GENOTYPE, "*3A/*3C"), order="O1")
    assert newest(day) == "deficient"
    day.at("d1 08:00").oru(coded(GENOTYPE, "*1/*1", status="C"), order="O1", collected="d0 08:00")
    assert newest(day) == "normal"
    day.at("d2 08:00").oru(coded(GENOTYPE, "", status="W"), order="O1", collected="d0 08:00")
    assert newest(day) == ""


def test_a_normal_activity_takes_no_deficient_genotype_back() -> None:
    """The gravest of what is known counts; each kind of test corrects itself only."""
    day = treated()
    day.oru(coded(GENOTYPE, "*3A/*3C"))
    day.at("d5 08:00").oru(activity("100", "mU/L"))
    assert newest(day) == "deficient"
    day.at("d6 08:00").oru(coded(GENOTYPE, "*1/*1"))
    assert newest(day) == "normal"


def test_what_the_roster_states_counts_beside_the_results() -> None:
    """A genotype on paper, and an activity from the laboratory."""
    day = treated()
    day.roster_row("H1", "fact", "d-50", note="tpmt=deficient")
    day.oru(activity("100", "mU/L"))
    assert newest(day) == "deficient"
    day.roster_row("H1", "fact", "d1", note="tpmt=normal")

    assert newest(day) == "normal"


def test_an_activity_settles_what_a_genotype_leaves_open() -> None:
    """Alleles of unknown function: measure the activity."""
    day = treated()
    day.oru(coded(GENOTYPE, "*1/*8"))
    assert newest(day) == "indeterminate"
    day.at("d5 08:00").oru(activity("100", "mU/L"))

    assert newest(day) == "normal"


@pytest.mark.parametrize(
    ("transfused", "value", "level"),
    [
        ("d-1", "100", "indeterminate"),
        ("d-121", "100", "indeterminate"),
        ("d-123", "100", "normal"),
        ("d1", "100", "normal"),
        ("d-1", "30", "intermediate"),
    ],
)
def test_a_transfusion_makes_a_normal_activity_say_nothing(transfused: str, value: str, level: str) -> None:
    """It may be the donor's; a low one is low all the same."""
    day = treated()
    day.roster_row("H1", "fact", transfused, note="transfusion=yes")
    day.oru(activity(value, "mU/L"))

    assert newest(day) == level
    assert ("transfused" in source(day)) == (transfused in ("d-1", "d-121"))


def test_measured_on_the_drug_is_said() -> None:
    """Thiopurines change the activity that is measured."""
    before, during = treated(), treated()
    before.oru(activity("100", "mU/L"), collected="d-90 08:00")
    during.oru(activity("100", "mU/L"))

    assert "thiopurine" not in source(before)
    assert "measured on a thiopurine" in source(during)


def test_both_genes_of_one_report() -> None:
    """One OBX, two facts."""
    day = treated()
    day.oru(coded(BOTH, "^TPMT *1/*3A, NUDT15 *1/*3"))

    assert (newest(day), newest(day, "nudt15")) == ("intermediate", "intermediate")


def test_a_weight_that_was_measured_is_a_fact() -> None:
    """The newest of what the roster states and what was measured."""
    day = treated()
    day.roster_row("H1", "fact", "d-50", note="weight=70 kg")
    day.oru(Observation("29463-7^Body weight^LN", "154", "[lb_av]"))

    assert [fact.value for fact in seen(day)["weight"]] == ["70 kg", "69.85322498 kg"]


def test_a_later_normal_activity_does_not_lend_its_date_to_the_genotype() -> None:
    """What is told of is the test that counts, with the day of that test."""
    day = treated()
    day.oru(coded(GENOTYPE, "^TPMT *3A/*3A"))
    day.at("d9 08:00").oru(activity("100", "mU/L"))

    assert seen(day)["tpmt"][-1].told == "genotype *3A/*3A of 2026-03-12"
