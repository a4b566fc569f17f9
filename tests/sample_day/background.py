"""Everybody else: on therapy and well, without therapy and ill, and messages that are for others."""

from __future__ import annotations

from dataclasses import replace

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import NORTH, RIVERSIDE, STEVENS, STMARY
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    AZATHIOPRINE_25,
    AZATHIOPRINE_50,
    AZATHIOPRINE_ATC,
    AZITHROMYCIN,
    PHARMACY,
    Prescription,
    admission,
    dispensed,
    order,
)
from tests.sample_day.wire import Draft, Event, at

COLITIS = "ulcerative colitis"


def tell(day: Day) -> None:
    """All stories of this module."""
    well_on_therapy(day)
    not_on_therapy_any_more(day)
    never_on_therapy(day)
    dreadful_without_therapy(day)
    odd_without_therapy(day)
    ordinary_people(day)


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


def never_on_therapy(day: Day) -> None:
    """Another drug, or only facts on file."""
    order(
        day,
        "lena",
        "azithromycin",
        "03-12 06:35",
        Prescription("NW", "70201", AZITHROMYCIN, "1", "500", "QD", "2026-03-12 06:30"),
        outcome=("ignored", "other-drug"),
        shows="RDE^O11 for azithromycin, which only looks like azathioprine",
    )
    day.report(
        STEVENS,
        "lena",
        "alt-702",
        collected="03-12 07:05",
        liver={"alt": "702", "ast": "455"},
        shows="on azithromycin: no alert",
    )

    day.row("nora", "start", "2025-10-06", drug="allopurinol", dose="300", indication="gout")
    day.report(
        STEVENS,
        "nora",
        "wbc-1-1",
        collected="03-12 09:00",
        blood={"wbc": "1.1", "neutrophils": "0.6"},
        shows="on allopurinol only: no alert",
    )

    day.row("otto", "fact", "2026-02-02", note="cirrhosis=yes")
    day.baseline("otto", "2026-02-02", alt="60 U/L")
    day.report(
        STEVENS,
        "otto",
        "alt-905",
        collected="03-12 07:15",
        liver={"alt": "905", "ast": "1120", "bilirubin": "61"},
        shows="facts on file, but no thiopurine: no alert",
    )


def dreadful_without_therapy(day: Day) -> None:
    """Very ill, and not for this service to page about."""
    admission(day, "rita", "A01", "03-12 03:10", shows="ADT^A01 to intensive care")
    for collected, alt, bilirubin in (("03-12 03:40", "2140", "188"), ("03-12 11:35", "2870", "310")):
        day.report(
            STEVENS,
            "rita",
            f"alt-{alt}",
            collected=collected,
            liver={"alt": alt, "ast": "3350", "bilirubin": bilirubin, "alp": "38"},
            blood={"platelets": "31"},
            shows="acute liver failure, no thiopurine: no alert",
        )
    admission(day, "samir", "A01", "03-11 20:55")
    day.report(
        STEVENS,
        "samir",
        "pancytopenia",
        collected="03-12 05:15",
        blood={"wbc": "0.8", "neutrophils": "0.1", "platelets": "9", "haemoglobin": "71"},
        shows="chemotherapy, no thiopurine: no alert",
    )
    admission(day, "tove", "A04", "03-12 01:05")
    day.report(
        NORTH,
        "tove",
        "alat-38",
        collected="03-12 01:30",
        liver={"alt": "38", "ast": "52", "bilirubin": "71"},
        shows="latin-1 name, ALT 38 ukat/L, no thiopurine: no alert",
    )
    report = day.report(
        RIVERSIDE,
        "ugo",
        "platelets-9",
        collected="03-12 12:30",
        blood={"platelets": Observation("platelets", "<10", type="ST"), "haemoglobin": "6.8"},
        shows="no thiopurine: no alert; LF line ends",
    )
    report.line_end = "\n"


