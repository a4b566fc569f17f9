"""Symptoms told to the monitoring service, or to whoever drew the blood: with them, lower limits count.

Nobody else of the day has any on record. The upper limits of ALT are 40 at Stevens, 56 at Riverside and 41 at
St Mary.
"""

from __future__ import annotations

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import RIVERSIDE, STEVENS, STMARY
from tests.sample_day.liver import CROHN, injury


def tell(day: Day) -> None:
    """All stories of this module."""
    modest_rise(day)
    three_times_baseline(day)
    three_hundred(day)


def told_at_the_draw(symptom: str, kind: str) -> Panel:
    """A coded answer that comes as a panel of its own with the results."""
    answer = Observation("", symptom, type=kind, identifier="75325-1^Symptom^LN")
    return Panel("symptoms", (answer,), code="SYMPT^Symptoms at the draw^L", specimen="SER")


def modest_rise(day: Day) -> None:
    """Below every stop limit, and no baseline: without the nausea it would be a mild rise."""
    day.therapy("noel", "2026-02-02", "100", indication=CROHN)
    day.report(
        STMARY,
        "noel",
        "alt-190-nausea",
        collected="03-12 09:44",
        liver={"alt": "190", "ast": "36", "bilirubin": "9"},
        blood={},
        panels=[told_at_the_draw("422587007^Nausea^SCT", "CE")],
        expect=injury(
            "noel",
            "a15",
            "start/new",
            "urgent",
            "190",
            "190 is above ULN 41 (4.6 x, so no B02), with nausea at the draw; no baseline",
        ),
        shows="a modest rise with nausea: A15, not A13",
    )


def three_times_baseline(day: Day) -> None:
    """Vomiting is a symptom of A04 and not of A03."""
    day.therapy("mona", "2026-01-26", "100", indication="lupus nephritis")
    day.baseline("mona", "2026-01-20", alt="30 U/L")
    day.report(
        STEVENS,
        "mona",
        "alt-3-x-baseline-vomiting",
        collected="03-12 09:30",
        liver={"alt": "90", "ast": "38", "bilirubin": "9"},
        blood={},
        panels=[told_at_the_draw("422400008^Vomiting^SCT", "CWE")],
        expect=injury(
            "mona",
            "a04",
            "start/new",
            "critical",
            "90",
            "90 is 3.0 x baseline 30, with vomiting; A15 holds too",
        ),
        shows="ALT exactly 3 x baseline, and an OBX that says vomiting: A04",
    )


def three_hundred(day: Day) -> None:
    """300 U/L with symptoms needs no baseline. Version 2.3 writes the same answer as CE."""
    day.therapy("katja", "2026-02-16", "125", indication=CROHN)
    day.report(
        RIVERSIDE,
        "katja",
        "alt-300-pain",
        collected="03-12 13:13",
        liver={"alt": "300", "ast": "39", "bilirubin": "0.8"},
        blood={},
        panels=[told_at_the_draw("301717006^Right upper quadrant pain^SCT", "CE")],
        expect=injury(
            "katja",
            "a05",
            "start/new",
            "critical",
            "300",
            "300 reaches 300 U/L, with pain; no baseline; A15 and B02 (5.4 x ULN 56) hold too",
        ),
        shows="ALT exactly 300 with a coded symptom, right upper quadrant pain: A05",
    )
