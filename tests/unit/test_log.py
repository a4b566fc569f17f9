"""Log lines: what they tell, and that patient data cannot get into them."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from engine import log
from engine.errors import ConfigError, ContentError, Defect
from engine.model.disposition import Disposition, Outcome, Reason
from engine.settings import load

SECRET = "MRN0041733"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is state of the process: put it back."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks


@pytest.fixture
def stream() -> io.StringIO:
    """What the process would have written to stderr, as JSON."""
    stream = io.StringIO()
    log.configure(stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_known_keys_pass_and_others_are_counted(stream: io.StringIO) -> None:
    """A key that nobody has thought about cannot carry a patient's data out."""
    log.logger().info("message taken", queue="azawatch.inbound", mrn=SECRET, name="Iris", count=3)

    (line,) = lines(stream)

    assert list(line) == ["timestamp", "level", "event", "queue", "count", "redacted_keys"]
    assert (line["event"], line["level"]) == ("message taken", "info")
    assert (line["queue"], line["count"], line["redacted_keys"]) == ("azawatch.inbound", 3, 2)


@pytest.mark.parametrize(
    "event", [f"patient {SECRET}", "ALT high", "alt 300", "a" * 81, "", None, 5, "one\ntwo"]
)
def test_event_must_be_a_fixed_phrase(stream: io.StringIO, event: object) -> None:
    """A value formatted into the event by mistake does not reach the line."""
    log.logger().info(event)  # type: ignore[arg-type]

    (line,) = lines(stream)

    assert (line["event"], line["redacted_keys"]) == ("redacted", 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", SECRET),
        ("count", True),
        ("redelivered", 1),
        ("detail", object()),
        ("detail", {"mrn": SECRET}),
        ("detail", ValueError(SECRET)),
        ("detail", SECRET.encode()),
        ("rules", ("a01", object())),
        ("detail", None),
    ],
)
def test_value_of_another_kind_is_dropped(stream: io.StringIO, key: str, value: object) -> None:
    """No object is asked for its text: message and segment objects would give all they hold."""
    log.logger().info("told", **{key: value})

    (line,) = lines(stream)

    assert key not in line
    assert line["redacted_keys"] == 1
    assert SECRET not in stream.getvalue()


def test_text_is_cut_and_stays_on_its_line(stream: io.StringIO) -> None:
    """A sender cannot forge log lines or fill the disk through MSH-10."""
    log.logger().info("told", message_control_id='A\r\n{"event": "forged"}\x1b[2J\u2028' + "x" * 1000)

    (line,) = lines(stream)

    assert str(line["message_control_id"]).startswith('A  {"event": "forged"} [2J xxx')
    assert len(str(line["message_control_id"])) == 300


def test_lists_times_and_enumerations_are_written_plainly(stream: io.StringIO) -> None:
    """The values that the engine logs itself need no conversion at the call."""
    log.logger().info(
        "told", rules=("a01", "b02"), reason=Reason.CHARSET, state=datetime(2026, 3, 1, tzinfo=UTC)
    )

    (line,) = lines(stream)

    assert (line["rules"], line["reason"]) == (["a01", "b02"], "charset")
    assert line["state"] == "2026-03-01T00:00:00+00:00"


def test_foreign_exception_is_told_as_type_and_place(stream: io.StringIO) -> None:
    """The text of a library's exception often quotes its input: int('...') does."""
    try:
        load(overrides={"flow": {"prefetch": SECRET}})
    except ConfigError as error:
        place = error
    try:
        int(SECRET)
    except ValueError:
        log.logger().error("failed", exc_info=True)
    log.logger().error("failed", exc_info=place)
    log.logger().error("failed", exc_info=(ValueError, ValueError(SECRET), None))

    foreign, ours, triple = lines(stream)

    assert (foreign["error"], foreign["error_at"]) == ("ValueError", "outside the engine")
    assert "error_detail" not in foreign
    assert str(ours["error_at"]).startswith("engine/settings/loading.py:")
    assert triple["error"] == "ValueError"
    assert SECRET not in stream.getvalue()


def test_error_of_the_engine_is_quoted_with_the_type_of_its_cause(stream: io.StringIO) -> None:
    """Our own errors are written to be read by an operator."""
    try:
        try:
            int(SECRET)
        except ValueError as cause:
            raise ContentError(Reason.UNREADABLE, "OBX[3]", "no value type") from cause
    except ContentError as error:
        log.logger().warning("message quarantined", exc_info=error)
    log.logger().error("refused", exc_info=ConfigError([Defect("a", 1, "x"), Defect("b", 2, "y")]))

    content, config = lines(stream)

    assert (content["error"], content["error_cause"]) == ("ContentError", "ValueError")
    assert content["error_detail"] == "unreadable at OBX[3]: no value type"
    assert config["error_detail"] == "a:1: x b:2: y"
    assert SECRET not in stream.getvalue()


def test_no_exception_leaves_no_trace(stream: io.StringIO) -> None:
    """exc_info without an exception does not invent one."""
    log.logger().info("told", exc_info=True)

    assert "error" not in lines(stream)[0]


