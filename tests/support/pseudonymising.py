"""Messages and rosters with pseudonyms, as the commands make them, without files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from engine import app
from engine.decide import Knowledge
from engine.errors import ContentError
from engine.hl7 import Message, parse
from engine.pseudonyms import Links, Options, Pseudonymiser, Pseudonyms, rewritten_roster
from engine.settings import load
from engine.therapy.roster import RosterRow

KEY = bytes(range(7, 71))
OTHER_KEY = bytes(range(100, 164))


@cache
def knowledge() -> Knowledge:
    """That of the checkout."""
    return app.knowledge_of(load(Path(os.devnull)))


def read(body: bytes) -> Message:
    """A message in the character set of its sender."""
    return parse(body, lambda *sender: knowledge().terminology.site(*sender).charset)


@dataclass(slots=True)
class Rewritten:
    """An archive with pseudonyms: for each message what is sent of it, or why nothing is."""

    pseudonyms: Pseudonyms
    options: Options
    links: Links
    pseudonymiser: Pseudonymiser
    bodies: list[tuple[bytes, ...]] = field(default_factory=list)
    withheld: list[ContentError | None] = field(default_factory=list)

    @property
    def output(self) -> bytes:
        """All that leaves."""
        return b"".join(body for bodies in self.bodies for body in bodies)

    def roster(self, rows: Iterable[RosterRow]) -> tuple[RosterRow, ...]:
        """The roster with the same pseudonyms."""
        return rewritten_roster(rows, self.options, self.links, knowledge().terminology.sites["default"])


def rewritten(messages: Sequence[bytes], key: bytes = KEY, *, one_shift: bool = False) -> Rewritten:
    """Both passes over an archive."""
    pseudonyms = Pseudonyms(key)
    sites = knowledge().terminology.sites.values()
    options = Options(
        pseudonyms=pseudonyms,
        terminology=knowledge().terminology,
        authorities=frozenset(site.default_authority for site in sites),
        indications=lambda text: text.casefold() in {"autoimmune hepatitis", "ibd"},
        own_application="AZAWATCH",
        one_shift=one_shift,
    )
    links = Links(pseudonyms)
    read_messages = [_read(body) for body in messages]
    for message in read_messages:
        if isinstance(message, Message):
            sender = message.sending_application, message.sending_facility
            links.take(message, knowledge().terminology.site(*sender))
    result = Rewritten(pseudonyms, options, links, Pseudonymiser(options, links))
    for message in read_messages:
        try:
            if isinstance(message, ContentError):
                raise message
            result.bodies.append(result.pseudonymiser.rewrite(message))
            result.withheld.append(None)
        except ContentError as error:
            result.bodies.append(())
            result.withheld.append(error)
    return result


def _read(body: bytes) -> Message | ContentError:
    try:
        return read(body)
    except ContentError as error:
        return error
