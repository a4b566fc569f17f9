"""The evidence card of one alert event, for a person to read."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.alert import AlertEvent
from engine.model.finding import Evidence


def evidence_card(event: AlertEvent) -> str:
    """Who, what, how high, why, on what authority, and which rules looked and stayed silent."""
    return "\n".join(_lines(event)) + "\n"


def _lines(event: AlertEvent) -> Iterator[str]:
    identifier = event.person.identifiers[0] if event.person.identifiers else None
    who = f"{identifier.value} ({identifier.authority})" if identifier else "unknown"
    yield f"{event.severity.value.upper()} {event.phase} ({event.reason})  {event.title}"
    yield f"  alert      {event.alert_id}  event {event.sequence}: {event.event_id}"
    yield f"  patient    {who}"
    if event.drug_text:
        yield f"  therapy    {event.drug_text}"
    yield f"  says       {event.message}"
    if event.action:
        yield f"  do         {event.action}"
    collected = event.clinical_at.isoformat() if event.clinical_at else "unknown"
    yield f"  collected  {collected}, decided {event.decided_at.isoformat()}"
    yield f"  message    {event.message_control_id}"
    yield f"  rule       {event.rule} version {event.rule_version}, knowledge {event.knowledge_revision}"
    if event.protocol:
        yield f"  protocol   {event.protocol}"
    for source in event.sources:
        yield f"  source     {source}"
    yield "  because"
    for evidence in event.evidence:
        yield f"    {evidence.truth.value:<7} {evidence.condition}{_numbers(evidence)}"
    if event.superseded:
        yield f"  speaks also for {', '.join(event.superseded)}"
    if event.not_fired:
        yield "  looked and stayed silent"
        for silent in event.not_fired:
            yield f"    {silent.rule}: {silent.why or silent.truth}"


def _numbers(evidence: Evidence) -> str:
    parts = []
    if evidence.value:
        parts.append(f"{evidence.comparator}{evidence.value} {evidence.unit}".strip())
        if evidence.sent and evidence.sent != parts[0]:
            parts.append(f"sent as {evidence.sent}")
    if evidence.threshold:
        parts.append(f"limit {evidence.threshold}")
    if evidence.reference_kind and evidence.reference_value:
        origin = f" ({evidence.reference_source})" if evidence.reference_source else ""
        parts.append(f"{evidence.reference_kind} {evidence.reference_value}{origin}")
    if evidence.cause is not None:
        parts.append(f"undecided: {evidence.cause.value}")
    if evidence.note:
        parts.append(evidence.note)
    return f": {'; '.join(parts)}" if parts else ""
