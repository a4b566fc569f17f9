"""``make run``: a sample hospital day through a real RabbitMQ queue, into the engine, and out as alerts.

With ``AZAWATCH_AMQP_URL`` set that broker is used; else a private one is started. Everything that the
engine keeps is in the folder ``azawatch-demo``, so that it can be looked at afterwards.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from engine.hl7 import Message, parse
from engine.transports import Delivery
from engine.transports.amqp import AmqpConsumer
from tests.support.private_broker import BrokerUnavailableError, PrivateBroker

DAY = Path(__file__).parent
FOLDER = Path("azawatch-demo")
ALERTS_QUEUE = "azawatch.alerts.out"
QUIET_SECONDS = 3.0
MESSAGES_A_SECOND = "25"
LONGEST_DAY_SECONDS = 120.0

_COLOURS = {"PH": "\033[1;31m", "PM": "\033[33m", "PL": "\033[36m", "PN": "\033[2m"}
_WORDS = {"PH": "CRITICAL", "PM": "URGENT", "PL": "REVIEW", "PN": "INFO"}


def main() -> int:
    """Run the day once; at a terminal, stay until Ctrl-C so that it can be looked at."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with contextlib.ExitStack() as running:
            show_day(running)
            if sys.stdin.isatty():
                _say("\nThe engine is still running. Ctrl-C stops everything.")
                signal.pause()
    except KeyboardInterrupt:
        _say("\nstopped; nothing is left running")
    except BrokerUnavailableError as error:
        _say(f"{error}\nOr name a broker: AZAWATCH_AMQP_URL=amqp://user:password@host:5672/%2F make run")
        return 2
    except subprocess.CalledProcessError as error:
        _say(f"{' '.join(map(str, error.cmd))}: exit {error.returncode}")
        return 2
    return 0


def show_day(running: contextlib.ExitStack) -> None:
    """Broker, topology, roster, engine, messages, alerts; processes end with ``running``."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    url = os.environ.get("AZAWATCH_AMQP_URL") or _own_broker(running)
    store = f"sqlite:///{FOLDER}/azawatch.db"
    environment = {**os.environ, "AZAWATCH_AMQP_URL": url, "AZAWATCH_STORE_URL": store}
    # The day is of a fixed date: it is told as it happened, not as what came and went in a backlog.
    environment["AZAWATCH_CATCHING_UP__AFTER_HOURS"] = "0"
    _azawatch(environment, "topology", "apply")
    _azawatch(environment, "roster", "import", str(DAY / "roster.csv"))
    engine = _start_engine(running, environment)
    inbox = AmqpConsumer(url, (ALERTS_QUEUE,))
    inbox.open()
    running.callback(inbox.close)
    _say("sending the sample day to the queue azawatch.inbound\n")
    sending = subprocess.Popen(
        [sys.executable, "-m", "engine", "send", str(DAY / "messages"), "--rate", MESSAGES_A_SECOND],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    running.callback(sending.kill)
    count = sum(_show(alert) for alert in _alerts(inbox, engine, sending))
    if sending.wait():
        raise subprocess.CalledProcessError(sending.returncode, ["azawatch", "send"])
    _say(f"\n{count} alert messages came out of the queue {ALERTS_QUEUE}. Where the messages ended:\n")
    _azawatch(environment, "messages", "find", "--count")
    _say("\nQuarantined, with reason and place:\n")
    _azawatch(environment, "quarantine", "list")
    _say(
        f"\nWhere to look next; first type  export AZAWATCH_STORE_URL={store}\n"
        "  .venv/bin/azawatch alerts list            open alerts\n"
        "  .venv/bin/azawatch alerts show ID         the evidence card of one\n"
        "  .venv/bin/azawatch quarantine show 1      why a message is held\n"
        "  .venv/bin/azawatch rules show a01         the rule behind an alert, with its source\n"
        "  .venv/bin/azawatch mappings unmapped      codes and units that nobody has mapped\n"
        f"The engine's log is {FOLDER}/engine.log; the messages are in tests/sample_day/messages."
    )


def _own_broker(running: contextlib.ExitStack) -> str:
    _say("starting a RabbitMQ of its own (AZAWATCH_AMQP_URL is not set)")
    broker = running.enter_context(PrivateBroker())
    return broker.url


def _azawatch(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "engine", *arguments], env=environment, check=True)


def _start_engine(running: contextlib.ExitStack, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    log = running.enter_context((FOLDER / "engine.log").open("wb"))
    engine = subprocess.Popen(
        [sys.executable, "-m", "engine", "run"], env=environment, stderr=log, start_new_session=True
    )

    def end() -> None:
        engine.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            engine.wait(30)
        engine.kill()

    running.callback(end)
    return engine


def _alerts(
    inbox: AmqpConsumer, engine: subprocess.Popen[bytes], sending: subprocess.Popen[bytes]
) -> Iterator[Delivery]:
    """Alerts as they land, until the queue has been quiet for a while."""
    deadline = time.monotonic() + LONGEST_DAY_SECONDS
    quiet_since: float | None = None
    while time.monotonic() < deadline:
        if engine.poll() is not None:
            _say(f"the engine has stopped; its last words are in {FOLDER}/engine.log")
            return
        batch = inbox.next_batch(50, 0.5)
        yield from batch
        inbox.ack(batch)
        if batch or sending.poll() is None:
            quiet_since = time.monotonic()
        elif quiet_since is not None and time.monotonic() - quiet_since > QUIET_SECONDS:
            return


def _show(delivery: Delivery) -> int:
    """One alert as its receiver sees it: out of the HL7 message alone."""
    message = parse(delivery.body)
    observations = [segment for segment in message.segments if segment.name == "OBX"]
    facets = {obx.text(4).rpartition(".")[2]: obx for obx in observations}
    pid = next(segment for segment in message.segments if segment.name == "PID")
    priority, phase = facets["6"].text(5), facets["3"].text(5)
    patient = f"{pid.text(5, 2)} {pid.text(5)}".strip() or "name unknown"
    colour, end = (_COLOURS.get(priority, ""), "\033[0m") if sys.stdout.isatty() else ("", "")
    rule = facets["8"].text(5)
    print(f"{colour}{_WORDS.get(priority, priority):<8} {phase:<10}{end} {patient} ({pid.text(3)})")
    print(f"         {facets['1'].text(5, 2) or facets['1'].text(5)}")
    print(f"         rule {rule}; {_source(message)}", flush=True)
    return 1


def _source(message: Message) -> str:
    notes = (segment.text(3) for segment in message.segments if segment.name == "NTE")
    return next((note for note in notes if note.startswith("Source: ")), "no source")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
