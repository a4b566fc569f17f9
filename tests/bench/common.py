"""What all measurements share: parties taking turns, medians with their spread, feeds, installations."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Self

from engine.generate import MixedFeed, Recipe
from tests.integration.installation import ALERTS_OUT, INBOUND, Installation, RunningEngine
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql

_TICKS = os.sysconf("SC_CLK_TCK")
_HEADER = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: ``rounds`` in which the parties take turns, and the number of messages."""

    quick: bool = False

    @property
    def rounds(self) -> int:
        """At least seven, for a median that one bad round does not move."""
        return 1 if self.quick else 7

    def of(self, usual: int, quick: int) -> int:
        """A size: the usual one, or that of the smoke test."""
        return quick if self.quick else usual


@dataclass(frozen=True, slots=True)
class Spent:
    """``items`` in ``seconds`` of wall clock and ``cpu`` seconds of the party that is measured."""

    items: int
    seconds: float
    cpu: float


class Stopwatch:
    """Wall clock, and CPU of this process, since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def spent(self, items: int) -> Spent:
        """What ``items`` have taken until now."""
        return Spent(items, time.perf_counter() - self._started[0], time.process_time() - self._started[1])


Party = Callable[[], Spent]


@dataclass(frozen=True, slots=True)
class Tally:
    """What the parties of a comparison spent, a list of rounds for each name."""

    spent: Mapping[str, list[Spent]]

    def cpu(self, name: str) -> float:
        """Median of CPU seconds an item."""
        return statistics.median(each.cpu / each.items for each in self.spent[name])

    def rate(self, name: str) -> float:
        """Median of items a second."""
        return statistics.median(each.items / each.seconds for each in self.spent[name])

    def ratios(self, name: str, base: str, what: Callable[[Spent], float]) -> list[float]:
        """Of each round, how much of ``what`` the one has for one of the other."""
        rounds = zip(self.spent[name], self.spent[base], strict=True)
        return [what(one) / what(other) for one, other in rounds]


def rate(spent: Spent) -> float:
    """Items a second."""
    return spent.items / spent.seconds


def cpu(spent: Spent) -> float:
    """CPU seconds an item."""
    return spent.cpu / spent.items


def in_turns(rounds: int, parties: Mapping[str, Party]) -> Tally:
    """Let the parties work one after the other, so many times: A B A B."""
    spent: dict[str, list[Spent]] = {name: [] for name in parties}
    for _ in range(rounds):
        for name, party in parties.items():
            spent[name].append(party())
    return Tally(spent)


def tell(*lines: str) -> None:
    """Print at once: whoever waits for minutes wants to see that something happens."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def spread(values: Sequence[float]) -> str:
    """Median, and lowest to highest."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def tell_tally(tally: Tally, unit: str = "msg") -> None:
    """A line for each party: rate with its spread, and CPU an item."""
    for name, spent in tally.spent.items():
        rates = [rate(each) for each in spent]
        tell(
            f"  {name:<28}{statistics.median(rates):9.0f} {unit}/s ({min(rates):.0f} to {max(rates):.0f})"
            f"{tally.cpu(name) * 1e6:10.1f} us CPU a {unit}"
        )


def tell_ratio(tally: Tally, name: str, base: str, target: str = "") -> None:
    """How fast one party is by another's measure, by wall clock and by CPU; of the rounds, the median."""
    by_clock, by_cpu = tally.ratios(name, base, rate), tally.ratios(base, name, cpu)
    wanted = f"   target {target}" if target else ""
    tell(f"  {name} : {base} = {spread(by_clock)} by the clock, {spread(by_cpu)} by CPU{wanted}")


def tell_machine(effort: Effort) -> None:
    """What was measured on what."""
    packages = ("pika", "SQLAlchemy", "psycopg", "hl7", "hl7apy")
    tell(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages),
        f"medians of {effort.rounds} rounds in turns, lowest and highest in brackets",
    )


