"""What a rule says of being told again when nobody takes its alert on: ``escalate_after`` and ``grace``."""

from __future__ import annotations

from datetime import timedelta

from engine.model.escalation import Escalation, FollowUp, Grace
from engine.rulebook.frame import RuleReader, duration
from engine.rulebook.syntax import Unreadable, near
from engine.strictyaml import Table

ESCALATION_KEYS = ("escalate_after", "grace")
GRACE_KEYS = ("for", "cancelled_by")


def read_escalation(reader: RuleReader, table: Table) -> Escalation:
    """The two keys of a rule; harmless where they are wrong."""
    after = _duration(reader, table, "escalate_after") if "escalate_after" in table.entries else None
    if "grace" not in table.entries:
        return Escalation(after)
    grace = reader.table(table.entries["grace"], "grace")
    reader.only_keys(grace, GRACE_KEYS, "grace")
    known = {follow_up.value: follow_up for follow_up in FollowUp}
    listed = reader.texts(grace, "cancelled_by", "grace", required=True)
    for item in listed:
        if item.text not in known:
            reader.defect(item.line, f'unknown follow-up "{item.text}"', near(item.text, known))
    wanted = frozenset(known[item.text] for item in listed if item.text in known)
    return Escalation(after, Grace(_duration(reader, grace, "for"), wanted))


def _duration(reader: RuleReader, table: Table, key: str) -> timedelta:
    try:
        return duration(reader.text(table, key, "a rule", required=True))
    except Unreadable as error:
        reader.defect(table.line_of(key), f"{key}: {error.message}", error.hint)
        return timedelta()
