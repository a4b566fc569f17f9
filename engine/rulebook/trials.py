"""Runs the cases of the rules, and tells which conditions they have never seen true, false or unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.errors import ConfigError, Defect
from engine.model.finding import Severity
from engine.model.quantity import Truth
from engine.rulebook.cases import Case, case_defect, read_cases
from engine.rulebook.check import cases_file
from engine.rulebook.conditions import Analytes, Standing
from engine.rulebook.conditions.others import NothingFires
from engine.rulebook.evaluate import Judgement, finding_of, judgements, label_of, subject_of
from engine.rulebook.references import asked_by
from engine.rulebook.rule import AlertRule, Annotation, Rule, Rulebook
from engine.rulebook.tree import decisive


@dataclass(frozen=True, slots=True)
class CaseReport:
    """What came of the cases: how many ran, which failed, and which conditions they leave untested."""

    cases: int
    failures: tuple[Defect, ...]
    gaps: tuple[Defect, ...]
    failing: tuple[Rule, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every case held and every condition was seen with every truth it can have."""
        return not self.failures and not self.gaps


def cases_of(
    rule: Rule, rulebook: Rulebook, files: Mapping[str, str], analytes: Analytes
) -> tuple[Case, ...]:
    """The cases beside a rule. Raises ConfigError with every defect of their file."""
    file = cases_file(rule.file)
    others = {name: _severity_of(other) for name, other in rulebook.by_id.items() if name != rule.id}
    return read_cases(files[file], file, analytes, _severity_of(rule), others)


def _severity_of(rule: Rule) -> Severity | None:
    return rule.severity if isinstance(rule, AlertRule) else None


def run_cases(files: Mapping[str, str], rulebook: Rulebook, analytes: Analytes) -> CaseReport:
    """Run the cases of every rule of the rulebook; ``files`` is the rules folder, path to text.

    Raises ConfigError with every defect of the case files.
    """
    of_rule: dict[str, tuple[Case, ...]] = {}
    defects: list[Defect] = []
    for rule in rulebook.rules:
        try:
            of_rule[rule.id] = cases_of(rule, rulebook, files, analytes)
        except ConfigError as error:
            defects.extend(error.defects)
    if defects:
        raise ConfigError(defects)
    failures: list[Defect] = []
    gaps: list[Defect] = []
    failing: list[Rule] = []
    for rule in rulebook.rules:
        found = [failure for case in of_rule[rule.id] for failure in run_case(rule, case, analytes)]
        failures.extend(found)
        failing.extend([rule] if found else [])
        gaps.extend(coverage_gaps(rule, of_rule[rule.id]))
    return CaseReport(sum(map(len, of_rule.values())), tuple(failures), tuple(gaps), tuple(failing))


def run_case(rule: Rule, case: Case, analytes: Analytes) -> tuple[Defect, ...]:
    """What is not as the case says; empty when it holds."""
    return tuple(_failures(rule, case, analytes))


def standing_of(case: Case) -> Standing:
    """What the other rules have concluded, as far as the case says."""
    speaking = {rule: severity for rule, severity in case.firing.items() if severity is not None}
    return Standing(frozenset(case.firing), speaking)


