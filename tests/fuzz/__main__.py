"""``python -m tests.fuzz [TARGET] --runs N``: coverage-guided fuzzing with atheris of tests/fuzz/targets.py.

Needs ``pip install '.[fuzz]'``. A find ends the run with exit code 77 and the input that made it, in
tests/fuzz/cases/ as TARGET-crash-HASH: fix the defect, and keep the file if it is small.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.mutation import Mutator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAMES = (
    *("framing", "charset", "reader", "values", "units", "times", "roster", "rules", "message"),
    *("archive", "pseudonyms", "sites", "mapping", "headers"),
)
LARGEST = 65_536
SLOWEST_MS = 50
SLOWER_MS = {"pseudonyms": 150}  # 200 patients in 4 kB, each with keyed hashes of its own
AT_LEAST = 4096  # bytes for which so long is allowed; of longer inputs each so many take their time
GROWTH_MB = 100
SEEDS = {
    "roster": ("tests/sample_day/roster.csv",),
    "rules": ("rules/**/*.yaml",),
    "sites": ("mappings/sites.yaml", "mappings/sites/*.csv"),
    "mapping": ("mappings/*.csv",),
    "headers": ("pyproject.toml",),
    "units": ("mappings/units.csv",),
    "values": ("tests/messages/odd-values.hl7",),
    "times": ("tests/messages/odd-times.hl7",),
}
OF_MESSAGES = ("tests/messages/*.hl7", "tests/sample_day/messages/*.hl7")


def main() -> int:
    """Run one target here, or each in a process of its own; 1 when one of them has found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=NAMES, help="all of them when none is named")
    parser.add_argument("--runs", type=int, default=20_000, help="executions of each target")
    parser.add_argument("--longest", type=int, default=4096, help=f"bytes of an input, at most {LARGEST}")
    chosen = parser.parse_args()
    if chosen.target:
        _fuzz(chosen.target, chosen.runs, min(chosen.longest, LARGEST))
    options = ["--runs", str(chosen.runs), "--longest", str(chosen.longest)]
    failed = [
        name
        for name in NAMES
        if subprocess.run([sys.executable, "-m", "tests.fuzz", name, *options], check=False).returncode
    ]
    print(f"found something: {', '.join(failed)}" if failed else f"{len(NAMES)} targets, nothing found")
    return 1 if failed else 0


def _fuzz(name: str, runs: int, longest: int) -> None:
    """Does not return: the fuzzer ends the process."""
    import atheris  # noqa: PLC0415  only who fuzzes needs it

    with atheris.instrument_imports(include=["engine", "pika.data"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415  its imports are what is instrumented
    target = TARGETS[name]
    seeds = [seed[:longest] for seed in _seeds(name)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done, slowest, length = 0, 0.0, 0

    def once(data: bytes) -> None:
        nonlocal done, slowest, length
        started = time.process_time()
        target(data)
        took = time.process_time() - started
        # The first runs load the knowledge; a second look tells a slow input from a disturbed machine.
        if done > 1 and took > slowest:
            started = time.process_time()
            target(data)
            took = min(took, time.process_time() - started)
            if took > slowest:
                slowest, length = took, len(data)
            allowed = SLOWER_MS.get(name, SLOWEST_MS) * max(1, len(data) / AT_LEAST)
            assert took * 1000 <= allowed, f"{took * 1000:.0f} ms for {len(data)} bytes"
        done += 1
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        assert grown <= GROWTH_MB, f"memory grew by {grown} MB"
        if done == runs or done % 100_000 == 0:
            print(
                f"{name}: {done} executions, slowest {slowest * 1000:.1f} ms ({length} bytes), "
                f"memory +{grown} MB",
                flush=True,
            )

    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        options = [f"-runs={runs}", f"-max_len={longest}", f"-artifact_prefix={HERE}/cases/{name}-"]
        options += ["-len_control=0"] if longest > AT_LEAST else []
        mutator = Mutator(seeds, lambda data, most: atheris.Mutate(data, most))  # noqa: PLW0108  Fuzz sets it
        atheris.Setup(
            [sys.argv[0], *options, "-verbosity=1", "-report_slow_units=3600", folder],
            once,
            custom_mutator=mutator,
        )
        atheris.Fuzz()


def _seeds(name: str) -> Iterator[bytes]:
    """The project's own examples, those of AZAWATCH_CORPUS, and every case that was found before."""
    for pattern in SEEDS.get(name, OF_MESSAGES):
        for file in sorted(ROOT.glob(pattern)):
            content = file.read_bytes()
            yield content
            if name == "archive":
                yield from _packed(content)
            if name in {"values", "units", "times"}:
                yield from content.replace(b"\r", b"|").replace(b",", b"|").replace(b"\n", b"|").split(b"|")
    corpus = os.environ.get("AZAWATCH_CORPUS")
    if corpus and name not in SEEDS:
        yield from (file.read_bytes() for file in sorted(Path(corpus).rglob("*.hl7"))[:2000])
    yield from (file.read_bytes() for file in sorted((HERE / "cases").glob(f"{name}-*")))


def _packed(content: bytes) -> Iterator[bytes]:
    """The same in every form in which an archive may come, a torn zip file among them."""
    yield gzip.compress(content)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", method) as archive:
            archive.writestr("a.hl7", content[:1000])
            archive.writestr("b/c.hl7.gz", gzip.compress(content))
        yield packed.getvalue()
        yield packed.getvalue()[:-100]


if __name__ == "__main__":
    sys.exit(main())
