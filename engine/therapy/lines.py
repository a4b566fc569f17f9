"""Who speaks about one drug: its orders, joined by their numbers, and the roster; and what acts on whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.therapy.tracks import Step, Track, walk, without_reverted


class Lines:
    """The orders of one drug, joined by their numbers, and the roster's rows about it.

    ``parents`` names for each order those that it was spawned from.
    """

    def __init__(self, drug: str, acting: Sequence[TherapyEvent]) -> None:
        joined = _joined(event.order for event in acting)
        by_root: dict[str, list[TherapyEvent]] = {}
        for event in acting:
            if event.order and event.drug in (drug, ""):
                by_root.setdefault(joined[event.order.split()[0]], []).append(event)
        self._events = {root: without_reverted(events) for root, events in by_root.items()}
        self._orders = sorted(
            root for root, events in by_root.items() if any(event.drug == drug for event in events)
        )
        self._roster = [
            event
            for event in acting
            if not event.order and event.drug == drug and event.kind is not TherapyEventKind.FACT
        ]
        self._parents_of = {
            root: {joined.get(token, token) for event in self._events[root] for token in event.parent.split()}
            - {root}
            for root in self._orders
        }
        self.parents: Mapping[str, Collection[str]] = self._parents_of

    def tracks(self) -> dict[str, Track]:
        """A track for each order, by its joined number, and one under the empty name for the roster."""
        tracks = {root: walk(self._steps(root), roster=False) for root in self._orders}
        roster = [Step(event, event.kind) for event in self._roster]
        roster.extend(self._passed_to_roster(tracks))
        return {**tracks, "": walk(roster, roster=True)}

    def _steps(self, root: str) -> Iterator[Step]:
        """An order's own events, what was done to its parent, and what the roster says of the patient."""
        for event in self._events[root]:
            yield Step(event, event.kind)
        for parent in self._parents_of[root]:
            for event in self._events.get(parent, ()):
                if event.kind in _PASSED_TO_CHILDREN:
                    yield Step(event, event.kind, passed_on=True)
        for event in self._roster:
            kind = _PASSED_TO_ORDERS.get(event.kind)
            if kind is not None:
                yield Step(event, kind, passed_on=True)

    def _passed_to_roster(self, tracks: Mapping[str, Track]) -> Iterator[Step]:
        """What happened to the last open order, where it is not told of a hospital stay."""
        for root in self._orders:
            track = tracks[root]
            ends = {interval.end for interval in track.intervals}
            others = [other for name, other in tracks.items() if name != root]
            for event in self._events[root]:
                at = event.effective.at
                kind = _PASSED_TO_ROSTER.get(event.kind)
                if kind is None or event.inpatient or any(other.taking_at(at) for other in others):
                    continue
                # an order that was stopped or held before it began says nothing about the therapy
                stops, holds = kind is TherapyEventKind.STOP, kind is TherapyEventKind.HOLD
                if (not stops or at in ends) and (not holds or track.held_at(at)):
                    yield Step(event, kind, passed_on=True)


_PASSED_TO_CHILDREN = frozenset(
    {
        TherapyEventKind.STOP,
        TherapyEventKind.VOID,
        TherapyEventKind.REPLACE,
        TherapyEventKind.HOLD,
        TherapyEventKind.RELEASE,
    }
)
_PASSED_TO_ORDERS = {
    TherapyEventKind.STOP: TherapyEventKind.STOP,
    TherapyEventKind.HOLD: TherapyEventKind.HOLD,
    TherapyEventKind.START: TherapyEventKind.RELEASE,
    TherapyEventKind.DOSE: TherapyEventKind.RELEASE,
    TherapyEventKind.RESTART: TherapyEventKind.RELEASE,
}
# A replaced order is missing on purpose: another one takes over.
_PASSED_TO_ROSTER = {
    TherapyEventKind.STOP: TherapyEventKind.STOP,
    TherapyEventKind.VOID: TherapyEventKind.STOP,
    TherapyEventKind.HOLD: TherapyEventKind.HOLD,
    TherapyEventKind.RELEASE: TherapyEventKind.RELEASE,
}


def _joined(orders: Iterable[str]) -> dict[str, str]:
    """Order number → the smallest number of the same order; one shared number joins two messages."""
    root: dict[str, str] = {}

    def find(token: str) -> str:
        while root.setdefault(token, token) != token:
            token = root[token]
        return token

    for order in orders:
        tokens = order.split()
        for token in tokens:
            first, second = sorted((find(tokens[0]), find(token)))
            root[second] = first
    return {token: find(token) for token in root}
