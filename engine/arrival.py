"""The first look at a message: whether it can be read, which it is, when it was sent, of whom it speaks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.errors import ContentError
from engine.hl7 import Message, parse
from engine.identity import identifiers, retired_identifiers
from engine.model.disposition import Reason
from engine.model.person import Identifier
from engine.model.purpose import Purpose, purpose_of
from engine.results import order_number
from engine.store import InboxKey, order_of
from engine.taken import Arrived, time_of
from engine.terminology import Terminology


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads messages with what is known of their senders; ``max_bytes`` is the size of the largest."""

    terminology: Terminology
    max_bytes: int

    def read(self, arrived: Arrived) -> tuple[InboxKey, Message | ContentError]:
        """What makes it the same message when it comes again, and the message or why it cannot be read."""
        if arrived.read is not None:
            return arrived.read
        digest = hashlib.sha256(arrived.body).hexdigest()
        try:
            message = parse(
                arrived.body,
                lambda application, facility: self.terminology.site(application, facility).charset,
                max_bytes=self.max_bytes,
            )
        except ContentError as error:
            return InboxKey("", "", digest), error
        except Exception as error:  # noqa: BLE001  what no reader foresaw is held like anything unreadable
            defect = ContentError(Reason.INTERNAL_ERROR, "", f"{type(error).__name__} while reading")
            return InboxKey("", "", digest), defect
        sender = f"{message.sending_application}|{message.sending_facility}"
        return InboxKey(sender, message.control_id, digest), message

    def time_of(self, message: Message | ContentError) -> datetime | None:
        """When it was sent (MSH-7); None where it does not tell."""
        return time_of(message, self.terminology)

    def identifiers(self, message: Message | ContentError) -> Iterator[Identifier]:
        """Everybody of whom a message may speak, by PID-3 and MRG-1."""
        if isinstance(message, ContentError):
            return
        site = self.terminology.site(message.sending_application, message.sending_facility)
        for segment in message.segments:
            if segment.name == "PID":
                yield from identifiers(segment, site)
            elif segment.name == "MRG":
                yield from retired_identifiers(segment, site)

    def orders(self, message: Message | ContentError) -> Iterator[tuple[tuple[str, str], str]]:
        """The orders of which it brings results: an identifier of the person, and how results are filed."""
        if isinstance(message, ContentError) or purpose_of(message.type, message.trigger) != Purpose.RESULTS:
            return
        sender = f"{message.sending_application}|{message.sending_facility}"
        site = self.terminology.site(message.sending_application, message.sending_facility)
        for patient in message.patients():
            given = identifiers(patient.pid, site)[:1] if patient.pid is not None else ()
            for identifier in given:
                for order in patient.orders:
                    yield identifier.key, order_of(sender, order_number(order))
