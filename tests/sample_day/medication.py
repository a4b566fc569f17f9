"""What is ordered, and what becomes of it: a restart that must not be, allopurinol, metabolites."""

from __future__ import annotations

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import STEVENS
from tests.sample_day.liver import AIH
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    ALLOPURINOL_100,
    AZATHIOPRINE_50,
    Prescription,
    order,
)
from tests.sample_day.wire import Event


def tell(day: Day) -> None:
    """All stories of this module."""
    for story in (
        restart_after_a_severe_injury,
        allopurinol_beside_the_full_dose,
        metabolites,
    ):
        story(day)


def restart_after_a_severe_injury(day: Day) -> None:
    """Ten weeks after the stop ALT and AST are normal again, and yet the drug must not be given.

    The injury itself comes as an initial load (P^I), so that it pages nobody in March.
    """
    day.therapy("agnes", "2025-06-16", "150", indication=AIH, nudt15="normal")
    day.row("agnes", "stop", "2026-01-02", note="ALT 12 x ULN")
    injury = day.report(
        STEVENS,
        "agnes",
        "alt-480",
        collected="2025-12-29 09:10",
        liver={"alt": "480", "ast": "210", "bilirubin": "14"},
        shows="MSH-11 P^I: fills the record and pages nobody",
    )
    injury.processing = "P^I"
    injury.outcome = ("accepted", "history")
    day.report(
        STEVENS,
        "agnes",
        "normal-again",
        collected="2026-02-16 09:30",
        liver={"alt": "31", "ast": "26", "bilirubin": "11", "alp": "64"},
        blood={},
        expect=(
            Event(
                PEOPLE["agnes"].mrn,
                "b07",
                "liver-recovery",
                "start",
                "new",
                "info",
                "64",
                "U/L",
                "all within their limits after ALT 480, ALP the farthest below; 12 x ULN silences G01",
            ),
        ),
        shows="the retest six weeks after the stop: B07, and nothing about a restart",
    )
    order(
        day,
        "agnes",
        "restart",
        "03-12 11:40",
        Prescription("NW", "70210", AZATHIOPRINE_50, "1", "50", "QD", "2026-03-13 08:00"),
        expect=(
            Event(
                PEOPLE["agnes"].mrn,
                "g05",
                "restart",
                "start",
                "new",
                "critical",
                "480",
                "U/L",
                "ALT was 480 before the stop of 2 January, 12 x ULN 40: above 10, so no restart at any dose",
                labels=("g14-recurrence-after-injury", "g15-high-risk-restart"),
            ),
        ),
        shows="a restart ordered for tomorrow after a peak above 10 x ULN: G05, before the first tablet",
    )


def allopurinol_beside_the_full_dose(day: Day) -> None:
    """150 mg of azathioprine are enough alone; beside allopurinol they are three times too much."""
    order(
        day,
        "jana",
        "allopurinol",
        "03-12 13:35",
        Prescription("NW", "70215", ALLOPURINOL_100, "1", "100", "QD", "2026-03-12 18:00"),
        expect=(
            Event(
                PEOPLE["jana"].mrn,
                "h01",
                "co-medication",
                "start",
                "new",
                "critical",
                "",
                "",
                "150 mg/day is the dose of before and above a third of it, 50; H02 holds too",
            ),
        ),
        shows="RDE^O11 for allopurinol beside azathioprine 150 mg: H01",
    )


def metabolites(day: Day) -> None:
    """Well, and with too much of what the drug is turned into."""
    day.report(
        STEVENS,
        "gustav",
        "metabolites",
        collected="03-12 09:05",
        panels=[
            Panel(
                "blood",
                (Observation("tgn", "520"), Observation("mmp", "1850")),
                code="82869-9^6-Thioguanine and 6-methylmercaptopurine panel - Red Blood Cells^LN",
                specimen="BLD",
            )
        ],
        expect=(
            Event(
                PEOPLE["gustav"].mrn,
                "p13",
                "metabolites",
                "start",
                "new",
                "review",
                "520",
                "pmol/(8.10*8{RBC})",
                "6-TGN 520 is above 450 and not above 1000; 6-MMP 1850 is not above 5700",
            ),
        ),
        shows="6-TGN and 6-MMP in a unit that only laboratories write: P13",
    )
