"""Nothing that leaves the engine beside alerts tells who was ill with what, whatever goes wrong."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine import app, log
from engine.settings import load
from engine.store import Store
from engine.transports import OutboundMessage
from engine.transports.memory import MemoryConsumer, MemoryPublisher
from tests.contract.test_store_asking import statement
from tests.integration.installation import (
    MESSAGES,
    QUARANTINE,
    ROSTER,
    Installation,
    day_files,
    environment,
)
from tests.integration.terminal import Terminal
from tests.integration.test_live_log import identifying
from tests.integration.test_live_monitor import address_of, ask
from tests.support.private_broker import PrivateBroker
from tests.unit.test_engine_loop import broker_of, installed

# What one person's messages hold and nothing else does; see `marked` for the places.
NAMES = ("QUOLLMARK", "WOMBATINE", "Numbatgasse", "Bilbyville", "5550142", "H0076543", "19031207")
VALUE = "7654.321"
MARKS = (*NAMES, "1903-12-07", VALUE, "7654.3", "Potorooz")


def marked() -> list[bytes]:
    """Messages of one person: a good one, and one for each way in which content can be of no use."""
    person = (
        "PID|1||H0076543^^^STEVENS^MR||QUOLLMARK^WOMBATINE||19031207|F|||Numbatgasse 5^^Bilbyville||5550142"
    )
    header = r"MSH|^~\&|STEVLIS|STEVENS|||20260312071700+0000||ORU^R01|{0}|P|2.5.1||||||UNICODE UTF-8"
    order = "OBR|1|Q1|Q{0}|LFT|||20260312060500+0000"
    result = f"OBX|1|NM|1742-6^ALT^LN||{VALUE}|U/L|10-40||||F"
    text = "OBX|2|NM|1920-8^AST^LN||Potorooz|U/L|10-40||||F"
    bodies = [
        (header, person, order, result, text),
        (header, person, order, result.replace("|F", "|Potorooz")),
        (header, person, order.replace("20260312060500", "QUOLLMARK"), result),
        (header, person.replace("H0076543^^^STEVENS^MR", ""), order, result),
        (header, order, result),
        (header, person, result),
        (header, person.replace("19031207", "Potorooz"), order, result),
        (header.replace("UNICODE UTF-8", "Potorooz"), person, order, result),
        (header.replace("ORU^R01", ""), person, order, result),
        (header.replace("ORU^R01", "RDE^O11"), person, f"RXE|^^^QUOLLMARK|{VALUE}^Potorooz"),
        (header.replace("ORU^R01", "ADT^A40"), person, "MRG|"),
        (person, header, result),
    ]
    made = ["\r".join(lines).format(f"MARK{place}").encode() for place, lines in enumerate(bodies)]
    return [*made, made[0].replace(b"MARK0", b"MARKX").replace(b"WOMBATINE", b"WOMBATINE\xff\xfe")]


def found_in(text: str) -> list[str]:
    """The marks, and the names and numbers of the sample day, that a text holds."""
    low = text.casefold()
    day = [word for word in identifying() if len(word) > 5]
    return sorted(word for word in (*MARKS, *day) if word.casefold() in low)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
@pytest.mark.parametrize("layout", ["json", "console"])
def test_no_log_of_any_level_names_anybody(level: log.Level, layout: str, tmp_path: Path) -> None:
    """Messages of every kind of defect, a row that the store refuses, and a store that is away."""
    settings = installed(tmp_path)
    written = io.StringIO()
    log.configure(level, "json" if layout == "json" else "console", written)
    broker = broker_of(settings)
    with closing(Store.open(settings.store_address, site_key=b"k" * 40)) as store:
        statement(settings.store_address, REFUSING["sqlite"])
        parts = app.Parts(
            store,
            app.knowledge_of(settings),
            MemoryConsumer(broker, ["in"]),
            MemoryPublisher(broker),
            app.now,
            b"k" * 40,
        )
        engine = app.Engine(settings, parts)
        sender = MemoryPublisher(broker)
        sender.open()
        sender.publish([OutboundMessage("", "in", body, "x/y", str(n)) for n, body in enumerate(marked())])
        parts.consumer.open()
        while broker.depth("in") + broker.unacked("in"):
            engine.step()
        told = store.disposition_counts()
    log.configure()

    assert sum(count for how, _, count in told if how == "quarantined") > 8
    assert "internal-error" in {why for _, why, _ in told}
    assert found_in(written.getvalue()) == []
    assert ("disposition" in written.getvalue()) is (level != "error")


REFUSING = {
    "sqlite": "CREATE TRIGGER refuse BEFORE INSERT ON order_results WHEN NEW.results LIKE '%7654.321%' "
    "BEGIN SELECT RAISE(ABORT, 'refused'); END",
    # its error quotes the whole row
    "postgresql": "ALTER TABLE order_results ADD CONSTRAINT refuse CHECK (results NOT LIKE '%7654.321%')",
}


@pytest.fixture(
    params=[("sqlite", "json"), pytest.param(("postgresql", "console"), marks=pytest.mark.postgresql)],
    ids=["sqlite-json", "postgresql-console"],
)
def live(
    request: pytest.FixtureRequest, broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation that logs all it can and refuses one row, on both kinds of database."""
    kind, layout = request.param
    site = Installation(tmp_path_factory.mktemp("private"), broker)
    site.settings |= {"LOG__LEVEL": "debug", "LOG__FORMAT": layout, "MONITOR__ADDRESS": "127.0.0.1:0"}
    if kind == "postgresql":
        site.settings["STORE_URL"] = request.getfixturevalue("postgresql").new_database()
    with closing(site):
        site.open()
        site.prepare()
        statement(site.store_url, REFUSING[kind])
        yield site


