"""What goes wrong on the way: messages sent twice, and broken ones that must meet the quarantine."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from engine.generate.laboratories import Sender
from engine.generate.papers import Papers
from engine.generate.segments import encode
from engine.generate.truth import Kind, Sent, Truth

_RESENT = 0.004
_BROKEN = 0.004


def _without_number(text: str) -> str:
    return re.sub(r"(?m)^(PID\|1\|\|)[^|]*", r"\1", text, count=1)


def _without_order(text: str) -> str:
    return re.sub(r"(?m)^OBR\|.*\n", "", text)


def _with_strange_status(text: str) -> str:
    return re.sub(r"(?m)^(OBX\|1\|.*)\|[A-Z]$", r"\1|Q", text, count=1)


def _with_codes_that_disagree(text: str) -> str:
    return re.sub(r"(?m)^(OBX\|1\|[A-Z]+\|)[^|]*", r"\g<1>1742-6^ALT^LN^1920-8^AST^LN", text, count=1)


BREAKS: Mapping[str, Callable[[str], str]] = {
    "no-patient-identifier": _without_number,
    "observation-without-order": _without_order,
    "status-unknown": _with_strange_status,
    "codes-disagree": _with_codes_that_disagree,
}
"""What is broken, by the reason of the quarantine."""


def oddities(sent: Sent, sender: Sender, papers: Papers, chance: random.Random) -> Iterator[Sent]:
    """What follows a result message now and then: itself again, or a broken one like it."""
    fate = chance.random()
    if fate < _RESENT:
        again = sent.at + timedelta(minutes=chance.randrange(5, 50))
        truth = Truth(Kind.RESENT, papers.who.number, sent.at, again, again, sent.control)
        yield sent._replace(at=again, truths=(truth,))
    elif fate < _RESENT + _BROKEN:
        later = sent.at + timedelta(minutes=chance.randrange(5, 50))
        reason = chance.choice(tuple(BREAKS))
        control = papers.control()
        text = sent.body.decode(sender.codec).replace("\r", "\n")
        text = text.translate(str.maketrans(sender.encoding, "|^~\\&"))
        broken = BREAKS[reason](text).replace(sent.control, control).replace("\n", "\r")
        truth = Truth(Kind.BROKEN, papers.who.number, later, later, later, control, detail=reason)
        yield Sent(later, encode(broken, sender), control, sent.sender, (truth,))
