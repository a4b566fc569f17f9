"""The evidence card: everything that a clinician needs to check an alert by hand."""

from __future__ import annotations

from dataclasses import replace

from engine.cli.card import evidence_card
from engine.model.finding import Severity
from tests.unit.outbound.events import RETRACTION, START


def test_the_card_shows_what_the_alert_rests_on() -> None:
    """Each condition by what came of it, with value, limit and reference, and where each is from."""
    card = evidence_card(START)

    assert (
        "  because (true)\n"
        "    alt >= 5 x baseline: 212 U/L; sent as 212 IU/L; of 2026-03-12T09:15+00:00; limit 155; "
        "baseline 31 (median of 3 results 2025-12-01 to 2026-01-02)\n"
        "  undecided (unknown)\n"
        "    ast >= 5 x baseline: undecided: missing\n"
        "  not so (false)\n"
        "    alt >= 500 U/L: 212 U/L\n"
    ) in card


def test_the_card_shows_on_whose_authority_and_what_others_said() -> None:
    """Protocol, labels, rule, source, superseded and silent rules."""
    lines = evidence_card(replace(START, raised_from=Severity.URGENT)).splitlines()

    for line in (
        "CRITICAL start (new)  ALT or AST at least 5 x baseline",
        "  therapy    azathioprine 150 mg/day since 2025-09-03",
        "  protocol   strictest",
        "  note       Grade: moderate, 5.3 x ULN. (b02-grade-moderate)",
        "  raised     from urgent to critical",
        "  rule       a01-alt-ast-5x-baseline version 3, knowledge 9f2c41d7",
        "  source     Stopping rules for drug-induced liver injury, 4.2",
        "  speaks also for a03-alt-ast-3x-baseline",
        "    b01-hys-law: bilirubin 12 umol/L is below 2 x ULN",
    ):
        assert line in lines


def test_a_card_of_a_rule_in_shadow_says_so_first() -> None:
    """Nobody takes a rehearsal for an alert that was sent."""
    assert evidence_card(replace(START, shadow=True)).startswith("SHADOW, never sent: CRITICAL start")
    assert "SHADOW" not in evidence_card(RETRACTION)
