"""Reads rules/ and mappings/ into frozen knowledge; refuses to start on any defect."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from engine import __version__
from engine.decide import Knowledge
from engine.errors import ConfigError, Defect
from engine.history import HistoryOptions
from engine.model.codes import AnalyteDefinition, AnalyteKind
from engine.model.finding import Severity
from engine.rulebook import parse_rulebook
from engine.terminology import parse_terminology

_KINDS = frozenset({".yaml", ".csv"})
_REVISION_LENGTH = 12


@dataclass(frozen=True, slots=True)
class KnowledgeFolders:
    """Where knowledge is read from: two folders and the list of citable documents."""

    rules: Path
    mappings: Path
    sources: Path


def load_knowledge(
    folders: KnowledgeFolders,
    protocol: str,
    history: HistoryOptions | None = None,
    *,
    by_indication: bool = False,
    escalation: Mapping[Severity, timedelta] | None = None,
) -> Knowledge:
    """Read, check and compile everything.

    ``revision`` is a hash of every file (switches and protocols too), the protocol of the site, how people
    are bound to others, when alerts are told again, and the release, so that two engines with the same
    revision decide alike. Raises ConfigError with the defects of all files at once.
    """
    options = history or HistoryOptions()
    mappings = read_folder(folders.mappings)
    rules = read_folder(folders.rules)
    sources = folders.sources.read_text("utf-8") if folders.sources.is_file() else ""
    try:
        terminology = parse_terminology(mappings)
    except ConfigError as error:
        raise ConfigError((*error.defects, *_defects_of(rules, sources))) from None
    rulebook = parse_rulebook(rules, terminology.analytes, sources).with_protocol(protocol)
    binding = f"{protocol} by indication" if by_indication else protocol
    told_again = {severity: after for severity, after in (escalation or {}).items() if after}
    binding += "".join(f" {severity}: {told_again[severity]}" for severity in sorted(told_again))
    revision = _revision(mappings, rules, binding, options)
    conditions = [condition for rule in rulebook.rules for condition in rule.conditions]
    analytes = terminology.analytes
    options = replace(
        options,
        ranged=frozenset(name for each in conditions for name in each.ranged),
        judged=frozenset(name for each in conditions for name in each.analytes),
        reserved_in={name: each.reserved_in for name, each in analytes.items() if each.reserved_in},
        range_needed_above={
            name: each.range_needed_above
            for name, each in analytes.items()
            if each.range_needed_above is not None
        },
    )
    return Knowledge(terminology, rulebook, options, revision, by_indication, told_again)


class _AnyAnalyte(dict[str, AnalyteDefinition]):
    """Every name is an analyte, for reading rules beside mappings that cannot be read."""

    def get(self, name: str, default: object = None) -> AnalyteDefinition:  # noqa: ARG002
        return AnalyteDefinition(name, name, "", AnalyteKind.QUANTITY, "")

    def __missing__(self, name: str) -> AnalyteDefinition:
        return self.get(name)


def _defects_of(rules: Mapping[str, str], sources: str) -> tuple[Defect, ...]:
    """What is wrong with the rules themselves, whatever the mappings are."""
    try:
        parse_rulebook(rules, _AnyAnalyte(), sources)
    except ConfigError as error:
        return error.defects
    return ()


def read_folder(folder: Path) -> Mapping[str, str]:
    """Every YAML and CSV file below a folder, by its path relative to the folder's parent.

    Raises ConfigError when the folder is not there or a file is not UTF-8.
    """
    if not folder.is_dir():
        raise ConfigError([Defect(str(folder), 0, "no such folder", "set AZAWATCH_RULES, AZAWATCH_MAPPINGS")])
    files: dict[str, str] = {}
    defects: list[Defect] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _KINDS or not path.is_file():
            continue
        name = str(path.relative_to(folder.parent))
        try:
            files[name] = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            defects.append(Defect(name, line, "is not UTF-8 text", "save the file as UTF-8"))
    if defects:
        raise ConfigError(defects)
    return files


def _revision(
    mappings: Mapping[str, str], rules: Mapping[str, str], binding: str, options: HistoryOptions
) -> str:
    digest = hashlib.sha256(
        "\x1f".join(
            (
                __version__,
                binding,
                str(options.after_stop // timedelta(days=1)),
                str(options.baseline_window // timedelta(days=1)),
                str(options.assumed_ranges),
            )
        ).encode()
    )
    for name, text in (*sorted(mappings.items()), *sorted(rules.items())):
        digest.update(f"\x1e{Path(name).as_posix()}\x1f{text}".encode())
    return digest.hexdigest()[:_REVISION_LENGTH]
