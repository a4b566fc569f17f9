"""Fixtures of the tests that open our pages in a browser: the browser, and two pages to open."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.integration.installation import MESSAGES, ROSTER, environment
from tests.support.chromium import BrowserUnavailableError, chromium
from tests.support.rule_pair import write_rule_pair


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without one a skip on a laptop, a failure where CI is set.

    For a module and no longer: as long as it is open its driver occupies the event loop of this thread.
    """
    try:
        with chromium() as one:
            yield one
    except BrowserUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the sample day."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    _run(0, "replay", MESSAGES, "--roster", ROSTER, "--report", file, "--lenient")
    return file


@pytest.fixture(scope="session")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison of two rule sets that differ in every way there is."""
    folder = tmp_path_factory.mktemp("comparison")
    pair, file = write_rule_pair(folder), folder / "comparison.html"
    sides = ("--rules", pair.a, "--against", pair.b)
    _run(3, "compare", pair.archive, "--roster", pair.roster, *sides, "--report", file)
    return file


def _run(exits: int, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", "engine", *map(str, arguments)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == exits, done.stderr
