"""Facts told in codes: answers in OBX, diagnoses in DG1, allergies in AL1, by ER7 messages."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.intake import Intake
from engine.knowledge import KnowledgeFolders, load_knowledge
from engine.taken import IntakeOptions, Taken
from engine.therapy import facts
from tests.scenario.timeline import ANNA, ROOT, Scenario, alert, knowledge_of_scenarios
from tests.scenario.wire import Observation, message

SYMPTOM = "75325-1^Symptom^LN"
PREGNANCY = "82810-3^Pregnancy status^LN"
NAUSEA = "422587007^Nausea^SCT"
FATIGUE = "84229001^Fatigue^SCT"
PREGNANT = "LA15173-0^Pregnant^LN"
NOT_PREGNANT = "LA26683-5^Not pregnant^LN"
UNMAPPED = alert("q06-code-unmapped", "info")


def said(code: str, value: str, *, status: str = "F", kind: str = "CWE", sub: str = "") -> Observation:
    return Observation(code, value, status=status, kind=kind, sub=sub)


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


def known(day: Scenario, name: str) -> list[str]:
    """The values of a fact, oldest first."""
    return [fact.value for fact in facts(day.record().therapy).get(name, ())]


def adt(day: Scenario, *lines: str, trigger: str = "A08", control: str = "", sent: str = "") -> Taken:
    """Take in an ADT message with these segments behind its PV1."""
    stamp = sent or day.now.strftime("%Y%m%d%H%M%S+0000")
    segments = [f"EVN||{stamp}", ANNA.segment(), "PV1|1|O|GASTRO^01^^STEVENS", *lines]
    body = message(f"ADT^{trigger}", control or day.control(), stamp, segments, sender="PAS|STEVENS")
    return day.send(body)


# --- answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observation", "name", "value"),
    [
        (said(SYMPTOM, NAUSEA), "symptom", "nausea"),
        (said(SYMPTOM, "422587007^Nausea^SNOMED-CT"), "symptom", "nausea"),
        (said(SYMPTOM, "422587007"), "symptom", "nausea"),
        (said(SYMPTOM, f"N1^Übelkeit^99KIS^{NAUSEA}"), "symptom", "nausea"),
        (said(SYMPTOM, "84387000^Asymptomatic^SCT"), "symptom", "none"),
        (said(PREGNANCY, PREGNANT), "pregnancy", "yes"),
        (said(PREGNANCY, NOT_PREGNANT), "pregnancy", "no"),
        (said("11449-6^Pregnancy^LN", "Y", kind="ST"), "pregnancy", "yes"),
        (said("11449-6^Pregnancy^LN", "N^no^HL70136"), "pregnancy", "no"),
        (said("29308-4^Diagnosis^LN", "K75.4^Autoimmune hepatitis^I10"), "diagnosis", "aih"),
    ],
)
def test_a_coded_answer_is_a_fact(observation: Observation, name: str, value: str) -> None:
    """A question that the table knows, answered in a code that it knows."""
    day = treated()
    day.oru(observation)

    assert day.outcome == "accepted/results"
    assert known(day, name) == [value]


def test_symptoms_told_together_all_hold() -> None:
    """Repetitions of OBX-5, and OBX of one sub-id or of several."""
    day = treated()
    day.oru(said(SYMPTOM, f"{NAUSEA}~{FATIGUE}"), said(SYMPTOM, "386661006^Fever^SCT", sub="2"))

    assert sorted(known(day, "symptom")) == ["fatigue", "fever", "nausea"]


def test_a_correction_takes_the_place_of_what_was_said() -> None:
    """Nausea and fatigue, corrected to fatigue alone: nobody speaks of nausea any more."""
    day = treated()
    day.oru(said(SYMPTOM, f"{NAUSEA}~{FATIGUE}"), order="O1")
    day.at("d0 09:00").oru(said(SYMPTOM, FATIGUE, status="C"), order="O1", collected="d0 08:00")

    assert known(day, "symptom") == ["fatigue"]


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_a_withdrawn_answer_was_never_given(status: str) -> None:
    """The answer belonged to somebody else."""
    day = treated()
    day.oru(said(PREGNANCY, PREGNANT), order="O1")
    day.at("d0 09:00").oru(said(PREGNANCY, "", status=status), order="O1", collected="d0 08:00")

    assert known(day, "pregnancy") == []


def test_neither_order_nor_repetition_makes_a_difference() -> None:
    """The answer, its correction and a later answer, in any order, some of them twice."""
    author = treated()
    texts = [
        author.oru_text(said(PREGNANCY, PREGNANT), order="O1", collected="d0 08:00", sent="d0 08:00"),
        author.oru_text(
            said(PREGNANCY, NOT_PREGNANT, status="C"), order="O1", collected="d0 08:00", sent="d0 09:00"
        ),
        author.oru_text(said(SYMPTOM, NAUSEA), order="O2", collected="d0 07:00", sent="d0 08:30"),
        author.oru_text(said(SYMPTOM, NAUSEA, status="W"), order="O2", collected="d0 07:00", sent="d0 10:00"),
    ]
    outcomes = set()
    for order in itertools.permutations(texts):
        day = treated()
        day.send_all([*order, order[0]])
        outcomes.add((tuple(known(day, "pregnancy")), tuple(known(day, "symptom"))))

    assert outcomes == {(("no",), ())}


def test_a_question_that_is_of_no_interest_to_others_is_known_before_the_therapy() -> None:
    """A pregnancy is remembered of somebody who starts later."""
    day = Scenario()
    day.at("d-10 08:00").oru(said(PREGNANCY, PREGNANT))

    assert known(day, "pregnancy") == ["yes"]


def test_an_answer_that_nobody_has_mapped_is_told_and_counted() -> None:
    """A known question with an unknown answer is treated as an unmapped code is."""
    day = treated()
    day.oru(said(SYMPTOM, "99^Feels odd^99KIS"))

    day.expect(UNMAPPED.started())
    assert [entry["code"] for entry in day.store.mapping_ledger()] == ["75325-1=99"]
    assert known(day, "symptom") == []


def test_the_next_understood_answer_ends_the_notice() -> None:
    """The question is answered; what the former answer meant is history."""
    day = treated()
    day.oru(said(SYMPTOM, "99^Feels odd^99KIS"))
    day.expect(UNMAPPED.started())
    day.at("d1 08:00").oru(said(SYMPTOM, NAUSEA))

    day.expect(UNMAPPED.ended())
    assert known(day, "symptom") == ["nausea"]


def test_asked_and_not_known_is_no_fact_and_no_notice() -> None:
    """The list of answers has one that says that nobody knows."""
    day = treated()
    day.oru(said(PREGNANCY, "LA4489-6^Unknown^LN"))

    day.expect_silence()
    assert known(day, "pregnancy") == []


def test_a_symptom_raises_the_severity_of_a_result() -> None:
    """Told with the liver panel in one message, it is a stop rule and not a mild rise."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(said(SYMPTOM, NAUSEA), alt="310")

    assert day.open_rules()["a05-alt-ast-300-symptoms"] == "critical"


