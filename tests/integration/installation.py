"""One installation of azawatch for a test: folder, database file, virtual host, and commands as processes.

Everything is as in production: commands are ``python -m engine``, the broker is a real one, the engine
runs with the account of ``deploy/rabbitmq/definitions.json`` that may not configure anything.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

import pika

from engine.addresses import each_host
from engine.cli.broker import apply_topology
from engine.cli.records import import_roster
from engine.cli.send import send
from engine.cli.shared import at_the_end
from engine.errors import TransientError
from engine.model.alert import AlertEvent
from engine.store import Store

ROOT = Path(__file__).parents[2]
DAY = ROOT / "tests/sample_day"
MESSAGES = DAY / "messages"
ROSTER = DAY / "roster.csv"
DEFINITIONS = ROOT / "deploy/rabbitmq/definitions.json"

INBOUND = "azawatch.inbound"
ALERTS = "azawatch.alerts"
ALERTS_OUT = "azawatch.alerts.out"
QUARANTINE = "azawatch.quarantine"
ENGINE_ACCOUNT = "engine-of-the-tests"

PATIENCE_SECONDS = 120.0


def rows(file: Path) -> list[dict[str, str]]:
    """A CSV file with headings."""
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def day_files() -> list[Path]:
    """The messages of the sample day in the order of sending."""
    return sorted(MESSAGES.iterdir())


def day_file(name: str) -> Path:
    """The message of the sample day with that name, whatever its number."""
    (file,) = MESSAGES.glob(f"[0-9][0-9][0-9]-{name}.hl7")
    return file


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without anybody's settings of azawatch, and with these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AZAWATCH_")}
    # A narrow terminal would break the lines of --help; a site's clock must not be UTC by chance.
    fixed = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    return inherited | fixed | {f"AZAWATCH_{name}": value for name, value in settings.items()}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as ``condition`` holds; fail with ``what`` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Received:
    """One message taken from a queue, as a receiver gets it."""

    body: bytes
    exchange: str
    routing_key: str
    properties: pika.BasicProperties

    @property
    def headers(self) -> Mapping[str, Any]:
        """Headers without the count that quorum queues add."""
        given = self.properties.headers or {}
        return {name: value for name, value in given.items() if name != "x-delivery-count"}


@dataclass(slots=True)
class RunningEngine:
    """``azawatch run`` as a process; its log goes to a file."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """The log so far; every line must be one JSON object."""
        text = self.log.read_text("utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def said(self, event: str) -> list[dict[str, Any]]:
        """The log lines with this event."""
        return [line for line in self.lines() if line["event"] == event]

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th log line with this event, waiting for it."""
        found: list[dict[str, Any]] = []

        def told() -> bool:
            found[:] = self.said(event)
            return len(found) >= count or self.process.poll() is not None

        wait_until(told, f"log line {event!r}")
        assert len(found) >= count, f"the engine ended without {event!r}:\n{self.log.read_text('utf-8')}"
        return found[count - 1]

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as a power cut or the out-of-memory killer would."""
        self.process.kill()
        self.process.wait()


class Broker(Protocol):
    """A node or a cluster of the tests."""

    def url_of(self, user: str, password: str, virtual_host: str = ...) -> str:
        """AMQP URL for a user and a virtual host."""

    def evaluate(self, expression: str) -> str:
        """Evaluate an Erlang expression in a node."""


@dataclass(slots=True)
class Installation:
    """Folder, database and virtual host of one engine. Close it with :meth:`close`."""

    folder: Path
    broker: Broker
    settings: dict[str, str] = field(default_factory=dict)
    virtual_host: str = field(default_factory=lambda: f"hospital-{secrets.token_hex(4)}")
    _engines: list[RunningEngine] = field(default_factory=list)

    def open(self) -> None:
        """Make the virtual host and the account of the engine, which may not configure anything."""
        granted = json.loads(DEFINITIONS.read_text("utf-8"))["permissions"]
        rights = next(one for one in granted if one["user"] == "azawatch-engine")
        everything = dict.fromkeys(("configure", "write", "read"), ".*")
        definitions = {
            "vhosts": [{"name": self.virtual_host}],
            "users": [{"name": ENGINE_ACCOUNT, "password": "a password", "tags": []}],
            "permissions": [
                {**rights, "user": ENGINE_ACCOUNT, "vhost": self.virtual_host},
                {**everything, "user": "guest", "vhost": self.virtual_host},
            ],
        }
        file = self.folder / "definitions.json"
        file.write_text(json.dumps(definitions), "utf-8")
        self.broker.evaluate(
            f'{{ok, Definitions}} = file:read_file("{file}"), ok = rabbit_definitions:import_raw(Definitions)'
        )

    def close(self) -> None:
        """End what still runs and remove the virtual host."""
        for engine in self._engines:
            if engine.process.poll() is None:
                engine.kill()
        self.broker.evaluate(f'ok = rabbit_vhost:delete(<<"{self.virtual_host}">>, <<"tests">>)')

    @property
    def admin_url(self) -> str:
        """AMQP URL of an account that may do everything in this virtual host."""
        return self.broker.url_of("guest", "guest", self.virtual_host)

    @property
    def engine_url(self) -> str:
        """AMQP URL of the engine's own account."""
        return self.broker.url_of(ENGINE_ACCOUNT, "a%20password", self.virtual_host)

    @property
    def store_url(self) -> str:
        """The database: a file of this installation, unless its settings name a server."""
        return self.settings.get("STORE_URL") or f"sqlite:///{self.folder}/azawatch.db"

    def environment(self, url: str) -> dict[str, str]:
        """The settings of a process that works for this installation."""
        # The sample day is of a fixed date: its results must not grow too old to be kept, and its alerts
        # are told as they came, not as those of a backlog.
        fixed = {"SITE_KEY": "k" * 40, "HISTORY__LOOKBACK_DAYS": "36500", "CATCHING_UP__AFTER_HOURS": "0"}
        return environment(**({"AMQP_URL": url, "STORE_URL": self.store_url} | fixed | self.settings))

    def run(self, *arguments: str | Path, exits: int = 0, url: str = "") -> subprocess.CompletedProcess[str]:
        """One command to its end; by the account that may do everything unless ``url`` says another."""
        done = subprocess.run(
            [sys.executable, "-m", "engine", *map(str, arguments)],
            env=self.environment(url or self.admin_url),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == exits, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def prepare(self) -> None:
        """Queues on the broker, patients in the database.

        A broker that has just been started beside others is asked once more.
        """
        with self._settings():
            try:
                apply_topology()
            except TransientError:
                apply_topology()
        self.take_in(ROSTER)

    def take_in(self, roster: Path) -> None:
        """Import a roster."""
        with self._settings(), at_the_end:
            import_roster(roster, by="tests")

    def send(self, *paths: Path) -> None:
        """Put files into the inbound queue."""
        with self._settings():
            send([str(path) for path in paths])

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """For commands in this process: nearly all that one of its own would do is to load Python."""
        with patch.dict(os.environ, self.environment(self.admin_url), clear=True), chdir(self.folder):
            yield

    def start(self, url: str = "", program: Sequence[str] = ("-m", "engine", "run")) -> RunningEngine:
        """``azawatch run``, with the engine's own account unless ``url`` says another."""
        log = self.folder / f"engine-{len(self._engines)}.log"
        with log.open("wb") as opened:
            process = subprocess.Popen(
                [sys.executable, *program],
                env=self.environment(url or self.engine_url),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=opened,
                stderr=opened,
                start_new_session=True,
            )
        engine = RunningEngine(process, log)
        self._engines.append(engine)
        return engine

    def store(self) -> Store:
        """The database, to look into."""
        return Store.open(self.store_url)

    def wait_until_done(self, messages: int, inbound: Sequence[str] = (INBOUND,)) -> None:
        """Until at least so many messages are taken in, none is under way, and everything is published."""
        with closing(self.store()) as store:

            def done() -> bool:
                return (
                    sum(count for _, _, count in store.disposition_counts()) >= messages
                    and not any(self.left(queue) for queue in inbound)
                    and store.outbox_depth() == 0
                )

            wait_until(done, f"{messages} messages taken in and everything published")

    # --- the broker, as those who page or watch see it ------------------------------------------

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel of pika, with all rights."""
        nodes = [pika.URLParameters(url) for url in each_host(self.admin_url)]
        connection = pika.BlockingConnection(nodes)
        try:
            yield connection.channel()
        finally:
            connection.close()

    @contextmanager
    def limited_to_one(self, queue: str) -> Iterator[None]:
        """The queue refuses whatever comes beside one message."""
        place, by = f'<<"{self.virtual_host}">>, <<"full">>', '<<"tests">>'
        limit = r"{\"max-length\": 1, \"overflow\": \"reject-publish\"}"
        self.broker.evaluate(
            f'ok = rabbit_policy:parse_set({place}, <<"^{queue}$">>, <<"{limit}">>, 0, <<"queues">>, {by})'
        )
        yield
        self.broker.evaluate(f"ok = rabbit_policy:delete({place}, {by})")

    def depth(self, queue: str) -> int:
        """Ready messages of a queue; unacknowledged ones are ready again once their consumer is gone."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    def left(self, queue: str) -> int:
        """Messages of a quorum queue that nobody has acknowledged, given out or not; -1: it has no leader."""
        name = f'rabbit_misc:r(<<"{self.virtual_host}">>, queue, <<"{queue}">>)'
        found = self.broker.evaluate(
            f"{{ok, Queue}} = rabbit_amqqueue:lookup({name}), "
            "case ra:leader_query(amqqueue:get_pid(Queue), fun rabbit_fifo:query_messages_total/1) "
            "of {ok, {_, Left}, _} -> Left; _ -> -1 end"
        )
        return int(found)

    def take(self, queue: str) -> list[Received]:
        """Everything in a queue, acknowledged."""
        received = []
        with self.channel() as channel:
            while True:
                method, properties, body = channel.basic_get(queue, auto_ack=True)
                if method is None:
                    break
                received.append(Received(body, method.exchange, method.routing_key, properties))
        return received


@dataclass(frozen=True, slots=True)
class Played:
    """What a day has left behind, and the virtual host is gone."""

    folder: Path
    published: list[Received]
    quarantined: list[Received]
    events: list[AlertEvent]
    subjects: dict[str, str]
    messages: list[Mapping[str, Any]]
    dispositions: dict[tuple[str, str], int]
    integrity: str
    log: list[dict[str, Any]]
    exit_code: int
    inbound_left: int
    outbox_left: int
    on_record_at_kills: list[int]

    @property
    def store_file(self) -> Path:
        """The database of the day."""
        return self.folder / "azawatch.db"


def play(site: Installation, kill_after: Sequence[int] = ()) -> Played:
    """The sample day to its end, with a SIGKILL each time that so many messages are on record, then SIGTERM.

    Without kills the messages come to a running engine; else they wait for it in the queue.
    """
    site.prepare()
    store = site.store()
    on_record = []
    if kill_after:
        site.send(MESSAGES)
    for count in kill_after:
        engine = site.start()
        wait_until(lambda least=count: len(store.messages(limit=1000)) >= least, f"{count} messages")  # type: ignore[misc]
        engine.kill()
        on_record.append(len(store.messages(limit=1000)))
    engine = site.start()
    engine.wait_for("engine ready")
    if not kill_after:
        site.send(MESSAGES)
    site.wait_until_done(len(day_files()))
    return finish(site, engine, on_record)


def finish(site: Installation, engine: RunningEngine, on_record: Sequence[int] = ()) -> Played:
    """Stop the engine, which has nothing left to do, and see what the day has left behind."""
    exit_code = engine.terminate()
    store = site.store()
    return Played(
        folder=site.folder,
        published=site.take(ALERTS_OUT),
        quarantined=site.take(QUARANTINE),
        events=store.alert_events(),
        subjects={alert.alert_id: alert.subject for alert in store.alerts(only_open=False)},
        messages=store.messages(limit=1000),
        dispositions={(how, why): count for how, why, count in store.disposition_counts()},
        integrity=store.check(),
        log=engine.lines(),
        exit_code=exit_code,
        inbound_left=site.depth(INBOUND),
        outbox_left=store.outbox_depth(),
        on_record_at_kills=list(on_record),
    )


def control_ids(files: Sequence[Path]) -> dict[str, str]:
    """MSH-10 of the first message of each file, by file name; ``""`` where there is none."""
    found = {}
    for file in files:
        fields = file.read_bytes().split(b"\r")[0].split(b"\n")[0]
        separator = fields[3:4]
        parts = fields.split(separator) if fields.startswith(b"MSH") and separator else []
        found[file.name] = parts[9].decode("latin-1") if len(parts) > 9 else ""
    return found
