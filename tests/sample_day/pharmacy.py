"""What pharmacy, order entry and admission systems of Stevens send: RDE, RDS, OMP, ORM and ADT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.sample_day.day import PROVIDER, Day, identification, pid
from tests.sample_day.people import PEOPLE
from tests.sample_day.wire import Draft, Event, Sender, at, segment

PHARMACY = Sender("PHARM", "STEVENS", "2.5.1", offset=True)
ORDER_ENTRY = Sender("CPOE", "STEVENS", "2.5", offset=True)
WARD = Sender("WARDSYS", "STEVENS", "2.3")
ADMISSION = Sender("PAS", "STEVENS", "2.5", offset=True)
OLD_ADMISSION = Sender("PAS", "STEVENS", "2.4", offset=True)

THERAPY = ("accepted", "therapy")

AZATHIOPRINE_50 = "197388^azathioprine 50 MG Oral Tablet^RXNORM"
AZATHIOPRINE_25 = "AZA25^Azathioprine tab 25 mg^L^199310^azathioprine 25 MG Oral Tablet^RXNORM"
AZATHIOPRINE_50_SCT = "327070006^Azathioprine 50mg tablets^SCT"
AZATHIOPRINE_ATC = "L04AX01^azathioprine^WC"
MERCAPTOPURINE_50 = "197931^mercaptopurine 50 MG Oral Tablet^RXNORM"
ALLOPURINOL_100 = "197319^allopurinol 100 MG Oral Tablet^RXNORM"
AZITHROMYCIN = "387531004^Azithromycin^SCT"


@dataclass(frozen=True, slots=True)
class Prescription:
    """What ORC, RXE or RXO and TQ1 of one order say. ``tablets`` of ``strength`` mg at each ``timing``."""

    control: str
    number: str
    drug: str
    tablets: str
    strength: str
    timing: str
    start: str
    effective: str = ""
    end: str = ""


def encoded(prescription: Prescription, sender: Sender, sent: datetime) -> list[str]:
    """ORC, RXE, TQ1 and RXR of a pharmacy-encoded order; the TQ1 that counts stands behind RXE."""
    start = sender.time(at(prescription.start))
    return [
        common(prescription, sender, sent),
        segment(
            "RXE",
            {
                2: prescription.drug,
                3: prescription.tablets,
                5: "TAB^tablet^L",
                6: "TAB^tablet^L",
                25: prescription.strength,
                26: "mg^^UCUM",
            },
        ),
        segment(
            "TQ1",
            {
                1: "1",
                3: prescription.timing,
                7: start,
                8: sender.time(at(prescription.end)) if prescription.end else "",
            },
        ),
        "RXR|PO^Oral^HL70162",
    ]


def requested(prescription: Prescription, sender: Sender, sent: datetime) -> list[str]:
    """ORC, TQ1, RXO and RXR of a prescriber's order; in 2.3 the timing stands in ORC-7."""
    start = sender.time(at(prescription.start))
    amount = str(int(prescription.tablets) * int(prescription.strength))
    order = segment("RXO", {1: prescription.drug, 2: amount, 4: "mg^^UCUM", 5: "TAB^tablet^L"})
    if sender.version == "2.3":
        quantity = f"1^{prescription.timing}^^{start}"
        return [common(prescription, sender, sent, quantity), order, "RXR|PO"]
    timing = segment("TQ1", {1: "1", 3: prescription.timing, 7: start})
    return [common(prescription, sender, sent), timing, order, "RXR|PO^Oral^HL70162"]


def common(prescription: Prescription, sender: Sender, sent: datetime, quantity: str = "") -> str:
    """ORC; pharmacy and order entry agree on the placer number, and pharmacy adds its own."""
    return segment(
        "ORC",
        {
            1: prescription.control,
            2: f"{prescription.number}^CPOE",
            3: f"RX{prescription.number}^PHARM" if sender is PHARMACY else "",
            7: quantity,
            9: sender.time(sent),
            12: PROVIDER,
            15: sender.time(at(prescription.effective)) if prescription.effective else "",
        },
    )


def order(
    day: Day,
    name: str,
    slug: str,
    sent: str,
    *prescriptions: Prescription,
    sender: Sender = PHARMACY,
    kind: str = "",
    mrn: str = "",
    expect: Sequence[Event] = (),
    outcome: tuple[str, str] = THERAPY,
    shows: str = "",
) -> Draft:
    """An order message: RDE from pharmacy, OMP from order entry, ORM from the old ward system."""
    kinds = {"PHARM": "RDE^O11^RDE_O11", "CPOE": "OMP^O09^OMP_O09", "WARDSYS": "ORM^O01"}
    write = encoded if sender is PHARMACY else requested
    lines = [line for one in prescriptions for line in write(one, sender, at(sent))]
    if outcome == THERAPY:
        day.on_therapy.add(name)
    return day.add(
        Draft(
            slug=f"{sender.application.lower()}-{name}-{slug}",
            sent=at(sent),
            sender=sender,
            kind=kind or kinds[sender.application],
            segments=[*identification(PEOPLE[name], sender, mrn=mrn), *lines],
            expect=tuple(expect),
            outcome=outcome,
            shows=shows,
        )
    )


def dispensed(day: Day, name: str, sent: str, prescription: Prescription, shows: str) -> Draft:
    """RDS^O13: a supply confirms an order, and starts nothing by itself."""
    sender, when = PHARMACY, at(sent)
    lines = encoded(prescription, sender, when)
    lines.append(
        segment(
            "RXD",
            {
                1: "1",
                2: prescription.drug,
                3: sender.time(when),
                4: "56",
                5: "TAB^tablet^L",
                7: f"RX{prescription.number}",
            },
        )
    )
    return day.add(
        Draft(
            slug=f"pharm-{name}-dispensed",
            sent=when,
            sender=sender,
            kind="RDS^O13^RDS_O13",
            segments=[*identification(PEOPLE[name], sender), *lines],
            outcome=THERAPY,
            shows=shows,
        )
    )


def admission(
    day: Day, name: str, event: str, sent: str, *, sender: Sender = ADMISSION, shows: str = ""
) -> Draft:
    """ADT^A01, A04, A08 or A31: who the patient is, and where."""
    structure = {"A01": "ADT_A01", "A04": "ADT_A01", "A08": "ADT_A01", "A31": "ADT_A05"}[event]
    return day.add(
        Draft(
            slug=f"pas-{name}-{event.lower()}",
            sent=at(sent),
            sender=sender,
            kind=f"ADT^{event}^{structure}",
            segments=[f"EVN||{sender.time(at(sent))}", *identification(PEOPLE[name], sender)],
            outcome=("accepted", "demographics"),
            shows=shows or f"ADT^{event}",
        )
    )


def merge(day: Day, name: str, retired: str, sent: str, *, expect: Sequence[Event] = (), shows: str) -> Draft:
    """ADT^A40: the number in MRG-1 belongs to the person of PID-3."""
    patient, sender = PEOPLE[name], ADMISSION
    return day.add(
        Draft(
            slug=f"pas-{name}-a40",
            sent=at(sent),
            sender=sender,
            kind="ADT^A40^ADT_A39",
            segments=[
                f"EVN||{sender.time(at(sent))}",
                pid(patient, sender),
                f"MRG|{patient.identifier(sender, retired)}",
            ],
            expect=tuple(expect),
            outcome=("accepted", "merge"),
            shows=shows,
        )
    )
