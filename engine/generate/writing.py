"""A feed as a folder: messages in the order of a real feed, roster, truth, and how to make it again."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from engine.errors import ConfigError, Defect
from engine.generate.recipe import Recipe
from engine.generate.truth import RosterRow, Sent, Truth
from engine.therapy.roster import COLUMNS

_MESSAGES_PER_FILE = 20_000


class Feed(Protocol):
    """What can be written: a roster, then messages with what was planted in them."""

    def roster(self) -> Iterable[RosterRow]:
        """Rows of the roster file."""

    def messages(self) -> Iterable[Sent]:
        """Messages in the order of their time."""

    def truths(self) -> Iterable[Truth]:
        """What was planted, once all messages have been read."""


@dataclass(slots=True)
class Written:
    """How much was written."""

    messages: int = 0
    files: int = 0
    roster_rows: int = 0
    truths: int = 0


def write_feed(feed: Feed, recipe: Recipe, folder: Path, version: str, *, compress: bool = False) -> Written:
    """Write ``messages/0001.hl7`` and so on (one message a line, segments end with CR), roster.csv,
    truth.jsonl and README.txt. The bytes follow from recipe and ``version`` alone.

    Raises ConfigError where ``folder`` is not empty or is a file.
    """
    _check_empty(folder)
    (folder / "messages").mkdir(parents=True)
    written = Written()
    with (folder / "roster.csv").open("w", encoding="utf-8", newline="\n") as roster:
        roster.write(",".join(COLUMNS) + "\n")
        for row in feed.roster():
            roster.write(row.line() + "\n")
            written.roster_rows += 1
    messages = iter(feed.messages())
    while (first := next(messages, None)) is not None:
        written.files += 1
        name = f"{written.files:04}.hl7"
        path = folder / "messages" / (f"{name}.gz" if compress else name)
        with _file(path, compress=compress) as file:
            for number, sent in enumerate(_stretch(first, messages), 1):
                file.write(b"%b%b%b\n" % (sent.opening, sent.body, sent.closing))
                written.messages += 1
                for truth in sent.truths:
                    truth.place = f"{path.name}#{number}"
    with (folder / "truth.jsonl").open("w", encoding="utf-8", newline="\n") as truths:
        for truth in feed.truths():
            truths.write(truth.line() + "\n")
            written.truths += 1
    (folder / "README.txt").write_text(_readme(recipe, written, version, compress=compress), "utf-8")
    return written


def _stretch(first: Sent, following: Iterator[Sent]) -> Iterator[Sent]:
    """What goes into one file: so many messages, and a batch to its end."""
    in_batch = bool(first.opening) and not first.closing
    yield first
    for number, sent in enumerate(following, 2):
        in_batch = (in_batch or bool(sent.opening)) and not sent.closing
        yield sent
        if number >= _MESSAGES_PER_FILE and not in_batch:
            return


def _check_empty(folder: Path) -> None:
    if folder.is_file():
        raise ConfigError([Defect(str(folder), 0, "is a file", "name a new folder")])
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError([Defect(str(folder), 0, "the folder is not empty", "name a new folder")])


@contextmanager
def _file(path: Path, *, compress: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as plain:
        if not compress:
            yield plain
            return
        # without name and time, so that the same messages make the same bytes
        with closing(gzip.GzipFile("", "wb", compresslevel=4, fileobj=plain, mtime=0)) as packed:
            yield cast("IO[bytes]", packed)


def _readme(recipe: Recipe, written: Written, version: str, *, compress: bool) -> str:
    return f"""\
An invented feed of azawatch {version}: {written.messages} messages. Nobody in it exists.

messages/     HL7 v2, one message a line, in the order in which they were sent
roster.csv    who takes what, where no order tells it ({written.roster_rows} rows)
truth.jsonl   what was planted, one JSON object a line ({written.truths} lines): its kind, the patient,
              when it began and until when it may be told of; which message shows it first (shown,
              control_id, place); which families of rules speak of it, at which severity at least

The same release makes the same bytes again with

  {recipe.command}{" --gzip" if compress else ""}
"""
