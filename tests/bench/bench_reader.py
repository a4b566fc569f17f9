"""How fast the reader is against python-hl7 and hl7apy: ``python tests/bench/bench_reader.py``.

Every reader gets the same result message of 20 OBX as bytes and gives the same leaves: the code of
all 20 results, and code, value, unit and range of five of them. The readers take turns within each round,
so that whatever else the machine does falls on all of them; trust the ratios, not the times.
"""

from __future__ import annotations

import gc
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import hl7
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from engine.hl7 import parse
from engine.model.segments import Segment

Leaves = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]

_TESTS = (
    ("1742-6", "ALT", "U/L", "10-40"), ("1920-8", "AST", "U/L", "10-40"),
    ("6768-6", "ALP", "U/L", "30-130"), ("2324-2", "GGT", "U/L", "<60"),
    ("1975-2", "Bilirubin", "umol/L", "<21"), ("1751-7", "Albumin", "g/L", "35-50"),
    ("6690-2", "Leucocytes", "10*9/L", "4.0-10.0"), ("751-8", "Neutrophils", "10*9/L", "2.0-7.5"),
    ("731-0", "Lymphocytes", "10*9/L", "1.0-3.0"), ("777-3", "Platelets", "10*9/L", "150-400"),
    ("718-7", "Haemoglobin", "g/L", "130-170"), ("787-2", "MCV", "fL", "80-100"),
    ("2160-0", "Creatinine", "umol/L", "60-110"), ("2823-3", "Potassium", "mmol/L", "3.5-5.3"),
    ("2951-2", "Sodium", "mmol/L", "133-146"), ("3094-0", "Urea", "mmol/L", "2.5-7.8"),
    ("1988-5", "CRP", "mg/L", "<5"), ("4537-7", "ESR", "mm/h", "<20"),
    ("2885-2", "Protein", "g/L", "60-80"), ("2532-0", "LDH", "U/L", "<250"),
)  # fmt: skip
_DECODED = range(0, 20, 4)
_FIELDS = (3, 5, 6, 7)


def message() -> bytes:
    """A result message as a laboratory sends it: one patient, one order, 20 numeric results."""
    segments = [
        r"MSH|^~\&|LAB|NORTH|AZAWATCH|NORTH|20260105083000+0000||ORU^R01^ORU_R01|B1|P|2.5.1",
        "PID|1||900001^^^NORTH^MR||BENCH^MARK^^^MR||19700101|M",
        "PV1|1|O|CLINIC^^^NORTH||||1234^DOE^JANE",
        "ORC|RE|P1|F1",
        "OBR|1|P1|F1|PROFILE^Profile^L|||20260105073000+0000||||||||1234^DOE^JANE||||||20260105082500||LAB|F",
    ]
    segments += [
        f"OBX|{number}|NM|{code}^{name}^LN^L{number}^{name}^L||{number * 3}.5|{unit}|{limits}|N|||F"
        "|||20260105073000+0000||TECH^A"
        for number, (code, name, unit, limits) in enumerate(_TESTS, start=1)
    ]
    return "\r".join(segments).encode()


def _of_observations(observations: list[Segment]) -> Leaves:
    codes = tuple(obx.text(3) for obx in observations)
    return codes, tuple(tuple(observations[row].text(field) for field in _FIELDS) for row in _DECODED)


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

    def leaf(row: int, field: int) -> str:
        value = observations[row][field][0]
        while not isinstance(value, str):
            value = value[0]
        return value

    codes = tuple(leaf(row, 3) for row in range(len(observations)))
    return codes, tuple(tuple(leaf(row, field) for field in _FIELDS) for row in _DECODED)


def read_hl7apy(body: bytes) -> Leaves:
    """The leaves through hl7apy, in its fastest form: without groups and without validation."""
    text = body.decode()
    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    observations = [segment for segment in parsed.children if segment.name == "OBX"]

    def leaf(row: int, field: int) -> str:
        value = getattr(observations[row], f"obx_{field}")[0]
        return str(value.children[0].value if value.children else value.value)

    codes = tuple(leaf(row, 3) for row in range(len(observations)))
    return codes, tuple(tuple(leaf(row, field) for field in _FIELDS) for row in _DECODED)


@dataclass(frozen=True, slots=True)
class Row:
    """One reader: median microseconds of CPU for a message, and how often as long as ours."""

    reader: str
    microseconds: float
    ratio: float


_READERS: tuple[tuple[str, Callable[[bytes], Leaves], int], ...] = (
    ("azawatch", read_ours, 400),
    ("grouped", read_ours_grouped, 400),
    ("python-hl7", read_python_hl7, 20),
    ("hl7apy", read_hl7apy, 1),
)


def run(rounds: int = 7) -> list[Row]:
    """Time the readers in turns, ``rounds`` times; raises AssertionError if their leaves differ."""
    body = message()
    expected = read_ours(body)
    seconds: dict[str, list[float]] = {}
    for name, read, _ in _READERS:
        assert read(body) == expected, name
    gc.collect()
    gc.freeze()  # the tables of hl7apy would otherwise be walked at the expense of whoever's turn it is
    for _ in range(rounds):
        for name, read, times in _READERS:
            start = time.process_time()
            for _ in range(times):
                read(body)
            seconds.setdefault(name, []).append((time.process_time() - start) / times)
    gc.unfreeze()
    ours = statistics.median(seconds["azawatch"])
    return [
        Row(name, statistics.median(taken) * 1e6, statistics.median(taken) / ours)
        for name, taken in seconds.items()
    ]


def main() -> None:
    """Print the machine, the versions and one line a reader."""
    versions = f"Python {platform.python_version()}, hl7 {version('hl7')}, hl7apy {version('hl7apy')}"
    lines = [
        f"{platform.machine()}, {versions}",
        f"one message of 20 OBX, {len(message())} bytes; CPU time, median of 7 rounds taken in turns",
        *(f"{row.reader:<12}{row.microseconds:>12.1f} us{row.ratio:>10.1f} x" for row in run()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
