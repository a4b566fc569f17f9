"""The option --protocol chooses the rules of one command, before any setting."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from engine import app as engine_app
from engine.cli.main import app
from engine.settings import Settings


@pytest.mark.parametrize(("protocol", "in_force"), [("strictest", "yes"), ("s2", "no")])
def test_the_list_of_rules_shows_what_a_protocol_puts_in_force(protocol: str, in_force: str) -> None:
    """Under s2 there is no limit at 3 x ULN after a restart."""
    listed = CliRunner().invoke(app, ["rules", "list", "--json", "--protocol", protocol])

    rows = {row["rule"]: row for row in map(json.loads, listed.stdout.splitlines())}
    assert rows["a08-alt-ast-3x-uln-after-restart"]["in_force"] == in_force


def test_the_engine_runs_under_the_protocol_of_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins over the environment."""
    started: list[Settings] = []
    monkeypatch.setenv("AZAWATCH_PROTOCOL", "s1")
    monkeypatch.setattr(engine_app, "run", started.append)

    CliRunner().invoke(app, ["run", "--protocol", "s2"])

    assert [settings.protocol for settings in started] == ["s2"]
