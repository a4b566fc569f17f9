"""What leaves the engine: the canonical alert event in the format that a receiver asked for.

A new format is one module with ``render(event, options) -> bytes`` and one line of the table below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engine.model.alert import AlertEvent
from engine.outbound import event_json, hl7_r01, hl7_r40, pager_text
from engine.outbound.options import Code, Priorities, R40Codes, R40Structure, RenderOptions

__all__ = [
    "RENDERERS",
    "Code",
    "Format",
    "Priorities",
    "R40Codes",
    "R40Structure",
    "RenderOptions",
    "Rendered",
    "render",
]


class Format(StrEnum):
    """The formats that an alert can be published in."""

    HL7_R40 = "hl7_r40"
    HL7_R01 = "hl7_r01"
    EVENT_JSON = "event_json"
    PAGER_TEXT = "pager_text"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body ready to be published, and its media type."""

    body: bytes
    content_type: str


_HL7 = "application/hl7-v2+er7"

RENDERERS: dict[str, tuple[Callable[[AlertEvent, RenderOptions], bytes], str]] = {
    Format.HL7_R40: (hl7_r40.render, _HL7),
    Format.HL7_R01: (hl7_r01.render, _HL7),
    Format.EVENT_JSON: (event_json.render, "application/json"),
    Format.PAGER_TEXT: (pager_text.render, "text/plain; charset=utf-8"),
}


def render(event: AlertEvent, form: str, options: RenderOptions) -> Rendered:
    """The event as bytes in the given format, one of :class:`Format`; a pure function of its arguments."""
    renderer, content_type = RENDERERS[form]
    return Rendered(renderer(event, options), content_type)
