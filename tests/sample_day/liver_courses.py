"""Liver injury over time: resolved, withdrawn, falling, turning into jaundice, late, preliminary."""

from __future__ import annotations

from dataclasses import replace

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import NORTH, STEVENS
from tests.sample_day.liver import AIH, CROHN, injury
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    AZATHIOPRINE_50,
    MERCAPTOPURINE_50,
    Prescription,
    admission,
    order,
)
from tests.sample_day.wire import Event, at


def tell(day: Day) -> None:
    """All stories of this module."""
    for story in (
        normal_again,
        withdrawn,
        falling,
        jaundice_instead,
        beyond_the_measuring_range,
        preliminary_then_normal,
        order_after_the_result,
    ):
        story(day)


def normal_again(day: Day) -> None:
    """A replaced order (RU and RO) keeps the therapy going; the mild rise of 10 March is over today."""
    day.enzymes("ingrid", "2026-01-05", tpmt="normal")
    old = Prescription("NW", "70062", AZATHIOPRINE_50, "1", "50", "QD", "2026-01-08 08:00")
    order(day, "ingrid", "new-order", "2026-01-08 09:30", old, shows="RDE^O11, 50 mg")
    day.history(
        STEVENS,
        "ingrid",
        "2025-12-11 08:30",
        "2026-01-05 08:45",
        alt=("33", "31"),
        ast=("26", "28"),
        bilirubin=("10", "9"),
    )
    order(
        day,
        "ingrid",
        "replaced",
        "2026-02-05 10:15",
        Prescription("RU", "70062", AZATHIOPRINE_50, "1", "50", "QD", "2026-01-08 08:00"),
        Prescription("RO", "70117", AZATHIOPRINE_50, "2", "50", "QD", "2026-02-05 08:00"),
        shows="RDE^O11: replaced order (RU) and replacement (RO), now 100 mg",
    )
    day.report(
        STEVENS,
        "ingrid",
        "alt-71",
        collected="03-10 16:30",
        sent="03-12 06:12",
        liver={"alt": "71", "ast": "37", "bilirubin": "10"},
        blood={},
        expect=injury(
            "ingrid", "a13", "start/new", "review", "71", "71 is 1.8 x ULN 40 and 2.2 x baseline 32"
        ),
        shows="a result of the day before yesterday: A13",
    )
    admission(day, "ingrid", "A08", "03-12 09:41", shows="ADT^A08")
    day.report(
        STEVENS,
        "ingrid",
        "alt-36",
        collected="03-12 09:30",
        liver={"alt": "36", "ast": "29", "bilirubin": "9"},
        expect=(
            *injury("ingrid", "a13", "end/resolved", "review", "36", "the newer ALT 36 is within 10-40"),
            Event(
                PEOPLE["ingrid"].mrn,
                "b07",
                "liver-recovery",
                "start",
                "new",
                "info",
                "9",
                "umol/L",
                "ALT 36, ALP and bilirubin are at most 1 x ULN after ALT 71; bilirubin is the farthest below",
            ),
        ),
        shows="a normal retest ends the alert, and B07 records that the panel is normal",
    )
    day.report(
        STEVENS,
        "ingrid",
        "late-alt-78",
        collected="03-11 08:00",
        sent="03-12 13:10",
        liver={"alt": "78", "ast": "38", "bilirubin": "10"},
        shows="collected before the normal retest, sent after it: changes nothing",
    )


