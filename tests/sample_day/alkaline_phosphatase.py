"""Low alkaline phosphatase: once, twice in a row, and exactly at the limit of 42."""

from __future__ import annotations

from tests.sample_day.day import Day, Observation, Panel, identification, orders
from tests.sample_day.laboratories import STEVENS
from tests.sample_day.liver import CROHN
from tests.sample_day.people import PEOPLE
from tests.sample_day.pharmacy import (
    AZATHIOPRINE_ATC,
    WARD,
    Prescription,
    order,
)
from tests.sample_day.wire import Draft, Event, at


def low_alp(name: str, rule: str, step: str, severity: str, value: str, why: str) -> tuple[Event]:
    """An event of the alp-low family; ``step`` is ``phase/reason``."""
    phase, reason = step.split("/")
    return (Event(PEOPLE[name].mrn, rule, "alp-low", phase, reason, severity, value, "U/L", why),)


def tell(day: Day) -> None:
    """All stories of this module."""
    for story in (
        low_alp_once,
        low_alp_twice,
        alp_at_the_limit,
    ):
        story(day)


def low_alp_once(day: Day) -> None:
    """ALP 39 with 42-141, the worked case; three patients share the message."""
    day.therapy("jonas", "2026-01-12", "125", indication=CROHN)
    day.history(STEVENS, "jonas", "2025-12-17 10:30", alt=("27",), ast=("22",), bilirubin=("7",), alp=("58",))
    drawn, sent = at("03-12 07:45"), at("03-12 09:12")
    lines = []
    for set_id, (name, values) in enumerate(
        (("harald", {}), ("jonas", {"alp": "39"}), ("flora", {"alt": "52"})), start=1
    ):
        panel = day.panel(STEVENS, PEOPLE[name], "liver", drawn, values)
        lines += identification(PEOPLE[name], STEVENS.sender, set_id=set_id)
        lines += orders(
            STEVENS, [Panel("liver", panel.observations, order=f"26S90{set_id:03d}")], drawn, sent
        )
    day.add(
        Draft(
            slug="stevlis-three-patients",
            sent=sent,
            sender=STEVENS.sender,
            kind="ORU^R01^ORU_R01",
            segments=lines,
            expect=low_alp("jonas", "c03", "start/new", "info", "39", "39 is below LLN 42, once"),
            shows="three patients in one ORU: C03 for the second, no page for a single low ALP",
        )
    )


def low_alp_twice(day: Day) -> None:
    """Twice in a row is worth a look; ordered by the old ward system (ORM^O01, version 2.3)."""
    day.enzymes("karin", "2026-01-12", tpmt="normal")
    order(
        day,
        "karin",
        "new-order",
        "2026-01-15 08:20",
        Prescription("NW", "70088", AZATHIOPRINE_ATC, "2", "50", "QD", "2026-01-19 08:00"),
        sender=WARD,
        shows="ORM^O01 version 2.3 with the timing in ORC-7 and an ATC code",
    )
    day.history(STEVENS, "karin", "2026-01-08 09:40", alt=("24",), ast=("23",), bilirubin=("9",), alp=("55",))
    day.report(
        STEVENS,
        "karin",
        "alp-40",
        collected="03-10 09:10",
        sent="03-12 06:22",
        liver={"alp": "40"},
        expect=low_alp("karin", "c03", "start/new", "info", "40", "40 is below LLN 42, once"),
        shows="C03: one low ALP",
    )
    day.report(
        STEVENS,
        "karin",
        "alp-38",
        collected="03-12 09:20",
        liver={"alp": "38", "albumin": "39"},
        panels=[
            Panel(
                "coagulation",
                (Observation("inr", "1.0"),),
                code="34528-0^PT panel - Platelet poor plasma by Coagulation assay^LN",
                specimen="PLAS",
            )
        ],
        expect=low_alp(
            "karin",
            "c04",
            "escalate/worse",
            "review",
            "38",
            "two results in a row, 40 and 38, below LLN 42",
        ),
        shows="C04 takes over from C03; albumin and INR are with it, so C07 asks for nothing",
    )


def alp_at_the_limit(day: Day) -> None:
    """42 is not below 42; its control id was used before, for something else."""
    day.therapy("leo", "2025-12-08", "150", indication=CROHN)
    day.history(STEVENS, "leo", "2025-11-24 08:50", alt=("26",), ast=("21",), bilirubin=("11",), alp=("61",))
    earlier = day.report(
        STEVENS,
        "leo",
        "routine",
        collected="03-11 07:20",
        sent="03-12 06:39",
        blood={},
        shows="an ordinary blood count",
    )
    report = day.report(
        STEVENS,
        "leo",
        "alp-42",
        collected="03-12 08:25",
        liver={"alp": "42"},
        shows="ALP at the limit; the control id of an earlier message with other content: accepted",
    )
    report.same_control_id_as = earlier