@pytest.mark.broker
def test_a_live_day_names_nobody_outside_of_its_alerts(live: Installation) -> None:
    """Log, metrics, probes, headers of quarantined messages, and what a list of processes shows."""
    marks = live.folder / "marks"
    marks.mkdir()
    for number, body in enumerate(marked()):
        (marks / f"{number}.hl7").write_bytes(body)
    engine = live.start()
    sqlite = live.store_url.startswith("sqlite")
    day = day_files() if sqlite else day_files()[:40]
    live.send(*day, marks)
    live.wait_until_done(len(day) + len(marked()))
    process = Path(f"/proc/{engine.process.pid}")
    shown = [(process / name).read_text(errors="replace") for name in ("cmdline", "comm")]
    if sqlite:
        address = address_of(engine)
        shown += [ask(address, path)[1] for path in ("/metrics", "/health/live", "/health/ready")]
    assert engine.terminate() == 0
    held = live.take(QUARANTINE)
    headers = [f"{one.routing_key} {one.headers} {one.properties.message_id}" for one in held]
    printed = live.run("doctor", exits=0)
    text = "\n".join([engine.log.read_text("utf-8"), *shown, *headers, printed.stdout, printed.stderr])

    assert len(held) > 10
    assert "internal-error" in text
    assert "x-reason" in text
    assert found_in(text) == []
    assert "password@" not in text
    assert ("a password" in text, "a%20password" in text) == (False, False)


def test_a_replay_names_nobody_outside_of_its_outputs(terminal: Terminal) -> None:
    """What it says of messages that could not be used may stand in a ticket."""
    for number, body in enumerate(marked()):
        terminal.write(f"marks/{number}.hl7", body)
    said = terminal.type("replay", MESSAGES, "marks", "--roster", ROSTER, "--lenient").err
    said = said.replace(str(MESSAGES), "")
    explained = terminal.type("validate", terminal.folder / "marks", exits=None).err

    assert "quarantined" in said
    assert found_in(said + explained) == []


@pytest.mark.parametrize("where", ["main", "thread"])
def test_what_nobody_caught_names_nobody(where: str, tmp_path: Path) -> None:
    """A traceback would show the text of the exception, and that what it choked on."""
    fault = f"raise ValueError('{NAMES[0]} {VALUE}')"
    program = f"""
import threading
from engine import log
log.configure("debug", "console")
def fail():
    try:
        int("{NAMES[1]}")
    except ValueError:
        {fault}
threading.Thread(target=fail).start() if {where == "thread"} else fail()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "unhandled error" in done.stderr
    assert "ValueError" in done.stderr
    assert found_in(done.stdout + done.stderr) == []


def test_a_password_on_the_command_line_is_told(terminal: Terminal) -> None:
    """Everybody on the machine can read it there; and it is not repeated in what is said."""
    address = "amqp://lab:hunter2@127.0.0.1:1"
    said = terminal.type("send", "nowhere", "--restamp", "first", "--amqp", address, exits=2).err

    assert "can read the password of --amqp: use AZAWATCH_AMQP_URL_FILE" in said
    assert "hunter2" not in said
    settings = load(overrides={"amqp_url": address})
    assert "hunter2" not in f"{settings!r} {settings.redacted()}"