def odd_without_therapy(day: Day) -> None:
    """Data problems of patients without therapy are counted, not told."""
    day.report(
        STMARY,
        "viola",
        "alt-without-unit",
        collected="03-12 08:00",
        liver={"alt": Observation("alt", "44", unit="")},
        shows="unit missing, no thiopurine: no notice",
    )
    day.report(
        NORTH,
        "wanda",
        "unmapped",
        collected="03-12 07:40",
        blood={},
        panels=[Panel("liver", (Observation("", "0.3", identifier="NL-NYTT^P-Nytt prov^L", unit="µkat/L"),))],
        shows="unmapped code, no thiopurine: no notice",
    )
    training = day.report(
        STEVENS,
        "yara",
        "training",
        collected="03-12 08:30",
        liver={"alt": "999"},
        shows="MSH-11 T: a training message",
    )
    training.processing = "T"
    training.outcome = ("ignored", "not-production")
    sodium = day.report(
        STEVENS,
        "zeno",
        "sodium",
        collected="03-12 06:00",
        panels=[
            Panel(
                "liver",
                (Observation("sodium", "128"), Observation("crp", "4")),
                code="34555-3^Electrolytes^99STV",
                specimen="SER",
            )
        ],
        shows="nothing that is monitored",
    )
    sodium.outcome = ("ignored", "nothing-monitored")


def ordinary_people(day: Day) -> None:
    """Nine more who had blood taken today."""
    for index, (laboratory, name) in enumerate(
        (
            (STEVENS, "anton"),
            (NORTH, "birgit"),
            (STMARY, "cyril"),
            (STEVENS, "doris"),
            (RIVERSIDE, "egon"),
            (STEVENS, "gerda"),
            (STMARY, "ines"),
            (STEVENS, "jakob"),
            (NORTH, "lars"),
        )
    ):
        hour, minute = (13, 5 + index) if laboratory is RIVERSIDE else (7 + index // 4, 4 * index)
        day.report(
            laboratory,
            name,
            "routine",
            collected=f"03-12 {hour:02d}:{minute:02d}",
            liver={} if index % 3 else None,
            blood={},
            shows="an ordinary result",
        )
    admission(day, "lars", "A31", "03-12 08:55")
    admission(day, "gerda", "A04", "03-12 07:58")
    history = day.report(
        STEVENS,
        "gerda",
        "initial-load",
        collected="2025-11-18 09:00",
        sent="03-11 21:30",
        liver={"alt": "85", "ast": "61"},
        shows="MSH-11 P^I: initial load fills the record and pages nobody",
    )
    history.processing = "P^I"
    history.outcome = ("accepted", "history")
    refused(day)


def refused(day: Day) -> None:
    """Two messages that cannot be used, and three that are for others."""
    day.add(
        Draft(
            slug="unknown-truncated",
            sent=at("03-12 09:33"),
            sender=STEVENS.sender,
            kind="",
            segments=[],
            raw=b"erum or Plasma^LN||31|U/L^^UCUM|10-40||||F\rOBX|2|NM|1920-8^Aspartate aminotransf",
            outcome=("quarantined", "no-header"),
            shows="the middle of a message: no MSH",
        )
    )
    nobody = day.report(
        STEVENS,
        "lars",
        "without-identifier",
        collected="03-12 09:20",
        blood={"wbc": "1.2"},
        shows="PID-3 is empty: nobody can say whose result this is",
    )
    nobody.segments[0] = nobody.segments[0].replace(PEOPLE["lars"].identifier(STEVENS.sender), "")
    nobody.slug = "stevlis-without-identifier"
    nobody.outcome = ("quarantined", "no-patient-identifier")
    order(
        day,
        "xenia",
        "refill-request",
        "03-12 11:20",
        Prescription("RF", "70091", AZATHIOPRINE_25, "3", "25", "QD", "2026-01-20 08:00"),
        kind="RDE^O25^RDE_O11",
        outcome=("ignored", "refill-request"),
        shows="RDE^O25 asks for a refill and changes nothing",
    )
    appointment = admission(day, "anton", "A04", "03-12 10:31", shows="SIU^S12: an appointment")
    appointment.kind = "SIU^S12^SIU_S12"
    appointment.slug = "pas-anton-appointment"
    appointment.segments = ["SCH|1^PAS|||||ROUTINE^Routine^HL70276"]
    appointment.outcome = ("ignored", "type-not-used")
    echo = day.report(
        STEVENS,
        "iris",
        "our-own-alert",
        collected="03-12 07:55",
        panels=[Panel("liver", (Observation("alt", "150"),))],
        shows="MSH-3 is our own name: the loop guard drops it",
    )
    echo.sender = replace(PHARMACY, application="AZAWATCH")
    echo.kind = "ORU^R01^ORU_R01"
    echo.slug = "azawatch-iris-our-own"
    echo.outcome = ("ignored", "own-message")
