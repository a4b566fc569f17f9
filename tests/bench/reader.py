"""The reader against python-hl7, hl7apy, hl7lw and medforge on the same result message of 20 OBX.

Every reader gets the bytes and gives the same leaves: the code of all 20 results, and code, value, unit and
range of the ten that are monitored. CPU time, for this needs nothing else.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import hl7
import hl7lw
import medforge
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from engine.hl7 import parse
from engine.model.segments import Segment
from tests.bench.common import Effort, Servers, Spent, Stopwatch, cpu, in_turns, message, spread, tell

Leaves = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]

_DECODED = 10
_FIELDS = (3, 5, 6, 7)
_HL7LW = hl7lw.Hl7Parser()


def _of_observations(observations: list[Segment]) -> Leaves:
    return (
        tuple([each.text(3) for each in observations]),
        tuple([tuple([each.text(field) for field in _FIELDS]) for each in observations[:_DECODED]]),
    )


def read_ours(body: bytes) -> Leaves:
    """The leaves through engine.hl7, from the flat segments, as the other readers do it."""
    return _of_observations([segment for segment in parse(body).segments if segment.name == "OBX"])


def read_ours_grouped(body: bytes) -> Leaves:
    """The leaves through engine.hl7, by patient and order, as the engine does it."""
    order = parse(body).patients()[0].orders[0]
    return _of_observations([observation.obx for observation in order.observations])


def read_python_hl7(body: bytes) -> Leaves:
    """The leaves through python-hl7."""
    observations = hl7.parse(body).segments("OBX")

    def leaf(observation: Any, field: int) -> str:
        value = observation[field][0]
        while not isinstance(value, str):
            value = value[0]
        return value

    return (
        tuple([leaf(each, 3) for each in observations]),
        tuple([tuple([leaf(each, field) for field in _FIELDS]) for each in observations[:_DECODED]]),
    )


def read_hl7apy(body: bytes) -> Leaves:
    """The leaves through hl7apy, in its fastest form: without groups and without validation."""
    parsed = parse_message(body.decode(), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    observations = [segment for segment in parsed.children if segment.name == "OBX"]

    def leaf(observation: Any, field: int) -> str:
        value = getattr(observation, f"obx_{field}")[0]
        return str(value.children[0].value if value.children else value.value)

    return (
        tuple([leaf(each, 3) for each in observations]),
        tuple([tuple([leaf(each, field) for field in _FIELDS]) for each in observations[:_DECODED]]),
    )


def read_hl7lw(body: bytes) -> Leaves:
    """The leaves through hl7lw, which gives fields as they were sent."""
    observations = _HL7LW.parse_message(body.decode()).get_segments("OBX")
    return (
        tuple([each[3].partition("^")[0] for each in observations]),
        tuple(
            [tuple([each[field].partition("^")[0] for field in _FIELDS]) for each in observations[:_DECODED]]
        ),
    )


def read_medforge(body: bytes) -> Leaves:
    """The leaves through medforge, which is written in Rust."""
    observations = medforge.parse(body.decode()).segments_by_name("OBX")
    return (
        tuple([str(each[3][1]) for each in observations]),
        tuple([tuple([str(each[field][1]) for field in _FIELDS]) for each in observations[:_DECODED]]),
    )


_READERS: dict[str, tuple[Callable[[bytes], Leaves], int, str]] = {
    "azawatch": (read_ours, 400, ""),
    "azawatch, grouped": (read_ours_grouped, 400, ""),
    "hl7lw": (read_hl7lw, 200, "more than 1"),
    "medforge": (read_medforge, 100, ""),
    "hl7": (read_python_hl7, 20, "50"),
    "hl7apy": (read_hl7apy, 1, "1,000"),
}


def main(effort: Effort, _servers: Servers) -> None:
    """One line for each reader: time for a message, and how often as long as ours. Their leaves agree."""
    body = message()
    expected = read_ours(body)
    for name, (read, *_rest) in _READERS.items():
        if read(body) != expected:
            raise AssertionError(f"{name} reads something else")
    tell(f"reader: one message of 20 OBX, {len(body)} bytes, CPU time")
    gc.collect()
    gc.freeze()  # the tables of hl7apy would otherwise be walked at the expense of whoever's turn it is
    tally = in_turns(
        effort.rounds,
        {name: partial(_timed, read, body, times) for name, (read, times, _target) in _READERS.items()},
    )
    gc.unfreeze()
    for name, (*_rest, target) in _READERS.items():
        ratios = tally.ratios(name, "azawatch", cpu)
        known = "" if name.startswith("azawatch") else version(name)
        wanted = f"   target {target}" if target else ""
        tell(f"  {name:<18}{known:<7}{tally.cpu(name) * 1e6:10.1f} us   x {spread(ratios)}{wanted}")


def _timed(read: Callable[[bytes], Leaves], body: bytes, times: int) -> Spent:
    watch = Stopwatch()
    for _ in range(times):
        read(body)
    return watch.spent(times)
