"""Results that nobody can judge are never passed over in silence."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.intake import Intake
from engine.knowledge import KnowledgeFolders, load_knowledge
from engine.model.alert import AlertReason
from engine.taken import IntakeOptions
from tests.scenario.timeline import ROOT, Scenario, alert
from tests.scenario.wire import Observation, obx, patient

MILD = alert("a13-mild-rise", "review")
STOP = alert("a02-alt-ast-500", "critical")
UNMAPPED = alert("q06-code-unmapped", "info")
LOCAL = "XL99^Liver thing^L"


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


def map_codes(day: Scenario, folder: Path, *codes: str) -> None:
    """Have these codes of the site mapped to ALT, as after a restart with new mappings."""
    shutil.copytree(ROOT / "mappings", folder)
    header = "code,name,analyte,specimen,unit,unit_when_missing,method\n"
    rows = "".join(f"{code},liver thing,alt,,,,\n" for code in codes)
    (folder / "sites" / "stevens.csv").write_text(header + rows, "utf-8")
    sites = folder / "sites.yaml"
    default = sites.read_text("utf-8").partition("\ndefault:\n")[2].partition("\n\n")[0]
    site = f'\nstevens:\n  senders: ["STEVLIS|STEVENS"]\n{default}\n  codes: sites/stevens.csv\n'
    sites.write_text(sites.read_text("utf-8") + site, "utf-8")
    folders = KnowledgeFolders(ROOT / "rules", folder, ROOT / "docs" / "sources.md")
    knowledge = replace(day.knowledge, terminology=load_knowledge(folders, "strictest").terminology)
    day.intake = Intake(day.store, knowledge, IntakeOptions(clock=lambda: day.now))


PROBLEMS = [
    ("q01-unit-missing", obx("alt", "530", unit="")),
    ("q02-unit-unknown", obx("alt", "530", unit="furlong")),
    ("q03-value-unreadable", obx("alt", "haemolysed", kind="ST")),
    ("q03-value-unreadable", obx("alt", "5.3e2")),
    ("q03-value-unreadable", obx("alt", '""')),
    ("q03-value-unreadable", obx("alt", "530", flags="QCF")),
    ("q04-implausible", obx("alt", "530000")),
    ("q04-implausible", obx("wbc", "5000", unit="10*3/uL")),
]


@pytest.mark.parametrize(("rule", "observation"), PROBLEMS)
def test_a_result_that_cannot_be_judged_is_noticed_and_the_others_are_judged(
    rule: str, observation: Observation
) -> None:
    """One bad value spoils neither the message nor the other results, and somebody is asked to look."""
    day = treated()
    day.oru(observation, platelets="31")

    assert day.outcome == "accepted/results"
    assert day.open_rules() == {rule: "review", "d02-platelets-below-50": "critical"}


@pytest.mark.parametrize(("rule", "observation"), PROBLEMS)
def test_the_next_usable_result_answers_the_notice(rule: str, observation: Observation) -> None:
    """A notice ends by itself once the test has a value that can be judged."""
    day = treated()
    day.oru(observation)
    day.expect(alert(rule).started())
    day.at("d1 08:00").oru(alt="30", wbc="6.0")

    day.expect(alert(rule).ended())


def test_a_notice_about_an_earlier_result_does_not_outlive_a_later_one() -> None:
    """The later specimen was usable and came first: nobody needs to be told about the earlier one."""
    day = treated()
    day.oru(alt="30")
    day.oru(obx("alt", "530", unit=""), collected="d-1 08:00")

    day.expect_silence()


def test_the_missing_unit_is_answered_by_the_corrected_result() -> None:
    """The laboratory sends the unit: the notice ends as corrected and the value is judged."""
    day = treated()
    day.oru(obx("alt", "530", unit=""), order="O1")
    day.expect(alert("q01-unit-missing").started())
    day.at("d0 10:00").oru(obx("alt", "530", status="C"), order="O1", collected="d0 08:00")

    day.expect(STOP.started(), alert("q01-unit-missing").ended(AlertReason.CORRECTED))


def test_each_test_without_a_unit_is_a_notice_of_its_own() -> None:
    """ALT and bilirubin without units: two things to put right."""
    day = treated()
    day.oru(obx("alt", "530", unit=""), obx("bilirubin", "2.0", unit=""))

    assert {each.subject for each in day.open_alerts()} == {"alt", "bilirubin"}
    day.at("d1 08:00").oru(alt="30")
    assert [each.subject for each in day.open_alerts()] == ["bilirubin"]


def test_nobody_is_asked_to_look_at_people_without_the_drug() -> None:
    """Bad units of untreated people are counted in the mapping ledger and page nobody."""
    day = Scenario()
    day.at("d0 08:00").oru(obx("alt", "530", unit="furlong"))

    day.expect_silence()
    (entry,) = day.store.mapping_ledger()
    assert (entry["kind"], entry["unit"], bool(entry["on_therapy"])) == ("unit-unknown", "furlong", False)


def test_the_ledger_counts_what_blinds_the_engine() -> None:
    """Codes and units that were not understood, with how often and whether a patient was concerned."""
    day = treated()
    for _ in range(3):
        day.oru(Observation(LOCAL, "7", "U/L"))
    (entry,) = day.store.mapping_ledger()

    assert (entry["code"], entry["kind"], entry["count"]) == ("XL99", "unmapped", 3)
    assert entry["on_therapy"]


def test_an_unmapped_code_is_noticed_once() -> None:
    """The notice is about what is not mapped, not about each of its values."""
    day = treated()
    day.oru(Observation(LOCAL, "7", "U/L"), alt="130")
    day.expect(alert("q06-code-unmapped", "info").started(), MILD.started())
    day.at("d1 08:00").oru(Observation(LOCAL, "8", "U/L"))

    day.expect_silence()
    assert sorted(day.open_rules()) == ["a13-mild-rise", "q06-code-unmapped"]


def test_a_panel_of_a_laboratory_that_nobody_has_mapped_is_one_notice() -> None:
    """One thing to do, one alert: its words and its evidence are bounded."""
    day = treated()
    day.oru(*(Observation(f"N{number:03}^^L", "7", "U/L") for number in range(838)))

    (event,) = day.events()
    assert "N000, N001, N002, N003, N004 and 833 more" in event.message
    assert len(event.evidence) == 10


def test_another_code_of_the_same_sender_is_added_to_the_notice_and_tells_nobody() -> None:
    """Inside the repeat interval a new code pages nobody; after it the notice names it."""
    day = treated()
    day.oru(Observation(LOCAL, "7", "U/L"))
    day.expect(UNMAPPED.started())
    day.at("d1 08:00").oru(Observation("YL12^^L", "8", "U/L"))

    day.expect_silence()
    (open_alert,) = day.open_alerts()
    assert "YL12 and XL99 (Liver thing)" in open_alert.current.message
    day.at("d28 08:00").oru(Observation("YL12^^L", "8", "U/L"))
    day.expect(UNMAPPED.updated(AlertReason.CHANGED))


def test_the_notice_ends_with_the_last_code_that_is_mapped(tmp_path: Path) -> None:
    """While one code of the sender may hide a monitored test, there is something to do."""
    day = treated()
    day.oru(Observation(LOCAL, "7", "U/L"), Observation("YL12^^L", "8", "U/L"))
    day.expect(UNMAPPED.started())
    map_codes(day, tmp_path / "one", "XL99")
    day.at("d1 08:00").oru(Observation(LOCAL, "30", "U/L"))
    day.expect_silence()
    map_codes(day, tmp_path / "both", "XL99", "YL12")
    day.at("d2 08:00").oru(Observation("YL12^^L", "30", "U/L"))

    day.expect(UNMAPPED.ended())


def test_a_code_that_we_know_and_do_not_watch_is_no_notice() -> None:
    """Sodium is a well-formed LOINC of no interest here."""
    day = treated()
    day.oru(sodium="140")

    day.expect_silence()
    assert day.outcome == "ignored/nothing-monitored"


def test_codes_that_disagree_are_held() -> None:
    """A LOINC of ALT beside a LOINC of AST: nobody can know which of them it is."""
    day = treated()
    day.oru(Observation("1742-6^ALT^LN^1920-8^AST^LN", "530", "U/L", "10-40"), wbc="1.2")

    assert day.outcome == "quarantined/codes-disagree"
    day.expect_silence()
    assert day.record().results == ()


def test_a_local_code_beside_its_loinc_is_one_result() -> None:
    """Laboratories are encouraged to send both."""
    day = treated()
    day.oru(Observation("GPT^ALAT^L^1742-6^ALT^LN", "530", "U/L", "10-40"))

    day.expect(STOP.started())


def test_a_comment_line_below_a_result_leaves_the_value_alone() -> None:
    """Several OBX of one test are one unit: the number counts, the text beside it is a comment."""
    comment = obx("alt", "please repeat", kind="TX", unit="", limits="")
    for observations in ([obx("alt", "530"), comment], [comment, obx("alt", "530")]):
        day = treated()
        day.oru(*observations)

        assert day.open_rules() == {"a02-alt-ast-500": "critical"}
        assert day.values("alt") == ["530 U/L"]


def test_results_with_different_sub_ids_are_different_results() -> None:
    """Two values of one test in one order, told apart by OBX-4."""
    day = treated()
    day.oru(obx("alt", "30", sub="1"), obx("alt", "530", sub="2"))

    assert day.values("alt") == ["30 U/L", "530 U/L"]


def test_a_second_number_without_a_sub_id_overwrites_nothing() -> None:
    """A laboratory that leaves OBX-4 empty loses neither of two values."""
    day = treated()
    day.oru(obx("alt", "530"), obx("alt", "30", at="20260311080000+0000"))

    assert sorted(day.values("alt")) == ["30 U/L", "530 U/L"]
    day.expect(STOP.started())


def test_neutrophils_are_counted_from_their_share() -> None:
    """White cells and the percentage of one specimen give the absolute count, whichever comes first."""
    for first, second in (("wbc", "neutrophils_percent"), ("neutrophils_percent", "wbc")):
        values = {"wbc": "4.0", "neutrophils_percent": "30"}
        day = treated()
        day.oru(obx(first, values[first]), order="O1", collected="d0 07:00")
        day.oru(obx(second, values[second]), order="O1", collected="d0 07:00")

        assert day.neutrophils() == ["1.2"]


def test_a_bare_percentage_is_no_count() -> None:
    """Thirty per cent of an unknown number is unknown."""
    day = treated()
    day.oru(neutrophils_percent="30")

    assert day.neutrophils() == []


def test_bands_complete_a_segmented_count() -> None:
    """Segmented neutrophils leave the band forms out; together they are the count."""
    manual = Observation("768-2^Segmented neutrophils^LN", "1.0", "10*9/L")
    for segments in (obx("segments", "1.0"), manual):
        day = treated()
        day.oru(segments, obx("bands", "0.4"))

        assert day.neutrophils() == ["1.4"]


def test_a_reported_total_is_not_replaced_by_its_parts() -> None:
    """The laboratory's own total comes first, whatever else is reported of the specimen."""
    for names in (("neutrophils", "segments", "bands"), ("bands", "segments", "neutrophils")):
        values = {"neutrophils": "1.9", "segments": "1.0", "bands": "0.4"}
        day = treated()
        day.oru(*(obx(name, values[name]) for name in names))

        assert "1.9" in day.neutrophils()
        assert "1.4" not in day.neutrophils()


def test_without_a_range_the_limits_of_the_catalogue_are_named_as_such() -> None:
    """No OBX-7: multiples of the upper limit are not judged, absolute limits are."""
    day = treated()
    day.oru(obx("alt", "130", limits=""), obx("platelets", "31", limits=""))

    assert day.open_rules() == {"d02-platelets-below-50": "critical"}


def test_a_range_by_sex_is_read_for_the_patient_s_sex() -> None:
    """M:10-50;F:10-35 means 35 for a woman."""
    for sex, rules in (("F", {"a13-mild-rise": "review"}), ("M", {}), ("", {})):
        day = treated()
        day.oru(obx("alt", "40", limits="M:10-50;F:10-35"), of=patient("H1", sex=sex))

        assert day.open_rules() == rules
