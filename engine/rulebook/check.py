"""A whole rules folder: every file read, every reference between files resolved, all defects at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from engine.errors import ConfigError, Defect
from engine.rulebook.conditions import Analytes
from engine.rulebook.invariants import broken
from engine.rulebook.parse import read_rule
from engine.rulebook.protocols import is_choice, read_choices
from engine.rulebook.references import reference_defects, with_turns
from engine.rulebook.rule import Invariant, Kind, Rule, Rulebook, Status
from engine.rulebook.sources import read_sources

CASES_SUFFIX = "_test.yaml"


def parse_rulebook(files: Mapping[str, str], analytes: Analytes, sources_text: str) -> Rulebook:
    """The rulebook of a folder, given as relative path to text; other files than YAML are not looked at.

    ``analytes`` are the analytes that conditions may name, ``sources_text`` is docs/sources.md. Raises
    ConfigError with every defect of every file.
    """
    sources = read_sources(sources_text)
    defects: list[Defect] = []
    paths = rule_files(files)
    read = {file: read_rule(files[file], file, analytes, sources) for file in paths}
    for rule_file in read.values():
        defects += rule_file.defects
    defects += _duplicates(paths)
    proven = frozenset(file for file in paths if read[file].kind is Kind.INVARIANT)
    defects += _without_cases(files, proven)
    defects += reference_defects(read)
    headings = sorted(
        (each.rule for each in read.values() if each.rule is not None), key=lambda rule: rule.id
    )
    invariants = tuple(heading for heading in headings if isinstance(heading, Invariant))
    if defects:  # a protocol over broken rules would only repeat what is already said
        raise ConfigError(defects)
    by_id = with_turns({heading.id: heading for heading in headings if isinstance(heading, Rule)})
    for invariant in invariants:
        if invariant.status is Status.ACTIVE:
            defects += broken(invariant, by_id.values())
    choices = read_choices(files, by_id, invariants, sources)
    defects += choices.defects
    defects += _unused(by_id.values(), choices.named) if not defects else []
    if defects:
        raise ConfigError(defects)
    return Rulebook(tuple(by_id.values()), by_id, choices.protocols, choices.switches, invariants)


def rule_files(files: Mapping[str, str]) -> tuple[str, ...]:
    """The paths that are rules, in order."""
    return tuple(
        file
        for file in sorted(files)
        if file.endswith(".yaml") and not file.endswith(CASES_SUFFIX) and not is_choice(file)
    )


def cases_file(file: str) -> str:
    """The path of the cases that belong to a rule file."""
    return file.removesuffix(".yaml") + CASES_SUFFIX


def _stem(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".yaml")


def _duplicates(files: Iterable[str]) -> Iterator[Defect]:
    first: dict[str, str] = {}
    for file in files:
        known = first.setdefault(_stem(file), file)
        if known != file:
            yield Defect(file, 1, f'id "{_stem(file)}" is taken by {known}', "an id is used once, for ever")


def _without_cases(files: Mapping[str, str], proven: AbstractSet[str]) -> Iterator[Defect]:
    """Rules without cases and cases without a rule; invariants are ``proven`` and have none."""
    rules = [file for file in rule_files(files) if file not in proven]
    for file in rules:
        if cases_file(file) not in files:
            yield Defect(file, 0, "no cases", f"write {cases_file(file)} beside it")
    wanted = {cases_file(file) for file in rules}
    for file in sorted(files):
        if file.endswith(CASES_SUFFIX) and file not in wanted:
            yield Defect(file, 0, "cases without a rule", "name the file after its rule")


def _unused(rules: Iterable[Rule], named: AbstractSet[str]) -> Iterator[Defect]:
    for rule in rules:
        if rule.status is Status.ACTIVE and rule.id not in named:
            hint = "name it in protocols/strictest.yaml or another protocol, or make it a draft"
            yield Defect(rule.file, 0, "active, but no protocol names it", hint)
