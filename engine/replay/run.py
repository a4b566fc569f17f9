"""The same engine over an archive: no broker, and the messages are the clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from engine.arrival import Reading
from engine.decide import Knowledge
from engine.errors import Defect
from engine.message_clock import MessageClock
from engine.model.alert import AlertEvent
from engine.model.person import Identifier
from engine.operations import grouped_by_patient
from engine.replay.chunks import Chunk, Remarks, chunks_of
from engine.replay.plan import OneShare, Plan
from engine.replay.share import Imported, Load, Passed, Share, Step, kind_of
from engine.replay.summary import ReplaySummary
from engine.store import Store
from engine.sweep import EPOCH, Sweep
from engine.taken import Arrived, IntakeOptions, Taken
from engine.therapy import RosterRow
from engine.transports.archive import ArchiveMessage


class Hands(Protocol):
    """Whoever does the load of all shares; answers come in the order of the loads."""

    shares: int
    ahead: int
    """How many loads may be under way while the answer to one is waited for."""

    def put(self, loads: Sequence[Load]) -> None:
        """One load for each share."""

    def get(self) -> list[list[Step]]:
        """The answers to the oldest loads that were put, one for each share."""


class OwnHands:
    """One share, in this process."""

    shares = 1
    ahead = 0

    def __init__(self, share: Share) -> None:
        self._share = share
        self._loads: deque[Load] = deque()

    def put(self, loads: Sequence[Load]) -> None:
        """The load of the only share."""
        self._loads.extend(loads)

    def get(self) -> list[list[Step]]:
        """Do it now."""
        return [self._share.take(self._loads.popleft())]


@dataclass(frozen=True, slots=True)
class Roster:
    """Who takes what, and the name of the file that says so."""

    rows: tuple[RosterRow, ...] = ()
    source: str = ""


@dataclass(slots=True)
class Reached:
    """How far a replay has come: what it needs to go on after the chunk of this number."""

    chunk: int = -1
    summary: ReplaySummary = field(default_factory=ReplaySummary)
    clock: MessageClock | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what comes of a replay, in the order of the archive.

    ``reached`` is told after each chunk, and says whether everything up to it is on disk.
    """

    taken: Callable[[Taken], None]
    event: Callable[[AlertEvent], None]
    remark: Callable[[Defect], None] = lambda _: None
    fault: Callable[[str, str], None] = lambda _source, _kind: None
    reached: Callable[[Reached], bool] = lambda _: False


