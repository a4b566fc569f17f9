"""The words of an alert that every text format shares: what was measured, how high, what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from enum import StrEnum

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Evidence, UnknownCause
from engine.model.quantity import Truth, plain, with_unit

DISCLAIMER = "Automated decision support; not a laboratory result."
MOST_EVIDENCE = 8
MOST_NOT_FIRED = 5
MOST_LABELS = 8

_ACRONYMS = {
    "alt": "ALT",
    "ast": "AST",
    "alp": "ALP",
    "ggt": "GGT",
    "inr": "INR",
    "wbc": "WBC",
    "mcv": "MCV",
    "egfr": "eGFR",
    "igg": "IgG",
    "tpmt": "TPMT",
    "nudt15": "NUDT15",
    "tgn": "TGN",
    "mmp": "MMP",
    "percent": "%",
}
_UNDECIDED = {
    UnknownCause.VALUE: "the value may lie on either side of the limit",
    UnknownCause.REFERENCE: "nothing to compare the value with",
    UnknownCause.FACT: "nobody has recorded it",
    UnknownCause.MISSING: "no usable result",
    UnknownCause.SPOILED: "the specimen has spoiled the value",
}
_PRELIMINARY = ("P", "S")  # OBX-11, table 0085: preliminary, partial
_COMPARATOR = re.compile(r"(>=|<=|>|<)")
_DATES = re.compile(r"(,? taken)?,?( since)? \d{4}-\d\d-\d\d.*$", re.DOTALL)
_NOT_TAKEN = ("on hold", "stopped")


CANNOT_EXCLUDE = "CANNOT EXCLUDE"


class Direction(StrEnum):
    """On which side of its limit the value lies that triggered the alert; none where it may lie on either."""

    HIGH = "high"
    LOW = "low"
    NONE = ""


def retracted(event: AlertEvent) -> bool:
    """Whether the alert ended because the laboratory corrected or withdrew what it rested on."""
    return event.phase is Phase.END and event.reason in (AlertReason.CORRECTED, AlertReason.WITHDRAWN)


def prefix(event: AlertEvent) -> str:
    """One word and a colon before the text of an event that is not simply a new or changed alert."""
    if event.phase is not Phase.END:
        return {
            AlertReason.CORRECTED: "CORRECTED: ",
            AlertReason.WITHDRAWN: "CORRECTED: ",
            AlertReason.UNACKNOWLEDGED: "UNACKNOWLEDGED: ",
        }.get(event.reason, "")
    if retracted(event):
        return "RETRACTED: "
    return "SUPERSEDED: " if event.reason is AlertReason.SUPERSEDED else "RESOLVED: "


def outcome(event: AlertEvent) -> str:
    """Why an alert that ended did so, as half a sentence."""
    return {
        AlertReason.CORRECTED: "the laboratory corrected the result",
        AlertReason.WITHDRAWN: "the laboratory withdrew the result",
        AlertReason.SUPERSEDED: "another alert takes its place",
    }.get(event.reason, "the condition no longer holds")


def direction(event: AlertEvent) -> Direction:
    """The side of the limit, by the comparison that the triggering condition makes."""
    if not measured(event) or undecided(event):
        return Direction.NONE
    comparison = _COMPARATOR.search(event.trigger.condition if event.trigger else "")
    if comparison is None:
        return Direction.NONE
    return Direction.HIGH if comparison[1].startswith(">") else Direction.LOW


def measured(event: AlertEvent) -> bool:
    """Whether one laboratory value triggered the alert."""
    return event.trigger is not None and bool(event.trigger.analyte and event.trigger.value)


def undecided(event: AlertEvent) -> bool:
    """Whether the value that triggered the alert may lie on either side of its limit."""
    trigger = event.trigger
    return not event.certain and trigger is not None and trigger.truth is Truth.UNKNOWN


def name_text(event: AlertEvent) -> str:
    """The title, which of an alert that is not certain begins so."""
    if event.certain:
        return event.title
    return f"{CANNOT_EXCLUDE}: {event.title.removeprefix(CANNOT_EXCLUDE.capitalize() + ': ')}"


def measured_text(event: AlertEvent, evidence: Evidence) -> str:
    """The value that triggered the alert; where the rule is not certain, what it cannot exclude comes first.

    ``CANNOT EXCLUDE ALT >= 500 U/L: >100 U/L``, or where the value itself is beyond its limit and something
    else is not known ``CANNOT EXCLUDE HARM, ALT 95 U/L``.
    """
    value = value_text(evidence)
    if event.certain:
        return value
    if not undecided(event):
        return f"{CANNOT_EXCLUDE} HARM, {value}"
    label = analyte_label(evidence.analyte)
    limit = evidence.condition.partition(" ")[2].replace("10*", "x10^")
    return f"{CANNOT_EXCLUDE} {label} {limit}: {value.removeprefix(label).strip()}"


def preliminary(evidence: Evidence) -> bool:
    """Whether it rests on a result that the laboratory has not called final."""
    return evidence.result_status in _PRELIMINARY


def analyte_label(analyte: str) -> str:
    """An analyte's short name as clinicians write it: ``ALT``, ``prothrombin time``."""
    return " ".join(_ACRONYMS.get(word, word) for word in analyte.split("_"))


