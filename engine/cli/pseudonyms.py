"""``azawatch pseudonymise``, and what ``send --pseudonymise`` shares with it."""

from __future__ import annotations

import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.offline import PathsArgument, progress_bar, remark, tell_defects
from engine.cli.shared import (
    QUARANTINED,
    ConfigOption,
    MappingsOption,
    RulesOption,
    fail,
    load_settings,
    read_text,
    say,
)
from engine.errors import ContentError, Defect
from engine.model.disposition import Reason

if TYPE_CHECKING:
    from engine.decide import Knowledge
    from engine.hl7 import Message
    from engine.settings import Settings
    from engine.transports.archive import ArchiveMessage

_MESSAGES = "messages.hl7"
_ROSTER = "roster.csv"

OneShiftOption = Annotated[
    bool,
    typer.Option(
        "--one-shift",
        help="Move the dates of all patients by the same weeks: keeps what happened at one time at one time.",
    ),
]


def pseudonymise(
    paths: PathsArgument,
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="At least 32 random bytes; only its owner may read it.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="New or empty; gets messages.hl7, roster.csv.")],
    roster: Annotated[Path | None, typer.Option(help="The roster of these patients.")] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make the key file; it must not exist.")] = False,
    one_shift: OneShiftOption = False,
    rules: RulesOption = None,
    mappings: MappingsOption = None,
    config: ConfigOption = None,
) -> None:
    """Write an archive, and its roster, with pseudonyms: for use outside the hospital's production zone.

    Reads the archive twice. The same key gives the same pseudonyms. What cannot be told to be safe is left
    out and counted. Exit 1: some messages were not written, because their patient cannot be told or they
    cannot be read.
    """
    settings = load_settings(config, rules=rules, mappings=mappings)
    text = None if roster is None else read_text(roster)
    if new_key:
        make_key(key)
    rewriting = Rewriting(paths, key, settings, one_shift=one_shift)
    rows = None if text is None else rewriting.roster(text, str(roster))
    _prepare(out)
    defects: list[Defect] = []
    read = wrote = 0
    progress = progress_bar()
    with (out / _MESSAGES).open("wb") as file, progress:
        task = progress.add_task("write", total=rewriting.messages)
        for message in _archive(paths, defects):
            bodies = rewriting.rewrite(message.source, message.body)
            file.writelines(bodies)
            read += 1
            wrote += len(bodies)
            progress.advance(task)
    if rows is not None:
        (out / _ROSTER).write_text(rows, "utf-8")
    say(f"{read - rewriting.withheld.total()} of {read} messages written to {out / _MESSAGES} as {wrote}")
    rewriting.tell("written")
    tell_defects(defects)
    if rewriting.withheld or defects:
        raise typer.Exit(QUARANTINED)


