"""Small rulebooks of several rules for tests, written in the words of the rule files."""

from __future__ import annotations

from textwrap import indent

from engine.model.finding import Finding
from engine.rulebook import Invariant, Rule, conclude, parse_rulebook
from tests.unit.rulebook.bad_files import ANALYTES, sources_text
from tests.unit.rulebook.records import situation

_HEADING = """\
id: {name}
title: {name}
kind: {kind}
status: {status}
version: "1"
rationale: An example.
sources:
  - document: HL7 Version 2.5.1
    section: 7.4.2.6 OBX-6 Units
"""
_ALERT = """\
family: {family}
severity: {severity}
when:
{when}
message: "{name} speaks"
action: Act.
"""
_ANNOTATION = """\
applies_to: [{families}]
when:
{when}
label: {label}
"""


def alert(
    name: str,
    when: str,
    severity: str = "review",
    *,
    family: str = "liver-injury",
    status: str = "active",
    if_unknown: str = "",
) -> dict[str, str]:
    """The file of an alert rule."""
    heading = _HEADING.format(name=name, kind="alert", status=status)
    unknown = f"if_unknown: {if_unknown}\n" if if_unknown else ""
    body = _ALERT.format(name=name, family=family, severity=severity, when=indent(when, "  "))
    return {f"rules/{name}.yaml": heading + body + unknown}


def annotation(
    name: str,
    when: str,
    *,
    kind: str = "label",
    families: str = "liver-injury",
    label: str = "A note.",
    status: str = "active",
    extra: str = "",
) -> dict[str, str]:
    """The file of a label, modifier or selector."""
    heading = _HEADING.format(name=name, kind=kind, status=status)
    return {
        f"rules/{name}.yaml": heading
        + _ANNOTATION.format(families=families, when=indent(when, "  "), label=label)
        + extra
    }


def modifier(
    name: str, when: str, *, families: str = "liver-injury", status: str = "active"
) -> dict[str, str]:
    """The file of a modifier that raises."""
    return annotation(name, when, kind="modifier", families=families, status=status, extra="raise_by: 1\n")


def invariant(name: str, ensures: str) -> Invariant:
    """An invariant, of a folder that keeps it."""
    text = _HEADING.format(name=name, kind="invariant", status="active") + f"ensures: {ensures}\n"
    (found,) = parse_rulebook({f"rules/{name}.yaml": text}, ANALYTES, sources_text()).invariants
    return found


def book(*files: dict[str, str]) -> dict[str, Rule]:
    """The rules of these files by id, checked."""
    together = {file: text for each in files for file, text in each.items()}
    names = [file.rpartition("/")[2].removesuffix(".yaml") for file in together]
    active = [name for name in names if "status: draft" not in together[f"rules/{name}.yaml"]]
    together |= {f"rules/{name}_test.yaml": "" for name in names}
    if active:
        together["rules/protocols/all.yaml"] = _PROTOCOL.format(rules=", ".join(active))
    return dict(parse_rulebook(together, ANALYTES, sources_text()).by_id)


_PROTOCOL = """\
name: all
title: All of them
rationale: An example.
sources:
  - document: HL7 Version 2.5.1
    section: 7.4.2.6 OBX-6 Units
rules: [{rules}]
"""


def findings(record: str, *files: dict[str, str]) -> dict[str, Finding]:
    """What these rules, all in force, find in the record of a case, by rule."""
    found = conclude(book(*files).values(), situation(record), ANALYTES)
    return {finding.rule_id: finding for finding in found}
