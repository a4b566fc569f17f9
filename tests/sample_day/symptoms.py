"""Symptoms told to the monitoring service: with them, lower limits count.

Nobody else of the day has any on record. The upper limits of ALT are 40 at Stevens, 56 at Riverside and 41 at
St Mary.
"""

from __future__ import annotations

from tests.sample_day.day import Day
from tests.sample_day.laboratories import RIVERSIDE, STEVENS, STMARY
from tests.sample_day.liver import CROHN, injury


def tell(day: Day) -> None:
    """All stories of this module."""
    modest_rise(day)
    three_times_baseline(day)
    three_hundred(day)


def modest_rise(day: Day) -> None:
    """Below every stop limit, and no baseline: without the nausea it would be a mild rise."""
    day.therapy("noel", "2026-02-02", "100", indication=CROHN)
    day.row("noel", "fact", "2026-03-10", note="symptom=nausea")
    day.report(
        STMARY,
        "noel",
        "alt-190-nausea",
        collected="03-12 09:44",
        liver={"alt": "190", "ast": "36", "bilirubin": "9"},
        blood={},
        expect=injury(
            "noel",
            "a15",
            "start/new",
            "urgent",
            "190",
            "190 is above ULN 41 (4.6 x, so no B02), with nausea since 10 March; no baseline",
        ),
        shows="a modest rise with nausea: A15, not A13",
    )


def three_times_baseline(day: Day) -> None:
    """Vomiting is a symptom of A04 and not of A03."""
    day.therapy("mona", "2026-01-26", "100", indication="lupus nephritis")
    day.row("mona", "fact", "2026-03-11", note="symptom=vomiting")
    day.baseline("mona", "2026-01-20", alt="30 U/L")
    day.report(
        STEVENS,
        "mona",
        "alt-3-x-baseline-vomiting",
        collected="03-12 09:30",
        liver={"alt": "90", "ast": "38", "bilirubin": "9"},
        blood={},
        expect=injury(
            "mona",
            "a04",
            "start/new",
            "critical",
            "90",
            "90 is 3.0 x baseline 30, with vomiting; A15 holds too",
        ),
        shows="ALT exactly 3 x baseline with vomiting: A04",
    )


def three_hundred(day: Day) -> None:
    """300 U/L with symptoms needs no baseline."""
    day.therapy("katja", "2026-02-16", "125", indication=CROHN)
    day.row("katja", "fact", "2026-03-12", note="symptom=severe-fatigue")
    day.report(
        RIVERSIDE,
        "katja",
        "alt-300-severe-fatigue",
        collected="03-12 13:13",
        liver={"alt": "300", "ast": "39", "bilirubin": "0.8"},
        blood={},
        expect=injury(
            "katja",
            "a05",
            "start/new",
            "critical",
            "300",
            "300 reaches 300 U/L, with severe fatigue; no baseline; A15 and B02 (5.4 x ULN 56) hold too",
        ),
        shows="ALT exactly 300 with severe fatigue: A05",
    )
