"""The golden run: no alert of the sample day changes in any word without somebody having looked at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.sample_day import DAY, GOLDEN, REGENERATE
from tests.integration.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    for name in ("CONFIG", "RULES", "MAPPINGS", "PROTOCOL"):
        monkeypatch.delenv(f"AZAWATCH_{name}", raising=False)
    return Terminal(tmp_path, monkeypatch, capsys)


def test_the_sample_day_tells_what_it_told_before(terminal: Terminal) -> None:
    """Every word, number and source of every alert is the committed one."""
    messages, roster = DAY / "messages", DAY / "roster.csv"

    ended = terminal.type("replay", messages, "--roster", roster, "--lenient", "--expect", GOLDEN, exits=None)

    if ended.code:
        pytest.fail(f"if the differences are meant: {REGENERATE}\n{ended.err[:6000]}", pytrace=False)