def withdrawn(day: Day) -> None:
    """8.4 microkatal are 504 U/L; then the laboratory says that it was another patient's tube (W)."""
    day.therapy("rosa", "2026-02-02", "100", indication=CROHN)
    day.baseline("rosa", "2026-01-29", alt="114 U/L", ast="40 U/L", bilirubin="12 umol/L")
    bad = day.report(
        NORTH,
        "rosa",
        "alat-8-4",
        collected="03-12 07:10",
        liver={"alt": "8.4", "ast": "0.66", "bilirubin": "14"},
        expect=injury(
            "rosa",
            "a02",
            "start/new",
            "critical",
            "504",
            "8.4 ukat/L are 504 U/L, at least 500; 4.4 x baseline 114",
        ),
        shows="latin-1 without MSH-18, local codes, microkatal: A02",
    )
    day.report(
        NORTH,
        "rosa",
        "alat-withdrawn",
        collected="03-12 07:10",
        sent="03-12 11:25",
        panels=[
            Panel(
                "liver",
                (Observation("alt", "8.4", status="W", notes=("Förväxlat prov.",)),),
                order=bad.orders[0],
            )
        ],
        expect=(
            *injury(
                "rosa",
                "a02",
                "end/withdrawn",
                "critical",
                "",
                "the only ALT since the start was posted as wrong (W)",
            ),
            Event(
                PEOPLE["rosa"].mrn,
                "f15",
                "monitoring-panel",
                "start",
                "new",
                "review",
                "",
                "",
                "AST, ALP and bilirubin of that tube stand, and ALT is missing beside them",
            ),
        ),
        shows="OBX-11 W withdraws the result and ends the alert; F15 asks for the ALT",
    )


def falling(day: Day) -> None:
    """From above 500 U/L to 5 x ULN: the alert stays open one step lower."""
    day.therapy("tilda", "2026-01-05", "100", indication=AIH)
    day.baseline("tilda", "2025-12-29", alt="120 U/L", ast="70 U/L", bilirubin="11 umol/L")
    day.report(
        STEVENS,
        "tilda",
        "alt-560",
        collected="03-10 10:20",
        sent="03-12 06:48",
        liver={"alt": "560", "ast": "60", "bilirubin": "12"},
        expect=injury(
            "tilda",
            "a02",
            "start/new",
            "critical",
            "560",
            "560 U/L; 4.7 x baseline 120; B03 (14 x ULN 40) holds too",
        ),
        shows="A02 from the day before yesterday",
    )
    day.report(
        STEVENS,
        "tilda",
        "alt-210",
        collected="03-12 10:35",
        liver={"alt": "210", "ast": "50", "bilirubin": "11", "alp": "88"},
        expect=injury(
            "tilda",
            "b02",
            "deescalate/changed",
            "urgent",
            "210",
            "210 is 5.25 x ULN 40 (5 to 10) and 1.75 x baseline 120: no stop rule holds any more",
            labels=("b02-grade-moderate", "b04-pattern-hepatocellular"),
        ),
        shows="de-escalation from critical to urgent: B02; R 8.4 by ALP 88, hepatocellular",
    )


def jaundice_instead(day: Day) -> None:
    """ALT falls and bilirubin rises: as grave as before, for another reason."""
    day.therapy("ulrich", "2026-02-09", "50", indication=AIH)
    day.baseline("ulrich", "2026-02-02", alt="110 U/L", ast="32 U/L", bilirubin="9 umol/L")
    day.report(
        STEVENS,
        "ulrich",
        "alt-480",
        collected="03-12 05:40",
        liver={"alt": "480", "ast": "39", "bilirubin": "14"},
        expect=injury(
            "ulrich",
            "b03",
            "start/new",
            "critical",
            "480",
            "480 is 12 x ULN 40, above 10; below 500 U/L, and 4.4 x baseline 110",
        ),
        shows="above 10 x ULN, below both stop limits: B03",
    )
    day.report(
        STEVENS,
        "ulrich",
        "bilirubin-50",
        collected="03-12 14:05",
        liver={"alt": "200", "ast": "39", "bilirubin": "50"},
        expect=injury(
            "ulrich",
            "a07",
            "update/changed",
            "critical",
            "50",
            "bilirubin 50 is 2.9 x ULN 17, and ALT 200 is above ULN 40 (1.8 x baseline, so no A06)",
            unit="umol/L",
        ),
        shows="same severity, other rule",
    )


