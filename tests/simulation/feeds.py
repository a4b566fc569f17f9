"""Small feeds: a few messages about two patients, some repeated, corrected, merged, broken or in a batch."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from random import Random

from tests.scenario.wire import Panel, instant, message, obx, patient, prescription, stamp

NOON = instant("d0 12:00")
ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "H1,STEVENS,start,2026-01-01,azathioprine,100,,\n"
    "H2,STEVENS,start,2026-01-01,azathioprine,100,,\n"
)
# One side and the other of the limits of the rules in force: alerts begin, change and end.
_VALUES = {"alt": ("30", "499", "500", "900", "1500"), "platelets": ("200", "40", "20")}
_BROKEN = (
    b"this is no HL7 message",
    b"MSH|^~\\&|STEVLIS|STEVENS|||20260312110000+0000||ORU^R01|BROKEN|P|2.5.1\rOBX|1|NM|1742-6^^LN||9|U/L\r",
)


@lru_cache(maxsize=2)
def feed(number: int) -> tuple[bytes, ...]:
    """The bodies of feed ``number``, in the order in which they are sent."""
    draw = Random(f"feed {number}")
    bodies: list[bytes] = []
    orders: list[tuple[str, str, str]] = []  # patient, order, time of collection
    for place in range(draw.choice((2, 2, 3, 3, 4))):
        sent = NOON - timedelta(minutes=50 - 10 * place)
        kind = draw.choices(
            ("result", "again", "correction", "other content", "batch", "broken", "merge", "order"),
            (10, 2, 3, 1, 2, 2, 1, 1),
        )[0]
        control = f"M{place}"
        if kind == "again" and bodies:
            bodies.append(draw.choice(bodies))
        elif kind == "correction" and orders:
            who, order, taken = draw.choice(orders)
            bodies.append(_result(draw, control, who, order, taken, stamp(sent), "C"))
        elif kind == "broken":
            bodies.append(draw.choice(_BROKEN))
        elif kind == "merge":
            lines = [patient("H1").segment(), "MRG|H3^^^STEVENS^MR"]
            bodies.append(message("ADT^A40", control, stamp(sent), lines))
        elif kind == "order":
            lines = [patient("H3").segment(), *prescription("NW", "RX1", start=stamp(sent))]
            bodies.append(message("RDE^O11^RDE_O11", control, stamp(sent), lines))
        else:
            if kind == "other content" and bodies:
                control = "M0"
            who, order = draw.choice(("H1", "H1", "H1", "H2", "H3")), f"S{place}"
            orders.append((who, order, stamp(sent)))
            body = _result(draw, control, who, order, stamp(sent), stamp(sent), "F")
            if kind == "batch":
                second = _result(draw, f"{control}B", who, f"{order}B", stamp(sent), stamp(sent), "F")
                body = b"FHS|^~\\&\rBHS|^~\\&\r" + body + second + b"BTS|2\rFTS|1\r"
            bodies.append(body)
    return tuple(bodies)


def _result(draw: Random, control: str, who: str, order: str, taken: str, sent: str, status: str) -> bytes:
    analyte = draw.choice(("alt", "alt", "alt", "platelets"))
    value = draw.choice(_VALUES[analyte])
    panel = Panel([obx(analyte, value, status=status)], order, taken, sent)
    return message("ORU^R01", control, sent, [patient(who).segment(), *panel.segments()])
