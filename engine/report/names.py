"""What patients are called in a report: numbers, unless somebody asked for their identifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.spells import Spell


def patient_names(spells: Sequence[Spell], *, identify: bool) -> Mapping[str, str]:
    """The name of each person: an identifier, or a number in the order of their first alert."""
    identifiers = {spell.patient: spell.identifiers for spell in spells}
    if not identify:
        return {patient: f"patient {number}" for number, patient in enumerate(identifiers, start=1)}
    return {
        patient: " ".join(filter(None, (known[0].value, known[0].authority))) if known else patient
        for patient, known in identifiers.items()
    }