# --- feeds ---------------------------------------------------------------------------------------

_MONITORED = (
    ("1742-6", "ALT", "U/L", "10-40"), ("1920-8", "AST", "U/L", "10-40"),
    ("6768-6", "ALP", "U/L", "30-130"), ("2324-2", "GGT", "U/L", "8-60"),
    ("14631-6", "Bilirubin", "umol/L", "3-21"), ("6690-2", "Leucocytes", "10*9/L", "4.0-10.0"),
    ("751-8", "Neutrophils", "10*9/L", "2.0-7.5"), ("731-0", "Lymphocytes", "10*9/L", "1.0-3.0"),
    ("777-3", "Platelets", "10*9/L", "150-400"), ("718-7", "Haemoglobin", "g/L", "130-170"),
)  # fmt: skip
_OTHERS = (
    ("2951-2", "Sodium", "mmol/L", "133-146"), ("2823-3", "Potassium", "mmol/L", "3.5-5.3"),
    ("2075-0", "Chloride", "mmol/L", "98-107"), ("2028-9", "Bicarbonate", "mmol/L", "22-29"),
    ("22664-7", "Urea", "mmol/L", "2.5-7.8"), ("14749-6", "Glucose", "mmol/L", "3.9-5.8"),
    ("2000-8", "Calcium", "mmol/L", "2.15-2.55"), ("2885-2", "Protein", "g/L", "60-80"),
    ("4544-3", "Haematocrit", "%", "36-48"), ("789-8", "Erythrocytes", "10*12/L", "4.0-5.6"),
)  # fmt: skip
_NORMAL = dict(
    zip(
        (code for code, *_ in _MONITORED),
        ("25", "22", "70", "25", "9", "6.1", "3.9", "1.8", "250", "141"),
        strict=True,
    )
)
_FIRST_PATIENT = 1_000_000


def message(number: int = 0, *, alt: str = "25", monitored: bool = True) -> bytes:
    """A result message of 20 OBX and 2.2 KB about a patient of its own, half of it monitored or nothing."""
    patient = _FIRST_PATIENT + number
    segments = [
        f"MSH|^~\\&|LAB|NORTH|AZAWATCH|NORTH|20260105083000+0000||ORU^R01^ORU_R01|B{number}|P|2.5.1",
        f"PID|1||{patient}^^^NORTH^MR||BENCH^MARK^^^MR||19700101|M",
        "PV1|1|O|CLINIC^^^NORTH||||1234^DOE^JANE",
        f"ORC|RE|P{number}|F{number}",
        (
            f"OBR|1|P{number}|F{number}|PROFILE^Profile^L|||20260105073000+0000||||||||1234^DOE^JANE"
            "||||||20260105082500||LAB|F"
        ),
    ]
    tests = [*_MONITORED, *_OTHERS] if monitored else [*_OTHERS, *_OTHERS]
    for line, (code, name, unit, limits) in enumerate(tests, start=1):
        value = alt if code == "1742-6" else _NORMAL.get(code, f"{line * 3}.5")
        segments.append(
            f"OBX|{line}|NM|{code}^{name}^LN^L{line}^{name}^L|{line}|{value}|{unit}|{limits}|N|||F"
            "|||20260105073000+0000||TECH^A"
        )
    return "\r".join(segments).encode() + b"\r"


def mixed_recipe(messages: int) -> Recipe:
    """The mixed feed: ten messages a patient, 3 patients of 100 treated."""
    return Recipe.of(messages=messages)


def mixed(messages: int) -> list[bytes]:
    """The messages of the mixed feed."""
    return [sent.body for sent in MixedFeed(mixed_recipe(messages)).messages()]


def roster_of_mixed(messages: int) -> str:
    """Who takes what in the mixed feed, as a roster file."""
    rows = MixedFeed(mixed_recipe(messages)).roster()
    return _HEADER + "".join(f"{row.line()}\n" for row in rows)


