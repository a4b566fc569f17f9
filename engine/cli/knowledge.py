"""Commands on what the engine knows of medicine: ``rules`` and ``mappings``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.shared import (
    QUARANTINED,
    ConfigOption,
    JsonOption,
    MappingsOption,
    ProtocolOption,
    RulesOption,
    fail,
    load_settings,
    print_json,
    print_table,
    say,
    store_of,
)

if TYPE_CHECKING:
    from engine.decide import Knowledge

rules = typer.Typer(no_args_is_help=True, help="The rules: check, test, list, show, new.")
mappings = typer.Typer(no_args_is_help=True, help="Codes, units and drugs: check, lookup, unmapped.")


def _knowledge(
    config: Path | None,
    rules_folder: Path | None,
    mappings_folder: Path | None,
    protocol: str | None = None,
) -> Knowledge:
    from engine import app

    settings = load_settings(config, rules=rules_folder, mappings=mappings_folder, protocol=protocol)
    return app.knowledge_of(settings)


@rules.command("check")
def check_rules(
    rules_folder: RulesOption = None, mappings_folder: MappingsOption = None, config: ConfigOption = None
) -> None:
    """Check every rule file: all defects at once, each with file, line and hint; exit 2 if there are any."""
    knowledge = _knowledge(config, rules_folder, mappings_folder)
    rulebook = knowledge.rulebook
    say(
        f"{len(rulebook.rules)} rules, {len(rulebook.in_force)} in force, "
        f"{len(rulebook.protocols)} protocols: no defect; revision {knowledge.revision}"
    )


@rules.command("test")
def run_rule_cases(
    vectors: Annotated[
        Path | None, typer.Option(help="Run the conformance vectors below this folder instead.")
    ] = None,
    rules_folder: RulesOption = None,
    mappings_folder: MappingsOption = None,
    config: ConfigOption = None,
) -> None:
    """Run every rule's own cases, and check that they see each condition true and false.

    Exit 1 when a case or a vector disagrees, or no case proves a condition, or the severity, of a rule.
    """
    from engine.knowledge import read_folder
    from engine.rulebook import run_cases

    settings = load_settings(config, rules=rules_folder, mappings=mappings_folder)
    knowledge = _knowledge(config, rules_folder, mappings_folder)
    if vectors is not None:
        _run_vectors(vectors, knowledge)
        return
    report = run_cases(read_folder(settings.rules), knowledge.rulebook, knowledge.terminology.analytes)
    for defect in (*report.failures, *report.gaps):
        typer.echo(str(defect))
    for rule in report.failing:
        typer.echo(f"{rule.id} rests on:")
        for source in rule.sources:
            typer.echo(f"  {source.cited}")
    say(
        f"{report.cases} cases of {len(knowledge.rulebook.rules)} rules: {len(report.failures)} disagree, "
        f"{len(report.gaps)} lines left unproven"
    )
    if not report.passed:
        raise typer.Exit(QUARANTINED)


def _run_vectors(folder: Path, knowledge: Knowledge) -> None:
    from engine.vectors import read_suites, run_suite

    suites = read_suites(folder)
    differences = [difference for suite in suites for difference in run_suite(suite, knowledge)]
    for difference in differences:
        typer.echo(str(difference))
    count = sum(len(suite.vectors) for suite in suites)
    say(f"{count} vectors of {len(suites)} suites: {len(differences)} differ")
    if differences:
        raise typer.Exit(QUARANTINED)


@rules.command("list")
def list_rules(
    as_json: JsonOption = False,
    form: Annotated[
        str, typer.Option("--format", help="table, or markdown for docs/rules.md.", metavar="table|markdown")
    ] = "table",
    protocol: ProtocolOption = None,
    rules_folder: RulesOption = None,
    mappings_folder: MappingsOption = None,
    config: ConfigOption = None,
) -> None:
    """One line for each rule: id, kind, severity, status, whether the protocol puts it in force, title."""
    from engine.rulebook import AlertRule, Invariant

    knowledge = _knowledge(config, rules_folder, mappings_folder, protocol)
    rulebook = knowledge.rulebook
    if form not in ("table", "markdown"):
        raise fail(f"no format {form!r}", "table or markdown")
    if form == "markdown":
        from engine.knowledge import read_folder
        from engine.rulebook import catalogue
        from engine.rulebook.trials import cases_of

        files = read_folder(load_settings(config, rules=rules_folder).rules)
        analytes = knowledge.terminology.analytes
        cases = {rule.id: cases_of(rule, rulebook, files, analytes) for rule in rulebook.rules}
        typer.echo(catalogue(rulebook, cases), nl=False)
        return
    in_force = {rule.id for rule in rulebook.in_force}
    rows = [
        {
            "rule": rule.id,
            "kind": rule.kind.value,
            "version": rule.version,
            "severity": rule.severity.value if isinstance(rule, AlertRule) else "",
            "status": rule.status.value,
            "in_force": "always" if isinstance(rule, Invariant) else "yes" if rule.id in in_force else "no",
            "title": rule.title,
        }
        for rule in sorted((*rulebook.rules, *rulebook.invariants), key=lambda rule: rule.id)
    ]
    if as_json:
        print_json(rows)
    else:
        print_table([name.upper() for name in rows[0]], [list(row.values()) for row in rows])


@rules.command("show")
def show_rule(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="Rule id, or a beginning of it such as a01.")],
    rules_folder: RulesOption = None,
    mappings_folder: MappingsOption = None,
    config: ConfigOption = None,
) -> None:
    """One rule as a clinician reads it: its sources, the protocols it is in force under, its cases."""
    from engine.knowledge import read_folder
    from engine.rulebook import Rule, describe, describe_trials
    from engine.rulebook.trials import cases_of

    settings = load_settings(config, rules=rules_folder, mappings=mappings_folder)
    knowledge = _knowledge(config, rules_folder, mappings_folder)
    rulebook, analytes = knowledge.rulebook, knowledge.terminology.analytes
    asked = rule_id.lower()
    known = (*rulebook.rules, *rulebook.invariants)
    found = [rule for rule in known if rule.id == asked or rule.id.startswith(f"{asked}-")]
    if not found:
        raise fail(f"no rule {rule_id!r}", "azawatch rules list")
    files = read_folder(settings.rules)
    for rule in found:
        text = describe(rule, analytes)
        if isinstance(rule, Rule):
            cases = cases_of(rule, rulebook, files, analytes)
            text += describe_trials(rule, rulebook.protocols.values(), cases)
        typer.echo(text)


@rules.command("new")
def new_rule(
    rule_id: Annotated[
        str, typer.Argument(metavar="ID", help="Table id, hyphen, slug: d03-neutrophils-low.")
    ],
    folder: Annotated[Path, typer.Option(help="Where to put the two files.")] = Path("rules/azathioprine"),
) -> None:
    """Write a draft rule and its cases, to be filled in; "azawatch rules check" says what is missing."""
    from engine.cli.draft import draft

    rule_file, cases_file = folder / f"{rule_id}.yaml", folder / f"{rule_id}_test.yaml"
    for file in (rule_file, cases_file):
        if file.exists():
            raise fail(f"{file} exists", "rule ids are never reused")
    rule_text, cases_text = draft(rule_id)
    folder.mkdir(parents=True, exist_ok=True)
    rule_file.write_text(rule_text, "utf-8")
    cases_file.write_text(cases_text, "utf-8")
    say(f"wrote {rule_file} and {cases_file}")


@mappings.command("check")
def check_mappings(mappings_folder: MappingsOption = None, config: ConfigOption = None) -> None:
    """Check every table; all defects at once, each with file, line and hint. Exit 2 when there are any."""
    from engine.knowledge import read_folder
    from engine.terminology import parse_terminology

    settings = load_settings(config, mappings=mappings_folder)
    report = parse_terminology(read_folder(settings.mappings)).check_report()
    print_table(("TABLE", "ROWS"), sorted(report.counts.items()))
    for warning in report.warnings:
        say(f"warning: {warning}")


@mappings.command("lookup")
def look_up(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A LOINC, local code, drug code or unit.")],
    text: Annotated[str, typer.Option(help="The name that was sent with it.")] = "",
    as_json: JsonOption = False,
    mappings_folder: MappingsOption = None,
    config: ConfigOption = None,
) -> None:
    """What the tables make of a code, and where. Suggestions are never applied by themselves."""
    from engine.knowledge import read_folder
    from engine.terminology import parse_terminology

    settings = load_settings(config, mappings=mappings_folder)
    found = parse_terminology(read_folder(settings.mappings)).look_up(code, text)
    if as_json:
        print_json(
            [
                {
                    "code": found.asked,
                    "entries": [{"place": entry.place, "meaning": entry.meaning} for entry in found.entries],
                    "remarks": list(found.remarks),
                    "suggestions": list(found.suggestions),
                }
            ]
        )
        return
    for entry in found.entries:
        typer.echo(f"{entry.meaning}  ({entry.place})")
    for remark in found.remarks:
        typer.echo(remark)
    for suggestion in found.suggestions:
        typer.echo(f"perhaps {suggestion}")
    if not found.entries:
        say(f"{code}: in no table")


@mappings.command("unmapped")
def unmapped(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Codes and units that came and were not understood; those of patients on therapy first."""
    rows = store_of(load_settings(config)).mapping_ledger()
    if as_json:
        print_json(rows)
        return
    columns = ("sender", "code", "system", "unit", "kind", "text", "count", "on_therapy", "last_seen")
    print_table([name.upper() for name in columns], [[row[name] for name in columns] for row in rows])
