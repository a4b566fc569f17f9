"""The day as it is put together: reports, orders, admissions and roster rows, each with what must follow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from tests.sample_day.laboratories import Laboratory
from tests.sample_day.people import PEOPLE, Patient
from tests.sample_day.wire import Draft, Event, Sender, at, segment

PROVIDER = "P0412^SAMPLE^ADA^^^DR"

ACCEPTED_HISTORY = ("accepted", "history")


@dataclass(frozen=True, slots=True)
class Observation:
    """One OBX, where it differs from the ordinary one of its laboratory.

    ``test`` names the assay; the other fields replace what the assay would have sent. ``notes`` follow
    as NTE segments.
    """

    test: str
    value: str
    type: str = "NM"
    unit: str | None = None
    reference: str | None = None
    identifier: str | None = None
    status: str = "F"
    sub_id: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One OBR with its observations. ``order`` repeats an order number already used: a restatement."""

    name: str
    observations: tuple[Observation, ...]
    order: str = ""
    code: str = ""
    specimen: str = ""
    specimen_first: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Day:
    """Collects the messages and the roster of the day; nothing here knows what the engine does."""

    drafts: list[Draft] = field(default_factory=list)
    roster: list[tuple[str, ...]] = field(default_factory=list)
    roster_expect: list[Event] = field(default_factory=list)
    on_therapy: set[str] = field(default_factory=set)
    _orders: int = 0

    # --- roster ---------------------------------------------------------------------------------

    def therapy(
        self,
        name: str,
        start: str,
        dose: str,
        *,
        drug: str = "azathioprine",
        indication: str,
        tpmt: str = "normal",
        nudt15: str = "",
    ) -> None:
        """A patient whom the monitoring service has put on its list, with what was tested a week before."""
        self.row(name, "start", start, drug=drug, dose=dose, indication=indication)
        self.enzymes(name, str(date.fromisoformat(start) - timedelta(days=7)), tpmt=tpmt, nudt15=nudt15)
        self.on_therapy.add(name)

    def row(
        self,
        name: str,
        event: str,
        effective: str,
        *,
        drug: str = "azathioprine",
        dose: str = "",
        indication: str = "",
        note: str = "",
        mrn: str = "",
    ) -> None:
        """One row of the roster CSV."""
        patient = PEOPLE[name]
        drug = "" if event == "fact" else drug
        self.roster.append(
            (mrn or patient.mrn, patient.authority, event, effective, drug, dose, indication, note)
        )

    def enzymes(self, name: str, stated: str, *, mrn: str = "", **levels: str) -> None:
        """What is known of ``tpmt`` and ``nudt15``, as a service states it before a start."""
        for gene, level in levels.items():
            if level:
                self.row(name, "fact", stated, note=f"{gene}={level}", mrn=mrn)

    def baseline(self, name: str, stated: str, **values: str) -> None:
        """Baselines that a clinician has stated, with their units."""
        for analyte, value in values.items():
            self.row(name, "fact", stated, note=f"baseline.{analyte}={value}")

    # --- results --------------------------------------------------------------------------------

    def history(self, laboratory: Laboratory, name: str, *when: str, **values: Sequence[str]) -> None:
        """Reports of the weeks before, an hour after each collection; ``values`` has one entry a date."""
        for index, collected in enumerate(when):
            self.report(
                laboratory,
                name,
                "earlier",
                collected=collected,
                liver={test: series[index] for test, series in values.items()},
                blood={},
                shows="an earlier result",
            )

    def report(
        self,
        laboratory: Laboratory,
        name: str,
        slug: str,
        *,
        collected: str,
        sent: str = "",
        liver: Mapping[str, str | Observation] | None = None,
        blood: Mapping[str, str | Observation] | None = None,
        panels: Sequence[Panel] = (),
        expect: Sequence[Event] = (),
        shows: str = "",
        mrn: str = "",
        notes: Sequence[str] = (),
    ) -> Draft:
        """A result message: a liver panel, a blood count, both, or panels written out.

        ``liver`` and ``blood`` give the values that matter; the others of the panel are healthy.
        """
        patient = PEOPLE[name]
        drawn = at(collected)
        reported = at(sent) if sent else drawn + timedelta(hours=1, minutes=10 + patient.number % 40)
        chosen = [
            *([self.panel(laboratory, patient, "liver", drawn, liver)] if liver is not None else []),
            *([self.panel(laboratory, patient, "blood", drawn, blood)] if blood is not None else []),
            *panels,
        ]
        numbered = [
            panel if panel.order else replace(panel, order=self._order(laboratory)) for panel in chosen
        ]
        return self.add(
            Draft(
                slug=f"{laboratory.sender.application.lower()}-{name}-{slug}",
                sent=reported,
                sender=laboratory.sender,
                kind="ORU^R01" if laboratory.sender.version == "2.3" else "ORU^R01^ORU_R01",
                segments=[
                    *identification(patient, laboratory.sender, mrn=mrn, notes=notes),
                    *orders(laboratory, numbered, drawn, reported),
                ],
                expect=tuple(expect),
                shows=shows,
                orders=tuple(panel.order for panel in numbered),
            )
        )

    def panel(
        self,
        laboratory: Laboratory,
        patient: Patient,
        name: str,
        drawn: datetime,
        values: Mapping[str, str | Observation],
    ) -> Panel:
        """A whole panel: what ``values`` says, and healthy values for the rest."""
        turn = patient.number + drawn.toordinal() + drawn.hour
        observations = []
        for offset, test in enumerate(laboratory.panels[name][2]):
            given = values.get(test)
            if given is None:
                healthy = laboratory.tests[test].healthy
                given = healthy[(turn + offset) % len(healthy)]
            observations.append(given if isinstance(given, Observation) else Observation(test, given))
        return Panel(name, tuple(observations))

    def _order(self, laboratory: Laboratory) -> str:
        self._orders += 1
        return f"26{laboratory.letter}{self._orders:05d}"

    def add(self, draft: Draft) -> Draft:
        """Any other message."""
        self.drafts.append(draft)
        return draft


