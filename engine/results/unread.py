"""What is counted in the mapping ledger: observations whose code, unit or value nobody understood."""

from __future__ import annotations

from engine.model.codes import CodeMatch
from engine.model.ledger import LedgerEntry
from engine.results.order import Header


def ledger_entry(header: Header, match: CodeMatch, unit: str, kind: str) -> LedgerEntry:
    """The entry for one observation; ``kind`` says what was not understood."""
    return LedgerEntry(
        sender=header.sender,
        code=match.code,
        system=match.system,
        unit=unit,
        kind=kind,
        text=match.text,
        on_therapy=False,
        control_id=header.control_id,
    )
