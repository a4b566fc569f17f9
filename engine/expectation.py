"""Alert events as they are, against those that somebody has looked at and kept: what a reviewer reads.

The revision of the knowledge is left out: it changes with every letter of a rule file and says nothing
about the alerts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

LONGEST = 150


def read_events(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Events of a file of JSON lines (``replay --alerts``), without the revision.

    Raises ValueError with the number of the line that is no alert event.
    """
    return [_event(line, number) for number, line in enumerate(lines, start=1)]


class EventFile(Mapping[str, Mapping[str, Any]]):
    """Events of a file of JSON lines by their name, in the order of the file, each read when it is asked for.

    Raises ValueError with the number of the line that is no alert event.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: dict[str, int] = {}
        seen: Counter[str] = Counter()
        file.seek(0)
        place = 0
        for number, line in enumerate(file, start=1):
            self._places[_unique(_name(_event(line, number)), seen)] = place
            place += len(line)

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        self._file.seek(self._places[name])
        return _event(self._file.readline(), 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _event(line: str | bytes, number: int) -> dict[str, Any]:
    try:
        event: dict[str, Any] = json.loads(line)
        event.pop("knowledge_revision", None)
        _name(event)
    except (ValueError, AttributeError, KeyError, TypeError):
        raise ValueError(number) from None
    return event


def differences(expected: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Events lost, events added, and fields that say something else; nothing where all is the same."""
    return differences_of_named(_named(expected), _named(found))


def differences_of_named(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """The same of events by name."""
    yield from (f"- no longer told: {name}" for name in before if name not in after)
    yield from (f"+ told now:       {name}" for name in after if name not in before)
    for name in before:
        if name in after:
            yield from (f"  {name}: {field}" for field in _fields(before[name], after[name]))
    if set(before) == set(after) and any(one != other for one, other in zip(before, after, strict=True)):
        yield "  the same events in another order"


def _named(events: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Events by their name; the second of one name is called so."""
    seen: Counter[str] = Counter()
    named = {}
    for event in events:
        named[_unique(_name(event), seen)] = event
    return named


def _unique(name: str, seen: Counter[str]) -> str:
    seen[name] += 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"


def _name(event: Mapping[str, Any]) -> str:
    """How an event is called: message, or when time alone told it; patient, rule and phase."""
    occasion = event["message_control_id"] or event["decided_at"]
    return " ".join((occasion, event["patient"]["id"], event["rule"], event["phase"]))


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