def _failures(rule: Rule, case: Case, analytes: Analytes) -> Iterator[Defect]:
    yield from _not_asked(rule, case)
    judged = judgements(rule, case.situation, standing_of(case))
    by_subject = {subject_of(each.view.subject) if each.view.subject else "": each for each in judged}
    if case.subject and case.subject not in by_subject:
        yield case_defect(
            case, f'no finding about "{case.subject}"', f"found: {', '.join(by_subject) or 'none'}"
        )
        return
    if len(by_subject) > 1 and not case.subject:
        yield case_defect(case, f"{len(by_subject)} findings", f"add subject: one of {', '.join(by_subject)}")
        return
    judgement = by_subject.get(case.subject) if case.subject else next(iter(by_subject.values()), None)
    truth = judgement.tree.truth if judgement is not None else Truth.FALSE
    severity = judgement.severity if judgement is not None else None
    if truth is not case.truth:
        yield case_defect(case, f"expected {case.truth.value}, found {truth.value}", _seen(judgement))
    if severity is not case.severity:
        expected, found = _word(case.severity), _word(severity)
        yield case_defect(case, f"expected severity {expected}, found {found}", _seen(judgement))
    deciding = _deciding(judgement)
    for condition in case.because:
        if condition not in deciding:
            yield case_defect(
                case, f'"{condition}" did not decide', f"decided: {', '.join(deciding) or 'none'}"
            )
    if case.effects and isinstance(rule, Annotation):
        effects = rule.effects if truth is Truth.TRUE else ()
        if effects != case.effects:
            yield case_defect(case, "other effects", ", ".join(effects) or "no effects")
    if case.message and judgement is not None:
        what, text = _said(rule, judgement, analytes)
        if text != case.message:
            yield case_defect(case, f"another {what}", text or f"no {what}")
    if case.action and judgement is not None and isinstance(rule, AlertRule):
        action = finding_of(rule, judgement, analytes).action
        if action != case.action:
            yield case_defect(case, "another action", action or "no action")


def _said(rule: Rule, judgement: Judgement, analytes: Analytes) -> tuple[str, str]:
    if isinstance(rule, AlertRule):
        return "message", finding_of(rule, judgement, analytes).message
    return "label", label_of(rule, judgement, analytes) if isinstance(rule, Annotation) else ""


def _not_asked(rule: Rule, case: Case) -> Iterator[Defect]:
    """Rules that a case says to fire though the rule does not ask about them."""
    if any(isinstance(condition, NothingFires) for condition in rule.conditions):
        return
    for name in case.firing:
        if name not in asked_by(rule):
            yield case_defect(case, f"no condition asks whether {name} fires", "remove it from firing")


def _word(severity: Severity | None) -> str:
    return "silent" if severity is None else severity.value


def _deciding(judgement: Judgement | None) -> tuple[str, ...]:
    if judgement is None:
        return ()
    judged = decisive(judgement.tree)
    return tuple(
        dict.fromkeys(each.verdict.evidence.condition for each in judged if each.verdict is not None)
    )


def _seen(judgement: Judgement | None) -> str:
    if judgement is None:
        return ""
    return "; ".join(f"{verdict.evidence.condition}: {verdict.truth.value}" for verdict in judgement.verdicts)


def coverage_gaps(rule: Rule, cases: tuple[Case, ...]) -> tuple[Defect, ...]:
    """A defect for each truth that a condition of the rule can have and no case of the rule gives it.

    And where no case that fires says how grave that is: the severity could be changed unnoticed.
    """
    seen: set[tuple[str, Truth]] = set()
    for case in cases:
        judged = judgements(rule, case.situation, standing_of(case))
        for judgement in judged:
            seen.update((verdict.evidence.condition, verdict.truth) for verdict in judgement.verdicts)
        if not judged:  # no unusable observation: every condition on one is false
            seen.update((condition.text, Truth.FALSE) for condition in rule.conditions)
    gaps: list[Defect] = []
    if isinstance(rule, AlertRule) and not any(
        case.states_severity and case.truth is Truth.TRUE for case in cases
    ):
        said = f"no case that fires states the severity {rule.severity.value}"
        gaps.append(Defect(cases_file(rule.file), 0, said, f"add severity: {rule.severity.value} to one"))
    for condition in rule.conditions:
        possible = Truth if condition.CAN_BE_UNKNOWN else (Truth.TRUE, Truth.FALSE)
        gaps.extend(
            Defect(cases_file(rule.file), 0, f'"{condition.text}" is never {truth.value}', "add a case")
            for truth in possible
            if (condition.text, truth) not in seen
        )
    return tuple(gaps)
