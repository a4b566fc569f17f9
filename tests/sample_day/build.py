"""Writes the sample hospital day: ``python -m tests.sample_day.build``.

The stories (``liver``, ``blood``, ``quality``, ``background`` ...) say what is sent and what must follow;
this module puts the messages into the order of sending, numbers them, and renders the files. The output
depends on nothing but the code: no clock, no chance, no environment.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from tests.sample_day import (
    alkaline_phosphatase,
    background,
    blood,
    extra,
    liver,
    liver_courses,
    medication,
    others,
    quality,
    symptoms,
)
from tests.sample_day.day import Day
from tests.sample_day.wire import Draft, Event, at

HERE = Path(__file__).parent

ROSTER_COLUMNS = (
    "patient_id",
    "assigning_authority",
    "event",
    "effective",
    "drug",
    "dose_mg_per_day",
    "indication",
    "note",
)
EXPECTED_COLUMNS = (
    "message",
    "patient",
    "rule",
    "family",
    "subject",
    "phase",
    "reason",
    "severity",
    "value",
    "unit",
    "labels",
    "why",
)
OUTCOME_COLUMNS = ("message", "disposition", "reason", "shows")

STORIES: tuple[Callable[[Day], None], ...] = (
    liver.tell,
    liver_courses.tell,
    alkaline_phosphatase.tell,
    blood.tell,
    quality.tell,
    background.tell,
    others.tell,
    symptoms.tell,
    medication.tell,
)

# What is older than the day is loaded at its beginning, a message every half minute.
MIDNIGHT = at("03-12 00:00")
LOAD_PACE = timedelta(seconds=30)


def whole_day() -> Day:
    """The day with all its stories."""
    day = Day()
    for tell in STORIES:
        tell(day)
    load_first(day.drafts)
    return day


def load_first(drafts: Iterable[Draft]) -> None:
    """Send the history of the weeks before on the day itself, in its order, before anything else.

    Only MSH-7 says so: results, orders and movements keep the times at which they came about. Messages are
    the clock of a replay; sent in their own weeks they would let half a year pass with hardly any blood
    taken.
    """
    history = sorted((draft for draft in drafts if draft.sent < MIDNIGHT), key=lambda draft: draft.sent)
    for number, draft in enumerate(history):
        draft.sent = MIDNIGHT + number * LOAD_PACE


def extra_messages() -> Day:
    """The messages that only tests send, after the day."""
    day = Day()
    extra.tell(day)
    return day


def numbered(drafts: Iterable[Draft], first: int = 1) -> list[tuple[str, Draft]]:
    """File names and messages in the order of sending; control ids count up for each sender."""
    counts: dict[str, int] = {}
    ordered = sorted(drafts, key=lambda draft: draft.sent)
    for draft in ordered:
        application = draft.sender.application
        counts[application] = counts.get(application, 0) + 1
        draft.control_id = f"{application}{first - 1 + counts[application]:06d}"
    for draft in ordered:
        if draft.same_control_id_as is not None:
            draft.control_id = draft.same_control_id_as.control_id
    return [(f"{number:03d}-{draft.slug}.hl7", draft) for number, draft in enumerate(ordered, start=first)]


def build() -> dict[str, bytes]:
    """Every file of the day by its path relative to this folder."""
    day = whole_day()
    messages = numbered(day.drafts)
    more = numbered(extra_messages().drafts, first=901)
    return {
        **{f"messages/{name}": draft.body() for name, draft in messages},
        **{f"extra/{name}": draft.body() for name, draft in more},
        "roster.csv": table(ROSTER_COLUMNS, day.roster),
        "expected.csv": table(
            EXPECTED_COLUMNS, [*told("roster.csv", day.roster_expect), *expected(messages)]
        ),
        "extra/expected.csv": table(EXPECTED_COLUMNS, expected(more)),
        "outcomes.csv": table(OUTCOME_COLUMNS, outcomes(messages)),
        "extra/outcomes.csv": table(OUTCOME_COLUMNS, outcomes(more)),
    }


def expected(messages: Sequence[tuple[str, Draft]]) -> list[tuple[str, ...]]:
    """The alert events that must follow, in the order of sending."""
    return [row for name, draft in messages for row in told(name, draft.expect)]


def told(cause: str, events: Iterable[Event]) -> list[tuple[str, ...]]:
    """The rows of what one message, or the roster, must lead to."""
    return [
        (
            cause,
            event.patient,
            event.rule,
            event.family,
            event.subject,
            event.phase,
            event.reason,
            event.severity,
            event.value,
            event.unit,
            " ".join(event.labels),
            event.why,
        )
        for event in events
    ]


def outcomes(messages: Sequence[tuple[str, Draft]]) -> list[tuple[str, ...]]:
    """How each message must end, and what it is there for."""
    return [(name, *draft.outcome, draft.shows) for name, draft in messages]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file in UTF-8 with LF line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def write(folder: Path = HERE) -> int:
    """Write the files, remove those that are no longer part of the day, and return how many there are."""
    files = build()
    for kind in ("messages", "extra"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for path in (folder / kind).glob("*.hl7"):
            if f"{kind}/{path.name}" not in files:
                path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return len(files)


if __name__ == "__main__":
    print(f"{write()} files written to {HERE}")
