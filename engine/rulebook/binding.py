"""Which protocol a person is judged by: the one stated for them, by their indication, or the site's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from engine.model.facts import LIMIT_PREFIX, PROTOCOL
from engine.model.therapy import Fact
from engine.rulebook.limits import fault_of_limit
from engine.rulebook.protocols import indication_key
from engine.rulebook.rule import Rulebook
from engine.rulebook.syntax import near


def bound(
    rulebook: Rulebook,
    facts: Mapping[str, Sequence[Fact]],
    indication: str,
    *,
    by_indication: bool,
) -> Rulebook:
    """The rulebook with the protocol of one person in force; ``rulebook`` has that of the site.

    The newest fact ``protocol`` counts, of whatever date: it is an order, not a finding. A protocol that has
    since been removed counts no more. By indication only where exactly one protocol claims the diagnoses
    and the ``indication`` of the course: nobody is assigned by a guess.
    """
    stated = max(facts.get(PROTOCOL, ()), key=lambda fact: fact.effective.at, default=None)
    if stated is not None and stated.value in rulebook.protocols:
        return rulebook.with_protocol(stated.value)
    if by_indication:
        told = (indication, *(fact.value for fact in facts.get("diagnosis", ())))
        claiming = _claiming(rulebook, told)
        if len(claiming) == 1:
            return rulebook.with_protocol(*claiming)
    return rulebook


def fault_of_fact(name: str, value: str, stated: date, rulebook: Rulebook) -> str:
    """What is wrong with a fact of that day that binds to a protocol or states a limit, or nothing."""
    if name.startswith(LIMIT_PREFIX):
        return fault_of_limit(name, value, stated, rulebook)
    if name == PROTOCOL and value not in rulebook.protocols:
        return f'no protocol "{value}"; {near(value, rulebook.protocols)}'
    return ""


def _claiming(rulebook: Rulebook, told: Iterable[str]) -> frozenset[str]:
    keys = {indication_key(text) for text in told if text}
    return frozenset(
        protocol.name
        for protocol in rulebook.protocols.values()
        if any(indication_key(text) in keys for text in protocol.indications)
    )
