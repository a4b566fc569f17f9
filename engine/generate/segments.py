"""Segments as a sender writes them, in the standard's own separators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.generate.laboratories import Sender
from engine.generate.names import AUTHORITY, Identity

STANDARD = "|^~\\&"
PROVIDER = "P0412^SAMPLE^ADA^^^DR"
_RECEIVER = "AZAWATCH|STEVENS"


def stamp(instant: datetime, sender: Sender) -> str:
    """A time in the zone of the sender, to the second."""
    local = instant.astimezone(sender.zone)
    text = f"{local.year}{local.month:02}{local.day:02}{local.hour:02}{local.minute:02}{local.second:02}"
    return f"{text}{local:%z}" if sender.offset else text


def header(sender: Sender, kind: str, structure: str, control: str, sent: str) -> str:
    """MSH; ``kind`` is ``ORU^R01``, ``structure`` the third component, ``sent`` MSH-7."""
    named = f"{kind}^{structure}" if sender.structured else kind
    charset = f"||||||{sender.charset}" if sender.charset else ""
    return (
        f"MSH|^~\\&|{sender.application}|{sender.facility}|{_RECEIVER}|{sent}||{named}|{control}|P|"
        f"{sender.version}{charset}"
    )


def pid(who: Identity, sender: Sender, number: str = "") -> str:
    """PID; ``number`` where it is not the person's own."""
    name = f"{who.family}^{who.given}" + ("^^^^^L" if sender.version >= "2.4" else "")
    identifier = f"{number or who.number}^^^{AUTHORITY}^MR"
    return f"PID|1||{identifier}||{name}||{who.born}|{who.sex}"


def segment(name: str, fields: Mapping[int, str]) -> str:
    """One segment out of its numbered fields; what is not given stays empty."""
    last = max((number for number, value in fields.items() if value), default=0)
    return "|".join([name, *(fields.get(number, "") for number in range(1, last + 1))])


def encode(text: str, sender: Sender) -> bytes:
    """The bytes of a message; written with the separators of its sender."""
    if sender.encoding != STANDARD:
        text = text.translate(str.maketrans(STANDARD, sender.encoding))
    return text.encode(sender.codec)
