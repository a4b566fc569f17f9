"""Which person a message speaks of, and the changes of one message held back until it is decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

from engine.decide import Decision
from engine.errors import ContentError
from engine.identity import conflict, demographics, identifiers, person_id, updated, visit
from engine.model.disposition import Reason
from engine.model.frozen import frozen
from engine.model.ledger import LedgerEntry
from engine.model.moment import Moment
from engine.model.person import Demographics, Identifier, Person, Visit, in_order_of_use
from engine.model.record import Record
from engine.model.result import Problem, Result, ResultStatus, Version
from engine.model.segments import Segment
from engine.model.site import Site
from engine.results import Header
from engine.store import Unit, newest_versions
from engine.telling import Occasion
from engine.therapy import newest


class IdentityConflictError(ContentError):
    """The identifiers of a message belong to somebody else than the message describes.

    ``roots`` are all persons whom it may be about.
    """

    def __init__(self, roots: Iterable[str], location: str, detail: str) -> None:
        super().__init__(Reason.IDENTITY_CONFLICT, location, detail)
        self.roots = tuple(roots)


@frozen()
class _Join:
    survivor: str
    retired: Person
    why: str


class People:
    """The persons of one message: what the store knows, overlaid with what the message changes.

    Nothing reaches the unit before :meth:`commit`, so that a message that turns out to be unusable at
    its last segment has changed nothing.
    """

    def __init__(self, unit: Unit, occasion: Occasion, site: Site) -> None:
        self._unit = unit
        self._occasion = occasion
        self._site = site
        self._before: dict[str, Person | None] = {}
        self._records: dict[str, Record] = {}
        self._strangers: dict[str, Record] = {}  # nobody has kept anything about them so far
        self._roots: dict[tuple[str, str], str] = {}
        self._joins: list[_Join] = []
        self._together: dict[str, tuple[str, ...]] = {}
        self._joined: dict[str, None] = {}
        self._decisions: list[Decision] = []
        self._ledger: list[LedgerEntry] = []
        self._changed: set[str] = set()
        self._warnings: list[str] = []

    @property
    def touched(self) -> tuple[str, ...]:
        """The persons whose records this message has changed."""
        return tuple(sorted(self._changed))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Oddities of this message that were told with :meth:`warn`."""
        return tuple(self._warnings)

    def identify(self, pid: Segment | None, *, whole: bool = True) -> Record:
        """The record of the person in a PID segment; of a new person where nobody has these identifiers.

        Identifiers of several known persons stand for all of them when birth date and sex agree: this is
        the record of them together, and :meth:`told` joins them. Where it need not be ``whole``, results of
        somebody who was never treated are left unread. Raises ContentError without a usable identifier,
        IdentityConflictError when the description contradicts the record.
        """
        if pid is None:
            raise ContentError(
                Reason.NO_PATIENT_IDENTIFIER, "PID", "no PID segment comes before the results or orders"
            )
        given = identifiers(pid, self._site)
        if not given:
            raise ContentError(
                Reason.NO_PATIENT_IDENTIFIER,
                pid.location(3),
                "no identifier of a type that identifies a person (site profile: identifier_types)",
            )
        record = self._find(given, pid, whole=whole)
        known = record.person.demographics
        if known.birth_date is not None and conflict(known, demographics(pid)):
            raise IdentityConflictError(
                [record.person.person_id],
                pid.location(7),
                "the identifier belongs to a person with another birth date and sex",
            )
        return record

    def take_joined(self) -> tuple[Record, ...]:
        """The records that identifiers sent together have made of several, each once, to be judged again."""
        joined = tuple(self.known(self._current(root)) for root in self._joined)
        self._joined.clear()
        return joined

    def known(self, root: str) -> Record:
        """The record of a person by root, as this message has left it."""
        record = self._outline(root)
        if not record.whole:
            stored = self._unit.record(root).results
            record = replace(record, results=newest_versions((*record.results, *stored)), whole=True)
            self._records[root] = record
        return record

    def with_versions(self, record: Record, told: Iterable[Result]) -> Record:
        """The record with what is known of the results told, where results were left unread."""
        if record.whole:
            return record
        own = {result.key for result in record.results}
        others = [result for result in told if result.key not in own]
        found = self._unit.versions(record.person.members, others)
        return replace(record, results=(*record.results, *found)) if found else record

    def exists(self, root: str) -> bool:
        """Whether the store has a record of this person."""
        return root in self._records or self._unit.knows(root)

    def named(self, identifier: Identifier) -> Record:
        """The record of the person with one identifier, a new one where nobody has it."""
        given = replace(identifier, authority=identifier.authority or self._site.default_authority)
        record = self._of(given)
        self._keep(record)
        return record

    def told(self, record: Record, pid: Segment | None, pv1: Segment | None) -> Record:
        """Bring identifiers, demographics and visit of a person up to date; join what was sent together.

        What several persons have become is then to be judged (:meth:`take_joined`).
        """
        root = record.person.person_id
        for other in self._together.pop(root, ()):
            kept, gone = self.known(root), self.known(other)
            self._join(kept, gone, "identifiers sent together")
            record = _together(kept, gone)
            self._records[root] = record
            self._joined[root] = None
        person = record.person
        numbers, described = person.identifiers, person.demographics
        if pid is not None:
            numbers, described = _with(numbers, identifiers(pid, self._site)), updated(described, pid)
        stay = person.visit if pv1 is None else visit(pv1)
        person = Person(person.person_id, numbers, described, stay, person.members)
        record = Record(person, record.results, record.therapy, record.alerts, record.whole)
        self._keep(record)
        return record

    def join(
        self, survivor: Identifier, retired: Identifier, why: str, pid: Segment | None
    ) -> tuple[Record, Record, Person] | None:
        """The records that a merge joins and the person they become; None when they are one already.

        Raises IdentityConflictError where the two, or the PID of the merge, describe different people: a
        mistyped number must not bring a stranger's results to a patient.
        """
        kept, gone = self._of(survivor), self._of(retired)
        if kept.person.person_id == gone.person.person_id:
            return None
        told = demographics(pid) if pid is not None else Demographics()
        known = (kept.person.demographics, gone.person.demographics, told)
        if any(conflict(one, other) for one, other in combinations(known, 2)):
            raise IdentityConflictError(
                [kept.person.person_id, gone.person.person_id],
                "MRG[1]-1",
                "the merge would join people with different birth dates and sexes",
            )
        return self._join(kept, gone, why)

    def changed(self, decision: Decision) -> None:
        """Take over the record as decided."""
        self._records[decision.record.person.person_id] = decision.record
        self._changed.add(decision.record.person.person_id)
        self._decisions.append(decision)
        self._ledger.extend(decision.ledger)

    def note(self, ledger: Iterable[LedgerEntry]) -> None:
        """Count codes and units of a person whose record does not change."""
        self._ledger.extend(ledger)

    def warn(self, warnings: Iterable[str]) -> None:
        """Oddities of a message that was taken in all the same."""
        self._warnings.extend(warnings)

    def commit(self) -> None:
        """Hand everything to the unit of work."""
        known = {(i.key, i.type) for before in self._before.values() if before for i in before.identifiers}
        gone = {joined.retired.person_id for joined in self._joins}
        # Those who are joined first: their numbers stay filed under their own name.
        for root, record in sorted(self._records.items(), key=lambda item: item[0] not in gone):
            before = self._before.get(root)
            if before != record.person:
                more = [i for i in record.person.identifiers if (i.key, i.type) not in known]
                self._unit.put_person(record.person, more, new=before is None)
                known.update((i.key, i.type) for i in more)
        for joined in self._joins:
            self._unit.put_merge(
                self._records[joined.survivor],
                joined.retired,
                self._occasion.now,
                self._occasion.control_id,
                joined.why,
            )
        for decision in self._decisions:
            self._unit.put_record(
                decision.record,
                results=decision.results,
                superseded=decision.superseded,
                therapy=decision.therapy,
                alerts=decision.alerts,
                events=(*decision.events, *decision.shadow),
            )
            if decision.judged:
                self._unit.put_due(decision.record.person.person_id, decision.look_at)
        for root, record in self._records.items():
            if root not in gone:
                self._unit.put_record(record)
        self._unit.put_ledger(self._ledger, self._occasion.now)

    # --- finding -------------------------------------------------------------------------------

    def _find(self, given: tuple[Identifier, ...], pid: Segment, *, whole: bool) -> Record:
        roots = dict.fromkeys(
            [self._roots[i.key] for i in given if i.key in self._roots] + list(self._unit.roots_of(given))
        )
        look = self.known if whole or len(roots) > 1 else self._outline
        records = [look(self._current(root)) for root in roots]
        distinct = {record.person.person_id: record for record in records}
        if not distinct:
            return self._new(given)
        first, *others = distinct.values()
        if not all(_same_human(one.person, two.person) for one, two in combinations(distinct.values(), 2)):
            raise IdentityConflictError(
                distinct, pid.location(3), "the identifiers belong to two persons that no merge has joined"
            )
        joined = first
        for other in others:
            joined = _together(joined, other)
        if others:
            self._together[joined.person.person_id] = tuple(other.person.person_id for other in others)
        return joined

    def _outline(self, root: str) -> Record:
        """As :meth:`known`, but results of somebody who was never treated may be left unread."""
        if root in self._strangers:
            return self._strangers[root]
        if root not in self._records:
            record = self._unit.outline(root)
            # What is there of a record that is not whole was told by earlier messages, and is in the unit.
            self._records[root] = record if record.whole else replace(record, results=())
            self._before[root] = record.person
        return self._records[root]

    def _of(self, identifier: Identifier) -> Record:
        root = self._roots.get(identifier.key) or next(iter(self._unit.roots_of([identifier])), None)
        return self._new((identifier,)) if root is None else self.known(self._current(root))

    def _current(self, root: str) -> str:
        for joined in self._joins:
            if joined.retired.person_id == root:
                root = joined.survivor
        return root

    def _new(self, given: tuple[Identifier, ...]) -> Record:
        new_id = person_id(given[0])
        record = Record(Person(new_id, in_order_of_use(given), members=(new_id,)))
        self._before[new_id] = None
        self._strangers[new_id] = record
        for identifier in given:
            self._roots[identifier.key] = new_id
        return record

    def _keep(self, record: Record) -> None:
        root = record.person.person_id
        self._before.setdefault(root, None)
        self._strangers.pop(root, None)
        self._records[root] = record
        for identifier in record.person.identifiers:
            self._roots[identifier.key] = root

    def _join(self, kept: Record, gone: Record, why: str) -> tuple[Record, Record, Person]:
        self._keep(kept)
        self._keep(gone)
        person = _one_person(kept.person, gone.person)
        self._records[person.person_id] = replace(kept, person=person)
        self._joins.append(_Join(person.person_id, gone.person, why))
        self._changed.add(person.person_id)
        return kept, gone, person


