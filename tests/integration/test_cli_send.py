"""``azawatch send`` into a real queue: pace, new times, pseudonyms, and what is said when it cannot go on."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine import app
from engine.hl7 import parse
from tests.integration.installation import (
    INBOUND,
    MESSAGES,
    PATIENCE_SECONDS,
    Installation,
    day_file,
    wait_until,
)

pytestmark = pytest.mark.broker

CRITICAL = day_file("stevlis-boris-alt-500")
KEY = "cd" * 32


def bodies(site: Installation) -> list[bytes]:
    return [received.body for received in site.take(INBOUND)]


def key_of(site: Installation) -> Path:
    file = site.folder / "key"
    file.write_text(KEY, encoding="utf-8")
    file.chmod(0o600)
    return file


def batch(folder: Path, minutes: list[int]) -> Path:
    """Copies of one message, sent so many minutes after the first."""
    template = CRITICAL.read_bytes()
    sent = template.split(b"|")[6]
    began = datetime.strptime(sent.decode(), "%Y%m%d%H%M%S%z")
    copies = [
        template.replace(sent, (began + timedelta(minutes=n)).strftime("%Y%m%d%H%M%S%z").encode(), 1)
        for n in minutes
    ]
    file = folder / "batch.hl7"
    file.write_bytes(b"".join(copy.rstrip() + b"\r" for copy in copies))
    return file


@pytest.mark.parametrize("pace", [(), ("--rate", "500"), ("--speed", "6000")])
def test_messages_arrive_unchanged_in_their_order_at_any_pace(
    pace: tuple[str, ...], site: Installation
) -> None:
    """All of them, confirmed."""
    file = batch(site.folder, [0, 1, 3, 3])
    done = site.run("send", file, *pace)

    assert f"4 messages confirmed by the broker in {INBOUND}, 0 not" in done.stderr
    assert [parse(body).header.text(7)[8:12] for body in bodies(site)] == [
        parse(part).header.text(7)[8:12]
        for part in file.read_bytes().replace(b"\rMSH", b"\x00MSH").split(b"\x00")
    ]


@pytest.mark.parametrize(("anchor", "now"), [("first", 0), ("last", -1)])
def test_restamped_messages_are_of_now(anchor: str, now: int, site: Installation) -> None:
    """The message that was chosen was sent now, the others stay as far from it as they were."""
    began = app.now()
    site.run("send", batch(site.folder, [0, 90, 600]), "--restamp", anchor)
    ended = app.now()
    sent = [datetime.strptime(parse(body).header.text(7), "%Y%m%d%H%M%S%z") for body in bodies(site)]

    assert began - timedelta(seconds=1) <= sent[now] <= ended
    assert [(at - sent[0]) for at in sent] == [timedelta(minutes=n) for n in (0, 90, 600)]


def test_what_cannot_be_restamped_is_sent_as_it_is(site: Installation) -> None:
    """A broken message belongs to the test of a site; it is told."""
    (site.folder / "broken.hl7").write_bytes(b"OBX|1|no header\r")
    done = site.run("send", CRITICAL, site.folder / "broken.hl7", "--restamp", "last")

    assert "broken.hl7#1: cannot be read, sent with its own times" in done.stderr
    assert bodies(site)[1] == b"OBX|1|no header\r"


def test_pseudonyms_go_into_the_queue_and_names_do_not(site: Installation) -> None:
    """The same as the command that writes files; what is withheld is told, and exit 1."""
    key = key_of(site)
    done = site.run("send", MESSAGES, "--pseudonymise", key, "--one-shift", exits=1)
    sent = bodies(site)
    site.run("pseudonymise", MESSAGES, "--key", key, "--one-shift", "--out", "files", exits=1)

    assert f"{len(sent)} messages confirmed" in done.stderr
    assert "no-patient-identifier" in done.stderr
    assert b"".join(sent) == (site.folder / "files/messages.hl7").read_bytes()
    assert b"TESTFALL" not in b"".join(sent)


def test_pseudonyms_may_be_of_now(site: Installation) -> None:
    """Restamped after the dates have moved into the past: nothing lies ahead of the clock."""
    site.run("send", batch(site.folder, [0, 5]), "--pseudonymise", key_of(site), "--restamp", "last")
    times = [datetime.strptime(parse(body).header.text(7), "%Y%m%d%H%M%S%z") for body in bodies(site)]

    assert times[1] - times[0] == timedelta(minutes=5)
    assert times[1] < app.now()


def test_a_queue_that_is_not_there_stops_it(site: Installation) -> None:
    """Not a thousand lines for a thousand messages."""
    done = site.run("send", MESSAGES, "--queue", "nowhere", "--rate", "1000", exits=1)

    assert f"{min(MESSAGES.iterdir())}#1: returned" in done.stderr
    assert "0 messages confirmed by the broker in nowhere, 1 not" in done.stderr
    assert "what comes after these was not sent" in done.stderr


def test_a_broker_that_is_away_is_told(site: Installation) -> None:
    """Before anything is sent, and in words."""
    done = site.run("send", CRITICAL, exits=2, url="amqp://guest:guest@127.0.0.1:1/")

    assert "Cannot go on now" in done.stderr


def test_ctrl_c_says_how_far_it_came(site: Installation) -> None:
    """What was confirmed is in the queue, and is counted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "send", MESSAGES, "--rate", "20"],
        env=site.environment(site.admin_url),
        cwd=site.folder,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: site.depth(INBOUND) >= 2, "two messages have come")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 130
    assert "stopped by Ctrl-C" in said
    assert "Traceback" not in said
    count = len(bodies(site))
    assert f"{count} messages confirmed by the broker" in said or f"{count - 1} messages confirmed" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "1", "--speed", "1"), "cannot go together"),
        (("--one-shift",), "goes with --pseudonymise"),
    ],
)
def test_options_that_contradict_are_refused(options: tuple[str, ...], said: str, site: Installation) -> None:
    """Before the broker is asked."""
    assert said in site.run("send", CRITICAL, *options, exits=2).stderr
