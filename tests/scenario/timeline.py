"""A hospital on a virtual clock: real messages go in, alert events and stored state are looked at.

>>> day = Scenario()
>>> day.roster("H1", start="d-60", dose=100)
>>> day.at("d0 08:00").oru(alt="130")
>>> day.expect(alert("a13-mild-rise", "review").started())
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.app import roster_rows
from engine.decide import Knowledge
from engine.history import situation_of
from engine.intake import Intake
from engine.knowledge import KnowledgeFolders, load_knowledge
from engine.model.alert import Alert, AlertEvent, AlertReason, Phase
from engine.model.record import Record
from engine.model.result import Result
from engine.operations import Operations
from engine.rulebook import Status
from engine.store import QuarantineRow, Store
from engine.sweep import Sweep
from engine.taken import Arrived, IntakeOptions, Taken
from engine.therapy import spans
from tests.scenario.wire import DAY_ZERO, Observation, Panel, Patient, instant, message, obx, stamp
from tests.scenario.wire import prescription as order_lines

ROOT = Path(__file__).parents[2]
ANNA = Patient(("H1",))
ROSTER_HEADER = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"


# The rules that the scenarios tell of; another rule of the repository does not change how an alert lives.
RULES = (
    "a01-alt-ast-5x-baseline",
    "a02-alt-ast-500",
    "a06-alt-ast-bilirubin-2x-baseline",
    "a07-bilirubin-2x-uln",
    "a08-alt-ast-3x-uln-after-restart",
    "a13-mild-rise",
    "c03-alp-low",
    "c04-alp-low-persistent",
    "d01-wbc-below-2-5",
    "d02-platelets-below-50",
    "q01-unit-missing",
    "q02-unit-unknown",
    "q03-value-unreadable",
    "q04-implausible",
    "q05-identity-conflict",
    "q06-code-unmapped",
    "q08-repeat-sample",
)


@functools.cache
def knowledge() -> Knowledge:
    """The rules and mappings of the repository under the protocol "strictest", read once."""
    folders = KnowledgeFolders(ROOT / "rules", ROOT / "mappings", ROOT / "docs" / "sources.md")
    return load_knowledge(folders, "strictest")


@functools.cache
def knowledge_of_scenarios() -> Knowledge:
    """The same with only :data:`RULES` in force, whatever the protocol."""
    book = knowledge().rulebook
    protocols = {
        name: replace(protocol, rules=tuple(rule for rule in protocol.rules if rule in RULES))
        for name, protocol in book.protocols.items()
    }
    chosen = replace(book, protocols=protocols, protocol=None).with_protocol("strictest")
    return replace(knowledge(), rulebook=chosen)


def with_rules(
    known: Knowledge, *, watched: Collection[str] = (), without: Collection[str] = ()
) -> Knowledge:
    """The same with some rules in shadow under every protocol, and some under none."""
    book = known.rulebook
    by_id = {
        name: replace(rule, status=Status.SHADOW) if name in watched else rule
        for name, rule in book.by_id.items()
    }
    protocols = {
        name: replace(protocol, rules=tuple(rule for rule in protocol.rules if rule not in without))
        for name, protocol in book.protocols.items()
    }
    changed = replace(book, rules=tuple(by_id.values()), by_id=by_id, protocols=protocols, protocol=None)
    return replace(known, rulebook=changed.with_protocol("strictest"))


@dataclass(frozen=True, slots=True)
class Expected:
    """What must have been told; an empty severity may be any."""

    rule: str
    phase: Phase
    reason: AlertReason
    severity: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class alert:  # noqa: N801  reads as a phrase: alert("a02-alt-ast-500").started()
    """An alert whose events are expected: rule, and where it matters severity and subject."""

    rule: str
    severity: str = ""
    subject: str = ""

    def started(self) -> Expected:
        """The first event about it."""
        return self._event(Phase.START, AlertReason.NEW)

    def updated(self, reason: AlertReason = AlertReason.WORSE) -> Expected:
        """Another event at the same severity."""
        return self._event(Phase.UPDATE, reason)

    def escalated(self, reason: AlertReason = AlertReason.WORSE) -> Expected:
        """Told at a higher severity."""
        return self._event(Phase.ESCALATE, reason)

    def deescalated(self, reason: AlertReason = AlertReason.CHANGED) -> Expected:
        """Told at a lower severity."""
        return self._event(Phase.DEESCALATE, reason)

    def ended(self, reason: AlertReason = AlertReason.RESOLVED) -> Expected:
        """The last event about it."""
        return self._event(Phase.END, reason)

    def _event(self, phase: Phase, reason: AlertReason) -> Expected:
        return Expected(self.rule, phase, reason, self.severity, self.subject)


class Scenario:
    """One engine with an empty store; the clock stands still between calls of :meth:`at`."""

    def __init__(
        self,
        options: IntakeOptions | None = None,
        *,
        every_rule: bool = False,
        by_indication: bool = False,
        assumed_ranges: bool = False,
        known: Knowledge | None = None,
        url: str = "sqlite://",
    ) -> None:
        self.now = DAY_ZERO
        known = known or (knowledge() if every_rule else knowledge_of_scenarios())
        history = replace(known.history, assumed_ranges=assumed_ranges)
        self.store = Store.open(url)
        options = replace(options or IntakeOptions(), clock=lambda: self.now)
        self._options = options
        self.restarted(replace(known, by_indication=by_indication, history=history))
        self.taken: list[Taken] = []
        self._told: list[AlertEvent] = []
        self._control = 0

    # --- what happens ------------------------------------------------------------------------------

    def restarted(self, known: Knowledge) -> None:
        """The engine starts on the same store with other rules."""
        self.knowledge = known
        self.intake = Intake(self.store, known, self._options)
        self.sweeper = Sweep(known, self._options)
        self.operations = Operations(self.store, known, self._options, lambda: self.now)

    def at(self, when: str) -> Scenario:
        """Set the clock: ``d0 08:00``."""
        self.now = instant(when)
        return self

    def roster(
        self, patient_id: str = "H1", *, start: str, dose: int = 100, drug: str = "azathioprine"
    ) -> list[AlertEvent]:
        """Import a roster with one patient who starts on a day."""
        return self.roster_row(patient_id, "start", start, drug, str(dose))

    def roster_row(
        self, patient_id: str, event: str, when: str, drug: str = "", dose: str = "", note: str = ""
    ) -> list[AlertEvent]:
        """Import a roster with one row."""
        day = instant(when).date().isoformat()
        return self.import_roster(f"{patient_id},STEVENS,{event},{day},{drug},{dose},,{note}\n")

    def import_roster(self, rows: str) -> list[AlertEvent]:
        """Import roster rows (without the header)."""
        read = roster_rows(ROSTER_HEADER + rows, "roster.csv", self.knowledge)
        events = self.operations.import_roster(read, "roster.csv")
        self._told += events
        return events

    def sweep(self) -> list[AlertEvent]:
        """Judge time up to now."""
        told: list[AlertEvent] = []
        while True:
            swept = self.sweeper.run(self.store, self.now)
            assert swept.faults == []
            told += swept.events
            if swept.done:
                break
        self._told += told
        return told

    def control(self) -> str:
        """A control id that no message has had."""
        self._control += 1
        return f"C{self._control:04}"

    def send(self, body: bytes) -> Taken:
        """Take one message in."""
        (taken,) = self.send_all([body])
        return taken

    def send_all(self, bodies: Iterable[bytes]) -> list[Taken]:
        """Take messages in as one batch."""
        taken = self.intake.take([Arrived(body, "azawatch.inbound") for body in bodies])
        self.taken += taken
        self._told += [event for each in taken for event in each.events]
        return taken

    def oru(self, *observations: Observation, **details: Any) -> Taken:
        """Take in one result message; as :meth:`oru_text`."""
        return self.send(self.oru_text(*observations, **details))

    def oru_text(
        self,
        *observations: Observation,
        of: Patient = ANNA,
        order: str = "",
        collected: str = "",
        reported: str = "",
        sent: str = "",
        control: str = "",
        processing: str = "P",
        status: str = "F",
        **values: str,
    ) -> bytes:
        """The text of a result message: observations, and ``alt="130"`` in the usual unit and limits.

        Collected, reported and sent now unless told otherwise; ``order`` is a new one by default.
        """
        control = control or self.control()
        usual = [obx(analyte, value, status=status) for analyte, value in values.items()]
        panel = Panel(
            (*observations, *usual),
            order or f"S{control}",
            self._stamp(collected),
            self._stamp(reported or sent),
        )
        return self.results_text([(of, [panel])], control=control, sent=sent, processing=processing)

    def results_text(
        self,
        groups: Sequence[tuple[Patient, Sequence[Panel]]],
        *,
        control: str = "",
        sent: str = "",
        processing: str = "P",
        version: str = "2.5.1",
    ) -> bytes:
        """The text of a result message of several patients and orders."""
        lines = []
        for person, panels in groups:
            lines.append(person.segment())
            for panel in panels:
                lines += panel.segments()
        return message(
            "ORU^R01^ORU_R01",
            control or self.control(),
            self._stamp(sent),
            lines,
            processing=processing,
            version=version,
        )

    def prescription(
        self,
        control: str = "NW",
        order: str = "RX1",
        *,
        of: Patient = ANNA,
        start: str = "",
        tablets: int = 4,
    ) -> Taken:
        """Take in a pharmacy order of azathioprine."""
        lines = [of.segment(), *order_lines(control, order, start=self._stamp(start), tablets=tablets)]
        return self.send(
            message("RDE^O11^RDE_O11", self.control(), self._stamp(), lines, sender="PHARM|STEVENS")
        )

    def registered(self, person: Patient, trigger: str = "A08") -> Taken:
        """Take in an ADT message that tells who somebody is."""
        lines = [f"EVN||{self._stamp()}", person.segment(), "PV1|1|O|GASTRO^01^^STEVENS"]
        return self.send(
            message(f"ADT^{trigger}", self.control(), self._stamp(), lines, sender="PAS|STEVENS")
        )

    def merged(self, old: str, into: Patient) -> Taken:
        """Take in a merge of a number into a patient."""
        return self.send(self.merge_text(old, into))

    def merge_text(self, old: str, into: Patient) -> bytes:
        """The text of a merge."""
        value, _, authority = old.partition("@")
        retired = f"MRG|{value}^^^{authority or 'STEVENS'}^{'PE' if authority else 'MR'}"
        lines = [f"EVN||{self._stamp()}", into.segment(), retired]
        return message(
            "ADT^A40^ADT_A39", self.control(), self._stamp(), lines, sender="PAS|STEVENS", version="2.5"
        )

    def released(self, why: str = "looked at") -> Taken:
        """Release the one held message."""
        (held,) = self.held()
        before = {event.event_id for event in self.events()}
        (taken,) = self.operations.release(held, why)
        self._note_since(before)
        return taken

    def discarded(self, why: str = "somebody else's") -> bool:
        """Discard the one held message."""
        (held,) = self.held()
        before = {event.event_id for event in self.events()}
        closed = self.operations.discard(held, why)
        self._note_since(before)
        return closed

    # --- what has become of it ---------------------------------------------------------------------

    def expect(self, *expected: Expected) -> None:
        """What was told since the last look is exactly this, in this order."""
        told, self._told = self._told, []
        assert [_like(event, wanted) for event, wanted in _paired(told, expected)] == list(expected)

    def expect_silence(self) -> None:
        """Nothing was told since the last look."""
        self.expect()

    @property
    def outcome(self) -> str:
        """How the last message ended: ``accepted/results``."""
        outcome = self.taken[-1].outcome
        return f"{outcome.disposition}/{outcome.reason}"

    def open_alerts(self) -> list[Alert]:
        """Open alerts, oldest first."""
        return self.store.alerts(only_open=True)

    def open_rules(self) -> dict[str, str]:
        """Severity of every open alert by its rule."""
        return {each.current.rule_id: str(each.current.severity) for each in self.open_alerts()}

    def events(self) -> list[AlertEvent]:
        """Everything ever told, by alert and sequence."""
        return self.store.alert_events()

    def record(self, patient_id: str = "H1") -> Record:
        """The record of the person with a number."""
        (root,) = self.store.roots_by_identifier(patient_id)
        (record,) = self.store.records([root])
        return record

    def results(self, analyte: str, patient_id: str = "H1") -> list[Result]:
        """The stored results of an analyte, by collection time."""
        found = [each for each in self.record(patient_id).results if each.analyte == analyte]
        return sorted(found, key=lambda each: (each.collected.at, each.key))

    def values(self, analyte: str, patient_id: str = "H1") -> list[str]:
        """The stored values of an analyte as ``130 U/L``; the problem, or the status, where there is none."""
        return [
            str(each.quantity or each.problem or each.status) for each in self.results(analyte, patient_id)
        ]

    def neutrophils(self, patient_id: str = "H1") -> list[str]:
        """The counts that the rules see, reported and derived."""
        record = self.record(patient_id)
        seen = situation_of(record.results, spans(record.therapy), {}, self.knowledge.history)
        found = seen.series.get("neutrophils", ())
        return [str(each.quantity.interval) for each in found if each.quantity is not None]

    def held(self) -> list[QuarantineRow]:
        """Messages that wait for a human."""
        return self.store.quarantined(state="held")

    def known(self, patient_id: str) -> bool:
        """Whether anybody has this number."""
        return bool(self.store.roots_by_identifier(patient_id))

    def _note_since(self, before: set[str]) -> None:
        """What was told since, ends first: the store does not keep the order between alerts."""
        new = [event for event in self.events() if event.event_id not in before]
        self._told += sorted(new, key=lambda event: event.phase is not Phase.END)

    def _stamp(self, when: str = "") -> str:
        at: datetime = instant(when) if when else self.now
        return stamp(at)


def _paired(
    told: Sequence[AlertEvent], expected: Sequence[Expected]
) -> Iterable[tuple[AlertEvent, Expected | None]]:
    wanted = [*expected, *[None] * len(told)]
    return zip(told, wanted, strict=False)


def _like(event: AlertEvent, wanted: Expected | None) -> Expected:
    """The event in the words of an expectation, as precisely as that asks."""
    severity = str(event.severity) if wanted is None or wanted.severity else ""
    subject = ""
    if wanted is None or wanted.subject:
        (subject,) = {_subject(event)}
    return Expected(event.rule, event.phase, event.reason, severity, subject)


def _subject(event: AlertEvent) -> str:
    return event.trigger.analyte if event.trigger else ""
