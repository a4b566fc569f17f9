"""What is counted in the mapping ledger: observations whose code, unit or value nobody understood."""

from __future__ import annotations

from engine.model.codes import CodeMatch
from engine.model.ledger import LedgerEntry
from engine.model.moment import Moment
from engine.results.order import Header


def ledger_entry(
    header: Header, match: CodeMatch, unit: str, kind: str, person_id: str, collected: Moment | None
) -> LedgerEntry:
    """The entry for one observation; ``kind`` says what was not understood.

    ``collected`` is when the value was taken that is not known for it; None where none is missed.
    """
    return LedgerEntry(
        sender=header.sender,
        code=match.code,
        system=match.system,
        unit=unit,
        kind=kind,
        text=match.text,
        on_therapy=False,
        control_id=header.control_id,
        person_id=person_id,
        day="" if collected is None else collected.at.date().isoformat(),
    )
