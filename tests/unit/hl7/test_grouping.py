"""Which result belongs to which order of which patient."""

from __future__ import annotations

import pytest

from engine.hl7 import Message, parse

HEADER = "MSH|^~\\&|LAB|NORTH|||20260105||ORU^R01|1|P|2.5.1"


def read(shape: str) -> Message:
    """A message of bare segments, each with its position as field 1: ``PID OBR OBX``."""
    lines = [f"{name}|{position}" for position, name in enumerate(shape.split(), start=1)]
    return parse("\r".join([HEADER, *lines]).encode())


def shape_of(message: Message) -> str:
    """The groups in one line: patient(order: results) with the positions that :func:`read` wrote."""
    patients = []
    for patient in message.patients():
        orders = []
        for order in patient.orders:
            results = " ".join(
                observation.obx.text(1)
                + ("s" if observation.after_specimen else "")
                + "".join(f"+{note.text(1)}" for note in observation.notes)
                for observation in order.observations
            )
            own = "/".join(segment.text(1) if segment else "-" for segment in (order.orc, order.obr))
            own += "".join(f"*{segment.text(1)}" for segment in order.specimens)
            own += "".join(f"+{note.text(1)}" for note in order.notes)
            orders.append(f"[{own}: {results}]")
        pid = patient.pid.text(1) if patient.pid else "-"
        pid += f"@{patient.pv1.text(1)}" if patient.pv1 else ""
        patients.append(pid + "".join(f"+{note.text(1)}" for note in patient.notes) + "".join(orders))
    return " ".join(patients)


@pytest.mark.parametrize(
    ("sent", "groups"),
    [
        ("PID PV1 ORC OBR OBX OBX", "1@2[3/4: 5 6]"),
        ("PID OBR OBX OBR OBX", "1[-/2: 3][-/4: 5]"),
        ("PID ORC OBR OBX ORC OBR OBX OBX", "1[2/3: 4][5/6: 7 8]"),
        ("PID OBR OBX PID OBR OBX", "1[-/2: 3] 4[-/5: 6]"),
        ("PID PD1 NK1 PV1 PV2 OBR OBX", "1@4[-/6: 7]"),
        # comments belong to the segment before them
        ("PID NTE OBR NTE OBX NTE NTE OBX NTE", "1+2[-/3+4: 5+6+7 8+9]"),
        ("PID ORC NTE OBR NTE OBX", "1[2/4+3+5: 6]"),
        ("PID PV1 NTE OBR OBX", "1@2+3[-/4: 5]"),
        ("PID OBR OBX ZLR NTE", "1[-/2: 3+5]"),
        ("PID NK1 NTE OBR OBX DG1 NTE", "1[-/4: 5]"),
        ("NTE PID OBR OBX", "2[-/3: 4]"),
        # results after a specimen are not lost
        ("PID OBR SPM OBX", "1[-/2*3: 4s]"),
        ("PID OBR OBX SPM NTE OBX", "1[-/2*4+5: 3 6s]"),
        ("PID OBR OBX SPM OBR OBX", "1[-/2*4: 3][-/5: 6]"),
        ("PID SPM OBR OBX", "1[-/3*2: 4]"),
        ("PID SPM OBX OBR OBX", "1[-/-*2: 3s][-/4: 5]"),
        ("PID OBR SPM SPM OBX", "1[-/2*3*4: 5s]"),
        # results without an order, or without a patient
        ("PID OBX OBX", "1[-/-: 2 3]"),
        ("PID ORC OBX", "1[2/-: 3]"),
        ("OBX PID OBR OBX", "-[-/-: 1] 2[-/3: 4]"),
        ("OBR OBX", "-[-/1: 2]"),
        ("PID OBX OBR OBX", "1[-/-: 2][-/3: 4]"),
        ("PV1 OBR OBX", "-@1[-/2: 3]"),
        # the order of a small analyser: ORC after its OBR
        ("PID OBR ORC OBX OBX", "1[3/2: 4 5]"),
        ("PID OBR ORC NTE OBX OBR ORC OBX", "1[3/2+4: 5][7/6: 8]"),
        ("PID OBR ORC OBR OBX", "1[-/2: ][3/4: 5]"),
        ("PID OBR OBX ORC OBX", "1[-/2: 3][4/-: 5]"),
        ("PID ORC OBR ORC OBX", "1[2/3: ][4/-: 5]"),
        # segments that no result needs do not move anything
        ("PID ZPI OBR TQ1 ZOR OBX PRT OBX FT1 CTI DSC", "1[-/3: 6 8]"),
        ("PID PV1 PV1 OBR OBX", "1@2[-/4: 5]"),
        ("PID OBR OBR OBX", "1[-/2: ][-/3: 4]"),
        ("PID", "1"),
        ("", ""),
    ],
)
def test_results_are_with_their_order_and_patient(sent: str, groups: str) -> None:
    """A result is never attributed to another patient or order, whatever stands around it."""
    message = read(sent)
    assert groups == shape_of(message)
    assert message.segment_count == message.handled + message.ignored


def test_ignored_segments_are_counted() -> None:
    """Nothing disappears: what is not used is known to be unused."""
    message = read("PID ZPI NK1 NTE OBR OBX ZLR NTE PV1 PV1")
    assert (6, 5, 11) == (message.handled, message.ignored, message.segment_count)


def test_a_grouping_is_made_once() -> None:
    """Asking twice gives the same groups."""
    message = read("PID OBR OBX")
    assert message.patients() is message.patients()


def test_results_of_many_patients_stay_apart_over_a_long_message() -> None:
    """A night's export in one message keeps hundreds of patients apart."""
    message = read("PID OBR OBX OBX " * 300)
    assert 300 == len(message.patients())
    assert {2} == {len(patient.orders[0].observations) for patient in message.patients()}
