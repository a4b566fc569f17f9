"""Which segments a message may have, in which order: hl7apy's tables of structures as automata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Protocol

from hl7apy import load_reference
from hl7apy.exceptions import ChildNotFound

_MOST_EXPECTED = 6

# MSH-9 with two components, as in the event tables of the standard; "" stands for any trigger.
_STRUCTURES = {
    ("ACK", ""): "ACK",
    ("ADT", "A04"): "ADT_A01",
    ("ADT", "A08"): "ADT_A01",
    ("ADT", "A13"): "ADT_A01",
    ("ADT", "A07"): "ADT_A06",
    ("ADT", "A10"): "ADT_A09",
    ("ADT", "A11"): "ADT_A09",
    ("ADT", "A14"): "ADT_A05",
    ("ADT", "A23"): "ADT_A21",
    ("ADT", "A28"): "ADT_A05",
    ("ADT", "A31"): "ADT_A05",
    ("ADT", "A34"): "ADT_A30",
    ("ADT", "A40"): "ADT_A39",
    ("ADT", "A47"): "ADT_A30",
    ("ORU", ""): "ORU_R01",
    ("RDE", "O25"): "RDE_O11",
}


class SentSegment(Protocol):
    """What the automaton sees of a segment."""

    @property
    def name(self) -> str:
        """Its three characters."""

    def problem(self, text: str, field: int = 0) -> str:
        """A problem with its place."""


def shown_code(code: str) -> str:
    """A code of the message, kept short and plain."""
    return re.sub(r"[^A-Za-z0-9._-]", "?", code[:20]) or "(empty)"


def structure_of(message_type: list[str], version: str) -> Automaton | str:
    """The automaton of MSH-9, or why there is none.

    IHE pre-adopted ORU^R40 in 2.6 under a structure name of its own; its segments are those of ORU_R01.
    """
    kind, trigger, named = (*(part.strip().upper() for part in message_type), "", "", "")[:3]
    if (kind, trigger) == ("ORU", "R40"):
        expected = "ORU_R40" if version == "2.6" else "ORU_R01"
        if version < "2.6" or version == "2.7" or named not in ("", expected):
            return "ORU^R40 is ORU_R40 in version 2.6 (IHE) and ORU_R01 from version 2.8 on"
        return _automaton("ORU_R01", version)
    own, mapped, any_trigger = (
        f"{kind}_{trigger}",
        _STRUCTURES.get((kind, trigger)),
        _STRUCTURES.get((kind, "")),
    )
    for name in filter(None, (named, mapped, own, any_trigger)):
        if _known(name, version):
            return _automaton(name, version)
    return f"no structure {shown_code(named or mapped or own)} in version {version}"


def _known(name: str, version: str) -> bool:
    return table_entry(name, "Message", version) is not None


@cache
def table_entry(name: str, kind: str, version: str) -> Any:
    """hl7apy's table of a message, segment or data type; None when the version has none of that name."""
    try:
        return load_reference(name, kind, version)
    except ChildNotFound:
        return None


class Automaton:
    """A message structure as states: which segment may come next, and when the message may end.

    Built once per structure and version from ``(name, reference, (least, most), kind)`` entries of
    hl7apy. Several states are held at once, so that a segment that fits in two places is never lost.
    """

    def __init__(self, reference: Any) -> None:
        self._free: list[list[int]] = []  # transitions that take no segment
        self._moves: list[tuple[str, int] | None] = []
        self._first = self._state()
        self._last = self._content(reference, self._first)

    def _state(self) -> int:
        self._free.append([])
        self._moves.append(None)
        return len(self._free) - 1

    def _content(self, reference: Any, start: int) -> int:
        kind, children = reference[0], reference[1]
        if kind == "choice":
            end = self._state()
            for child in children:
                self._free[self._child(child, start)].append(end)
            return end
        for child in children:
            start = self._child(child, start)
        return start

    def _child(self, child: Any, start: int) -> int:
        name, reference, (least, most), kind = child
        entry, end = self._state(), self._state()
        self._free[start].append(entry)
        if kind == "GRP":
            done = self._content(reference, entry)
        else:
            done = self._state()
            self._moves[entry] = (name, done)
        self._free[done].append(end)
        if least == 0:
            self._free[entry].append(end)
        if most != 1:
            self._free[done].append(entry)
        return end

    def _reachable(self, states: Iterable[int]) -> set[int]:
        found: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state not in found:
                found.add(state)
                waiting.extend(self._free[state])
        return found

    def _expected(self, states: set[int]) -> str:
        names = dict.fromkeys(move[0] for state in sorted(states) if (move := self._moves[state]))
        shown = list(names)[:_MOST_EXPECTED]
        return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")

    def problems(self, lines: Iterable[SentSegment], version: str) -> Iterator[str]:
        """Segments out of place, and a message that stops too early."""
        states = self._reachable({self._first})
        for line in lines:
            if line.name.startswith("Z") and len(line.name) == 3:
                continue
            if table_entry(line.name, "Segment", version) is None:
                yield line.problem(f"no such segment in version {version}")
                continue
            reached = {move[1] for state in states if (move := self._moves[state]) and move[0] == line.name}
            if reached:
                states = self._reachable(reached)
            else:
                yield line.problem(f"not expected here; expected {self._expected(states) or 'the end'}")
        if self._last not in states:
            yield f"end of message: expected {self._expected(states)}"


@cache
def _automaton(name: str, version: str) -> Automaton:
    return Automaton(table_entry(name, "Message", version))
