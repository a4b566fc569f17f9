"""Stories of the blood: white cells and platelets, and the numbers that come late, twice, or as another's."""

from __future__ import annotations

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import NORTH, RIVERSIDE, STEVENS, STMARY
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    AZATHIOPRINE_50,
    AZATHIOPRINE_50_SCT,
    ORDER_ENTRY,
    WARD,
    Prescription,
    admission,
    merge,
    order,
)
from tests.sample_day.wire import Draft, Event, at

CROHN = "Crohn's disease"
COLITIS = "ulcerative colitis"
ARTHRITIS = "rheumatoid arthritis"

# Numbers under which two patients were known before the admission office found out.
YUSUF_BEFORE = "H0099017"
ZOE_BEFORE = "H0099024"


def count(
    name: str,
    rule: str,
    step: str,
    value: str,
    why: str,
    *,
    severity: str = "critical",
    labels: tuple[str, ...] = (),
) -> tuple[Event]:
    """An event of the cytopenia family; ``step`` is ``phase/reason``."""
    phase, reason = step.split("/")
    unit = "10*9/L" if value else ""
    return (
        Event(
            PEOPLE[name].mrn,
            rule,
            "cytopenia",
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
        preliminary_then_final,
        white_cells_at_the_limit,
        platelets_at_the_limit,
        stopped_three_weeks_ago,
        corrected_upwards,
        deleted,
        merged_after_the_result,
        ordered_under_the_old_number,
    ):
        story(day)


def preliminary_then_final(day: Day) -> None:
    """A preliminary count below the limit pages at once; the final one says the same, and nobody is paged
    again. `10^9/L` arrives as two components.
    """
    day.enzymes("maja", "2026-01-28", tpmt="normal")
    order(
        day,
        "maja",
        "new-order",
        "2026-02-03 12:10",
        Prescription("NW", "70102", AZATHIOPRINE_50, "2", "50", "QD", "2026-02-04 08:00"),
        sender=WARD,
        shows="ORM^O01 version 2.3",
    )
    day.history(NORTH, "maja", "2026-01-19 08:10", alt=("0.45",), ast=("0.40",), bilirubin=("9",))
    admission(day, "maja", "A01", "03-11 19:40", shows="ADT^A01: admitted to the ward")
    first = day.report(
        NORTH,
        "maja",
        "wbc-preliminary",
        collected="03-12 05:55",
        panels=[
            Panel(
                "blood", (Observation("wbc", "2.1", status="P"), Observation("platelets", "162", status="P"))
            )
        ],
        expect=count("maja", "d01", "start/new", "2.1", "2.1, preliminary, is below 2.5"),
        shows="OBX-11 P, and `10^9/L` broken by the component separator: D01",
    )
    day.report(
        NORTH,
        "maja",
        "wbc-final",
        collected="03-12 05:55",
        sent="03-12 09:48",
        panels=[
            Panel(
                "blood",
                (
                    Observation("wbc", "2.1"),
                    Observation("neutrophils", "1.1"),
                    Observation("platelets", "161"),
                    Observation("haemoglobin", "119"),
                ),
                order=first.orders[0],
            )
        ],
        shows="the final value of the same result is the same: nothing new",
    )


def white_cells_at_the_limit(day: Day) -> None:
    """2.5 is not below 2.5, but below 3.5; his TPMT is said beside it."""
    day.therapy("nils", "2025-12-15", "100", indication=ARTHRITIS, tpmt="intermediate")
    day.roster_expect.append(
        Event(
            PEOPLE["nils"].mrn,
            "e02",
            "tpmt-nudt15",
            "start",
            "new",
            "review",
            "",
            "",
            "TPMT intermediate, stated on 8 December",
        )
    )
    day.history(STEVENS, "nils", "2025-12-04 09:00", alt=("21",), ast=("20",), bilirubin=("10",))
    day.report(
        STEVENS,
        "nils",
        "wbc-2-5",
        collected="03-12 08:35",
        liver={},
        blood={"wbc": "2.5", "neutrophils": "1.6"},
        expect=count(
            "nils",
            "p03",
            "start/new",
            "2.5",
            "2.5 is not below 2.5, so no D01, but below 3.5: urgent; low TPMT raises groups A and D only",
            severity="urgent",
            labels=("e04-low-enzyme",),
        ),
        shows="the neighbour of D01: P03, with the label of E04",
    )


def platelets_at_the_limit(day: Day) -> None:
    """50 is not below 50, but below 140."""
    day.therapy("petra", "2026-01-12", "100", indication=COLITIS)
    day.history(STMARY, "petra", "2025-12-22 10:15", alt=("25",), ast=("22",), bilirubin=("8",))
    report = day.report(
        STMARY,
        "petra",
        "platelets-50",
        collected="03-12 08:50",
        liver={},
        blood={"platelets": "50"},
        expect=count(
            "petra",
            "p03",
            "start/new",
            "50",
            "50 is not below 50, so no D02, but below 140",
            severity="urgent",
        ),
        shows="the neighbour of D02: P03; line ends CR LF",
    )
    report.line_end = "\r\n"


def stopped_three_weeks_ago(day: Day) -> None:
    """The marrow remembers: 20 days after the stop the counts are still watched."""
    day.enzymes("olga", "2025-12-17", tpmt="normal")
    order(
        day,
        "olga",
        "new-order",
        "2025-12-22 10:30",
        Prescription("NW", "70031", AZATHIOPRINE_50_SCT, "3", "50", "QD", "2025-12-23 08:00"),
        sender=ORDER_ENTRY,
        shows="OMP^O09 with a SNOMED CT product",
    )
    day.history(RIVERSIDE, "olga", "2025-12-17 15:00", alt=("28",), ast=("25",), bilirubin=("0.6",))
    order(
        day,
        "olga",
        "discontinue",
        "2026-02-20 09:15",
        Prescription(
            "DC",
            "70031",
            AZATHIOPRINE_50_SCT,
            "3",
            "50",
            "QD",
            "2025-12-23 08:00",
            effective="2026-02-20 09:00",
        ),
        sender=ORDER_ENTRY,
        shows="OMP^O09 with ORC-1 DC, in force at ORC-15",
    )
    report = day.report(
        RIVERSIDE,
        "olga",
        "platelets-41",
        collected="03-12 13:40",
        blood={"platelets": "41", "wbc": "4.6"},
        expect=count("olga", "d02", "start/new", "41", "41 K/uL is below 50; stopped 20 days ago, within 90"),
        shows="K/uL and LF line ends; D02 after a stop",
    )
    report.line_end = "\n"


def corrected_upwards(day: Day) -> None:
    """38 was 238: the alert ends as corrected, and the stale copy that comes later does not revive it."""
    day.enzymes("quentin", "2026-02-06", tpmt="normal")
    order(
        day,
        "quentin",
        "new-order",
        "2026-02-10 08:45",
        Prescription("NW", "70144", AZATHIOPRINE_50_SCT, "2", "50", "QD", "2026-02-11 08:00"),
        sender=ORDER_ENTRY,
        shows="OMP^O09",
    )
    day.history(STEVENS, "quentin", "2026-02-06 07:30", alt=("30",), ast=("28",), bilirubin=("11",))
    admission(day, "quentin", "A08", "03-12 05:20", shows="ADT^A08: moved to another bed")
    wrong = day.report(
        STEVENS,
        "quentin",
        "platelets-38",
        collected="03-12 05:30",
        blood={"platelets": "38"},
        expect=count("quentin", "d02", "start/new", "38", "38 is below 50"),
        shows="D02",
    )
    day.report(
        STEVENS,
        "quentin",
        "platelets-corrected",
        collected="03-12 05:30",
        sent="03-12 08:26",
        panels=[
            Panel(
                "blood",
                (
                    Observation(
                        "platelets", "238", status="C", notes=("Platelet clumps; repeated in citrate.",)
                    ),
                ),
                order=wrong.orders[0],
            )
        ],
        expect=count(
            "quentin",
            "d02",
            "end/corrected",
            "",
            "corrected to 238: the platelets had clumped, and were counted again",
        ),
        shows="OBX-11 C across the threshold",
    )
    stale = Draft(
        slug="stevlis-quentin-stale-copy",
        sent=at("03-12 12:20"),
        sender=STEVENS.sender,
        kind=wrong.kind,
        segments=list(wrong.segments),
        shows="the first version sent again later: OBR-22 says that it is the older one",
    )
    day.add(stale)


def deleted(day: Day) -> None:
    """No unit: the site's table says what St Mary means by it. Later the result is deleted (D)."""
    day.therapy("stefan", "2026-01-05", "150", indication="atopic dermatitis")
    day.history(STMARY, "stefan", "2025-12-16 11:30", alt=("31",), ast=("26",), bilirubin=("9",))
    bad = day.report(
        STMARY,
        "stefan",
        "wbc-1-9",
        collected="03-12 07:35",
        blood={"wbc": "1.9", "neutrophils": "1.0"},
        expect=count("stefan", "d01", "start/new", "1.9", "1.9 (x 10*9/L by the site's table) is below 2.5"),
        shows="unit omitted and supplied by the site's table: D01",
    )
    day.report(
        STMARY,
        "stefan",
        "wbc-deleted",
        collected="03-12 07:35",
        sent="03-12 10:58",
        panels=[
            Panel(
                "blood",
                (
                    Observation("wbc", '""', status="D"),
                    Observation("neutrophils", '""', status="D"),
                ),
                order=bad.orders[0],
            )
        ],
        expect=count(
            "stefan",
            "d01",
            "end/withdrawn",
            "",
            "the only white cells and neutrophils since the start were deleted (D)",
        ),
        shows="OBX-11 D ends the alert",
    )


def merged_after_the_result(day: Day) -> None:
    """The count belongs to a number that nobody knew to be this patient's; the merge tells."""
    day.therapy("yusuf", "2026-02-02", "100", indication=COLITIS)
    day.history(STEVENS, "yusuf", "2026-01-22 10:05", alt=("26",), ast=("24",), bilirubin=("9",))
    day.report(
        STEVENS,
        "yusuf",
        "emergency-platelets-44",
        collected="03-12 02:15",
        mrn=YUSUF_BEFORE,
        blood={"platelets": "44"},
        shows="platelets 44 under a number without therapy: no alert yet",
    )
    merge(
        day,
        "yusuf",
        YUSUF_BEFORE,
        "03-12 07:50",
        expect=count(
            "yusuf",
            "d02",
            "start/new",
            "44",
            "44 under the old number is below 50, and the therapy is under the new",
        ),
        shows="ADT^A40: result under the old number, therapy under the new one",
    )
    day.report(
        STEVENS,
        "yusuf",
        "old-number-again",
        collected="03-12 07:05",
        sent="03-12 08:59",
        mrn=YUSUF_BEFORE,
        blood={"platelets": "44"},
        shows="still under the old number, unchanged: no second page",
    )
    day.report(
        STEVENS,
        "yusuf",
        "liver-under-the-new-number",
        collected="03-12 09:15",
        liver={},
        shows="under the new number, normal liver",
    )


def ordered_under_the_old_number(day: Day) -> None:
    """Therapy under the old number, result under the new one."""
    day.enzymes("zoe", "2026-02-10", tpmt="normal", mrn=ZOE_BEFORE)
    order(
        day,
        "zoe",
        "new-order",
        "2026-02-12 14:00",
        Prescription("RE", "70160", AZATHIOPRINE_50, "1", "50", "BID", "2026-02-13 08:00"),
        mrn=ZOE_BEFORE,
        shows="RDE^O11 under a number that is merged later",
    )
    day.report(
        STEVENS,
        "zoe",
        "earlier",
        collected="2026-02-11 09:00",
        mrn=ZOE_BEFORE,
        liver={"alt": "23", "ast": "22", "bilirubin": "8"},
        blood={},
        shows="an earlier result under the old number",
    )
    merge(day, "zoe", ZOE_BEFORE, "03-12 06:40", shows="ADT^A40: therapy under the old number")
    day.report(
        STEVENS,
        "zoe",
        "wbc-below-0-5",
        collected="03-12 10:05",
        blood={
            "wbc": Observation("wbc", "<0.5", type="ST"),
            "neutrophils": Observation("neutrophils", "<0.2", type="ST"),
            "platelets": "71",
            "haemoglobin": "92",
        },
        expect=count(
            "zoe", "p05", "start/new", "<0.2", "neutrophils below 0.2 are below 1.0; D01 holds too, below 0.5"
        ),
        shows="a comparator in ST: P05 speaks for D01 after a merge",
    )