def value_text(evidence: Evidence) -> str:
    """Label, value and unit: ``ALT 212 U/L``, ``neutrophils 0.4 x10^9/L``, ``ALT 600 U/L preliminary``."""
    words = (
        analyte_label(evidence.analyte),
        with_unit(f"{evidence.comparator}{evidence.value}", evidence.unit.replace("10*", "x10^")),
        "preliminary" if preliminary(evidence) else "",
    )
    return " ".join(filter(None, words))


def fold_text(evidence: Evidence) -> str:
    """The multiple with one decimal (two below 1), cut and never rounded up: 4.96 x has not reached 5 x."""
    try:
        fold = Decimal(evidence.fold)
        step = Decimal("0.1") if fold >= 1 else Decimal("0.01")
        return plain(fold.quantize(step, ROUND_DOWN))
    except InvalidOperation:
        return evidence.fold


def extent_text(evidence: Evidence, times: str = " x ") -> str:
    """How far the value is from its reference or limit: ``6.8 x baseline 31``, ``limit 500``."""
    if evidence.fold and evidence.reference_kind:
        words = f"{fold_text(evidence)}{times}{evidence.reference_name} {evidence.reference_value}"
        return words.strip()
    return f"limit {evidence.threshold}" if evidence.threshold else ""


def therapy_text(event: AlertEvent) -> str:
    """The drug phrase without dates: ``on azathioprine 150 mg/day``, ``azathioprine 150 mg/day stopped``."""
    phrase = _DATES.sub("", event.drug_text)
    return phrase if not phrase or phrase.endswith(_NOT_TAKEN) else f"on {phrase}"


def shorten(text: str, limit: int) -> str:
    """Text of at most ``limit`` characters, cut between words where it can be, marked by three dots."""
    if len(text) <= limit:
        return text
    room = limit - 3
    if room < 1:
        return ""
    cut = text[: room + 1].rsplit(maxsplit=1)[0] if " " in text[1 : room + 1] else text[:room]
    return cut[:room].rstrip(" ,;:") + "..."


def headline(event: AlertEvent, limit: int) -> str:
    """One line that says it all to a person, numbers first, in at most ``limit`` characters.

    A retraction shows the title and no number: a number that no longer holds must not be read again.
    """
    opening = prefix(event)
    if event.trigger is None or not measured(event) or retracted(event):
        return opening + shorten(name_text(event), limit - len(opening))
    value = opening + measured_text(event, event.trigger)
    extent = "" if undecided(event) else extent_text(event.trigger)
    extent = f" ({extent})" if extent else ""
    therapy = therapy_text(event)
    therapy = f" {therapy}" if therapy else ""
    choices = (value + extent + therapy, value + extent, value)
    return next((text for text in choices if len(text) <= limit), shorten(value, limit))