@pytest.mark.parametrize(("stopped", "asked"), [("d0", True), ("d-120", False)])
def test_a_symptom_long_after_the_drug_asks_for_nothing(stopped: str, asked: bool) -> None:
    """Results of those years are not judged either: nobody is asked for a panel that would be ignored."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-400")
    day.roster_row("H1", "stop", stopped, "azathioprine")
    day.at("d0 08:00").oru(alt="30", ast="30", collected="d-150")
    day.at("d5 08:00").oru(said(SYMPTOM, NAUSEA), collected="d5 08:00")

    assert ("a17-symptom-without-panel" in day.open_rules()) is asked


# --- diagnoses and allergies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "name", "values"),
    [
        ("K75.4^Autoimmune hepatitis^I10", "diagnosis", ["aih"]),
        ("K754^Autoimmune hepatitis^I10", "diagnosis", ["aih"]),
        ("k75.4^Autoimmune hepatitis^ICD-10-CM", "diagnosis", ["aih"]),
        ("K75.4^Autoimmune hepatitis", "diagnosis", ["aih"]),  # DG1-2 says I10
        ("K75.9^Hepatitis^I10", "diagnosis", []),
        ("K50.10^Crohn^I10", "diagnosis", ["ibd"]),
        ("K51^Colitis^I10", "diagnosis", ["ibd"]),
        ("K74.6^Cirrhosis^I10", "cirrhosis", ["yes"]),
        ("K74.0^Fibrosis^I10", "cirrhosis", []),
        ("K74.0^Fibrosis^I10", "chronic-liver-disease", ["yes"]),
        ("K72.9^Hepatic failure^I10", "decompensation", ["yes"]),
        ("R18^Ascites^I10", "decompensation", ["yes"]),
        ("R18.0^Malignant ascites^I10", "decompensation", []),
        ("O26.9^Pregnancy^I10", "pregnancy", ["yes"]),
        ("O9A.2^Pregnancy^I10", "pregnancy", ["yes"]),
        ("Z33.1^Pregnant^I10", "pregnancy", ["yes"]),
        ("Z39.0^Postpartum^I10", "pregnancy", ["no"]),
        ("C50.9^Breast^I10", "malignancy", ["yes"]),
        ("E80.4^Gilbert^I10", "gilbert", ["yes"]),
        ("408335007^AIH^SCT", "diagnosis", ["aih"]),
        ("C12^Local thing^99KIS", "malignancy", []),
    ],
)
def test_a_diagnosis_is_a_fact(code: str, name: str, values: list[str]) -> None:
    """By exact code or the longest beginning that the table has, with or without the point."""
    day = treated()
    adt(day, f"DG1|1|I10|{code}||20260101|F")

    assert day.outcome == "accepted/demographics"
    assert known(day, name) == values


def test_the_date_of_a_diagnosis_is_its_own_or_that_of_the_message() -> None:
    """DG1-5, else MSH-7."""
    day = treated()
    adt(day, "DG1|1|I10|K74.6^^I10||20250611", "DG1|2|I10|O26^^I10")
    told = facts(day.record().therapy)

    assert told["cirrhosis"][0].effective.at.date().isoformat() == "2025-06-11"
    assert told["pregnancy"][0].effective.at == day.now


def test_a_deleted_diagnosis_is_taken_back() -> None:
    """DG1-21 D; telling it again later counts again."""
    day = treated()
    adt(day, "DG1|1|I10|K74.6^^I10||20250611")
    day.at("d1 08:00")
    adt(day, "DG1|1|I10|K74.6^^I10||20250611" + "|" * 16 + "D")
    assert known(day, "cirrhosis") == []
    day.at("d2 08:00")
    adt(day, "DG1|1|I10|K74.6^^I10||20250611")

    assert known(day, "cirrhosis") == ["yes"]


def test_the_same_snapshot_again_changes_nothing() -> None:
    """Every A08 repeats all diagnoses."""
    day = treated()
    for number in range(3):
        day.at(f"d{number} 08:00")
        adt(day, "DG1|1|I10|K75.4^^I10||20250611")

    assert known(day, "diagnosis") == ["aih"]


def test_diagnoses_and_allergies_in_a_result_message_count_too() -> None:
    """Some laboratories repeat what the request said."""
    day = treated()
    body = day.oru_text(alt="30").replace(
        b"\rOBR", b"\rDG1|1|I10|K74.6^^I10||20250611\rAL1|1|DA|L04AX01^^WC\rOBR", 1
    )
    day.send(body)

    assert (known(day, "cirrhosis"), known(day, "thiopurine-intolerance")) == (["yes"], ["yes"])
    assert day.values("alt") == ["30 U/L"]


@pytest.mark.parametrize(
    "code", ["1256^azathioprine^RXNORM", "L04AX01^Azathioprine^WC", "386835005^Mercaptopurine^SCT"]
)
def test_an_allergy_to_a_thiopurine_is_a_fact(code: str) -> None:
    """By any code of the drug that the table of drugs knows."""
    day = treated()
    adt(day, f"AL1|1|DA|{code}|MO|Fever and rash|20240601")

    (fact,) = facts(day.record().therapy)["thiopurine-intolerance"]
    assert (fact.value, fact.effective.at.date().isoformat()) == ("yes", "2024-06-01")
    assert "AL1" in fact.source


def test_other_allergies_are_none_of_our_business() -> None:
    """Penicillin, and peanuts."""
    day = treated()
    adt(day, "AL1|1|DA|7980^Penicillin G^RXNORM", "AL1|2|FA|^Peanuts")

    assert known(day, "thiopurine-intolerance") == []
    assert not day.store.mapping_ledger()


def test_what_nobody_can_read_is_counted() -> None:
    """A diagnosis in a catalogue of the hospital's own, and an allergy that only a text names."""
    day = treated()
    adt(day, "DG1|1||LEB4^Liver thing^99KIS", "AL1|1|DA|^Azathioprine (Imuran)")

    assert {entry["kind"] for entry in day.store.mapping_ledger()} == {
        "diagnosis-unmapped",
        "allergy-unmapped",
    }


