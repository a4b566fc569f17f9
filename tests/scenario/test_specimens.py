"""Haemolysed and clotted specimens on the whole way: what they silence, what is told of them, what not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from engine.intake import Intake
from engine.knowledge import KnowledgeFolders, load_knowledge
from engine.outbound import Format, RenderOptions, render
from engine.taken import IntakeOptions
from tests.scenario.timeline import ANNA, ROOT, Scenario, alert
from tests.scenario.wire import message, obx

HAEMOLYSED = "SPM|1|S1||119364003^Serum^SCT||||||||||||||||||||HEM^Hemolyzed^HL70493"
CLOTTED = "SPM|1|S1||119297000^Blood^SCT||||||||||||||||||||CLOT^Clotted^HL70493"


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


REPEAT = alert("q08-repeat-sample", "review")
NOTICE = {"q08-repeat-sample": "review"}


def panel(day: Scenario, *lines: str, order: str = "") -> None:
    """Take in one order with these segments behind its OBR, collected now."""
    stamp = day.now.strftime("%Y%m%d%H%M%S+0000")
    order = order or f"O{day.control()}"
    request = f"OBR|1||{order}|LFT^Liver tests^L|||{stamp}|||||||||||||||{stamp}|||F"
    segments = [ANNA.segment(), f"ORC|RE||{order}", request, *lines]
    day.send(message("ORU^R01", day.control(), stamp, segments))


def test_ast_of_a_haemolysed_specimen_alone_never_fires() -> None:
    """610 U/L may be the red cells': nobody is paged, somebody is asked to repeat the sample."""
    day = treated()

    panel(day, obx("ast", "610").segment(1), HAEMOLYSED)

    assert day.open_rules() == NOTICE
    (notice,) = day.open_alerts()
    assert notice.current.message == "Specimen of 2026-03-12 was haemolysed: AST 610 U/L was not judged."


def test_alt_of_a_haemolysed_specimen_fires_and_the_card_says_haemolysed() -> None:
    """Red cells hold little ALT. The value of AST stands beside it, not judged."""
    day = treated()

    panel(day, obx("alt", "610").segment(1), obx("ast", "650").segment(2), "NTE|1|L|Sample haemolysed")

    (opened,) = [alert for alert in day.open_alerts() if alert.current.rule_id.startswith("a02")]
    notes = {evidence.condition: evidence.note for evidence in opened.current.evidence}
    assert opened.current.trigger_key.endswith("1742-6|")
    assert notes["alt >= 500 U/L"] == "haemolysed"
    assert notes["ast >= 500 U/L"] == "haemolysed: not judged"
    assert [label.text for label in opened.current.labels] == [
        "Specimen haemolysed: ALT judged with reserve."
    ]


@pytest.mark.parametrize("form", [Format.HL7_R40, Format.HL7_R01, Format.EVENT_JSON])
def test_receivers_are_told_how_the_specimen_was(form: Format) -> None:
    """Whoever gets the alert reads the reserve with it, in whatever format."""
    day = treated()
    panel(day, obx("alt", "610").segment(1), "NTE|1|L|Sample haemolysed")

    (event,) = day.events()

    assert b"Specimen haemolysed: ALT judged with reserve." in render(event, form, RenderOptions()).body


def test_platelets_of_a_clotted_specimen_never_fire() -> None:
    """A count of 20 in a clotted tube is a reason to draw blood again, not to stop a drug."""
    day = treated()

    panel(day, obx("platelets", "20").segment(1), CLOTTED)

    assert day.open_rules() == NOTICE


def test_a_comment_that_comes_later_takes_the_alert_back_as_corrected() -> None:
    """The laboratory sends the same value again and adds that the tube was haemolysed."""
    day = treated()
    stamp = day.now.strftime("%Y%m%d%H%M%S+0000")
    request = f"OBR|1||F1|LFT^Liver tests^L|||{stamp}|||||||||||||||{stamp}|||F"
    segments = [ANNA.segment(), request, obx("ast", "610").segment(1)]
    day.send(message("ORU^R01", "L1", stamp, segments))
    opened = day.open_rules()
    day.at("d0 09:00")
    later = day.now.strftime("%Y%m%d%H%M%S+0000")

    day.send(message("ORU^R01", "L2", later, [*segments, "NTE|1|L|haemolysed"]))

    assert "a02-alt-ast-500" in opened.values() or "a02-alt-ast-500" in opened
    assert day.open_rules() == NOTICE
    assert [event.reason.value for event in day.events() if event.rule.startswith("a02")] == [
        "new",
        "corrected",
    ]


