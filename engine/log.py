"""Log lines that may leave the hospital: one JSON object a line on stderr, known keys only.

No line holds a patient identifier, a name or a result value. That does not rest on care at each call:
a processor passes what is listed here and drops and counts everything else, exceptions are told as type
and place, and the records of other libraries without the values that they would have filled in.
"""

from __future__ import annotations

import hmac
import logging
import re
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from io import TextIOBase
from pathlib import Path
from types import TracebackType
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from engine.errors import EngineError
from engine.model.disposition import Disposition, Outcome

TEXTS = frozenset(
    {
        # the message: header only
        "message_control_id",
        "message_type",
        "sender",
        "patient_refs",
        # what became of it
        "detail",
        "disposition",
        "location",
        "reason",
        # what was decided
        "alert_id",
        "event_id",
        "phase",
        "protocol",
        "revision",
        "rules",
        "severity",
        # what was odd about a message that was taken in all the same: fixed phrases
        "warnings",
        # codes and units that the mappings do not know: a laboratory's vocabulary, not a patient's data
        "code",
        "system",
        "unit",
        # the world around
        "exchange",
        "file",
        "format",
        "head",
        "outcome",
        "queue",
        "routing_key",
        "state",
        "store",
        "version",
        # errors, ours and other people's
        "error",
        "error_at",
        "error_cause",
        "error_detail",
        "library",
        "template",
    }
)
"""Keys whose value is text (or several); what they may hold is in their names."""

NUMBERS = frozenset(
    {
        "alerts",
        "attempt",
        "bytes",
        "count",
        "delivery_count",
        "duplicates",
        "duration_ms",
        "ignored",
        "messages",
        "observations",
        "pending",
        "quarantined",
        "results",
        "retry_in_s",
        "sequence",
    }
)
"""Keys whose value is a count or a duration."""

FLAGS = frozenset({"redelivered"})

_OURS = ("timestamp", "level")
_LONGEST_TEXT = 300
_PHRASE = re.compile(r"[a-z][a-z ,'-]{0,79}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PACKAGE = Path(__file__).resolve().parent

Level = Literal["debug", "info", "warning", "error"]


def configure(
    level: Level = "info", layout: Literal["json", "console"] = "json", stream: TextIO | None = None
) -> None:
    """Send all that this process logs through the allow-list, libraries and uncaught errors included.

    ``stream`` is stderr where none is given. May be called again; the last call counts.
    """
    target = stream if stream is not None else sys.stderr
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if layout == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            describe_exception,
            allow_listed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Steady(target))),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_LibraryRecords()], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _crash
    threading.excepthook = _thread_crash


def logger() -> FilteringBoundLogger:
    """The logger of the engine. An event is a fixed phrase in lower case; what varies goes into keys."""
    return cast("FilteringBoundLogger", structlog.get_logger())


def patient_ref(person_id: str, site_key: bytes) -> str:
    """A reference that joins the log lines of one person and that nobody without the site key can undo.

    16 hexadecimal digits of HMAC-SHA-256: a plain hash could be undone by hashing every record number.
    """
    return hmac.new(site_key, person_id.encode(), "sha256").hexdigest()[:16]


def message_line(
    outcome: Outcome,
    *,
    message_control_id: str,
    sender: str,
    message_type: str,
    revision: str,
    duration_ms: float,
    queue: str = "",
    redelivered: bool = False,
    patient_refs: Sequence[str] = (),
    observations: int = 0,
    results: int = 0,
    alerts: int = 0,
    warnings: Sequence[str] = (),
) -> None:
    """The one line of one message; quarantine is a warning, anything else is information.

    ``alerts`` counts the events that it put into the outbox; ``patient_refs`` are from :func:`patient_ref`.
    """
    write = logger().warning if outcome.disposition is Disposition.QUARANTINED else logger().info
    told = {
        "message_control_id": message_control_id,
        "sender": sender,
        "message_type": message_type,
        "disposition": outcome.disposition,
        "reason": outcome.reason,
        "location": outcome.location,
        "detail": outcome.detail,
        "queue": queue,
        "revision": revision,
        "patient_refs": tuple(patient_refs),
        "redelivered": redelivered,
        "observations": observations,
        "results": results,
        "alerts": alerts,
        "warnings": tuple(warnings),
        "duration_ms": round(duration_ms, 3),
    }
    write(
        "message",
        **{key: value for key, value in told.items() if value is not False and value not in ("", ())},
    )


def allow_listed(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Pass known keys with values of their kind; drop the rest and tell how many in ``redacted_keys``.

    An ``event`` that is no fixed phrase (it has digits, capitals, punctuation) becomes ``redacted``.
    """
    event = line.pop("event", None)
    fixed = isinstance(event, str) and _PHRASE.fullmatch(event) is not None
    passed: EventDict = {key: line.pop(key) for key in _OURS if key in line}
    passed["event"] = event if fixed else "redacted"
    dropped = 0 if fixed else 1
    for key, value in line.items():
        clean = _clean(key, value)
        if clean is None:
            dropped += 1
        else:
            passed[key] = clean
    if dropped:
        passed["redacted_keys"] = dropped
    return passed


def describe_exception(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Turn ``exc_info`` into the type, our innermost place and the type of the cause.

    Only errors of the engine are quoted: the text of any other exception may hold what it choked on.
    """
    given = line.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if isinstance(given, tuple):
        error = given[1]
    if error is not None:
        line["error"] = type(error).__name__
        line["error_at"] = _place(error.__traceback__)
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            line["error_cause"] = type(cause).__name__
        if isinstance(error, EngineError):
            line["error_detail"] = str(error)
    return line


class _Steady(TextIOBase):
    """A stream that cannot fail: a full disk behind stderr must not keep an alert from going out."""

    def __init__(self, target: TextIO) -> None:
        super().__init__()
        self._target = target

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._target.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._target.flush()


class _LibraryRecords(logging.Handler):
    """Records of libraries: who, where, and the text before values were put into it.

    A text that came without values may have had them put in beforehand, so it is not told.
    """

    def emit(self, record: logging.LogRecord) -> None:
        level = min(record.levelno, logging.ERROR)
        keys: dict[str, object] = {
            "library": record.name,
            "location": f"{record.module}.py:{record.lineno}",
        }
        if record.args and isinstance(record.msg, str):
            keys["template"] = record.msg
        if record.exc_info:
            keys["exc_info"] = record.exc_info
        logger().log(level, "library message", **keys)


def _clean(key: str, value: object) -> object:
    """The value as it may be written, None where it may not."""
    if key in NUMBERS:
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if key in FLAGS:
        return value if isinstance(value, bool) else None
    if key not in TEXTS:
        return None
    if isinstance(value, tuple | list | frozenset | set):
        parts = [_text(part) for part in value]
        return None if None in parts else parts
    return _text(value)


def _text(value: object) -> str | None:
    """Text on one line; no other object's text, because nobody knows what is in it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        return None
    plain = str(value.value) if isinstance(value, StrEnum) else value
    return _CONTROL.sub(" ", plain[:_LONGEST_TEXT])


def _place(traceback: TracebackType | None) -> str:
    """The innermost line of the engine's own code that the exception went through."""
    place = "outside the engine"
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        if file.is_relative_to(_PACKAGE):
            place = f"engine/{file.relative_to(_PACKAGE).as_posix()}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """What nobody caught: the traceback would show the values of foreign exceptions."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logger().error("unhandled error", exc_info=error)


def _thread_crash(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        logger().error("unhandled error in a thread", exc_info=told.exc_value)
