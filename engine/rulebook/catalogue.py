"""docs/rules.md: every rule on a line, where it comes from, what proves it, which protocols have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from engine.model.quantity import Truth
from engine.rulebook.cases import Case
from engine.rulebook.check import cases_file
from engine.rulebook.rule import AlertRule, Heading, Invariant, Protocol, Rulebook, Status, Switch

_INTRODUCTION = """\
# Rules

Written by `azawatch rules list --format markdown` from `rules/`; do not edit. What a rule says in full:
`azawatch rules show ID`. What kinds, severities and conditions mean: [rules](../rules/README.md). Where the
numbers come from, and why a hospital must sign them off: [Sources](sources.md).
"""

_TRUTHS = ((Truth.TRUE, "holds in"), (Truth.FALSE, "not in"), (Truth.UNKNOWN, "unknown in"))


def catalogue(book: Rulebook, cases: Mapping[str, Sequence[Case]]) -> str:
    """The whole page; ``cases`` has the cases of each rule by its id."""
    rules: list[Heading] = sorted((*book.rules, *book.invariants), key=lambda rule: rule.id)
    documents = _documents(rules)
    return "\n".join(
        (
            _INTRODUCTION,
            "## All rules\n",
            f"{len(rules)} rules. The numbers are those of the documents below.\n",
            _table(("rule", "kind", "severity", "title", "source"), _lines(rules, documents)),
            "\n## Rules that send nothing\n",
            "Drafts, rules in shadow, and rules of an option that no protocol here chooses.\n",
            _table(("rule", "why it sends nothing", "reason"), _unsent(book)),
            "\n## Documents\n",
            _table(("no", "document", "rules"), _named(rules, documents)),
            "\n## From the source to the cases\n",
            "Each rule with every section that it rests on, and in how many of its cases it holds, does not,",
            "or cannot be known. Invariants have none: `azawatch rules check` proves them of all rules.\n",
            _table(("rule", "document and section", "cases"), _traced(rules, documents, cases)),
            "\n## Protocols\n",
            _table(("protocol", "title", "rests on", "rules", "chooses"), _protocols(book)),
            "\nWhich rules each of them puts in force; invariants hold under all of them:\n",
            _table(("rule", *book.protocols), _matrix(book)),
            "\n## Switches\n",
            "Where the documents contradict each other, a protocol chooses; else what is **bold** holds.\n",
            _table(("switch", "question", "options", "chosen otherwise by"), _switches(book)),
            "",
        )
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _documents(rules: Iterable[Heading]) -> dict[str, int]:
    """A number for each document, in order of name."""
    named = sorted({source.document for rule in rules for source in rule.sources})
    return {document: number for number, document in enumerate(named, 1)}


def _link(rule: Heading) -> str:
    return f"[{rule.id}](../{rule.file})"


def _lines(rules: Iterable[Heading], documents: Mapping[str, int]) -> Iterator[Sequence[str]]:
    for rule in rules:
        severity = rule.severity.value if isinstance(rule, AlertRule) else ""
        first, *others = rule.sources
        source = f"{documents[first.document]}: {first.section}"
        source += f" and {len(others)} more" if others else ""
        kind = (
            rule.kind.value if rule.status.value == "active" else f"{rule.kind.value} ({rule.status.value})"
        )
        yield _link(rule), kind, severity, rule.title, source


def _unsent(book: Rulebook) -> Iterator[Sequence[str]]:
    in_force = {name for protocol in book.protocols.values() for name in protocol.rules}
    for rule in book.rules:
        if rule.status is not Status.ACTIVE:
            yield rule.id, rule.status.value, " ".join(rule.rationale.split())
        elif rule.id not in in_force:
            ways = (f"`{name}: {option}`" for name, option in _options_with(book, rule.id))
            yield rule.id, f"needs {' or '.join(ways)}", " ".join(rule.rationale.split())


def _options_with(book: Rulebook, rule: str) -> Iterator[tuple[str, str]]:
    for switch in book.switches.values():
        yield from ((switch.name, option) for option, rules in switch.options.items() if rule in rules)


def _named(rules: Iterable[Heading], documents: Mapping[str, int]) -> Iterator[Sequence[str]]:
    cited = Counter(document for rule in rules for document in {source.document for source in rule.sources})
    for document, number in documents.items():
        yield str(number), document, str(cited[document])


def _traced(
    rules: Iterable[Heading], documents: Mapping[str, int], cases: Mapping[str, Sequence[Case]]
) -> Iterator[Sequence[str]]:
    for rule in rules:
        sections = dict.fromkeys(f"{documents[each.document]}: {each.section}" for each in rule.sources)
        yield rule.id, "; ".join(sections), _proof(rule, cases.get(rule.id, ()))


def _proof(rule: Heading, cases: Sequence[Case]) -> str:
    if isinstance(rule, Invariant):
        return ""
    seen = Counter(case.truth for case in cases)
    counts = ", ".join(f"{word} {seen[truth]}" for truth, word in _TRUTHS if seen[truth])
    return f"[{counts}](../{cases_file(rule.file)})"


def _protocols(book: Rulebook) -> Iterator[Sequence[str]]:
    for protocol in book.protocols.values():
        chosen = "; ".join(f"{name} = {option}" for name, option in _own_choices(book, protocol))
        yield f"`{protocol.name}`", protocol.title, protocol.based_on, str(len(protocol.rules)), chosen


def _own_choices(book: Rulebook, protocol: Protocol) -> Iterator[tuple[str, str]]:
    for name, option in sorted(protocol.switches.items()):
        if option != book.switches[name].default:
            yield name, option


def _matrix(book: Rulebook) -> Iterator[Sequence[str]]:
    for rule in book.rules:
        marks = ["x" if rule.id in protocol.rules else "" for protocol in book.protocols.values()]
        yield rule.id, *marks


def _switches(book: Rulebook) -> Iterator[Sequence[str]]:
    for switch in book.switches.values():
        others = [
            f"`{protocol.name}`: {protocol.switches[switch.name]}"
            for protocol in book.protocols.values()
            if protocol.switches.get(switch.name, switch.default) != switch.default
        ]
        question = f"{switch.question} ({switch.contradiction})"
        yield f"`{switch.name}`", question, "<br>".join(_options(switch)), "<br>".join(others)


def _options(switch: Switch) -> Iterator[str]:
    for option, rules in switch.options.items():
        name = f"**{option}**" if option == switch.default else option
        yield f"{name}: {', '.join(sorted(rules)) or 'no rule of its own'}"