def test_library_records_come_without_their_values(stream: io.StringIO) -> None:
    """Other libraries stay visible, but not what they had to do with."""
    library = logging.getLogger("library.connection")
    library.info("not worth a line")
    library.warning("Frame from %s refused", SECRET)
    library.critical(f"Frame from {SECRET} refused")
    try:
        int(SECRET)
    except ValueError:
        library.exception("failed: %s", SECRET)

    with_values, formatted, raised = lines(stream)

    assert (with_values["level"], with_values["library"]) == ("warning", "library.connection")
    assert with_values["template"] == "Frame from %s refused"
    assert (formatted["level"], "template" in formatted) == ("error", False)
    assert (raised["error"], raised["template"]) == ("ValueError", "failed: %s")
    assert SECRET not in stream.getvalue()


def test_message_line_is_one_canonical_line() -> None:
    """One message is one line with one set of names, whatever became of it."""
    accepted = Outcome(Disposition.ACCEPTED, Reason.RESULTS)
    refused = Outcome(Disposition.QUARANTINED, Reason.CHARSET, "MSH[1]-18", "not in table 0211")

    with capture_logs() as captured:
        log.message_line(
            accepted,
            message_control_id="C1",
            sender="LAB^STEVENS",
            message_type="ORU^R01",
            revision="9f2c",
            duration_ms=0.41234,
            patient_refs=("0a1b",),
            observations=20,
            results=5,
            alerts=1,
        )
        log.message_line(
            refused,
            message_control_id="C2",
            sender="LAB",
            message_type="ORU^R01",
            revision="9f2c",
            duration_ms=1,
        )

    assert captured == [
        {
            "event": "message",
            "log_level": "info",
            "message_control_id": "C1",
            "sender": "LAB^STEVENS",
            "message_type": "ORU^R01",
            "disposition": "accepted",
            "reason": "results",
            "revision": "9f2c",
            "patient_refs": ("0a1b",),
            "observations": 20,
            "results": 5,
            "alerts": 1,
            "duration_ms": 0.412,
        },
        {
            "event": "message",
            "log_level": "warning",
            "message_control_id": "C2",
            "sender": "LAB",
            "message_type": "ORU^R01",
            "disposition": "quarantined",
            "reason": "charset",
            "location": "MSH[1]-18",
            "detail": "not in table 0211",
            "revision": "9f2c",
            "observations": 0,
            "results": 0,
            "alerts": 0,
            "duration_ms": 1,
        },
    ]


def test_message_line_passes_the_allow_list_whole(stream: io.StringIO) -> None:
    """Every key of the canonical line is a known one."""
    log.message_line(
        Outcome(Disposition.QUARANTINED, Reason.CHARSET, "MSH[1]-18", "not in table 0211"),
        message_control_id="C2",
        sender="LAB",
        message_type="ORU^R01",
        revision="9f2c",
        duration_ms=1.5,
        queue="azawatch.inbound",
        redelivered=True,
        patient_refs=("0a1b",),
    )

    (line,) = lines(stream)

    assert "redacted_keys" not in line
    assert len(line) == 3 + 15


def test_patient_reference_is_stable_and_keyed() -> None:
    """Lines of one person join, and another site's key gives another reference."""
    reference = log.patient_ref("STEVENS/H0041733", b"k" * 32)

    assert reference == log.patient_ref("STEVENS/H0041733", b"k" * 32)
    assert (
        len({reference, log.patient_ref("STEVENS/H0041733", b"l" * 32), log.patient_ref("X", b"k" * 32)}) == 3
    )
    assert len(reference) == 16


def test_level_and_layout_are_as_configured() -> None:
    """At a terminal the lines are for people, and debugging lines only come when asked for."""
    stream = io.StringIO()
    log.configure("warning", "console", stream)

    log.logger().info("quiet")
    log.logger().warning("loud", queue="q")

    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()
    assert "queue=q" in stream.getvalue()


FULL = """
from engine import log

log.configure()
log.logger().error("told")
print("alert sent")
"""


def test_full_disk_behind_the_log_stops_nothing() -> None:
    """Losing a log line is bad; not sending an alert because of it would be worse."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-c", FULL], stdout=subprocess.PIPE, stderr=full, check=False)

    assert done.stdout == b"alert sent\n"


CRASHING = """
import threading
import warnings
from engine import log

log.configure()
warnings.warn("MRN0041733")
worker = threading.Thread(target=int, args=("MRN0041733",))
worker.start()
worker.join()
log.logger().info("still here")
int("MRN0041733")
"""


def test_crash_is_told_on_stderr_without_its_values() -> None:
    """What nobody caught, in a thread or not, is one line on the real stderr, and the exit code is 1."""
    done = subprocess.run([sys.executable, "-c", CRASHING], capture_output=True, text=True, check=False)

    told = [json.loads(line) for line in done.stderr.splitlines()]

    assert [(line["event"], line.get("error")) for line in told] == [
        ("library message", None),
        ("unhandled error in a thread", "ValueError"),
        ("still here", None),
        ("unhandled error", "ValueError"),
    ]
    assert SECRET not in done.stderr + done.stdout
    assert done.returncode == 1


INTERRUPTED = """
import os
import signal
import time
from engine import log

log.configure()
os.kill(os.getpid(), signal.SIGINT)
time.sleep(5)
"""


def test_interrupt_from_the_keyboard_is_no_crash() -> None:
    """Ctrl-C is not told as an error of the engine."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)

    assert "unhandled error" not in done.stderr
    assert done.returncode != 0
