"""One alert per rule family: the gravest finding speaks, the others are kept as its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.model.finding import Finding

_NEVER_OVERDUE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The finding that speaks for its family and subject, and the rule ids that it speaks for."""

    finding: Finding
    superseded: tuple[str, ...]


def choose(findings: Iterable[Finding]) -> Mapping[tuple[str, str], Chosen]:
    """Map (family, subject) to the finding that becomes the alert.

    Within a family the highest severity wins, then the rule that others do not supersede, then what has
    been overdue for longest (a wider schedule never moves a date that was missed), then the lower rule
    id. A ``supersedes`` entry silences a finding of another family too, but never one of
    higher severity: precedence may only make an alert graver.
    """
    firing = [finding for finding in findings if finding.severity is not None]
    silenced = {loser.rule_id for winner in firing for loser in firing if _supersedes(winner, loser)}
    families: dict[tuple[str, str], list[Finding]] = {}
    for finding in firing:
        if finding.rule_id not in silenced:
            families.setdefault((finding.family, finding.subject), []).append(finding)
    return {
        key: Chosen(primary := min(members, key=_precedence), _spoken_for(primary, firing))
        for key, members in families.items()
    }


def _severity_rank(finding: Finding) -> int:
    return -1 if finding.severity is None else finding.severity.rank


def _supersedes(winner: Finding, loser: Finding) -> bool:
    return loser.rule_id in winner.supersedes and _severity_rank(winner) >= _severity_rank(loser)


def _precedence(finding: Finding) -> tuple[int, datetime, str]:
    since = finding.clinical_at if finding.overdue else None
    return (-_severity_rank(finding), since or _NEVER_OVERDUE, finding.rule_id)


def _spoken_for(primary: Finding, firing: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(
        sorted(
            other.rule_id
            for other in firing
            if other.rule_id != primary.rule_id
            and (
                (other.family, other.subject) == (primary.family, primary.subject)
                or _supersedes(primary, other)
            )
        )
    )