class Rewriting:
    """The messages of one archive with pseudonyms; reads it once, to learn what belongs together.

    ``messages`` is how many there are, ``withheld`` counts those that may not leave, by reason. Raises
    ConfigError for a key that cannot be used, an archive that can be read only once, or defects of the
    mappings.
    """

    def __init__(self, paths: Sequence[str], key: Path, settings: Settings, *, one_shift: bool) -> None:
        from engine import app
        from engine.pseudonyms import Links, Options, Pseudonymiser, Pseudonyms
        from engine.rulebook.protocols import indication_key

        refuse_stdin(paths, "--pseudonymise")
        pseudonyms = Pseudonyms(_read_key(key))
        self._knowledge = knowledge = app.knowledge_of(settings)
        sites = knowledge.terminology.sites.values()
        chosen_by = {
            indication_key(text)
            for protocol in knowledge.rulebook.protocols.values()
            for text in protocol.indications
        }
        self._options = Options(
            pseudonyms=pseudonyms,
            terminology=knowledge.terminology,
            authorities=frozenset(
                name
                for site in sites
                for name in (site.default_authority, *(known for _, known in site.authorities))
            ),
            indications=lambda text: indication_key(text) in chosen_by,
            own_application=app.render_options(settings).sending_application,
            one_shift=one_shift,
        )
        self._links = Links(pseudonyms)
        self._most = settings.flow.max_message_bytes
        self._pseudonymiser = Pseudonymiser(self._options, self._links)
        self.withheld: Counter[str] = Counter()
        self.messages = 0
        self._learn(paths)

    def _learn(self, paths: Sequence[str]) -> None:
        progress = progress_bar()
        with progress:
            task = progress.add_task("read", total=None)
            for archived in _archive(paths, []):
                self.messages += 1
                progress.advance(task)
                try:
                    message = self._parse(archived.body)
                except ContentError:
                    continue
                sender = message.sending_application, message.sending_facility
                self._links.take(message, self._knowledge.terminology.site(*sender))

    def _parse(self, body: bytes) -> Message:
        return parsed(body, self._knowledge, self._most)

    def rewrite(self, source: str, body: bytes) -> tuple[bytes, ...]:
        """One message with pseudonyms, or several; nothing, told and counted, if it may not leave."""
        try:
            return self._pseudonymiser.rewrite(self._parse(body))
        except ContentError as error:
            reason, place = str(error.reason), f" at {error.location}" if error.location else ""
        except Exception as error:  # noqa: BLE001  what nobody foresaw must not leave either
            reason, place = Reason.INTERNAL_ERROR.value, f": {type(error).__name__}"
        self.withheld[reason] += 1
        say(f"withheld: {source}: {reason}{place}")
        return ()

    def roster(self, text: str, file: str) -> str:
        """The text of a roster with pseudonyms. Raises ConfigError with every defect of the file."""
        from engine import app
        from engine.pseudonyms import rewritten_roster
        from engine.therapy.roster import write_roster

        rows = app.roster_rows(text, file, self._knowledge)
        site = self._knowledge.terminology.sites["default"]
        return write_roster(rewritten_roster(rows, self._options, self._links, site), site.time_zone)

    def tell(self, done: str) -> None:
        """Why messages were withheld, and what was left out of the others."""
        for reason, count in sorted(self.withheld.items()):
            say(f"  {count:>7}  not {done}: {reason}")
        for name, count in sorted(self._pseudonymiser.dropped.items()):
            say(f"  {count:>7}  segments left out: {name}")


def parsed(body: bytes, knowledge: Knowledge, most: int) -> Message:
    """A message as the engine reads it: in the character set that the mappings name for its sender."""
    from engine.hl7 import parse

    return parse(body, lambda *sender: knowledge.terminology.site(*sender).charset, max_bytes=most)


def refuse_stdin(paths: Sequence[str], option: str) -> None:
    """What has to be read twice cannot come from a pipe."""
    if "-" in paths:
        raise fail(f"{option} has to read the archive twice", "save it as a file instead of piping it in")


def make_key(file: Path) -> None:
    """A new key, which only its owner can read."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(f"{secrets.token_hex(32)}\n")
    except FileExistsError:
        raise fail(f"{file}: is there already", "leave out --new-key to use it") from None
    except OSError as error:
        raise fail(f"{file}: cannot be written: {error.strerror}") from None
    say(f"{file}: new key. Who has it can trace every pseudonym: keep it in the hospital.")


def _read_key(file: Path) -> bytes:
    from engine.pseudonyms import KEY_BYTES

    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(1_000_000)
    except OSError as error:
        raise fail(f"{file}: the key cannot be read: {error.strerror}", "--new-key makes one") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise fail(f"{file}: others than its owner can use the key", f"chmod 600 {file}, or make a new one")
    if len(content.strip()) < KEY_BYTES:
        raise fail(
            f"{file}: a key of {len(content.strip())} bytes is too short", "openssl rand -hex 32 makes one"
        )
    return content


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise fail(f"{folder}: cannot be written: {error.strerror}") from None
    if used:
        raise fail(f"{folder}: is not empty", "name a new folder: what lies there may not be pseudonymised")


def _archive(paths: Sequence[str], defects: list[Defect]) -> Iterator[ArchiveMessage]:
    from engine.transports.archive import read_archive

    return read_archive(paths, defects.append, on_remark=remark)
