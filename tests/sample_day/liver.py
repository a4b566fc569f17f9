"""Liver injury at its limits: each rule with the values that just reach it and those that just do not.

Every story tells one patient from the first stated baseline to the last message of the day. Stevens'
upper limits are ALT 40, AST 40 and bilirubin 17.
"""

from __future__ import annotations

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import RIVERSIDE, STEVENS
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    AZATHIOPRINE_25,
    Prescription,
    admission,
    order,
)
from tests.sample_day.quality import notice
from tests.sample_day.wire import Draft, Event, at

AIH = "autoimmune hepatitis"
CROHN = "Crohn's disease"


def injury(
    name: str,
    rule: str,
    step: str,
    severity: str,
    value: str,
    why: str,
    *,
    unit: str = "U/L",
    labels: tuple[str, ...] = (),
) -> tuple[Event]:
    """An event of the liver-injury family; ``step`` is ``phase/reason``."""
    phase, reason = step.split("/")
    unit = unit if value else ""
    return (
        Event(
            PEOPLE[name].mrn,
            rule,
            "liver-injury",
            phase,
            reason,
            severity,
            value,
            unit,
            why,
            labels=labels,
        ),
    )


def tell(day: Day) -> None:
    """All stories of this module."""
    for story in (
        five_times_baseline,
        five_hundred,
        four_hundred_ninety_nine,
        twice_baseline_with_bilirubin,
        just_below_twice_bilirubin,
        bilirubin_in_milligrams,
        after_a_restart,
        after_a_restart_at_the_limit,
    ):
        story(day)


def five_times_baseline(day: Day) -> None:
    """4.9 x baseline is no stop limit, but above 3 x somebody must ask for symptoms; 5.0 x is one."""
    day.therapy("iris", "2026-01-12", "150", indication=AIH)
    day.history(
        STEVENS,
        "iris",
        "2025-12-15 09:05",
        "2025-12-29 09:20",
        "2026-01-09 10:10",
        alt=("28", "32", "30"),
        ast=("25", "27", "26"),
        bilirubin=("8", "9", "8"),
    )
    admission(day, "iris", "A08", "03-12 07:02", shows="ADT^A08: new clinic room")
    day.report(
        STEVENS,
        "iris",
        "alt-4-9-x-baseline",
        collected="03-12 06:20",
        liver={"alt": "147", "ast": "38", "bilirubin": "9"},
        blood={},
        expect=injury(
            "iris",
            "a03",
            "start/new",
            "urgent",
            "147",
            "147 is 4.9 x baseline 30 (median of 28, 32, 30): not 5, but at least 3 with symptoms unknown",
        ),
        shows="ALT 4.9 x baseline, symptoms unknown: A03 one step lower, not A01",
    )
    day.report(
        STEVENS,
        "iris",
        "alt-5-x-baseline",
        collected="03-12 12:40",
        liver={"alt": "150", "ast": "38", "bilirubin": "9"},
        expect=injury(
            "iris",
            "a01",
            "escalate/worse",
            "critical",
            "150",
            "150 is 5.0 x baseline 30; critical outranks urgent",
        ),
        shows="ALT 5.0 x baseline: escalation from urgent to critical",
    )


def five_hundred(day: Day) -> None:
    """500 U/L needs no baseline; the message comes twice, and the unchanged repeat pages nobody."""
    day.therapy("boris", "2026-02-16", "100", indication=AIH)
    day.baseline("boris", "2026-02-09", alt="110 U/L", ast="80 U/L", bilirubin="9 umol/L")
    admission(day, "boris", "A31", "03-11 16:10", shows="ADT^A31: person level update")
    first = day.report(
        STEVENS,
        "boris",
        "alt-500",
        collected="03-12 06:05",
        liver={
            "alt": Observation("alt", "500", notes=("Checked by second measurement.",)),
            "ast": "180",
            "bilirubin": "10",
        },
        notes=("Sample received without request form.",),
        expect=injury(
            "boris",
            "a02",
            "start/new",
            "critical",
            "500",
            "500 reaches 500 U/L; it is only 4.5 x baseline 110",
        ),
        shows="ALT exactly 500 with notes after PID and OBX: A02",
    )
    day.add(
        Draft(
            slug="stevlis-boris-alt-500-again",
            sent=at("03-12 07:31"),
            sender=STEVENS.sender,
            kind=first.kind,
            segments=[],
            repeats=first,
            outcome=("duplicate", "seen-before"),
            shows="the same message again, byte for byte",
        )
    )
    day.report(
        STEVENS,
        "boris",
        "alt-500-second-sample",
        collected="03-12 10:15",
        liver={"alt": "500", "ast": "178", "bilirubin": "10"},
        shows="a new sample with the unchanged bad value: no second page",
    )


