"""Alerts of rules in shadow are asked for by name, and are never mistaken for what was sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from tests.scenario.timeline import Scenario, knowledge_of_scenarios, with_rules

WATCHED = "a02-alt-ast-500"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with a published and a rehearsed alert."""
    url = f"sqlite:///{tmp_path / 'azawatch.db'}"
    day = Scenario(known=with_rules(knowledge_of_scenarios(), watched=[WATCHED]), url=url)
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alt="600", ast="30", wbc="1.9")
    monkeypatch.setenv("AZAWATCH_STORE_URL", url)
    monkeypatch.chdir(tmp_path)


def _typed(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("store")
def test_the_usual_list_is_of_what_was_sent() -> None:
    """Published alerts in the one list, rehearsed ones in the other."""
    usual, shadow = _typed("alerts", "list"), _typed("alerts", "list", "--shadow")

    assert (WATCHED in usual, WATCHED in shadow) == (False, True)
    assert ("d01-wbc-below-2-5" in usual, "d01-wbc-below-2-5" in shadow) == (True, False)
    assert WATCHED not in _typed("roster", "show", "H1")


@pytest.mark.usefixtures("store")
def test_the_card_of_a_rehearsed_alert_says_so() -> None:
    """It can be read like any alert, and begins by what it is."""
    alert_id = _typed("alerts", "list", "--shadow").splitlines()[1].split()[0]

    assert _typed("alerts", "show", alert_id).startswith("SHADOW, never sent: CRITICAL")
    assert '"shadow":true' in _typed("alerts", "show", alert_id, "--json")
