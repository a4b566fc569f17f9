"""Stories of values that cannot be used: for patients on therapy silence would look like health."""

from __future__ import annotations

from tests.sample_day.day import Day, Observation, Panel
from tests.sample_day.laboratories import NORTH, STEVENS, STMARY
from tests.sample_day.people import PEOPLE
from tests.sample_day.wire import Event

CROHN = "Crohn's disease"


_FAMILIES = {
    "q01": "unit-missing",
    "q02": "unit-unknown",
    "q03": "value-unreadable",
    "q04": "implausible",
    "q06": "code-unmapped",
    "q07": "range-missing",
    "q08": "specimen-spoiled",
}


def notice(name: str, rule: str, why: str, *, subject: str, step: str = "start/new") -> tuple[Event]:
    """A data-quality event; each q rule is a family of its own, and ``subject`` is what it is about.

    That is the analyte, of unmapped codes and missing ranges the sender, of a spoiled specimen its condition.
    """
    phase, reason = step.split("/")
    severity = "info" if rule in ("q06", "q07") else "review"
    return (Event(PEOPLE[name].mrn, rule, _FAMILIES[rule], phase, reason, severity, "", "", why, subject),)


def tell(day: Day) -> None:
    """All stories of this module."""
    unit_missing(day)
    unit_unknown(day)
    value_unreadable(day)
    implausible(day)
    code_unmapped(day)
    haemolysed(day)


def unit_missing(day: Day) -> None:
    """Platelets 39 without a unit: no rule may believe them, and nobody may overlook them."""
    day.therapy("berta", "2025-12-01", "75", indication="rheumatoid arthritis")
    day.history(STMARY, "berta", "2025-11-20 09:55", alt=("24",), ast=("21",), bilirubin=("7",))
    day.report(
        STMARY,
        "berta",
        "platelets-without-unit",
        collected="03-12 08:10",
        liver={},
        blood={"platelets": Observation("platelets", "39", unit="")},
        expect=notice(
            "berta", "q01", "no unit sent, and St Mary's table has none for 1024", subject="platelets"
        ),
        shows="unit missing: Q01, and no D02",
    )
    day.report(
        STMARY,
        "berta",
        "platelets-with-unit",
        collected="03-12 11:15",
        blood={"platelets": "221"},
        expect=notice(
            "berta", "q01", "a newer platelet count is usable", subject="platelets", step="end/resolved"
        ),
        shows="a usable count ends the notice",
    )


def unit_unknown(day: Day) -> None:
    """A unit that no table knows is not guessed."""
    day.therapy("carlos", "2026-02-09", "125", indication=CROHN)
    day.history(STEVENS, "carlos", "2026-01-30 09:30", alt=("28",), ast=("25",), bilirubin=("8",))
    day.report(
        STEVENS,
        "carlos",
        "alt-in-odd-unit",
        collected="03-12 09:40",
        liver={"alt": Observation("alt", "4.9", unit="XU/dL")},
        expect=notice("carlos", "q02", "XU/dL is in no row of the unit table", subject="alt"),
        shows="unknown unit: Q02",
    )


def value_unreadable(day: Day) -> None:
    """An analyser that prints asterisks has measured nothing."""
    day.therapy("dora", "2026-01-19", "100", indication="pemphigus")
    day.history(STEVENS, "dora", "2026-01-07 10:50", alt=("22",), ast=("19",), bilirubin=("10",))
    day.report(
        STEVENS,
        "dora",
        "wbc-asterisks",
        collected="03-12 10:25",
        blood={"wbc": Observation("wbc", "*****")},
        expect=notice("dora", "q03", "***** is no number", subject="wbc"),
        shows="unreadable value: Q03",
    )


def implausible(day: Day) -> None:
    """6200 x 10*9/L is a count per microlitre with the wrong unit."""
    day.therapy("emil", "2026-01-26", "150", indication=CROHN)
    day.history(STEVENS, "emil", "2026-01-15 08:20", alt=("32",), ast=("27",), bilirubin=("9",))
    day.report(
        STEVENS,
        "emil",
        "wbc-6200",
        collected="03-12 07:50",
        blood={"wbc": "6200"},
        expect=notice("emil", "q04", "6200 is above the plausible 500 x 10*9/L", subject="wbc"),
        shows="implausible value: Q04",
    )


def code_unmapped(day: Day) -> None:
    """A new local code may be an old analyte under a new name."""
    day.therapy("frida", "2026-02-16", "100", indication=CROHN)
    day.history(NORTH, "frida", "2026-02-04 08:30", alt=("0.41",), ast=("0.38",), bilirubin=("10",))
    day.report(
        NORTH,
        "frida",
        "new-local-code",
        collected="03-12 08:05",
        liver={},
        panels=[
            Panel(
                "liver",
                (
                    Observation(
                        "",
                        "0.61",
                        identifier="NL-ALAT2^P-ALAT ny metod^L",
                        unit="µkat/L",
                        reference="0.15-0.75",
                    ),
                ),
            )
        ],
        expect=notice(
            "frida",
            "q06",
            "NL-ALAT2 has no row in the table of the north site",
            subject="NORTHLAB|NORTH",
        ),
        shows="unmapped local code: Q06",
    )


def haemolysed(day: Day) -> None:
    """Broken red cells give their AST to the sample: 268 would be 6.7 x ULN, and may be no liver at all."""
    day.report(
        STEVENS,
        "xenia",
        "ast-268-haemolysed",
        collected="03-12 11:10",
        liver={
            "alt": "26",
            "ast": Observation("ast", "268", notes=("Specimen haemolysed.",)),
            "bilirubin": "9",
        },
        expect=notice(
            "xenia", "q08", "AST of broken red cells: the sample is to be repeated", subject="haemolysed"
        ),
        shows="AST 268 alone in a haemolysed specimen: no B02, and Q08 asks for another sample",
    )
