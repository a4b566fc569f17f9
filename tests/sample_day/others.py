"""Everybody else: people who never took it, well or ill, and messages that are for others."""

from __future__ import annotations

from dataclasses import replace

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import NORTH, RIVERSIDE, STEVENS, STMARY
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    AZATHIOPRINE_25,
    AZITHROMYCIN,
    PHARMACY,
    Prescription,
    admission,
    order,
)
from tests.sample_day.wire import Draft, at


def tell(day: Day) -> None:
    """All stories of this module."""
    never_on_therapy(day)
    dreadful_without_therapy(day)
    odd_without_therapy(day)
    ordinary_people(day)
    refused(day)


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