class Replay:
    """One replay, by ``hands``, with messages placed by ``plan``.

    ``since``: alert events that were decided before it are not told. ``reached``: where an interrupted
    replay goes on.
    """

    def __init__(
        self,
        hands: Hands,
        plan: Plan,
        sweep: Sweep,
        listener: Listener,
        roster: Roster | None = None,
        since: datetime | None = None,
        reached: Reached | None = None,
    ) -> None:
        self._hands = hands
        self._plan = plan
        self._sweep = sweep
        self._listener = listener
        self._roster = roster or Roster()
        self._since = since
        self._reached = reached or Reached()
        self._settled = self._reached.chunk
        self._judged_until: datetime | None = None
        self._patients = {
            patient: number for number, patient in enumerate(grouped_by_patient(self._roster.rows))
        }

    def run(self, chunks: Iterable[Chunk]) -> ReplaySummary:
        """Take the chunks in that were not taken in before, and tell what comes of them."""
        under_way: deque[tuple[Chunk, MessageClock | None]] = deque()
        for chunk, loads in self._loads(chunks):
            self._hands.put(loads)
            under_way.append((chunk, None if self._plan.clock is None else replace(self._plan.clock)))
            while len(under_way) > self._hands.ahead:
                self._finish(*under_way.popleft())
        while under_way:
            self._finish(*under_way.popleft())
        summary = self._reached.summary
        summary.ended = self._sweep.options.until or summary.ended
        return summary

    @property
    def reached(self) -> Reached:
        """How far it has come."""
        return self._reached

    # --- what is to be done --------------------------------------------------------------------

    def _loads(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, list[Load]]]:
        until = self._sweep.options.until
        chunk = Chunk(-1, 0)
        for chunk in chunks:
            if chunk.number > self._reached.chunk:
                yield chunk, self._loads_of(chunk)
            else:
                for place in self._plan.pass_over(chunk):
                    self._passes(place.at)
        ending = Chunk(chunk.number + 1, chunk.first + len(chunk.messages), position=chunk.position)
        if until is not None and ending.number > self._reached.chunk:
            load = Load(ending.number, ((ending.first, Passed(until)),), self._settled)
            yield ending, [load] * self._hands.shares

    def _loads_of(self, chunk: Chunk) -> list[Load]:
        shares = range(self._hands.shares)
        items: list[list[tuple[int, Arrived | Passed | Imported]]] = [[] for _ in shares]
        places = self._plan.places(chunk)
        if chunk.number == 0 and self._roster.rows:
            at = self._plan.began if chunk.messages else self._sweep.options.until or EPOCH
            for share in shares:
                if rows := tuple(row for row in self._roster.rows if self._share_of(row) == share):
                    items[share].append((-1, Imported(at, rows, self._roster.source)))
        for index, (message, place) in enumerate(zip(chunk.messages, places, strict=True), chunk.first):
            if self._passes(place.at):
                for share in shares:
                    if share != place.share:
                        items[share].append((index, Passed(place.at)))
            arrived = Arrived(message.body, message.source, place.at, place.leaps, place.read)
            items[place.share].append((index, arrived))
        return [Load(chunk.number, tuple(each), self._settled) for each in items]

    def _share_of(self, row: RosterRow) -> int:
        return self._plan.share_of(Identifier(row.assigning_authority, row.patient_id))

    def _passes(self, at: datetime) -> bool:
        """Whether time is judged further with this message; the first one begins the watch."""
        if at <= EPOCH:
            return False
        first, until = self._judged_until is None, self._sweep.options.until
        step = self._sweep.step(at if first or until is None else min(at, until))
        if self._judged_until is not None and step <= self._judged_until:
            return False
        self._judged_until = step
        return True

    # --- what came of it -----------------------------------------------------------------------

    def _finish(self, chunk: Chunk, clock: MessageClock | None) -> None:
        steps: dict[int, list[Step]] = {}
        for step in (step for answer in self._hands.get() for step in answer):
            steps.setdefault(step.index, []).append(step)
        remarks = deque(chunk.remarks)
        for index in sorted(steps):
            while remarks and remarks[0][0] <= index:
                self._listener.remark(remarks.popleft()[1])
            place = index - chunk.first
            inside = 0 <= place < len(chunk.messages)
            self._tell(steps[index], chunk.messages[place].source if inside else "the end")
        for _, remark in remarks:
            self._listener.remark(remark)
        reached = self._reached
        reached.chunk, reached.clock, reached.position = chunk.number, clock, chunk.position
        if self._listener.reached(reached):
            self._settled = chunk.number

    def _tell(self, steps: Sequence[Step], source: str) -> None:
        summary = self._reached.summary
        imported = [each for step in steps for each in step.imported]
        for _, events in sorted(imported, key=lambda each: self._patients[each[0]]):
            self._events(events)
        looks = sorted((look for step in steps for look in step.looks), key=lambda look: look.place)
        for look in looks:
            if look.fault is not None:
                self._fault(source, look.fault)
            self._events(look.events)
        taken = next((step.taken for step in steps if step.taken is not None), None)
        if taken is None:
            return
        if taken.fault is not None:
            self._fault(source, taken.fault)
        summary.take(taken)
        self._listener.taken(replace(taken, looks=tuple(looks)) if looks else taken)
        self._events(taken.events)

    def _events(self, events: Iterable[AlertEvent]) -> None:
        for event in events:
            if self._since is not None and event.decided_at < self._since:
                self._reached.summary.earlier += 1
            else:
                self._reached.summary.tell(event)
                self._listener.event(event)

    def _fault(self, source: str, fault: Exception) -> None:
        self._reached.summary.faults += 1
        self._listener.fault(source, kind_of(fault))


def replay(
    archive: Iterable[ArchiveMessage],
    store: Store,
    knowledge: Knowledge,
    options: IntakeOptions,
    on_taken: Callable[[Taken], None],
    on_event: Callable[[AlertEvent], None],
    roster: Roster | None = None,
) -> ReplaySummary:
    """Take an archive in, in its order, and hand every outcome to ``on_taken``, every event to ``on_event``.

    A roster is taken in as if somebody had done so at the time of the first message.
    Two replays of the same archive hand over equal outcomes: nothing here reads a clock.
    """
    plan = OneShare(Reading(knowledge.terminology, options.max_message_bytes), MessageClock(options.leap))
    one = Replay(
        OwnHands(Share(store, knowledge, options, kept=False)),
        plan,
        Sweep(knowledge, options),
        Listener(on_taken, on_event),
        roster,
    )
    return one.run(chunks_of(archive, Remarks(), lambda: 0))
