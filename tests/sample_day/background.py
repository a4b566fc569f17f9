"""People on therapy who are well, and people who are not on it any more."""

from __future__ import annotations

from dataclasses import replace

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import RIVERSIDE, STEVENS, STMARY
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    AZATHIOPRINE_25,
    AZATHIOPRINE_50,
    AZATHIOPRINE_ATC,
    Prescription,
    admission,
    dispensed,
    order,
)
from tests.sample_day.wire import Event

COLITIS = "ulcerative colitis"


def tell(day: Day) -> None:
    """All stories of this module."""
    well_on_therapy(day)
    not_on_therapy_any_more(day)


def well_on_therapy(day: Day) -> None:
    """Five patients who are well, though their messages are not ordinary; of one nobody knows the TPMT."""
    prescription = Prescription("NW", "70091", AZATHIOPRINE_25, "3", "25", "QD", "2026-01-20 08:00")
    day.enzymes("xenia", "2026-01-12", tpmt="normal")
    order(day, "xenia", "new-order", "2026-01-19 16:20", prescription, shows="RDE^O11, 75 mg")
    dispensed(
        day,
        "xenia",
        "2026-01-20 09:30",
        replace(prescription, control="RE"),
        "RDS^O13: the supply confirms the order",
    )
    day.history(STEVENS, "xenia", "2026-01-08 10:25", alt=("21",), ast=("20",), bilirubin=("7",))
    day.report(
        STEVENS,
        "xenia",
        "sub-ids",
        collected="03-12 09:55",
        panels=[
            Panel(
                "liver",
                (
                    Observation("alt", "25", sub_id="1"),
                    Observation("alt", "26", sub_id="2"),
                    Observation("ast", "23"),
                    Observation("alp", "84"),
                    Observation("bilirubin", "8"),
                    Observation(
                        "",
                        "Slightly lipaemic~Repeat fasting if needed",
                        type="ST",
                        identifier="8251-1^Service comment^LN",
                    ),
                ),
                notes=("Two tubes received.", "Both measured."),
            )
        ],
        shows="OBX-4 sub-ids, a repeating OBX-5, and notes below OBR",
    )

    day.therapy("gustav", "2025-11-10", "50", drug="mercaptopurine", indication="rheumatoid arthritis")
    day.row("gustav", "hold", "2026-01-26", drug="mercaptopurine", note="dental surgery")
    day.row("gustav", "dose", "2026-02-09", drug="mercaptopurine", dose="50")
    day.history(
        STEVENS,
        "gustav",
        "2025-10-30 09:15",
        "2026-02-06 09:10",
        alt=("29", "27"),
        ast=("25", "24"),
        bilirubin=("8", "9"),
    )
    day.report(
        STEVENS,
        "gustav",
        "well",
        collected="03-12 08:55",
        liver={},
        blood={},
        shows="well on mercaptopurine after a hold",
    )

    day.therapy("hanna", "2026-01-05", "100", indication="lupus nephritis")
    day.row("hanna", "dose", "2026-02-02", dose="125")
    day.history(RIVERSIDE, "hanna", "2025-12-19 15:20", alt=("24",), ast=("22",), bilirubin=("0.6",))
    urine = Panel(
        "urine",
        (
            Observation("wbc", "2", unit="/HPF", reference="0-5"),
            Observation("albumin", "3.1", unit="mg/dL", reference="<2.0"),
        ),
        code="UA^Urinalysis^L",
        specimen="UR",
    )
    day.report(
        RIVERSIDE,
        "hanna",
        "urine",
        collected="03-12 13:50",
        liver={},
        blood={},
        panels=[urine],
        shows="white cells in urine, under the code of those in blood: no D01",
    )

    day.therapy("ivo", "2026-01-12", "150", indication=COLITIS)
    day.history(STMARY, "ivo", "2025-12-30 09:40", alt=("33",), ast=("28",), bilirubin=("11",))
    report = day.report(
        STMARY,
        "ivo",
        "bare-number",
        collected="03-12 10:10",
        liver={},
        blood={},
        shows="PID-3 without an authority: the site's own",
    )
    identifier = PEOPLE["ivo"].identifier(STMARY.sender)
    report.segments[0] = report.segments[0].replace(identifier, PEOPLE["ivo"].mrn)

    order(
        day,
        "jana",
        "new-order",
        "2026-02-02 13:30",
        Prescription("OK", "70121", AZATHIOPRINE_ATC, "2", "50", "QD", "2026-02-03 08:00"),
        expect=(
            Event(
                PEOPLE["jana"].mrn,
                "e05",
                "tpmt-nudt15",
                "start",
                "new",
                "review",
                "",
                "",
                "started 37 days ago, and nobody has told of a TPMT result",
            ),
        ),
        shows="RDE^O11 with an ATC code; TPMT not known: E05",
    )
    order(
        day,
        "jana",
        "changed",
        "2026-03-02 10:00",
        Prescription("XX", "70121", AZATHIOPRINE_ATC, "3", "50", "QD", "2026-03-03 08:00"),
        shows="RDE^O11 with ORC-1 XX: 150 mg from now on",
    )
    day.history(STEVENS, "jana", "2026-01-22 08:35", alt=("19",), ast=("21",), bilirubin=("10",))
    admission(day, "jana", "A31", "03-11 17:25", shows="ADT^A31, UTF-8 without MSH-18")
    report = day.report(
        STEVENS,
        "jana",
        "utf-8",
        collected="03-12 08:20",
        liver={},
        blood={},
        shows="MSH-18 empty, bytes in UTF-8",
    )
    report.sender = replace(STEVENS.sender, charset="")


def not_on_therapy_any_more(day: Day) -> None:
    """Stopped long ago, or never begun."""
    prescription = Prescription("NW", "69004", AZATHIOPRINE_50, "2", "50", "QD", "2025-09-15 08:00")
    day.enzymes("klaus", "2025-09-08", tpmt="normal")
    order(day, "klaus", "new-order", "2025-09-15 09:05", prescription, shows="RDE^O11")
    order(
        day,
        "klaus",
        "discontinued",
        "2025-11-03 15:40",
        replace(prescription, control="OD", effective="2025-11-03 15:00"),
        shows="RDE^O11 with ORC-1 OD: discontinued by the pharmacy",
    )
    day.report(
        STEVENS,
        "klaus",
        "alt-640",
        collected="03-12 07:30",
        liver={"alt": "640", "ast": "410", "bilirubin": "44"},
        shows="129 days after the stop: not watched any more",
    )

    day.therapy("paula", "2025-05-05", "125", indication=COLITIS)
    day.row("paula", "stop", "2025-11-17", note="remission")
    day.report(
        STEVENS,
        "paula",
        "alt-540",
        collected="03-12 08:45",
        liver={"alt": "540", "ast": "302"},
        shows="115 days after the stop: not watched any more",
    )

    planned = Prescription("NW", "70198", AZATHIOPRINE_50, "2", "50", "QD", "2026-03-16 08:00")
    day.enzymes("milan", "2026-03-02", tpmt="normal")
    order(day, "milan", "new-order", "2026-03-09 11:45", planned, shows="RDE^O11 that is to begin next week")
    order(
        day,
        "milan",
        "cancelled",
        "2026-03-10 16:05",
        replace(planned, control="OC"),
        shows="RDE^O11 with ORC-1 OC: cancelled before it began",
    )
    day.report(
        STEVENS,
        "milan",
        "platelets-22",
        collected="03-12 06:10",
        blood={"platelets": "22"},
        shows="never began: no alert",
    )
    day.on_therapy -= {"klaus", "paula", "milan"}
