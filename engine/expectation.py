"""Alert events as they are, against those that somebody has looked at and kept: what a reviewer reads.

The revision of the knowledge is left out: it changes with every letter of a rule file and says nothing
about the alerts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

LONGEST = 150


def read_events(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Events of a file of JSON lines (``replay --alerts``), without the revision.

    Raises ValueError with the number of the line that is no alert event.
    """
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            event = json.loads(line)
            event.pop("knowledge_revision", None)
            _name(event)
        except (ValueError, AttributeError, KeyError, TypeError):
            raise ValueError(number) from None
        events.append(event)
    return events


def differences(expected: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Events lost, events added, and fields that say something else; nothing where all is the same."""
    before, after = _named(expected), _named(found)
    yield from (f"- no longer told: {name}" for name in before if name not in after)
    yield from (f"+ told now:       {name}" for name in after if name not in before)
    for name, event in before.items():
        yield from (f"  {name}: {field}" for field in _fields(event, after.get(name, event)))
    if list(before) != list(after) and set(before) == set(after):
        yield "  the same events in another order"


def _named(events: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Events by their name; the second of one name is called so."""
    seen: Counter[str] = Counter()
    named = {}
    for event in events:
        name = _name(event)
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name} ({seen[name]})"] = event
    return named


def _name(event: Mapping[str, Any]) -> str:
    """How an event is called in a difference: message, patient, rule and phase."""
    return " ".join((event["message_control_id"], event["patient"]["id"], event["rule"], event["phase"]))


def _fields(old: Any, new: Any, place: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old | new:
            yield from _fields(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _fields(one, other, f"{place}[{number}]")
    elif old != new:
        yield f"{place}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
