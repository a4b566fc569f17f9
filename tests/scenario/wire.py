"""HL7 v2 text of the scenarios: results, pharmacy orders, registrations and merges of one hospital."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.sample_day.wire import segment

DAY_ZERO = datetime(2026, 3, 12, tzinfo=UTC)


def instant(text: str) -> datetime:
    """``d0 08:00`` is on day zero, ``d-60`` the beginning of a day sixty days before."""
    day, _, clock = text.partition(" ")
    hours, _, minutes = (clock or "00:00").partition(":")
    return DAY_ZERO + timedelta(days=int(day.removeprefix("d")), hours=int(hours), minutes=int(minutes))


def stamp(at: datetime) -> str:
    """An HL7 time with offset."""
    return at.strftime("%Y%m%d%H%M%S%z")


@dataclass(frozen=True, slots=True)
class Patient:
    """A PID: ``ids`` are ``H1`` (medical record number of STEVENS) or ``E1@CITY`` (any other authority)."""

    ids: tuple[str, ...]
    born: str = "19700101"
    sex: str = "F"
    name: str = "TESTCASE^ANNA"

    def segment(self) -> str:
        """The PID segment."""
        return segment(
            "PID", {1: "1", 3: "~".join(map(cx, self.ids)), 5: self.name, 7: self.born, 8: self.sex}
        )


def patient(*ids: str, born: str = "19700101", sex: str = "F", name: str = "TESTCASE^ANNA") -> Patient:
    """A patient with these identifiers."""
    return Patient(ids, born, sex, name)


def cx(identifier: str) -> str:
    """An identifier as PID-3 and MRG-1 carry it."""
    value, _, authority = identifier.partition("@")
    return f"{value}^^^{authority or 'STEVENS'}^{'PE' if authority else 'MR'}"


@dataclass(frozen=True, slots=True)
class Sort:
    """How the laboratory sends one analyte unless told otherwise."""

    code: str
    unit: str
    limits: str


SORTS: Mapping[str, Sort] = {
    "alt": Sort("1742-6^Alanine aminotransferase^LN", "U/L", "10-40"),
    "ast": Sort("1920-8^Aspartate aminotransferase^LN", "U/L", "10-40"),
    "alp": Sort("6768-6^Alkaline phosphatase^LN", "U/L", "42-141"),
    "bilirubin": Sort("14631-6^Bilirubin.total^LN", "umol/L", "3-17"),
    "wbc": Sort("6690-2^Leukocytes^LN", "10*9/L", "4.0-11.0"),
    "platelets": Sort("777-3^Platelets^LN", "10*9/L", "150-400"),
    "neutrophils": Sort("751-8^Neutrophils^LN", "10*9/L", "1.8-7.5"),
    "segments": Sort("30451-9^Segmented neutrophils^LN", "10*9/L", ""),
    "bands": Sort("26507-4^Band form neutrophils^LN", "10*9/L", ""),
    "neutrophils_percent": Sort("770-8^Neutrophils/Leukocytes^LN", "%", ""),
    "eosinophils": Sort("711-2^Eosinophils^LN", "10*9/L", "0.0-0.5"),
    "mcv": Sort("787-2^MCV^LN", "fL", "80-100"),
    "inr": Sort("6301-6^INR^LN", "{INR}", "0.8-1.2"),
    "tgn": Sort("32660-3^6-Thioguanine^LN", "pmol/8x10(8)RBC", "235-450"),
    "tpmt_activity": Sort("21563-2^Thiopurine methyltransferase^LN", "mU/L", ""),
    "sodium": Sort("2951-2^Sodium^LN", "mmol/L", "135-145"),
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One OBX; ``code`` is the whole of OBX-3, ``at`` the collection time of this observation alone."""

    code: str
    value: str
    unit: str = ""
    limits: str = ""
    status: str = "F"
    kind: str = "NM"
    sub: str = ""
    flags: str = ""
    at: str = ""

    def segment(self, number: int) -> str:
        """The OBX segment."""
        return segment(
            "OBX",
            {
                1: str(number),
                2: self.kind,
                3: self.code,
                4: self.sub,
                5: self.value,
                6: self.unit,
                7: self.limits,
                8: self.flags,
                11: self.status,
                14: self.at,
            },
        )


def obx(
    analyte: str,
    value: str,
    *,
    unit: str | None = None,
    limits: str | None = None,
    status: str = "F",
    kind: str = "NM",
    sub: str = "",
    flags: str = "",
    at: str = "",
) -> Observation:
    """An observation of an analyte of the table, as the laboratory sends it."""
    sort = SORTS[analyte]
    return Observation(
        sort.code,
        value,
        sort.unit if unit is None else unit,
        sort.limits if limits is None else limits,
        status,
        kind,
        sub,
        flags,
        at,
    )


@dataclass(frozen=True, slots=True)
class Panel:
    """One OBR with its observations; times are HL7 text, empty for not sent."""

    observations: Sequence[Observation]
    order: str = ""
    collected: str = ""
    reported: str = ""
    received: str = ""
    specimen: str = ""

    def segments(self) -> list[str]:
        """OBR, OBX and, where it says when the specimen was taken, SPM."""
        fields = {
            1: "1",
            3: f"{self.order}^STEVLIS" if self.order else "",
            4: "24325-3^Hepatic function panel^LN",
            7: self.collected,
            14: self.received,
            22: self.reported,
            25: "F",
        }
        lines = [segment("OBR", fields)]
        lines += [each.segment(number) for number, each in enumerate(self.observations, 1)]
        if self.specimen:
            lines.append(segment("SPM", {1: "1", 17: self.specimen}))
        return lines


def message(
    kind: str,
    control: str,
    sent: str,
    lines: Sequence[str],
    *,
    sender: str = "STEVLIS|STEVENS",
    processing: str = "P",
    version: str = "2.5.1",
) -> bytes:
    """A whole message: MSH and the segments in ``lines``."""
    header = rf"MSH|^~\&|{sender}|AZAWATCH|STEVENS|{sent}||{kind}|{control}|{processing}|{version}"
    return "".join(f"{line}\r" for line in (header, *lines)).encode()


AZATHIOPRINE = "199310^azathioprine 25 MG Oral Tablet^RXNORM"


def prescription(
    control: str, order: str, *, start: str = "", tablets: int = 4, placer: str = ""
) -> list[str]:
    """ORC, RXE and TQ1 of azathioprine tablets of 25 mg once a day."""
    orc = segment("ORC", {1: control, 2: placer, 3: order})
    if control in ("DC", "CA", "OD"):
        return [orc]
    return [
        orc,
        segment("RXE", {2: AZATHIOPRINE, 3: str(tablets), 5: "TAB", 25: "25", 26: "mg"}),
        segment("TQ1", {1: "1", 3: "QD", 7: start}),
    ]