def test_an_answer_in_a_message_about_a_person_counts() -> None:
    """ADT messages carry observations as well; the results among them are left to the laboratory."""
    day = treated()
    adt(
        day,
        "OBX|1|CWE|82810-3^Pregnancy status^LN||LA15173-0^Pregnant^LN||||||F",
        "OBX|2|NM|1742-6^ALT^LN||900|U/L",
    )

    assert known(day, "pregnancy") == ["yes"]
    assert day.results("alt") == []


def test_the_weight_in_a_message_about_a_person_counts() -> None:
    """Wards weigh, laboratories do not."""
    day = treated()
    adt(day, "OBX|1|NM|29463-7^Body weight^LN||70|kg|||||F")

    assert day.values("body_weight") == ["70 kg"]


# --- a site's own questions -------------------------------------------------------------------------------


def test_a_site_has_questions_and_answers_of_its_own(tmp_path: Path) -> None:
    """Its own codes, named in sites.yaml, in the columns of facts.csv with an empty system."""
    folder = tmp_path / "mappings"
    shutil.copytree(ROOT / "mappings", folder)
    header = "place,question_system,question,system,code,fact,value,name,source\n"
    rows = (
        "OBX,,SYM7,,1,symptom,nausea,Übelkeit,form 7\n"
        "OBX,,SYM7,,0,ignore,,keine Übelkeit,form 7\n"
        "DG1,,,,LEB4,cirrhosis,yes,Zirrhose,house catalogue\n"
    )
    (folder / "sites" / "stevens-facts.csv").write_text(header + rows, "utf-8")
    sites = folder / "sites.yaml"
    default = sites.read_text("utf-8").partition("\ndefault:\n")[2].partition("\n\n")[0]
    senders = '  senders: ["STEVLIS|STEVENS", "PAS|STEVENS"]'
    site = f"\nstevens:\n{senders}\n{default}\n  facts: sites/stevens-facts.csv\n"
    sites.write_text(sites.read_text("utf-8") + site, "utf-8")
    loaded = load_knowledge(
        KnowledgeFolders(ROOT / "rules", folder, ROOT / "docs" / "sources.md"), "strictest"
    )
    day = treated()
    day.oru(said("SYM7^Übelkeit?^L", "1^ja^L"))
    day.expect(UNMAPPED.started())
    told = replace(knowledge_of_scenarios(), terminology=loaded.terminology)
    day.intake = Intake(day.store, told, IntakeOptions(clock=lambda: day.now))
    day.at("d1 08:00").oru(said("SYM7^Übelkeit?^L", "1^ja^L"))
    day.expect(UNMAPPED.ended())
    adt(day, "DG1|1||LEB4^Zirrhose^99KIS")

    assert known(day, "symptom") == ["nausea"]
    assert known(day, "cirrhosis") == ["yes"]


def test_a_baseline_of_nothing_is_refused() -> None:
    """Every multiple of 0 U/L is 0: somebody has left the number out."""
    day = Scenario()

    with pytest.raises(ConfigError, match="baseline of alt: is not above 0"):
        day.import_roster("H1,STEVENS,fact,2026-01-02,,,,baseline.alt=0 U/L\n")