def test_white_cells_of_a_clotted_specimen_fire_and_say_so() -> None:
    """A clot takes white cells too, but a low count that nobody hears of costs more than one told early."""
    day = treated()

    panel(day, obx("wbc", "1.9").segment(1), obx("platelets", "20").segment(2), CLOTTED)

    assert day.open_rules() == {"d01-wbc-below-2-5": "critical", **NOTICE}
    told = {opened.family: opened.current for opened in day.open_alerts()}
    assert [each.text for each in told["cytopenia"].labels] == ["Specimen clotted: WBC judged with reserve."]
    assert told["specimen-spoiled"].message == (
        "Specimen of 2026-03-12 was clotted: Platelets 20 10*9/L was not judged; WBC 1.9 10*9/L was judged "
        "with reserve."
    )


def test_a_spoiled_value_ends_no_alert() -> None:
    """AST was 610 yesterday; that of today is not known, so that nothing is resolved."""
    day = treated()
    day.oru(ast="610")
    day.expect(alert("a02-alt-ast-500", "critical").started())
    day.at("d1 08:00")
    panel(day, obx("ast", "30").segment(1), HAEMOLYSED)

    day.expect(REPEAT.started())
    assert day.open_rules() == {"a02-alt-ast-500": "critical", **NOTICE}


@pytest.mark.parametrize(
    ("code", "condition"),
    [("RN", "contaminated"), ("EX", "expired"), ("QS", "insufficient"), ("RI", "misidentified")],
)
def test_values_of_a_rejected_specimen_are_judged_with_reserve(code: str, condition: str) -> None:
    """The laboratory has rejected it and sends a value all the same: both are told."""
    day = treated()
    panel(day, obx("alt", "610").segment(1), f"SPM|1|S1{'|' * 19}{code}^^HL70490")

    assert day.open_rules() == {"a02-alt-ast-500": "critical", **NOTICE}
    told = {opened.family: opened.current for opened in day.open_alerts()}
    assert [each.text for each in told["liver-injury"].labels] == [
        f"Specimen {condition}: ALT judged with reserve."
    ]
    assert told["specimen-spoiled"].message == (
        f"Specimen of 2026-03-12 was {condition}: ALT 610 U/L was judged with reserve."
    )


def test_the_next_good_result_answers_the_notice() -> None:
    """Not the next result of the same tube, not one of another test, but AST of a sound specimen."""
    day = treated()
    panel(day, obx("ast", "610").segment(1), HAEMOLYSED)
    day.expect(REPEAT.started())
    day.at("d1 08:00").oru(alt="30")
    day.expect_silence()
    day.at("d2 08:00").oru(ast="30")

    day.expect(REPEAT.ended())


def test_an_earlier_good_result_that_comes_late_does_not_answer_it() -> None:
    """What counts is when blood was taken, not when the result came."""
    day = treated()
    panel(day, obx("ast", "610").segment(1), HAEMOLYSED)
    day.expect(REPEAT.started())
    day.oru(obx("ast", "30"), collected="d-1 08:00")

    day.expect_silence()
    assert day.open_rules() == NOTICE


def test_a_second_haemolysed_specimen_is_the_same_notice() -> None:
    """One piece of work; nobody is told every day."""
    day = treated()
    panel(day, obx("ast", "610").segment(1), HAEMOLYSED)
    day.expect(REPEAT.started())
    day.at("d1 08:00")
    panel(day, obx("ast", "590").segment(1), HAEMOLYSED)

    day.expect_silence()
    (notice,) = day.open_alerts()
    assert notice.current.message == "Specimen of 2026-03-13 was haemolysed: AST 590 U/L was not judged."


