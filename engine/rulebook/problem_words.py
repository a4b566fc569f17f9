"""Words for observations that nobody could use: what is wrong with a value, which codes are not mapped."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from engine.model.codes import AnalyteDefinition
from engine.model.facts import GENES
from engine.model.result import Result

MOST_CODES = 5
"""How many codes a message names; a laboratory that nobody has mapped sends hundreds."""

# Table 0078 codes that forbid the use of a value.
_FORBIDDING = {
    "QCF": "it failed quality control (flag QCF)",
    "TOX": "a cytotoxic substance was present (flag TOX)",
    "HM": "it is held for medical review (flag HM)",
}
_WITH_COMMA = re.compile(r"[<>=]*\s*[+-]?[0-9]+(?:,[0-9]+)+(?:\.[0-9]*)?")


def fault_of(result: Result) -> str:
    """Why a value cannot be judged, as far as the result tells: ``no value was sent``."""
    text = result.text.strip()
    if not text:
        return "no value was sent"
    forbidden = [words for flag, words in _FORBIDDING.items() if flag in result.flags]
    if forbidden:
        return " and ".join(forbidden)
    if _WITH_COMMA.fullmatch(text):
        return f"the comma in {text} may be a decimal or a thousands comma"
    if any(gene in result.analyte for gene in GENES):
        return f"nobody knows what {text} says of the enzyme"
    return "the text that was sent cannot be read as a number"


def codes_of(results: Sequence[Result]) -> str:
    """``LFT7 (Liver test 7), X-1 and 3 more``: the first :data:`MOST_CODES`, in their order."""
    named = [_code(result) for result in results[:MOST_CODES]]
    rest = len(results) - len(named)
    if rest:
        return f"{', '.join(named)} and {rest} more"
    return _listed(named)


def spoiled_of(results: Sequence[Result], analytes: Mapping[str, AnalyteDefinition]) -> str:
    """``AST 610 U/L was not judged; WBC 2.4 10*9/L of 2026-03-01 was judged with reserve``.

    Of one condition of specimens, the newest first: its day is that of the notice and not told again.
    """
    day = results[0].collected.at.date()
    told: list[str] = []
    for spoiled, words in ((True, "not judged"), (False, "judged with reserve")):
        named = []
        for result in results:
            if result.spoiled is spoiled:
                drawn = result.collected.at.date()
                when = "" if drawn == day else f" of {drawn.isoformat()}"
                known = analytes.get(result.analyte)
                title = result.analyte if known is None else known.title
                named.append(f"{title} {result.sent}{when}")
        if named:
            told.append(f"{_listed(named)} {'was' if len(named) == 1 else 'were'} {words}")
    return "; ".join(told)


def sender_of(result: Result) -> str:
    """``NORTHLAB at NORTH``: application and facility."""
    return " at ".join(filter(None, result.sender.split("|")))


def _code(result: Result) -> str:
    text = result.code_text
    return f"{result.code} ({text})" if text and text != result.code else result.code


def _listed(words: Collection[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
