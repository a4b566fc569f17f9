"""What must hold at the end of every day, whatever went wrong in it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from engine.hl7 import split_delivery
from engine.model.disposition import Reason
from engine.store.packing import unpacked
from engine.store.schema import RESULT_COLUMNS
from engine.taking import ATTEMPTS
from tests.simulation.database import DATABASE
from tests.simulation.world import World, play

# What is known of a person: rows of results stay with the identifier they came for, and which of two
# identifiers of one person that is depends on whether their merge came before the result or after it.
_NEWEST_RESULTS = (
    "SELECT root, key, max(reported_at || ' ' || sent_at || ' ' || status_rank || ' ' || digest), "  # noqa: S608
    f"{', '.join(RESULT_COLUMNS)} FROM results JOIN persons USING (person_id) GROUP BY root, key"
)
# Without what the clock fills, and the order of arrival.
_QUERIES: Mapping[str, str] = {
    "messages": "SELECT sender, control_id, digest, disposition, reason, location, detail FROM messages",
    "quarantine": "SELECT digest, body, state FROM quarantine JOIN messages ON messages.id = message_id",
    # What came for an identifier that was merged away is its own, or the survivor's, by what came first.
    "persons": "SELECT person_id, root, CASE WHEN person_id = root THEN demographics END FROM persons",
    "identifiers": "SELECT * FROM identifiers",
    "merges": "SELECT retired, survivor, control_id FROM merges",
    "results": _NEWEST_RESULTS,
    "versions": "SELECT * FROM result_versions",
    "therapy": "SELECT root, event_id FROM therapy_events JOIN persons USING (person_id)",
    "ledger": "SELECT sender, code, system, unit, kind, count FROM mapping_ledger",
    "open alerts": "SELECT alert_id, person_id, severity FROM alerts WHERE open",
}
# What is told on the way depends on the order of messages, which one worker keeps and several do not.
_IN_ORDER: Mapping[str, str] = {
    "persons by identifier": "SELECT person_id, root, demographics FROM persons",
    "results by identifier": "SELECT * FROM results",
    "therapy by identifier": "SELECT person_id, event_id FROM therapy_events",
    "alerts": "SELECT alert_id, person_id, open, severity, sequence FROM alerts",
    "events": "SELECT event_id, alert_id, sequence FROM alert_events",
}


@dataclass(frozen=True, slots=True)
class State:
    """What is on record at the end of a day."""

    tables: dict[str, Counter[tuple[object, ...]]] = field(default_factory=dict)


def _state() -> State:
    orders = DATABASE.rows("SELECT * FROM order_results")
    DATABASE.put_apart([row for order in orders for row in unpacked(order)])
    queries = {**_QUERIES, **_IN_ORDER}
    return State({name: Counter(DATABASE.rows(query)) for name, query in queries.items()})


@lru_cache(maxsize=2)
def undisturbed(bodies: tuple[bytes, ...]) -> State:
    """The same feed, one worker, and nothing goes wrong."""
    play(bodies, 0, calm=True)
    return _state()


def wrongs_of(world: World, clean: State) -> list[str]:
    """What was lost, doubled, out of order or otherwise wrong; empty when all is well."""
    told = [*dict.fromkeys(world.wrongs), *_published(world)]
    # A process that died so often while it read one message alone was, for all that the engine can know,
    # killed by it: it is set aside unread, on purpose, and the state is not that of an undisturbed day.
    set_aside = (Reason.CRASHES_THE_ENGINE.value,) in DATABASE.rows("SELECT reason FROM messages")
    if set_aside and world.crashes >= ATTEMPTS:
        return [*told, *_unrecorded(world)]
    return [*told, *_differences(world, clean)]


def _unrecorded(world: World) -> list[str]:
    on_record = {row[0] for row in DATABASE.rows("SELECT digest FROM messages")}

    def known(body: bytes) -> bool:
        return hashlib.sha256(body).hexdigest() in on_record

    return [
        f"lost: message {number}"
        for number, body in enumerate(world.bodies)
        if not known(body) and not all(map(known, split_delivery(body)))
    ]


def _differences(world: World, clean: State) -> list[str]:
    found = _state().tables
    names = [*_QUERIES, *(_IN_ORDER if len(world.workers) == 1 else ())]
    wrong = []
    for name in names:
        ours, theirs = found[name], clean.tables[name]
        wrong += [f"{name}: lost {row}" for row in theirs - ours]
        wrong += [f"{name}: not in an undisturbed day {row}" for row in ours - theirs]
    return wrong


def _published(world: World) -> list[str]:
    events = DATABASE.rows("SELECT event_id, alert_id, sequence FROM alert_events")
    held = DATABASE.rows(
        "SELECT DISTINCT substr(digest, 1, 20) FROM quarantine JOIN messages m ON m.id = message_id"
    )
    copies = Counter(one.message_id for one in world.broker.published)
    bodies: dict[str, set[bytes]] = {}
    for one in world.broker.published:
        bodies.setdefault(one.message_id, set()).add(one.body)
    decided = {row[0] for row in events} | {row[0] for row in held}
    wrong = [f"never published: {name}" for name in sorted(decided - copies.keys())]
    wrong += [f"published and not on record: {name}" for name in sorted(copies.keys() - decided)]
    wrong += [f"copies differ: {name}" for name, forms in bodies.items() if len(forms) > 1]
    again = copies.total() - len(copies)
    # A worker marks what it could not mark before it publishes anything else; others do not know of it.
    unmarked = world.unmarked if len(world.workers) > 1 else world.stops
    allowed = world.window * (world.crashes + unmarked + world.broker.channels_lost + world.broker.alarms)
    if again > allowed:
        wrong.append(f"{again} copies, at most {allowed} may be")
    return wrong + _order(world, events)


def _order(world: World, events: Sequence[tuple[object, ...]]) -> list[str]:
    """A receiver that drops repeats hears the events of an alert in order, but for those it was refused."""
    sequence = {str(name): (str(alert), int(str(number))) for name, alert, number in events}
    reached: dict[str, int] = {}
    wrong = []
    for name in dict.fromkeys(one.message_id for one in world.broker.published):
        if name not in sequence or name in world.broker.refused:
            continue
        alert, number = sequence[name]
        if number < reached.get(alert, 0):
            wrong.append(f"event {number} of an alert came after event {reached[alert]}")
        reached[alert] = max(number, reached.get(alert, 0))
    return wrong
