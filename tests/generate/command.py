"""``azawatch`` as its user starts it, and what it leaves in a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.scenario.timeline import ROOT


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """One command."""
    command = [sys.executable, "-m", "engine", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def generate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """``azawatch generate``."""
    return run("generate", folder, *options)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