def test_a_spoiled_tube_beside_a_sound_one_of_the_same_draw_needs_no_repeat() -> None:
    """Two tubes at one time, one haemolysed: AST is known from the other."""
    day = treated()
    panel(day, obx("ast", "610").segment(1), HAEMOLYSED)
    panel(
        day, obx("ast", "31").segment(1), HAEMOLYSED.replace("S1", "S2").replace("HEM^Hemolyzed^HL70493", "")
    )

    assert day.open_rules() == {}


def test_a_panel_with_a_spoiled_value_is_not_called_incomplete() -> None:
    """AST was asked for; that it must be repeated is one notice, not two."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-60")
    day.at("d-1 08:00").oru(alt="30", ast="30", alp="60", bilirubin="8")
    day.at("d0 08:00")
    usual = {"alt": "45", "ast": "90", "alp": "60", "bilirubin": "8"}
    panel(day, *(obx(name, value).segment(1) for name, value in usual.items()), HAEMOLYSED)

    assert not [rule for rule in day.open_rules() if rule.startswith("f15")]
    assert day.open_rules()["q08-repeat-sample"] == "review"


def test_people_without_the_drug_are_not_asked_for() -> None:
    """Their samples are the business of the laboratory."""
    day = Scenario()
    day.at("d0 08:00")
    panel(day, obx("ast", "610").segment(1), HAEMOLYSED)

    day.expect_silence()


def limited(day: Scenario, folder: Path) -> None:
    """Have the site say from which index on its analyser calls a specimen haemolysed."""
    shutil.copytree(ROOT / "mappings", folder)
    header = "code,name,analyte,specimen,unit,unit_when_missing,method\n"
    (folder / "sites" / "stevens.csv").write_text(
        header + "HIX,Serum index H,haemolysed >= 100,,,,\n", "utf-8"
    )
    sites = folder / "sites.yaml"
    default = sites.read_text("utf-8").partition("\ndefault:\n")[2].partition("\n\n")[0]
    site = f'\nstevens:\n  senders: ["STEVLIS|STEVENS"]\n{default}\n  codes: sites/stevens.csv\n'
    sites.write_text(sites.read_text("utf-8") + site, "utf-8")
    folders = KnowledgeFolders(ROOT / "rules", folder, ROOT / "docs" / "sources.md")
    known = load_knowledge(folders, "strictest")
    mine = replace(day.knowledge, terminology=known.terminology)
    day.intake = Intake(day.store, mine, IntakeOptions(clock=lambda: day.now))


@pytest.mark.parametrize(("index", "rules"), [("100", NOTICE), ("99", {"a02-alt-ast-500": "critical"})])
def test_a_site_states_the_limit_of_its_analyser(index: str, rules: dict[str, str], tmp_path: Path) -> None:
    """From 100 on, its laboratory says, AST is not to be believed."""
    day = treated()
    limited(day, tmp_path / "mappings")

    panel(day, obx("ast", "610").segment(1), f"OBX|2|NM|HIX^H^L||{index}||||||F")

    assert day.open_rules() == rules


def test_an_index_without_a_limit_is_noticed_until_the_laboratory_says_more() -> None:
    """A number of nobody knows which scale: AST is judged, and the mapping asked for. A flag answers it."""
    day = treated()
    panel(day, obx("ast", "610").segment(1), "OBX|2|NM|HIX^Haemolysis index^L||30||||||F")
    day.expect(alert("q06-code-unmapped", "info").started(), alert("a02-alt-ast-500", "critical").started())
    day.at("d1 08:00")
    panel(day, obx("ast", "620").segment(1), "OBX|2|NM|HIX^Haemolysis index^L||90|||H|||F")

    day.expect(alert("q06-code-unmapped", "info").ended(), REPEAT.started())


PARTS = (
    obx("alt", "610").segment(1),
    obx("ast", "650").segment(1),
    "OBX|1|ST|HIX^Haemolysis index^L||3+||||||F",
    obx("wbc", "1.9").segment(1),
)


@pytest.mark.parametrize("order", sorted(permutations(range(len(PARTS))))[::5])
def test_one_observation_a_message_tells_the_same_as_all_in_one(order: tuple[int, ...]) -> None:
    """The index of a tube may come before its values or after them, in messages of their own."""

    def outcome(day: Scenario) -> object:
        return [
            (each.current.rule_id, each.current.message, each.current.labels)
            for each in sorted(day.open_alerts(), key=lambda each: each.family)
        ]

    whole, split = treated(), treated()
    specimen = "SPM|1|S1||119364003^Serum^SCT"
    panel(whole, *PARTS, specimen, order="O1")
    for number in order:
        panel(split, PARTS[number], specimen, order="O1")

    assert outcome(split) == outcome(whole)
    assert whole.open_rules().keys() == {"a02-alt-ast-500", "d01-wbc-below-2-5", "q08-repeat-sample"}


def test_the_comment_on_a_test_of_no_interest_reaches_the_others_of_its_tube() -> None:
    """Potassium with its comment comes first, AST of the same tube in a message of its own."""
    day = treated()
    tube = "SPM|1|S1||119364003^Serum^SCT"

    panel(day, obx("sodium", "140").segment(1), "NTE|1|L|haemolysed", tube)
    panel(day, obx("ast", "650").segment(1), tube)

    assert day.open_rules() == NOTICE


def index(value: str, status: str, flag: str = "") -> str:
    return f"OBX|9|NM|46424-8^Hemolysis index^LN||{value}||0-50|{flag}|||{status}"


FALSE_HAEMOLYSIS = index("120", "F", "H")
FIRES = {"a02-alt-ast-500": "critical"}


def resend(day: Scenario, *lines: str) -> None:
    """An hour later, of the tube that was drawn at d0 08:00 for order O1."""
    day.at("d0 09:00")
    sent = day.now.strftime("%Y%m%d%H%M%S+0000")
    request = f"OBR|1||O1|LFT^Liver tests^L|||20260312080000+0000|||||||||||||||{sent}|||C"
    day.send(message("ORU^R01", day.control(), sent, [ANNA.segment(), "ORC|RE||O1", request, *lines]))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (FALSE_HAEMOLYSIS, index("12", "C")),
        (FALSE_HAEMOLYSIS, index("", "W")),
        (index("120", "P", "H"), index("12", "F")),
    ],
)
def test_an_index_that_is_corrected_alone_gives_the_value_back(first: str, then: str) -> None:
    """AST 700 was held back for an index of 120; the laboratory takes that back and sends nothing else."""
    day = treated()
    panel(day, obx("ast", "700").segment(1), first, order="O1")
    assert day.open_rules() == NOTICE

    resend(day, then)

    assert day.open_rules() == FIRES


def test_an_index_that_comes_to_say_haemolysed_takes_the_value_back() -> None:
    """The other way round: 12 first, then 120."""
    day = treated()
    panel(day, obx("ast", "700").segment(1), index("12", "F"), order="O1")
    assert day.open_rules() == FIRES

    resend(day, index("120", "C", "H"))

    assert day.open_rules() == NOTICE


@pytest.mark.parametrize("said", ["NTE|1|L|haemolysed", HAEMOLYSED.replace("S1", "")])
def test_what_else_was_said_of_the_specimen_outlives_a_corrected_index(said: str) -> None:
    """A comment or a code of the specimen is taken back with its own value, not with the index."""
    day = treated()
    panel(day, obx("ast", "700").segment(1), said, FALSE_HAEMOLYSIS, order="O1")

    resend(day, index("12", "C"))
    assert day.open_rules() == NOTICE

    resend(day, obx("ast", "700").segment(1))
    assert day.open_rules() == FIRES


def test_a_spoiled_transaminase_does_not_hide_jaundice() -> None:
    """AST of a haemolysed tube, bilirubin at 4.7 times its limit: nobody can exclude that both hold."""
    day = treated()
    day.at("d-6 08:00").oru(alt="30", ast="30", bilirubin="10")
    day.at("d0 08:00")

    panel(day, obx("ast", "4000").segment(1), obx("bilirubin", "80").segment(2), HAEMOLYSED)

    told = {each.family: each.current for each in day.open_alerts()}
    assert told["liver-injury"].severity == "urgent"
    assert "AST 4000 U/L (haemolysed)" in told["liver-injury"].message
