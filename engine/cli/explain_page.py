"""One explained message for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.cli.card import numbers
from engine.explanation import CodeTold, EventTold, Explanation, PersonTold, RuleTold
from engine.model.quantity import Truth

_HEADINGS = {
    Truth.TRUE: "true: these fire",
    Truth.UNKNOWN: "unknown: these cannot be decided",
    Truth.FALSE: "false: these looked and did not fire",
}


def page(told: Explanation, *, every: bool) -> Iterator[str]:
    """What was read, what it means, who it is, what the rules say, what would be sent; ``every`` rule."""
    yield from _heading(told)
    if told.segments:
        yield from ("", "segments")
        for segment in told.segments:
            yield f"  {segment.place:<8} {'used   ' if segment.used else 'ignored'}  {segment.why}"
    if told.codes:
        yield from ("", "codes and units")
        for code in told.codes:
            yield from _code(code)
    if told.orders:
        yield from ("", "therapy and facts in this message", *(f"  {line}" for line in told.orders))
    for person in told.persons:
        yield from _person(person)
    yield from _rules(told, every=every)
    yield from ("", "what would be sent")
    if told.nothing_sent:
        yield f"  nothing: {told.nothing_sent}"
    yield from _events(told.events)


def _heading(told: Explanation) -> Iterator[str]:
    yield f"{told.source}: {told.message_type or 'unreadable'} {told.control_id}".rstrip()
    if told.sender:
        yield f"  sender     {told.sender}" + (f", site {told.site}" if told.site else "")
        yield f"  sent       {told.sent_at or 'unknown'}, charset {told.charset}"
    yield f"  judged at  {told.decided_at}"
    yield f"  by         protocol {told.protocol}, knowledge {told.revision}"
    place = f" at {told.place}" if told.place else ""
    detail = f": {told.detail}" if told.detail else ""
    yield f"  outcome    {told.disposition}: {told.reason}{place}{detail}"
    if told.to_do:
        yield f"  to do      {told.to_do}"
        yield "             then azawatch quarantine release; nothing of the message was applied"
    for warning in told.warnings:
        yield f"  warning    {warning}"


def _code(code: CodeTold) -> Iterator[str]:
    name = " ".join(filter(None, (code.code, f'"{code.text}"' if code.text else "", code.system)))
    by = f"  ({', '.join(code.mapped_by)})" if code.mapped_by else ""
    yield f"  {code.place:<8} {name} -> {code.means}{by}"
    if code.value or code.sent:
        parts = [f"{code.sent} -> {code.value or 'no usable value'}"]
        parts += [code.unit_by] if code.unit_by else []
        parts += [f"range {code.reference}"] if code.reference else []
        parts += [f"{code.status}, collected {code.collected}"]
        yield f"           {'; '.join(parts)}"
    if code.note:
        yield f"           {code.note}"


def _person(person: PersonTold) -> Iterator[str]:
    yield from ("", "patient")
    yield f"  {', '.join(person.identifiers)}; born {person.born or 'unknown'}, {person.sex or 'sex unknown'}"
    if person.before:
        yield f"  on record before this message: {person.before}"
    yield from _listed("therapy", person.therapy, person.state)
    if person.protocol:
        yield f"  judged by protocol {person.protocol}"
    yield from _listed("facts", person.facts)
    yield from _listed("baselines", person.baselines)


def _listed(name: str, lines: Sequence[str], state: str = "") -> Iterator[str]:
    yield f"  {name}: {'none on record' if not lines else state}".rstrip()
    yield from (f"    {line}" for line in lines)


def _rules(told: Explanation, *, every: bool) -> Iterator[str]:
    yield from ("", "rules")
    if told.judged:
        yield f"  {told.judged}"
    shown = [rule for rule in told.rules if every or rule.concerned]
    for truth, heading in _HEADINGS.items():
        of_truth = [rule for rule in shown if rule.truth == truth.value]
        if of_truth:
            yield f"  {heading}"
        for rule in of_truth:
            yield from _rule(rule)
    left_out = len(told.rules) - len(shown)
    if left_out:
        yield f"  and {left_out} rules that this message does not concern (--all)"


def _rule(rule: RuleTold) -> Iterator[str]:
    loud = f" ({rule.severity})" if rule.severity else ""
    shadow = ", in shadow" if rule.shadow else ""
    yield f"    {rule.rule}{loud}{shadow}: {rule.says or rule.why}"
    if rule.truth == Truth.FALSE:
        return
    for label in rule.labels:
        yield f"      note: {label}"
    for evidence in rule.evidence:
        yield f"      {evidence.truth.value:<7}  {evidence.condition}{numbers(evidence)}"


def _events(events: Sequence[EventTold]) -> Iterator[str]:
    for event in events:
        when = ", for time had passed before this message" if event.of_time else ""
        where = (
            "kept in shadow, never sent"
            if event.shadow
            else f"{event.routing_key}: {', '.join(event.formats)}"
        )
        yield f"  {event.severity} {event.phase} ({event.reason}) of {event.rule}{when}; {where}"
        yield f"    pager: {event.pager}"