def identification(
    patient: Patient, sender: Sender, *, mrn: str = "", set_id: int = 1, notes: Sequence[str] = ()
) -> list[str]:
    """PID, the notes below it, and PV1."""
    visit = segment(
        "PV1",
        {
            1: "1",
            2: patient.patient_class,
            3: f"{patient.point_of_care}^{patient.number:02d}^^STEVENS",
            7: PROVIDER,
            19: f"V{55800 + patient.number}",
        },
    )
    return [pid(patient, sender, mrn=mrn, set_id=set_id), *note_segments(notes), visit]


def pid(patient: Patient, sender: Sender, *, mrn: str = "", set_id: int = 1) -> str:
    """PID with the identifier that Stevens gave, name, birth date and sex."""
    return segment(
        "PID",
        {
            1: str(set_id),
            3: patient.identifier(sender, mrn),
            5: patient.name if sender.version == "2.3" else f"{patient.name}^^^^^L",
            7: patient.birth_date,
            8: patient.sex,
        },
    )


def orders(laboratory: Laboratory, panels: Sequence[Panel], drawn: datetime, reported: datetime) -> list[str]:
    """OBR, NTE, SPM and OBX of each panel."""
    sender = laboratory.sender
    lines = []
    for number, panel in enumerate(panels, start=1):
        code, specimen = (panel.code, panel.specimen) if panel.code else laboratory.panels[panel.name][:2]
        statuses = {observation.status for observation in panel.observations}
        lines.append(
            segment(
                "OBR",
                {
                    1: str(number),
                    2: f"P{panel.order}",
                    3: f"{panel.order}^{sender.application}",
                    4: code,
                    7: sender.time(drawn),
                    14: sender.time(reported - timedelta(minutes=50)) if sender.old_format else "",
                    15: specimen if sender.old_format else "",
                    16: PROVIDER,
                    22: sender.time(reported),
                    25: "P" if "P" in statuses else "C" if statuses & {"C", "D", "W"} else "F",
                },
            )
        )
        lines += note_segments(panel.notes)
        spm = [] if sender.old_format else [specimen_segment(sender, specimen, drawn)]
        if panel.specimen_first:
            lines += spm
        for index, observation in enumerate(panel.observations, start=1):
            lines += observation_segments(laboratory, index, observation)
        if not panel.specimen_first:
            lines += spm
    return lines


def specimen_segment(sender: Sender, specimen: str, drawn: datetime) -> str:
    """SPM, which the standard puts behind the observations and many laboratories before them."""
    return segment("SPM", {1: "1", 4: f"{specimen}^^HL70487", 17: sender.time(drawn)})


def note_segments(notes: Sequence[str]) -> list[str]:
    """NTE segments about what stands before them."""
    return [segment("NTE", {1: str(number), 2: "L", 3: note}) for number, note in enumerate(notes, start=1)]


def observation_segments(laboratory: Laboratory, index: int, observation: Observation) -> list[str]:
    """OBX and the notes below it."""
    assay = laboratory.tests.get(observation.test)
    unit = observation.unit if observation.unit is not None else assay.unit if assay else ""
    reference = observation.reference
    if reference is None:
        reference = assay.reference if assay else ""
    obx = segment(
        "OBX",
        {
            1: str(index),
            2: observation.type,
            3: observation.identifier or (assay.identifier if assay else ""),
            4: observation.sub_id,
            5: observation.value,
            6: unit,
            7: reference,
            8: _flag(observation.value, reference),
            11: observation.status,
        },
    )
    return [obx, *note_segments(observation.notes)]


def _flag(value: str, reference: str) -> str:
    """H or L where value and range are plain enough for a laboratory system to tell."""
    limits = re.fullmatch(r"(?:([\d.]+) ?- ?([\d.]+))|<([\d.]+)", reference)
    try:
        number = Decimal(value)
    except InvalidOperation:
        return ""
    if limits is None:
        return ""
    low, high = limits[1], limits[2] or limits[3]
    if low and number < Decimal(low):
        return "L"
    return "H" if number > Decimal(high) else ""
