"""The numbers under which one person's messages go out, and their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.generate.laboratories import Sender
from engine.generate.names import Identity
from engine.generate.segments import encode, header, stamp
from engine.generate.truth import Sent, Truth


class Papers:
    """Counts messages and orders of one person; :attr:`number` is the patient number in use.

    Control ids and order numbers hold the person's number: they do not depend on who else is in the feed.
    """

    def __init__(self, who: Identity) -> None:
        self.who = who
        self.number = who.number
        self._messages = self._orders = 0

    def order(self) -> str:
        """The number of a new order."""
        self._orders += 1
        return f"{self.who.number}O{self._orders:04}"

    def control(self) -> str:
        """The control id of a new message."""
        self._messages += 1
        return f"{self.who.number}M{self._messages:04}"

    def sent(
        self,
        at: datetime,
        sender: Sender,
        kind: tuple[str, str],
        lines: Sequence[str],
        truths: tuple[Truth, ...] = (),
    ) -> Sent:
        """A message of these lines; ``kind`` is type and trigger, and structure. Fills in what it shows."""
        control = self.control()
        for truth in truths:
            truth.shown, truth.control = at, control
        text = "\r".join([header(sender, *kind, control, stamp(at, sender)), *lines]) + "\r"
        return Sent(at, encode(text, sender), control, sender.application, truths)