def four_hundred_ninety_nine(day: Day) -> None:
    """499 is not 500; without a range and without a baseline no other rule can judge it."""
    day.therapy("clara", "2026-02-23", "50", indication=AIH)
    day.report(
        STEVENS,
        "clara",
        "alt-499",
        collected="03-12 07:00",
        liver={"alt": Observation("alt", "499", reference=""), "ast": "38", "bilirubin": "11"},
        blood={},
        expect=notice(
            "clara", "q07", "an ALT above 100 without a range is said at once", subject="STEVLIS|STEVENS"
        ),
        shows="ALT 499 without range and baseline: not A02, nothing to compare with for the others, and Q07",
    )


def twice_baseline_with_bilirubin(day: Day) -> None:
    """Two normal-looking doublings together are an emergency."""
    day.therapy("dario", "2026-01-26", "125", indication=CROHN)
    day.history(
        STEVENS,
        "dario",
        "2026-01-07 09:30",
        "2026-01-21 09:35",
        alt=("30", "30"),
        ast=("25", "25"),
        bilirubin=("8", "8"),
    )
    day.report(
        STEVENS,
        "dario",
        "alt-and-bilirubin-doubled",
        collected="03-12 07:25",
        liver={
            "alt": Observation("alt", "60", identifier=f"ALAT^ALT^99STV^{STEVENS.tests['alt'].identifier}"),
            "ast": "34",
            "bilirubin": "16",
        },
        expect=injury(
            "dario",
            "a06",
            "start/new",
            "critical",
            "60",
            "ALT 60 is 2.0 x baseline 30 and bilirubin 16 is 2.0 x baseline 8",
        ),
        shows="LOINC in the second triplet; ALT and bilirubin both exactly 2 x baseline: A06",
    )


def just_below_twice_bilirubin(day: Day) -> None:
    """Bilirubin 15.9 is not twice 8: a mild rise, which then gets worse. Ordered by pharmacy (RDE^O11)."""
    day.enzymes("edith", "2026-01-26", tpmt="normal")
    order(
        day,
        "edith",
        "new-order",
        "2026-01-30 11:00",
        Prescription("NW", "70051", AZATHIOPRINE_25, "2", "25", "QD", "2026-02-02 08:00"),
        shows="RDE^O11 with a local and an RxNorm code, 2 tablets of 25 mg",
    )
    day.history(
        STEVENS,
        "edith",
        "2026-01-12 08:50",
        "2026-01-28 09:10",
        alt=("30", "30"),
        ast=("27", "27"),
        bilirubin=("8", "8"),
    )
    day.report(
        STEVENS,
        "edith",
        "alt-60-bilirubin-15-9",
        collected="03-11 15:40",
        sent="03-12 06:31",
        liver={"alt": "60", "ast": "36", "bilirubin": "15.9"},
        expect=injury(
            "edith",
            "a13",
            "start/new",
            "review",
            "60",
            "60 is 1.5 x ULN 40; bilirubin 15.9 is below 2 x baseline 8, so A06 does not hold",
        ),
        shows="the neighbour of A06: A13 only",
    )
    day.report(
        STEVENS,
        "edith",
        "alt-88",
        collected="03-12 09:50",
        liver={"alt": "88", "ast": "36", "bilirubin": "12"},
        expect=injury("edith", "a13", "update/worse", "review", "88", "the same finding, 88 after 60"),
        shows="a mild rise gets worse",
    )
    day.report(
        STEVENS,
        "edith",
        "alt-85",
        collected="03-12 14:20",
        liver={"alt": "85", "ast": "35", "bilirubin": "12"},
        shows="slightly better than last told: no page",
    )