def notes(event: AlertEvent) -> Iterator[str]:
    """What explains the alert to somebody who has nothing else: each item is one note.

    In order: the message; which results are preliminary; the labels; from which severity it was raised;
    each condition that spoke, with value, limit and reference; the action; the laboratory's range; the
    therapy; the sources; what it supersedes; rules that did not fire; the rule, protocol and
    data it came from.
    """
    ended = event.phase is Phase.END
    if ended:
        yield f"{prefix(event)}{outcome(event)}."
    yield event.message
    yield from _reservation(event)
    if not ended:
        # of an alert that is over, these would read as if they still held
        labels = [f"{label.text} ({label.rule_id})" for label in event.labels]
        yield from _bounded(labels, MOST_LABELS, "more labels")
        if event.raised_from is not None:
            yield f"Raised from {event.raised_from} to {event.severity}"
        yield from _bounded(
            [condition_text(each) for each in event.evidence if each.truth is not Truth.FALSE],
            MOST_EVIDENCE,
            "more conditions",
        )
        if event.action:
            yield f"Action: {event.action}"
        if event.trigger_range:
            yield f"Reference range as sent: {event.trigger_range}"
    if event.drug_text:
        yield f"Therapy: {event.drug_text}"
    yield from (f"Source: {source}" for source in event.sources)
    if event.superseded:
        yield f"Speaks also for: {', '.join(event.superseded)}"
    yield from _bounded(
        [f"Did not fire: {each.rule} ({each.truth}): {each.why}" for each in event.not_fired],
        MOST_NOT_FIRED,
        "more rules did not fire",
    )
    protocol = f"protocol {event.protocol}, " if event.protocol else ""
    cause = f"message {event.message_control_id}" if event.message_control_id else "no message: time alone"
    yield (
        f"Rule {event.rule} version {event.rule_version}, {protocol}knowledge {event.knowledge_revision}, "
        f"{cause}, alert {event.alert_id} event {event.sequence}"
    )
    yield DISCLAIMER


def _reservation(event: AlertEvent) -> Iterator[str]:
    """The names of the preliminary results that the event rests on: its message does not tell them apart."""
    if event.phase is not Phase.END:
        used = [evidence for evidence in event.evidence if evidence.truth is not Truth.FALSE]
    else:
        used = [event.trigger] if event.trigger is not None and not retracted(event) else []
    names = dict.fromkeys(analyte_label(each.analyte) for each in used if preliminary(each))
    if names:
        yield f"Preliminary, the final result may differ: {', '.join(names)}"


def _bounded(lines: list[str], most: int, rest: str) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"{len(lines) - most} {rest}"


def condition_text(evidence: Evidence) -> str:
    """One judged condition in words: what was compared with what, and where each number came from."""
    parts = [f"Condition {evidence.condition}: {evidence.truth}"]
    if evidence.value:
        parts.append(_observation_text(evidence))
    if evidence.reference_kind:
        reference = f"{evidence.reference_name} {evidence.reference_value}".strip()
        source = f" ({evidence.reference_source})" if evidence.reference_source else ""
        parts.append(f"{reference}{source}")
    if evidence.threshold:
        parts.append(f"limit {evidence.threshold}")
    if evidence.limit:
        parts.append(evidence.limit)
    if evidence.fold:
        parts.append(f"multiple {fold_text(evidence)}")
    if evidence.cause is not None:
        parts.append(f"undecided: {evidence.note or _UNDECIDED[evidence.cause]}")
    elif evidence.note:
        parts.append(evidence.note)
    return "; ".join(parts)


def _observation_text(evidence: Evidence) -> str:
    text = value_text(evidence)
    if evidence.sent and evidence.sent != f"{evidence.comparator}{evidence.value} {evidence.unit}":
        text += f" (sent as {evidence.sent})"
    if evidence.collected_at is not None:
        text += f" collected {evidence.collected_at.isoformat(timespec='minutes')}"
    return f"{text}, status {evidence.result_status}" if evidence.result_status else text
