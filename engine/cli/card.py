"""The evidence card of one alert event, for a person to read."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.alert import AlertEvent
from engine.model.finding import Evidence
from engine.model.quantity import Truth, with_unit

_HEADINGS = {
    Truth.TRUE: "because (true)",
    Truth.UNKNOWN: "undecided (unknown)",
    Truth.FALSE: "not so (false)",
}


def evidence_card(event: AlertEvent, told_by: str | None = None) -> str:
    """Who, what, how high, why, on what authority, and which rules looked and stayed silent.

    ``told_by`` is the event that receivers were sent in the place of this one, if there is one.
    """
    headline, *heading = _heading(event)
    if told_by is not None:
        headline += f"\n  not paged  no longer true when judged; told by event {told_by}"
    return "\n".join((headline, *heading, *_grounds(event), *_others(event))) + "\n"


def _heading(event: AlertEvent) -> Iterator[str]:
    identifier = event.person.identifiers[0] if event.person.identifiers else None
    who = f"{identifier.value} ({identifier.authority})" if identifier else "unknown"
    shadow = "SHADOW, never sent: " if event.shadow else ""
    yield f"{shadow}{event.severity.value.upper()} {event.phase} ({event.reason})  {event.title}"
    yield f"  alert      {event.alert_id}  event {event.sequence}: {event.event_id}"
    yield f"  patient    {who}"
    if event.drug_text:
        yield f"  therapy    {event.drug_text}"
    if event.protocol:
        yield f"  protocol   {event.protocol}"
    yield f"  says       {event.message}"
    for label in event.labels:
        yield f"  note       {label.text} ({label.rule_id})"
    if event.raised_from is not None:
        yield f"  raised     from {event.raised_from} to {event.severity}"
    if event.action:
        yield f"  do         {event.action}"
    collected = event.clinical_at.isoformat() if event.clinical_at else "unknown"
    yield f"  collected  {collected}, decided {event.decided_at.isoformat()}"
    yield f"  message    {event.message_control_id}"
    yield f"  rule       {event.rule} version {event.rule_version}, knowledge {event.knowledge_revision}"
    for source in event.sources:
        yield f"  source     {source}"


def _grounds(event: AlertEvent) -> Iterator[str]:
    """The conditions of the rule by what came of them, each with its numbers and where they are from."""
    for truth, heading in _HEADINGS.items():
        judged = [evidence for evidence in event.evidence if evidence.truth is truth]
        if judged:
            yield f"  {heading}"
            yield from (f"    {evidence.condition}{numbers(evidence)}" for evidence in judged)


def _others(event: AlertEvent) -> Iterator[str]:
    """The rules that it speaks for, and those that looked at the same measurement and did not fire."""
    if event.superseded:
        yield f"  speaks also for {', '.join(event.superseded)}"
    if event.not_fired:
        yield "  these rules looked and stayed silent"
        yield from (f"    {silent.rule}: {silent.why or silent.truth}" for silent in event.not_fired)


def numbers(evidence: Evidence) -> str:
    """What one condition was judged by: value, limit, reference and where each is from."""
    parts = []
    if evidence.value:
        parts.append(with_unit(f"{evidence.comparator}{evidence.value}", evidence.unit))
        if evidence.sent and evidence.sent != parts[0]:
            parts.append(f"sent as {evidence.sent}")
        if evidence.collected_at is not None:
            parts.append(f"of {evidence.collected_at.isoformat(timespec='minutes')}")
    if evidence.threshold:
        parts.append(f"limit {evidence.threshold}")
    if evidence.limit:
        parts.append(evidence.limit)
    if evidence.reference_kind and evidence.reference_value:
        origin = f" ({evidence.reference_source})" if evidence.reference_source else ""
        parts.append(f"{evidence.reference_name} {evidence.reference_value}{origin}")
    elif evidence.reference_source:
        parts.append(evidence.reference_source)
    if evidence.cause is not None:
        parts.append(f"undecided: {evidence.cause.value}")
    if evidence.note:
        parts.append(evidence.note)
    return f": {'; '.join(parts)}" if parts else ""