def beyond_the_measuring_range(day: Day) -> None:
    """An SN value has no single number; everything above 1000 is above every limit here."""
    day.therapy("vera", "2026-02-16", "150", indication=CROHN)
    day.history(
        STEVENS,
        "vera",
        "2026-01-28 11:20",
        "2026-02-11 11:05",
        alt=("33", "35"),
        ast=("28", "26"),
        bilirubin=("9", "8"),
    )
    day.report(
        STEVENS,
        "vera",
        "alt-over-1000",
        collected="03-12 11:50",
        liver={
            "alt": Observation("alt", ">^1000", type="SN"),
            "ast": Observation("ast", ">^1000", type="SN"),
            "bilirubin": "12",
        },
        expect=injury(
            "vera",
            "a01",
            "start/new",
            "critical",
            ">1000",
            "more than 1000 is at least 5 x baseline of both, ALT 34 and AST 27; A02 holds too",
            labels=("b03-grade-severe",),
        ),
        shows="SN `>^1000`: A01 speaks for A02",
    )


def preliminary_then_normal(day: Day) -> None:
    """A preliminary 610 pages at once; the final value is 31, and the alert is resolved."""
    day.enzymes("walter", "2026-01-27", tpmt="normal")
    order(
        day,
        "walter",
        "new-order",
        "2026-02-02 09:00",
        Prescription("NW", "70071", MERCAPTOPURINE_50, "1", "50", "QD", "2026-02-03 08:00"),
        shows="RDE^O11 for mercaptopurine",
    )
    day.history(STEVENS, "walter", "2026-01-20 10:00", alt=("29",), ast=("24",), bilirubin=("8",))
    drawn = at("03-12 08:40")
    values = {"alt": "31", "ast": "25", "bilirubin": "9"}
    first = day.report(
        STEVENS,
        "walter",
        "alt-610-preliminary",
        collected="03-12 08:40",
        panels=[Panel("liver", (Observation("alt", "610", status="P"),))],
        expect=injury(
            "walter",
            "a01",
            "start/new",
            "critical",
            "610",
            "610, preliminary, is 21 x baseline 29; A02 and B03 (15.25 x ULN 40) hold too",
        ),
        shows="OBX-11 P: judged by critical rules",
    )
    final = day.panel(STEVENS, PEOPLE["walter"], "liver", drawn, values)
    day.report(
        STEVENS,
        "walter",
        "alt-31-final",
        collected="03-12 08:40",
        sent="03-12 11:02",
        panels=[replace(final, order=first.orders[0])],
        expect=injury(
            "walter",
            "a01",
            "end/resolved",
            "critical",
            "31",
            "the final 31 is 1.1 x baseline 29 and within 10-40; preliminary to final is no correction",
        ),
        shows="the final value of the same result is normal",
    )


def order_after_the_result(day: Day) -> None:
    """The result is here before anybody has told that the patient takes the drug."""
    day.enzymes("arno", "2026-02-17", tpmt="normal")
    day.history(STEVENS, "arno", "2026-02-17 09:25", alt=("104",), ast=("38",), bilirubin=("12",))
    day.report(
        STEVENS,
        "arno",
        "alt-515",
        collected="03-11 17:30",
        sent="03-12 06:55",
        liver={"alt": "515", "ast": "39", "bilirubin": "13"},
        shows="ALT 515 of somebody who is not known to take a thiopurine: no alert yet",
    )
    order(
        day,
        "arno",
        "late-order",
        "03-12 10:44",
        Prescription("NW", "70203", AZATHIOPRINE_50, "2", "50", "QD", "2026-02-23 08:00"),
        expect=injury(
            "arno",
            "a02",
            "start/new",
            "critical",
            "515",
            "started 2026-02-23, so ALT 515 of 11 March counts; 4.95 x 104",
        ),
        shows="RDE^O11 that comes after the result it makes matter",
    )
