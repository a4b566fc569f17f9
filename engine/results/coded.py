"""Facts about a patient that messages tell in codes: answers to questions (OBX), DG1 and AL1.

They become therapy events of kind FACT. Their ids depend on who told of what, not on when: a message that
comes twice changes nothing, and whatever is told newer, a correction or a withdrawal, takes the place of what
was told before. An empty value is a fact taken back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest

from engine.errors import ContentError
from engine.hl7 import PatientGroup
from engine.model.codes import CodeMatch, Coding
from engine.model.disposition import Reason
from engine.model.facts import FACT_VALUES, MANY_AT_ONCE
from engine.model.frozen import frozen
from engine.model.ledger import LedgerEntry
from engine.model.moment import Moment
from engine.model.result import Version
from engine.model.segments import Segment
from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.results.order import Header, Times
from engine.terminology import Statement, Terminology, is_known_system

_DELETED = "D"  # DG1-21, table 0206
_CODED_TYPES = frozenset({"CE", "CWE", "CNE", "CF"})


@frozen()
class Said:
    """What an OBX-5 says: facts, and the answers that no table knows (code and text)."""

    statements: tuple[Statement, ...] = ()
    unknown: tuple[Coding, ...] = ()


def read_answer(obx: Segment, question: CodeMatch, site_name: str, terminology: Terminology) -> Said:
    """The answers of one OBX; each repetition of OBX-5 is one.

    A value of a text type is its own code: laboratories send ``Y`` as ST.
    """
    statements: list[Statement] = []
    unknown: list[Coding] = []
    coded = obx.text(2).strip().upper() in _CODED_TYPES
    for repetition in range(1, obx.repetitions(5) + 1):
        answer = codings(obx, 5, repetition) if coded else _plain(obx, repetition)
        if not answer:
            continue
        known = terminology.answer(question, answer, site_name)
        if known is None:
            unknown.append(answer[0])
        else:
            statements.extend(known)
    return Said(tuple(statements), tuple(unknown))


def codings(segment: Segment, number: int, repetition: int = 1) -> tuple[Coding, ...]:
    """The triplets of a CE or CWE (components 1-3, 4-6, 10-12) that have a code."""
    parts = segment.components(number, repetition)
    if len(parts) <= 3:
        return (Coding(*parts),) if parts and parts[0] else ()
    triplets = (parts[:3], parts[3:6], parts[9:12])
    return tuple(Coding(*triplet) for triplet in triplets if triplet and triplet[0])


def coded_texts(obx: Segment) -> Iterator[str]:
    """Each component of OBX-5 with those of all repetitions: one gene in each is sent so."""
    repetitions = [obx.components(5, number) for number in range(1, obx.repetitions(5) + 1)]
    for component in zip_longest(*repetitions, fillvalue=""):
        yield " ".join(component)


def _plain(obx: Segment, repetition: int) -> tuple[Coding, ...]:
    text = obx.text(5, repetition=repetition).strip()
    return (Coding(text, text),) if text else ()


# --- answers ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Answer:
    effective: Moment
    version: Version
    source: str
    names: tuple[str, ...]
    statements: list[Statement] = field(default_factory=list)


@dataclass(slots=True)
class Answers:
    """The answers of one patient in one message, by the key of their observation.

    Several OBX of one OBX-3 and OBX-4 are one observation, and say what they say together.
    """

    person_id: str
    found: dict[str, _Answer] = field(default_factory=dict)

    def take(
        self,
        key: str,
        version: Version,
        effective: Moment,
        source: str,
        *,
        names: Sequence[str],
        statements: Iterable[Statement],
    ) -> None:
        """Add one OBX; ``names`` are all facts that an answer to its question can tell of."""
        answer = self.found.setdefault(key, _Answer(effective, version, source, tuple(names)))
        answer.version = max(answer.version, version)
        answer.effective = max(answer.effective, effective, key=lambda moment: moment.at)
        answer.statements.extend(statements)

    def events(self) -> Iterator[TherapyEvent]:
        """One event for each fact that a question can tell of, with an empty value where it does not.

        So that an answer which is corrected to another one takes back what it said first.
        """
        for key, answer in self.found.items():
            for name in answer.names:
                yield _event(
                    ("OBX", key, name),
                    self.person_id,
                    name,
                    _value(name, answer.statements),
                    effective=answer.effective,
                    source=answer.source,
                    version=_telling(answer.version),
                )


def _telling(version: Version) -> str:
    return " ".join((_stamp(version.reported_at), _stamp(version.sent_at), str(version.rank), version.digest))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")


def _value(name: str, statements: Iterable[Statement]) -> str:
    """All values of a fact that several may hold of; of another one the gravest, which is listed first."""
    values = {said.value for said in statements if said.fact == name}
    ordered = sorted(values, key=FACT_VALUES[name].index)
    return " ".join(ordered) if name in MANY_AT_ONCE else next(iter(ordered), "")


def _event(
    identity: Sequence[str],
    person_id: str,
    name: str,
    value: str,
    *,
    effective: Moment,
    source: str,
    version: str,
) -> TherapyEvent:
    return TherapyEvent(
        event_id=hashlib.sha256("\x1f".join(identity).encode()).hexdigest()[:24],
        person_id=person_id,
        kind=TherapyEventKind.FACT,
        effective=effective,
        drug="",
        fact_name=name,
        fact_value=value,
        source=source,
        version=version,
    )


# --- diagnoses and allergies -----------------------------------------------------------------------


@frozen()
class Background:
    """What the DG1 and AL1 of one patient tell, and the codes among them that somebody should map."""

    facts: tuple[TherapyEvent, ...]
    ledger: tuple[LedgerEntry, ...]


def read_background(
    group: PatientGroup, times: Times, person_id: str, terminology: Terminology
) -> Background:
    """Read every DG1 and AL1 of one patient.

    A diagnosis that is not in facts.csv is no concern of ours where its coding system is one we know; in
    another system, or without one, nobody can tell, and the ledger counts it. Of allergies those to a
    thiopurine concern us; one that only a text names is counted too.
    """
    header, site = times.header, times.header.site.name
    facts: list[TherapyEvent] = []
    ledger: list[LedgerEntry] = []
    for segment in group.diagnoses:
        codes = _diagnosis_codings(segment)
        said = terminology.diagnosis(codes, site)
        if said is not None:
            gone = segment.text(21).strip().upper() == _DELETED
            facts.extend(_told(segment, codes[0].code, () if gone else said, said, times, 5, person_id))
        elif not any(is_known_system(coding.system) for coding in codes):
            ledger.extend(_unmapped(header, codings(segment, 3), "diagnosis-unmapped"))
    for segment in group.allergies:
        codes = codings(segment, 3)
        said = terminology.allergy(codes, site)
        if said is not None:
            facts.extend(_told(segment, codes[0].code, said, said, times, 6, person_id))
        elif terminology.drug_by_text(" ".join(segment.components(3))):
            ledger.extend(_unmapped(header, codes or (Coding("", segment.text(3, 2)),), "allergy-unmapped"))
    return Background(tuple(facts), tuple(ledger))


def _diagnosis_codings(segment: Segment) -> tuple[Coding, ...]:
    """DG1-3, with DG1-2 for the coding system where it has none; a code without any system says nothing."""
    method = segment.text(2).strip()
    named = (Coding(c.code, c.text, c.system.strip() or method) for c in codings(segment, 3))
    return tuple(coding for coding in named if coding.system)


def _told(
    segment: Segment,
    code: str,
    said: Sequence[Statement],
    possible: Sequence[Statement],
    times: Times,
    dated: int,
    person_id: str,
) -> Iterator[TherapyEvent]:
    """The facts of one segment; dated by the field of that number, else by the message."""
    sent = times.header.sent_at
    effective = times.at(segment, dated) or sent
    if effective is None:
        raise ContentError(
            Reason.TIME_UNREADABLE, segment.location(dated), "neither this nor MSH-7 holds a readable time"
        )
    compact = code.replace(".", "").strip().upper()
    for name in sorted({statement.fact for statement in possible}):
        yield _event(
            (segment.name, times.header.sender, compact, name),
            person_id,
            name,
            _value(name, said),
            effective=effective,
            source=f"{segment.name} {code} of {times.header.sender}",
            version=_stamp((sent or effective).at),
        )


def _unmapped(header: Header, codes: Sequence[Coding], kind: str) -> Iterator[LedgerEntry]:
    for coding in codes[:1]:
        yield LedgerEntry(
            sender=header.sender,
            code=coding.code,
            system=coding.system,
            unit="",
            kind=kind,
            text=coding.text,
            on_therapy=False,
            control_id=header.control_id,
        )
