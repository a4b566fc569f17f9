"""What a feed has left behind in either kind of store and at the receivers, and how two of these differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import create_engine, text

from tests.support.apart import take_apart

# What does not depend on which message was taken first, nor on the clock. What came for a person who was
# merged stands under the one or the other identifier by the order, and always under one root.
_STATE: Mapping[str, str] = {
    "persons": "SELECT person_id, root FROM persons",
    "identifiers": "SELECT authority, value, type, person_id FROM identifiers",
    "results": (
        "SELECT root, key, value, unit, status, reference, problem, collected_at, digest "
        "FROM results JOIN persons USING (person_id)"
    ),
    "result_versions": (
        "SELECT root, key, value, status, digest FROM result_versions JOIN persons USING (person_id)"
    ),
    "therapy_events": "SELECT root, event_id, payload FROM therapy_events JOIN persons USING (person_id)",
    "open alerts": (
        "SELECT alert_id, person_id, family, subject, episode_id, severity FROM alerts WHERE open"
    ),
    "dispositions": (
        "SELECT sender, control_id, digest, message_type, disposition, reason, location FROM messages"
    ),
    "quarantine": (
        "SELECT m.digest, m.sender, m.control_id, q.state FROM quarantine q "
        "JOIN messages m ON m.id = q.message_id"
    ),
}
# As often as they are counted.
_COUNTED = {"unmapped codes": "SELECT sender, code, system, unit, kind, count FROM mapping_ledger"}
_EVENTS = "SELECT alert_id, sequence, event_id FROM alert_events"
_IMPORTED = re.compile(r'"version":"[^"]*"')  # when the roster was imported


@dataclass(frozen=True, slots=True)
class Outcome:
    """``state``: by table, the rows; ``events``: decided; ``published``: by message id, its bodies."""

    state: Mapping[str, Counter[tuple[str, ...]]]
    events: Counter[tuple[str, ...]]
    published: Mapping[str, Sequence[bytes]]
    quarantined: Mapping[str, Sequence[bytes]]
    unsent: int

    @property
    def copies(self) -> int:
        """Messages on the wire beyond the first with their id."""
        sent = (*self.published.values(), *self.quarantined.values())
        return sum(len(bodies) - 1 for bodies in sent)


def outcome_of(
    url: str, published: Iterable[tuple[str, bytes]], quarantined: Iterable[tuple[str, bytes]]
) -> Outcome:
    """What is in a store, and what receivers got: message id and body, in their order."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        take_apart(connection)

        def rows(statement: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.execute(text(statement))]

        def words(row: tuple[Any, ...]) -> tuple[str, ...]:
            return tuple(_IMPORTED.sub("", str(value)) for value in row)

        state = {name: Counter(map(words, rows(statement))) for name, statement in _STATE.items()}
        for name, statement in _COUNTED.items():
            state[name] = Counter({words(row[:-1]): int(row[-1]) for row in rows(statement)})
        events = Counter(map(words, rows(_EVENTS)))
        ((unsent,),) = rows("SELECT count(*) FROM outbox WHERE sent_at = ''")
    engine.dispose()
    return Outcome(state, events, _by_id(published), _by_id(quarantined), unsent)


def _by_id(received: Iterable[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for message_id, body in received:
        found.setdefault(message_id, []).append(body)
    return found


@dataclass(slots=True)
class Verdict:
    """``lost``: in the clean run and not here; ``doubled``: here more often, or not there at all."""

    lost: int = 0
    doubled: int = 0
    copies: int = 0
    told: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return not (self.lost or self.doubled)

    def compare(self, what: str, clean: Counter[tuple[str, ...]], here: Counter[tuple[str, ...]]) -> None:
        """Count and tell what one has and the other has not."""
        lost, doubled = clean - here, here - clean
        self.lost += lost.total()
        self.doubled += doubled.total()
        self.told += [f"{what}: lost {count} x {row}" for row, count in list(lost.items())[:5]]
        self.told += [f"{what}: doubled {count} x {row}" for row, count in list(doubled.items())[:5]]


def judge(here: Outcome, clean: Outcome) -> Verdict:
    """Hold a run with faults against one without.

    What a dead worker had goes back to the queue, not always to its place, so that an alert may have been
    open for a moment in one and not in the other: of events, all that were decided must be published.
    """
    verdict = Verdict(copies=here.copies)
    for name, rows in clean.state.items():
        verdict.compare(name, rows, here.state[name])
    verdict.compare("events published", _ids(row[2] for row in here.events), _ids(here.published))
    verdict.compare("messages quarantined", _ids(clean.quarantined), _ids(here.quarantined))
    sent = {**here.published, **here.quarantined}
    altered = _ids(message_id for message_id, bodies in sent.items() if len(set(bodies)) > 1)
    verdict.compare("copies that are not the same bytes", Counter(), altered)
    verdict.compare("not published", Counter(), Counter({("outbox",): here.unsent}))
    return verdict


def _ids(ids: Iterable[str]) -> Counter[tuple[str, ...]]:
    return Counter((one,) for one in ids)
