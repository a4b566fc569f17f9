"""Allopurinol beside azathioprine: judged with the order, whichever drug came first."""

from __future__ import annotations

from tests.scenario.timeline import Scenario

UNREDUCED = "h01-allopurinol-above-third-of-former-dose"
STARTED = "h02-allopurinol-started"
INTENDED = "h03-intended-cotherapy"


def _told(day: Scenario) -> list[tuple[str, str, str]]:
    """What was ever told about other drugs: phase, rule, severity."""
    return [(str(e.phase), e.rule, str(e.severity)) for e in day.events() if e.family == "co-medication"]


def test_allopurinol_beside_an_unreduced_dose_pages_at_once() -> None:
    """No result is needed to see it coming; it is one page, and ends when the dose is a third."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-60", dose=150)
    day.at("d0 09:00").roster_row("H1", "start", "d0", "allopurinol", "300")
    assert _told(day) == [("start", UNREDUCED, "critical")]

    day.at("d0 11:00").roster_row("H1", "dose", "d0", "azathioprine", "50")
    assert _told(day)[1:] == [("deescalate", STARTED, "urgent")]

    day.at("d1 09:00").roster_row("H1", "stop", "d1", "allopurinol")
    assert [phase for phase, _, _ in _told(day)] == ["start", "deescalate", "end"]


def test_azathioprine_ordered_beside_allopurinol_is_judged_by_weight() -> None:
    """There is no former dose: two thirds of a milligram per kilogram decide, or somebody looks it up."""
    day = Scenario(every_rule=True)
    day.roster_row("H1", "start", "d-300", "allopurinol", "300")
    day.at("d0 09:00").prescription("NW", start="d2", tablets=4)
    assert [severity for _, _, severity in _told(day)] == ["urgent"]

    day.at("d0 10:00").roster_row("H1", "fact", "d0", note="weight=70 kg")
    assert _told(day)[-1][2] == "critical"


def test_an_intended_co_therapy_is_no_page_where_the_protocol_allows_it() -> None:
    """In inflammatory bowel disease under the protocol s1, with a reduced dose."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-60", dose=150)
    for note in ("protocol=s1", "diagnosis=ibd"):
        day.roster_row("H1", "fact", "d-50", note=note)
    day.at("d0 09:00").roster_row("H1", "dose", "d0", "azathioprine", "50")
    day.at("d0 10:00").roster_row("H1", "start", "d0", "allopurinol", "100")

    assert _told(day) == [("start", INTENDED, "info")]
