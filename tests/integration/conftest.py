"""Fixtures of the tests that run whole engines."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine import app
from engine.intake import Intake
from engine.settings import load
from engine.store import Store
from engine.taken import Arrived
from engine.transports.archive import read_archive
from tests.integration.installation import MESSAGES, ROSTER, Installation, Played, play
from tests.integration.terminal import Terminal
from tests.support.private_broker import PrivateBroker


@pytest.fixture(scope="session")
def undisturbed(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The sample day as ``make run`` plays it, once for all tests that look at what came of it."""
    site = Installation(tmp_path_factory.mktemp("day"), broker)
    with closing(site):
        site.open()
        return play(site)


@pytest.fixture
def site(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of one test, with queues and patients."""
    one = Installation(tmp_path_factory.mktemp("site"), broker)
    with closing(one):
        one.open()
        one.prepare()
        yield one


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal in an empty folder, with nobody's settings and a new database."""
    for name in [name for name in os.environ if name.startswith("AZAWATCH_")]:
        monkeypatch.delenv(name)
    return Terminal(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def day_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database after the sample day, without any broker; tests take a copy."""
    file = tmp_path_factory.mktemp("store") / "azawatch.db"
    settings = load(Path(os.devnull), overrides={"store_url": f"sqlite:///{file}"})
    store = Store.open(settings.store_address)
    knowledge = app.knowledge_of(settings)
    rows = app.roster_rows(ROSTER.read_text("utf-8"), "roster.csv", knowledge)
    app.operations(settings, store).import_roster(rows, "roster.csv")
    intake = Intake(store, knowledge, app.intake_options(settings, app.now))
    intake.take([Arrived(message.body, "azawatch.inbound") for message in read_archive([MESSAGES])])
    store.close()
    return file


@pytest.fixture
def hospital(terminal: Terminal, day_store: Path) -> Terminal:
    """A terminal with the database of the sample day."""
    with (
        closing(sqlite3.connect(day_store)) as day,
        closing(sqlite3.connect(terminal.folder / "azawatch.db")) as copy,
    ):
        day.backup(copy)
    return terminal