def roster_of_own(patients: int) -> str:
    """A roster on which the first so many patients of :func:`message` take azathioprine."""
    return _HEADER + "".join(
        f"{_FIRST_PATIENT + number},NORTH,start,2025-12-01,azathioprine,100,,\n" for number in range(patients)
    )


# --- processes and installations -----------------------------------------------------------------


def cpu_of(process: int) -> float:
    """CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def megabytes_of(process: int, what: str = "VmRSS") -> float:
    """Resident memory of a process; ``VmHWM`` for its peak."""
    lines = dict(line.split(":") for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(lines[what].split()[0]) / 1024


@dataclass(slots=True)
class Site:
    """One installation whose store is put back to what it was before each round."""

    installation: Installation
    server: PrivatePostgresql | None
    _template: str = ""
    _rounds: int = 0

    @property
    def url(self) -> str:
        """AMQP URL with all rights."""
        return self.installation.admin_url

    def prepare(self, roster: str) -> None:
        """Declare the queues and import ``roster``; this is what every round begins with."""
        if self.server is not None:
            self._template = self.server.new_database()
            self.installation.settings["STORE_URL"] = self._template
        file = self.installation.folder / "therapy.csv"
        file.write_text(roster, encoding="utf-8")
        self.installation.run("topology", "apply")
        self.installation.run("roster", "import", file)
        if self.server is None:
            shutil.copy(self._database, self._kept)

    def renew(self) -> None:
        """The store as it was prepared, and empty queues."""
        if self.server is None:
            for left in self.installation.folder.glob("azawatch.db-*"):
                left.unlink()
            shutil.copy(self._kept, self._database)
        else:
            self._rounds += 1
            name = f"{self._template.rpartition('/')[2]}_{self._rounds}"
            self.server.execute(f"CREATE DATABASE {name} TEMPLATE {self._template.rpartition('/')[2]}")
            self.installation.settings["STORE_URL"] = self.server.url(name)
        with self.installation.channel() as channel:
            for queue in (INBOUND, ALERTS_OUT):
                channel.queue_purge(queue)

    def counted(self, count: int, alerts: int = 0) -> Spent:
        """Let one engine take ``count`` messages that wait in the queue; from the first to the last.

        Where the messages alert, to the last of so many ``alerts`` published.
        """
        program = ("-m", "tests.bench.counted", str(count), str(alerts))
        engine = self.installation.start(program=program)
        told = engine.wait_for("bench counted")
        engine.terminate()
        return Spent(int(told["items"]), float(told["seconds"]), float(told["cpu"]))

    def start(self) -> RunningEngine:
        """An engine that is ready."""
        engine = self.installation.start()
        engine.wait_for("engine ready")
        return engine

    @property
    def _database(self) -> Path:
        return self.installation.folder / "azawatch.db"

    @property
    def _kept(self) -> Path:
        return self.installation.folder / "prepared.db"


@dataclass(slots=True)
class Servers:
    """A private broker and a private PostgreSQL for all measurements, each started when first asked for."""

    _stack: ExitStack = field(default_factory=ExitStack)
    _broker: PrivateBroker | None = None
    _postgresql: PrivatePostgresql | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def site(self, roster: str, *, postgresql: bool = False, **settings: str) -> Iterator[Site]:
        """A new installation with SQLite or PostgreSQL, and those on the roster.

        Raises BrokerUnavailableError and PostgresqlUnavailableError.
        """
        if self._broker is None:
            self._broker = self._stack.enter_context(PrivateBroker(start_timeout_seconds=180))
        if postgresql and self._postgresql is None:
            self._postgresql = self._stack.enter_context(PrivatePostgresql())
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(Installation(Path(folder), self._broker, dict(settings))) as installation,
        ):
            installation.open()
            site = Site(installation, self._postgresql if postgresql else None)
            site.prepare(roster)
            yield site
