"""The engine over one share of the patients: its messages, and the time that all messages tell.

A share that is kept writes its answer in the transaction of what it did. Load that comes again, after
a crash of either side, is answered from there and done only once.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.decide import Knowledge
from engine.errors import TransientError
from engine.intake import Intake
from engine.model.alert import AlertEvent
from engine.model.frozen import frozen
from engine.model.person import Identifier
from engine.operations import Operations
from engine.store import Store, Unit
from engine.sweep import Sweep
from engine.taken import Arrived, IntakeOptions, Look, Taken
from engine.therapy import RosterRow

_ANSWERS = """
CREATE TABLE IF NOT EXISTS replay_answers (load INTEGER, part INTEGER, items INTEGER, answer BLOB,
PRIMARY KEY (load, part))
"""


class FarFault(Exception):  # noqa: N818  a defect is what it is, raised or told of
    """A defect of the engine that was met in another process: only the name of its kind has come here."""


def kind_of(fault: Exception) -> str:
    """The kind of a defect, wherever it was met."""
    return str(fault) if isinstance(fault, FarFault) else type(fault).__name__


@frozen()
class Passed:
    """Time has passed, as a message has told that another share takes in."""

    at: datetime


@frozen()
class Imported:
    """A roster, taken in before the first message; ``source`` names its file."""

    at: datetime
    rows: tuple[RosterRow, ...]
    source: str


@frozen()
class Load:
    """What one share has to do about one chunk, each item with the number of its message.

    ``settled``: load up to this number is never asked for again.
    """

    number: int
    items: tuple[tuple[int, Arrived | Passed | Imported], ...]
    settled: int = -1


@frozen()
class Step:
    """What came of one item: of a message, of the time before it, or of a roster, patient by patient."""

    index: int
    looks: tuple[Look, ...] = ()
    taken: Taken | None = None
    imported: tuple[tuple[Identifier, tuple[AlertEvent, ...]], ...] = ()


def portable(step: Step) -> Step:
    """The same for another process, which cannot be handed every kind of exception."""

    def far(fault: Exception | None) -> Exception | None:
        return None if fault is None else FarFault(kind_of(fault))

    looks = tuple(replace(look, fault=far(look.fault)) for look in step.looks)
    taken = None if step.taken is None else replace(step.taken, fault=far(step.taken.fault))
    return replace(step, looks=looks, taken=taken)


class Share:
    """One store and what goes into it; ``kept``: answers are written, so that load may come again."""

    def __init__(self, store: Store, knowledge: Knowledge, options: IntakeOptions, *, kept: bool) -> None:
        self._store = store
        self._knowledge = knowledge
        self._options = options
        self._intake = Intake(store, knowledge, options)
        self._sweep = Sweep(knowledge, options)
        self._kept = kept
        if kept:
            with store.transaction() as unit:
                unit.cursor.execute(_ANSWERS)

    def take(self, load: Load) -> list[Step]:
        """Do the load, or what of it is not done yet; a step for each item that came to something.

        Raises TransientError when the store is away, EngineError when it refuses what time has brought about.
        """
        done, steps = self._answered(load)
        rest = load.items[done:]
        if not rest:
            return steps
        try:
            return [*steps, *self._together(load, done, rest)]
        except TransientError:
            raise
        except Exception:  # noqa: BLE001  which of them it was is found one by one
            for number, item in enumerate(rest, start=done):
                steps += self._alone(load, number, item)
        return steps

    def _together(
        self, load: Load, done: int, items: Sequence[tuple[int, Arrived | Passed | Imported]]
    ) -> list[Step]:
        with self._store.transaction() as unit:
            takens = self._intake.take_in(unit, [item for _, item in items if isinstance(item, Arrived)])
            steps = []
            for index, item in items:
                match item:
                    case Arrived():
                        taken = next(takens)
                        alone = replace(taken, looks=()) if taken.looks else taken
                        steps.append(Step(index, taken.looks, alone))
                    case Passed():
                        if looks := self._sweep.before(unit, item.at):
                            steps.append(Step(index, looks))
                    case Imported():
                        steps.append(Step(index, imported=self._import(unit, item)))
            self._keep(unit, load, done, len(items), steps)
        return steps

    def _alone(self, load: Load, number: int, item: tuple[int, Arrived | Passed | Imported]) -> list[Step]:
        try:
            return self._together(load, number, [item])
        except TransientError:
            raise
        except Exception as error:
            index, arrived = item
            if not isinstance(arrived, Arrived) or arrived.at is None:
                raise
            with self._store.transaction() as unit:
                looks = self._sweep.before(unit, arrived.at)
                taken = self._intake.refuse(unit, arrived, error)
                steps = [Step(index, looks, replace(taken, at=arrived.at))]
                self._keep(unit, load, number, 1, steps)
            return steps

    def _import(self, unit: Unit, roster: Imported) -> tuple[tuple[Identifier, tuple[AlertEvent, ...]], ...]:
        operations = Operations(self._store, self._knowledge, self._options, lambda: roster.at)
        return tuple(
            (patient, tuple(told))
            for patient, told in operations.take_roster(unit, roster.rows, roster.source)
        )

    def _answered(self, load: Load) -> tuple[int, list[Step]]:
        """How many items of a load were done before, and what came of them."""
        steps: list[Step] = []
        done = 0
        if self._kept:
            with self._store.transaction() as unit:
                unit.cursor.execute(
                    "SELECT items, answer FROM replay_answers WHERE load = ? ORDER BY part", (load.number,)
                )
                for items, answer in unit.cursor.fetchall():
                    done += items
                    steps += pickle.loads(answer)  # noqa: S301  our own, in a file that nobody else may write
        return done, steps

    def _keep(self, unit: Unit, load: Load, part: int, items: int, steps: Sequence[Step]) -> None:
        if self._kept:
            answer = pickle.dumps([portable(step) for step in steps])
            unit.cursor.execute("DELETE FROM replay_answers WHERE load <= ?", (load.settled,))
            unit.cursor.execute(
                "INSERT INTO replay_answers VALUES (?, ?, ?, ?)", (load.number, part, items, answer)
            )
