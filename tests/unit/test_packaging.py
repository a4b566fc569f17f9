"""The wheel: what is installed elsewhere must work without the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

LOCATE = """
from engine.settings import default_mappings_folder, default_rules_folder, default_sources_file

for path in (default_rules_folder(), default_mappings_folder(), default_sources_file()):
    assert path.exists(), path
    print(path)
"""


def test_wheel_carries_the_rules_and_mappings_it_was_tested_with(tmp_path: Path) -> None:
    """`pip install` of the wheel gives a working engine: no rule file is left behind in the checkout."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(build, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert built.returncode == 0, built.stdout
    (wheel,) = tmp_path.glob("azawatch-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    told = subprocess.run(
        [sys.executable, "-c", LOCATE],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    knowledge = site / "engine" / "_knowledge"

    assert told.stdout.split() == [
        str(knowledge / "rules"),
        str(knowledge / "mappings"),
        str(knowledge / "docs" / "sources.md"),
    ]
    for folder in ("rules", "mappings"):
        shipped = {path.relative_to(knowledge) for path in (knowledge / folder).rglob("*") if path.is_file()}
        here = {
            path.relative_to(ROOT)
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert shipped == here
    assert not (site / "tests").exists()
