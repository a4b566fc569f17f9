"""Which pharmacy segments make up one order, and which times count."""

from __future__ import annotations

import pytest

from engine.hl7 import Message, PharmacyOrder, parse
from engine.hl7.pharmacy import group_pharmacy

HEADER = "MSH|^~\\&|PHARM|NORTH|||20260105||RDE^O11|1|P|2.5.1"


def read(shape: str) -> Message:
    lines = [f"{name}|{position}" for position, name in enumerate(shape.split(), start=1)]
    return parse("\r".join([HEADER, *lines]).encode())


def written(order: PharmacyOrder) -> str:
    parts = [("ORC", order.orc), ("RXO", order.requested), ("RXE", order.encoded)]
    parts += [("RXD", order.dispensed), ("RXG", order.given)]
    parts += [("RXA", segment) for segment in order.administered]
    for name, segments in (("TQ1", order.timing), ("RXR", order.routes), ("RXC", order.components)):
        parts += [(name, segment) for segment in segments]
    return " ".join(f"{name}{segment.text(1)}" for name, segment in parts if segment is not None)


@pytest.mark.parametrize(
    ("sent", "orders"),
    [
        ("PID PV1 ORC RXE RXR TQ1", ["ORC3 RXE4 TQ16 RXR5"]),
        ("PID ORC RXO RXR RXC", ["ORC2 RXO3 RXR4 RXC5"]),
        # the trap: times before RXE are those of the original request
        ("PID ORC TQ1 RXE TQ1", ["ORC2 RXE4 TQ15"]),
        ("PID ORC TQ1 RXO RXR RXE TQ1 TQ1 RXR", ["ORC2 RXO4 RXE6 TQ17 TQ18 RXR9"]),
        ("PID ORC TQ1 RXE RXR", ["ORC2 RXE4 TQ13 RXR5"]),
        ("PID ORC TQ1 RXO", ["ORC2 RXO4 TQ13"]),
        ("PID ORC RXO RXC RXE RXC RXC", ["ORC2 RXO3 RXE5 RXC6 RXC7"]),
        ("PID ORC TQ1 RXE RXD TQ1 RXR", ["ORC2 RXE4 RXD5 TQ16 RXR7"]),
        ("PID ORC RXE TQ1 RXD TQ1", ["ORC2 RXE3 RXD5 TQ14"]),
        ("PID ORC TQ1 RXG TQ1", ["ORC2 RXG4 TQ15"]),
        # several orders
        ("PID ORC RXE TQ1 ORC RXE TQ1", ["ORC2 RXE3 TQ14", "ORC5 RXE6 TQ17"]),
        ("PID ORC RXE RXE", ["ORC2 RXE3", "RXE4"]),
        ("PID ORC RXE RXR RXA RXA RXR", ["ORC2 RXE3 RXA5 RXA6 RXR4"]),
        ("PID RXE TQ1", ["RXE2 TQ13"]),
        ("PID ORC OBR", ["ORC2"]),
        ("ORC RXO", ["ORC1 RXO2"]),
        ("PID TQ1", []),
    ],
)
def test_an_order_has_the_details_that_count(sent: str, orders: list[str]) -> None:
    """The dose in the alert is what the pharmacy encoded, not what was first asked for."""
    message = read(sent)
    assert [orders] == [[written(order) for order in group.orders] for group in message.pharmacy()]


def test_orders_of_several_patients_stay_apart() -> None:
    """An order is never attributed to another patient."""
    groups = read("PID PV1 PV1 ORC RXE PID ORC RXE").pharmacy()
    assert ["1", "6"] == [group.pid.text(1) for group in groups if group.pid]
    assert ["2", None] == [group.pv1 and group.pv1.text(1) for group in groups]
    assert [["ORC4 RXE5"], ["ORC7 RXE8"]] == [[written(order) for order in group.orders] for group in groups]


def test_every_segment_is_counted() -> None:
    """Used and passed over are all there is."""
    message = read("PID PV1 PV1 ZPI ORC RXE TQ1 NTE OBX DSC PID TQ1")
    grouping = group_pharmacy(message.segments)
    assert (7, 6) == (grouping.handled, grouping.ignored)
    assert message.segment_count == grouping.handled + grouping.ignored
