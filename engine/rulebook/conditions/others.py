"""Conditions on what other rules have concluded in the same judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from engine.model.facts import LIMIT_PREFIX
from engine.model.finding import Evidence, Severity
from engine.model.quantity import Truth
from engine.rulebook.conditions.base import Condition, Verdict, View


@dataclass(frozen=True, slots=True)
class RuleFires(Condition):
    """``rule a02-alt-ast-500 fires``."""

    rule: str

    PATTERNS: ClassVar = ("rule RULEID fires",)
    MEANING: ClassVar = (
        "The conditions of that other rule hold in the same judgement. A rule that is not in force, or that "
        "only cannot exclude it, does not fire."
    )
    EXAMPLE: ClassVar = "rule a02-alt-ast-500 fires"
    BY_RECORD: ClassVar = False
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["RULEID"])

    def judge(self, view: View) -> Verdict:
        """Judge what the other rule concluded before; a limit of the patient there may be the reason."""
        facts = view.situation.facts
        names = sorted(name for name in facts if name.startswith(f"{LIMIT_PREFIX}{self.rule}."))
        stated = (f"{name} = {facts[name][-1].value}" for name in names if facts[name])
        truth = Truth.of(self.rule in view.standing.firing)
        return Verdict(Evidence(self.text, truth, limit="; ".join(stated)))

    @property
    def saying(self) -> str:
        """``rule a02-alt-ast-500 fires``."""
        return self.text


@dataclass(frozen=True, slots=True)
class NothingFires(Condition):
    """``nothing fires above info``."""

    severity: Severity

    PATTERNS: ClassVar = ("nothing fires above SEVERITY",)
    MEANING: ClassVar = (
        "No alert rule says anything graver in the same judgement, not even that it cannot exclude it. Rules "
        "that themselves rest on this form do not count."
    )
    EXAMPLE: ClassVar = "nothing fires above info"
    BY_RECORD: ClassVar = False
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, Severity(words["SEVERITY"]))

    def judge(self, view: View) -> Verdict:
        """Judge the gravest of what the other rules said before."""
        speaking = view.standing.speaking
        above = sorted(
            (-severity.rank, rule)
            for rule, severity in speaking.items()
            if severity.rank > self.severity.rank
        )
        note = f"{above[0][1]} speaks as {speaking[above[0][1]]}" if above else ""
        return Verdict(Evidence(self.text, Truth.of(not above), note=note))

    @property
    def saying(self) -> str:
        """``no rule fires above info``."""
        return f"no rule says anything graver than {self.severity}"