def bilirubin_in_milligrams(day: Day) -> None:
    """2.4 mg/dL is twice that laboratory's limit of 1.2, whatever it is in umol/L."""
    day.therapy("felix", "2026-01-19", "150", indication=CROHN)
    day.history(
        RIVERSIDE,
        "felix",
        "2025-12-18 14:10",
        "2026-01-14 14:30",
        alt=("40", "42"),
        ast=("30", "30"),
        bilirubin=("0.9", "0.9"),
    )
    admission(day, "felix", "A04", "03-12 13:05", shows="ADT^A04")
    day.report(
        RIVERSIDE,
        "felix",
        "bilirubin-2-4-mg",
        collected="03-12 13:20",
        liver={"alt": "61", "ast": "39", "bilirubin": "2.4", "alp": "104"},
        expect=injury(
            "felix",
            "a07",
            "start/new",
            "critical",
            "41.04",
            "bilirubin 2.4 mg/dL (x 17.1) is 2.0 x ULN 1.2, and ALT 61 is above ULN 56 (1.5 x baseline)",
            unit="umol/L",
            labels=("b01-grade-mild", "b04-pattern-cholestatic"),
        ),
        shows="US units, version 2.3: A07; R 1.5 by ALP 104, cholestatic",
    )


def after_a_restart(day: Day) -> None:
    """After a restart three times ULN is enough, though the clinic wrote hold and not stop.

    The SPM stands between OBR and OBX, as many send it.
    """
    day.therapy("greta", "2025-06-02", "150", indication=AIH, nudt15="normal")
    day.row("greta", "hold", "2026-01-19", note="ALT 9 x ULN")
    day.row("greta", "restart", "2026-02-16", dose="50", indication=AIH)
    day.baseline("greta", "2025-05-26", alt="36 U/L", ast="30 U/L", bilirubin="9 umol/L")
    day.history(STEVENS, "greta", "2026-02-12 09:15", alt=("38",), ast=("31",), bilirubin=("9",))
    admission(day, "greta", "A04", "03-12 08:05", shows="ADT^A04")
    drawn = at("03-12 08:15")
    patient = PEOPLE["greta"]
    panel = day.panel(STEVENS, patient, "liver", drawn, {"alt": "121", "ast": "88", "bilirubin": "10"})
    day.report(
        STEVENS,
        "greta",
        "restarted-alt-121",
        collected="03-12 08:15",
        panels=[Panel(panel.name, panel.observations, specimen_first=True)],
        expect=injury(
            "greta",
            "a10",
            "start/new",
            "critical",
            "121",
            "restarted 2026-02-16 after a hold, and 121 is above 3 x ULN 40 = 120: A08, a second episode",
            labels=("a12-early-after-restart",),
        ),
        shows="SPM between OBR and OBX: A08, told as A10",
    )


def after_a_restart_at_the_limit(day: Day) -> None:
    """Exactly three times ULN is not above it, and he has been asked and has no symptoms.

    The message has separators of its own.
    """
    day.therapy("hugo", "2025-04-14", "125", indication=AIH, nudt15="normal")
    day.row("hugo", "stop", "2026-01-12", note="ALT 6 x ULN")
    day.row("hugo", "restart", "2026-02-09", dose="50", indication=AIH)
    day.baseline("hugo", "2025-04-07", alt="34 U/L", ast="28 U/L", bilirubin="8 umol/L")
    day.row("hugo", "fact", "2026-03-09", note="symptom=none")
    day.history(STEVENS, "hugo", "2026-02-05 10:40", alt=("35",), ast=("29",), bilirubin=("8",))
    report = day.report(
        STEVENS,
        "hugo",
        "restarted-alt-120",
        collected="03-12 09:05",
        liver={"alt": "120", "ast": "61", "bilirubin": "9"},
        expect=injury(
            "hugo",
            "a09",
            "start/new",
            "urgent",
            "120",
            "120 is 3 x ULN 40, not above it; 3.5 x baseline 34, but without symptoms no A03; 35 before it",
        ),
        shows="MSH-1 and MSH-2 other than usual; the neighbour of A08",
    )
    report.separators = "!*~\\@"