def _with(known: tuple[Identifier, ...], sent: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """The identifiers known and sent; a roster knows numbers without their type, a message fills it in."""
    found = {identifier.key: identifier for identifier in known}
    news = False
    for identifier in sent:
        mine = found.get(identifier.key)
        if mine is None:
            found[identifier.key] = identifier
        elif not mine.type and identifier.type:
            found[identifier.key] = replace(mine, type=identifier.type)
        else:
            continue
        news = True
    return in_order_of_use(found.values()) if news else known


def _one_person(kept: Person, gone: Person) -> Person:
    """The survivor with the numbers of both, and the description of the other where it has none."""
    retired = (replace(identifier, retired=True) for identifier in gone.identifiers)
    person = replace(
        kept,
        identifiers=in_order_of_use((*kept.identifiers, *retired)),
        members=tuple(sorted({*kept.members, *gone.members})),
    )
    if not _described(person):
        person = replace(person, demographics=gone.demographics)
    return person if person.visit != Visit() else replace(person, visit=gone.visit)


def _together(kept: Record, gone: Record) -> Record:
    """The record of two persons who are one."""
    return Record(
        _one_person(kept.person, gone.person),
        newest_versions((*kept.results, *gone.results)),
        newest((*kept.therapy, *gone.therapy)),
        (*kept.alerts, *gone.alerts),
    )


def _described(person: Person) -> bool:
    """Whether any message has said who this is; a roster and a merge tell of numbers only."""
    return person.demographics.birth_date is not None or bool(person.demographics.sex)


def _same_human(one: Person, other: Person) -> bool:
    """Whether two persons may be joined because a sender names them together.

    Their descriptions must agree; one whom nobody has described contradicts no description.
    """
    if not (_described(one) and _described(other)):
        return True
    mine, theirs = one.demographics, other.demographics
    return (
        mine.birth_date is not None
        and mine.birth_date == theirs.birth_date
        and bool(mine.sex)
        and mine.sex == theirs.sex
    )


def conflict_key(sender: str, control_id: str) -> str:
    """The result key of the note about one contradicting message."""
    return f"identity-conflict|{sender}|{control_id}"


def conflict_result(owner: str, header: Header, occasion: Occasion) -> Result:
    """The note on a person's record that a contradicting message is held in quarantine."""
    at = header.sent_at or Moment(occasion.now)
    return Result(
        person_id=owner,
        key=conflict_key(header.sender, header.control_id),
        analyte="",
        code="",
        code_text="",
        sender=header.sender,
        order="",
        specimen="",
        collected=at,
        version=Version(at.at, at.at, 0, ""),
        status=ResultStatus.FINAL,
        quantity=None,
        reference=None,
        sent="",
        problem=Problem.IDENTITY_CONFLICT,
        control_id=header.control_id,
        location="PID[1]-3",
    )
