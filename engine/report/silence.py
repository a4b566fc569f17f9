"""Why one side of a comparison told nothing: the rule that the other side told by, as this side judges it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.decide import Knowledge, decide_joined
from engine.model.record import Record
from engine.rulebook import AlertRule, evaluate, why_silent
from engine.spells import Limit, Spell, limits_of
from engine.telling import Occasion


@dataclass(frozen=True, slots=True)
class Silence:
    """Why nothing was told, in words (may be empty), and the limits of the rule at that time."""

    words: str = ""
    limits: tuple[Limit, ...] = ()


def silence(spell: Spell, record: Record | None, knowledge: Knowledge) -> Silence:
    """What the silent side says of the record as it was when the other side told of ``spell``.

    ``record`` is that of the silent side, None where it knows nobody. Corrections since then are in it:
    it is the rule that is to be explained, not the message.
    """
    rule = knowledge.rulebook.by_id.get(spell.rule)
    if not isinstance(rule, AlertRule) or rule not in knowledge.rulebook.in_force:
        return Silence(f"{spell.rule} is not in force")
    if record is None:
        return Silence("the patient is not known")
    at = spell.began if spell.trigger is None else spell.trigger.collected_at or spell.began
    known = tuple(result for result in record.results if result.collected.at <= at)
    occasion = Occasion("", spell.began, silent=True)
    judged = decide_joined(replace(record, results=known, alerts=()), knowledge, occasion).judgement
    if judged is None or judged.situation is None:
        return Silence("no therapy is known")
    analytes = knowledge.terminology.analytes
    finding = next(iter(evaluate(rule, judged.situation, analytes)), None)
    if finding is None:
        return Silence()
    analyte = "" if spell.trigger is None else spell.trigger.analyte
    return Silence(why_silent(finding), limits_of(finding.evidence, analyte))
