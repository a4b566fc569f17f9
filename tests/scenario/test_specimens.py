"""Haemolysed and clotted specimens on the whole way: what they silence, and what not."""

from __future__ import annotations

from tests.scenario.timeline import ANNA, Scenario
from tests.scenario.wire import message, obx

HAEMOLYSED = "SPM|1|S1||119364003^Serum^SCT||||||||||||||||||||HEM^Hemolyzed^HL70493"
CLOTTED = "SPM|1|S1||119297000^Blood^SCT||||||||||||||||||||CLOT^Clotted^HL70493"


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


def panel(day: Scenario, *lines: str) -> None:
    """Take in one order with these segments behind its OBR, collected now."""
    stamp = day.now.strftime("%Y%m%d%H%M%S+0000")
    order = f"O{day.control()}"
    request = f"OBR|1||{order}|LFT^Liver tests^L|||{stamp}|||||||||||||||{stamp}|||F"
    segments = [ANNA.segment(), f"ORC|RE||{order}", request, *lines]
    day.send(message("ORU^R01", day.control(), stamp, segments))


def test_ast_of_a_haemolysed_specimen_alone_never_fires() -> None:
    """610 U/L may be the red cells': nobody is paged, not even as what cannot be excluded."""
    day = treated()

    panel(day, obx("ast", "610").segment(1), HAEMOLYSED)

    assert day.open_rules() == {}


def test_alt_of_a_haemolysed_specimen_fires_and_the_card_says_haemolysed() -> None:
    """Red cells hold little ALT. The value of AST stands beside it, not judged."""
    day = treated()

    panel(day, obx("alt", "610").segment(1), obx("ast", "650").segment(2), "NTE|1|L|Sample haemolysed")

    (opened,) = [alert for alert in day.open_alerts() if alert.current.rule_id.startswith("a02")]
    notes = {evidence.condition: evidence.note for evidence in opened.current.evidence}
    assert opened.current.trigger_key.endswith("1742-6|")
    assert notes["alt >= 500 U/L"] == "haemolysed"
    assert notes["ast >= 500 U/L"] == "haemolysed: not judged"


def test_platelets_of_a_clotted_specimen_never_fire() -> None:
    """A count of 20 in a clotted tube is a reason to draw blood again, not to stop a drug."""
    day = treated()

    panel(day, obx("platelets", "20").segment(1), CLOTTED)

    assert day.open_rules() == {}


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
    assert day.open_rules() == {}
    assert day.events()[-1].reason.value == "corrected"
