"""Cases of a rule (``<id>_test.yaml``): a small record in day offsets, and what the rule must make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from engine.errors import Defect
from engine.model.codes import AnalyteDefinition
from engine.model.finding import Severity
from engine.model.moment import Moment
from engine.model.panels import last_panels
from engine.model.quantity import Interval, Quantity, ReferenceRange, Truth, plain
from engine.model.record import Baseline, BaselineMode, Situation
from engine.model.result import STATUS_ACTIONS, Problem, Result, ResultStatus, StatusAction, Version
from engine.model.therapy import Fact, exposure
from engine.model.watch import Watch
from engine.rulebook.case_courses import NOW, CoursesReader
from engine.rulebook.conditions import Analytes
from engine.rulebook.syntax import near
from engine.strictyaml import Node, Sequence, Table, load

_DRAWN = "08:00"
_TRUTHS = {"fires": Truth.TRUE, "silent": Truth.FALSE, "unknown": Truth.UNKNOWN}
_RECORD_KEYS = ("name", "results", "ranges", "baseline", "facts", "therapy", "mode")
ALERT_KEYS = (
    *_RECORD_KEYS,
    "problems",
    "clock",
    "subject",
    "firing",
    "expect",
    "severity",
    "because",
    "message",
    "action",
)
ANNOTATION_KEYS = (*_RECORD_KEYS, "firing", "expect", "because", "label", "effects")
_WATCHED = timedelta(days=10_000)
_COMPARATORS = (">=", "<=", ">", "<")


@dataclass(frozen=True, slots=True)
class Case:
    """One example: the situation, and the truth, severity, deciding conditions and message it must give.

    ``severity`` None is silence. ``subject`` picks one finding of a data-quality rule. ``message`` is
    empty where the case does not look at it, as is ``action``; for a rule that raises no alert it is
    the label. ``firing`` are the other rules that fire, each with its severity, None if it raises no alert.
    ``effects`` is what a modifier does, empty where the case does not look at it. ``states_severity``: the
    severity stands in the case, and is not taken from the rule.
    """

    rule: str
    name: str
    file: str
    line: int
    situation: Situation
    truth: Truth
    severity: Severity | None
    because: tuple[str, ...] = ()
    subject: str = ""
    message: str = ""
    action: str = ""
    effects: tuple[str, ...] = ()
    states_severity: bool = False
    firing: Mapping[str, Severity | None] = field(default_factory=dict)


def read_cases(
    text: str,
    file: str,
    analytes: Analytes,
    severity: Severity | None,
    others: Mapping[str, Severity | None] = MappingProxyType({}),
) -> tuple[Case, ...]:
    """The cases of one file; ``severity`` is that of the rule, which a firing case need not repeat.

    It is None where the rule raises no alert. ``others`` are the rules that a case may say to fire, with
    theirs. Raises ConfigError with every defect of the file.
    """
    reader = _CaseReader(file, analytes, others)
    table = reader.table(load(text, file), "a file of cases")
    reader.only_keys(table, ("rule", "cases"), "a file of cases")
    rule = reader.text(table, "rule", "a file of cases", required=True)
    expected = file.rpartition("/")[2].removesuffix("_test.yaml")
    if rule and rule != expected:
        reader.defect(table.line_of("rule"), f'rule "{rule}" is not in the file name', f"write {expected}")
    node = table.entries.get("cases")
    if not isinstance(node, Sequence) or not node.items:
        reader.defect(
            table.line_of("cases"), "no cases", "list at least one that fires and one that does not"
        )
        node = Sequence((), table.line)
    cases = tuple(reader.case(reader.table(item, "a case"), rule, severity) for item in node.items)
    names: set[str] = set()
    for case in cases:
        if case.name in names:
            reader.defect(case.line, f'a second case "{case.name}"', "give every case its own name")
        names.add(case.name)
    reader.finish()
    return cases


class _CaseReader(CoursesReader):
    """Builds the situation of each case out of its YAML table."""

    def __init__(self, file: str, analytes: Analytes, others: Mapping[str, Severity | None]) -> None:
        super().__init__(file)
        self.analytes = analytes
        self.others = others

    def case(self, table: Table, rule: str, severity: Severity | None) -> Case:
        self.only_keys(table, ANNOTATION_KEYS if severity is None else ALERT_KEYS, "a case")
        expect = self.text(table, "expect", "a case", required=True)
        if expect not in _TRUTHS:
            self.defect(table.line_of("expect"), f'expect is "{expect}"', f"known: {', '.join(_TRUTHS)}")
        return Case(
            rule=rule,
            name=self.text(table, "name", "a case", required=True),
            file=self.file,
            line=table.line,
            situation=self._situation(table),
            truth=_TRUTHS.get(expect, Truth.FALSE),
            severity=None if severity is None else self._severity(table, expect, severity),
            because=tuple(item.text for item in self.texts(table, "because", "a case")),
            subject=self.text(table, "subject", "a case"),
            message=self.text(table, "message" if severity is not None else "label", "a case"),
            action=self.text(table, "action", "a case") if severity is not None else "",
            states_severity=bool(self.text(table, "severity", "a case")),
            effects=tuple(item.text for item in self.texts(table, "effects", "a case")),
            firing=self._firing(table),
        )

    def _firing(self, table: Table) -> Mapping[str, Severity | None]:
        listed = self.texts(table, "firing", "a case")
        for item in listed:
            if item.text not in self.others:
                self.defect(item.line, f'unknown rule "{item.text}"', near(item.text, self.others))
        return {item.text: self.others.get(item.text) for item in listed}

    def _severity(self, table: Table, expect: str, severity: Severity) -> Severity | None:
        text = self.text(table, "severity", "a case")
        if expect == "unknown" and not text:
            hint = "write severity: silent, or what if_unknown makes of it"
            self.defect(table.line, "a case that expects unknown has no severity", hint)
        if expect == "silent" and text:
            self.defect(table.line_of("severity"), "a silent case has no severity", "remove it")
        if not text:
            return severity if expect == "fires" else None
        if text == "silent":
            return None
        known = [each.value for each in Severity]
        if text not in known:
            self.defect(
                table.line_of("severity"), f'unknown severity "{text}"', f"known: {', '.join(known)}, silent"
            )
            return None
        return Severity(text)

    def _situation(self, table: Table) -> Situation:
        spans = self.courses(self.table(table.entries.get("therapy", Table({}, table.line)), "therapy"))
        at = NOW if spans[0].start <= NOW else spans[-1].start
        governing = exposure([span for span in spans if span.start <= at], at)
        results = tuple(self._results(table))
        final: dict[str, tuple[Result, ...]] = {}
        provisional: dict[str, tuple[Result, ...]] = {}
        for result in sorted(results, key=lambda result: result.collected.at):
            action = STATUS_ACTIONS[result.status]
            if action in (StatusAction.EVALUATE, StatusAction.PROVISIONAL):
                provisional[result.analyte] = (*provisional.get(result.analyte, ()), result)
            if action is StatusAction.EVALUATE:
                final[result.analyte] = (*final.get(result.analyte, ()), result)
        return Situation(
            at=at,
            scope_from=spans[0].start,
            series=final,
            provisional=provisional,
            problems=tuple(self._problems(table)),
            baselines=dict(self._baselines(table)),
            facts=self._facts(table),
            span=governing.span,
            state=governing.state,
            baseline_mode=self._mode(table),
            spans=spans,
            watch=self._watch(table),
            panels=last_panels(results, self.analytes),
        )

    def _watch(self, table: Table) -> Watch | None:
        """A clock that shows a day after that of the judgement; the engine has always watched."""
        text = self.text(table, "clock", "a case")
        if not text:
            return None
        days = text.removesuffix("d")
        if text == days or not (days.isascii() and days.isdigit() and len(days) < 5):
            self.defect(table.line_of("clock"), f'clock "{text}" is not a day to come', "write 40d")
            return None
        return Watch(NOW - _WATCHED, NOW + timedelta(days=int(days)))

    def _mode(self, table: Table) -> BaselineMode:
        text = self.text(table, "mode", "a case", default=BaselineMode.LITERAL.value)
        known = [mode.value for mode in BaselineMode]
        if text not in known:
            self.defect(table.line_of("mode"), f'unknown mode "{text}"', f"known: {', '.join(known)}")
            return BaselineMode.LITERAL
        return BaselineMode(text)

    def _results(self, table: Table) -> Iterator[Result]:
        ranges = self.table(table.entries.get("ranges", Table({}, table.line)), "ranges")
        of_analyte = self.table(table.entries.get("results", Table({}, table.line)), "results")
        for name, line in ranges.lines.items():
            self._known(name, line)
        for name, series in of_analyte.entries.items():
            definition = self._known(name, of_analyte.line_of(name))
            days = self.table(series, f"results of {name}")
            for day, node in days.entries.items():
                drawn = self.time(day, days.line_of(day), _DRAWN)
                if definition is not None:
                    usual = self.text(ranges, name, "ranges")
                    yield self._result(definition, day, drawn, node, usual)

    def _known(self, name: str, line: int) -> AnalyteDefinition | None:
        definition = self.analytes.get(name)
        if definition is None:
            self.defect(line, f'unknown analyte "{name}"', near(name, self.analytes))
        return definition

    def _result(
        self, definition: AnalyteDefinition, day: str, drawn: datetime, node: Node, usual: str
    ) -> Result:
        table = node if isinstance(node, Table) else Table({"value": node}, node.line, {"value": node.line})
        self.only_keys(table, ("value", "range", "status", "order", "specimen"), "a result")
        sent = self.text(table, "value", "a result", required=True)
        status = self.text(table, "status", "a result", default=ResultStatus.FINAL.value)
        if status not in [each.value for each in ResultStatus]:
            self.defect(table.line_of("status"), f'unknown status "{status}"', "a code of HL7 table 0085")
            status = ResultStatus.FINAL.value
        limits = self.text(table, "range", "a result", default=usual)
        order = self.text(table, "order", "a result", default=f"day {day}")
        condition = self.text(table, "specimen", "a result")
        return Result(
            person_id="case",
            key=f"{definition.name} {day}",
            analyte=definition.name,
            code=definition.name,
            code_text=definition.title,
            sender="laboratory",
            order=order,
            specimen="",
            collected=Moment(drawn),
            version=Version(drawn, drawn, 0, ""),
            status=ResultStatus(status),
            quantity=self._quantity(sent, definition, table.line_of("value")),
            reference=self._range(limits, table.line) if limits else None,
            sent=sent,
            specimen_condition=condition,
            spoiled=condition in definition.spoiled_by,
        )

    def _quantity(self, text: str, definition: AnalyteDefinition, line: int) -> Quantity:
        number, _, unit = text.partition(" ")
        comparator = next((each for each in _COMPARATORS if number.startswith(each)), "")
        if unit not in definition.units:
            self.defect(
                line, f'"{text}" is not in the unit of {definition.name}', " or ".join(definition.units)
            )
        value = self._decimal(number.removeprefix(comparator), line)
        if not comparator:
            return Quantity(Interval.exactly(value), unit)
        is_open = "=" not in comparator
        if comparator.startswith(">"):
            return Quantity(Interval(value, None, low_open=is_open), unit)
        return Quantity(Interval(None, value, high_open=is_open), unit)

    def _decimal(self, text: str, line: int) -> Decimal:
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            self.defect(line, f'"{text}" is not a number', "write it with its unit, such as 125 U/L")
            return Decimal(0)
        return value

    def _range(self, text: str, line: int) -> ReferenceRange:
        comparator = next((each for each in _COMPARATORS if text.startswith(each)), "")
        if comparator:
            bound, is_open = self._decimal(text.removeprefix(comparator), line), "=" not in comparator
            if comparator.startswith("<"):
                return ReferenceRange(None, bound, text, high_open=is_open)
            return ReferenceRange(bound, None, text, low_open=is_open)
        low, _, high = text.partition("-")
        return ReferenceRange(self._decimal(low, line), self._decimal(high, line), text)

    def _baselines(self, table: Table) -> Iterator[tuple[str, Baseline]]:
        stated = self.table(table.entries.get("baseline", Table({}, table.line)), "baseline")
        for name in stated.entries:
            definition = self._known(name, stated.line_of(name))
            if definition is not None:
                text = self.text(stated, name, "baseline")
                quantity = self._quantity(text, definition, stated.line_of(name))
                point = quantity.interval.point or Decimal(0)
                yield name, Baseline(point, quantity.unit, f"stated as {plain(point)}")

    def _facts(self, table: Table) -> Mapping[str, tuple[Fact, ...]]:
        stated = self.table(table.entries.get("facts", Table({}, table.line)), "facts")
        facts: dict[str, tuple[Fact, ...]] = {}
        for name, node in stated.entries.items():
            line = stated.line_of(name)
            dated = node if isinstance(node, Table) else Table({"0d": node}, line, {"0d": line})
            facts[name] = tuple(
                Fact(
                    name,
                    self.text(dated, day, "a fact"),
                    Moment(self.time(day, dated.line_of(day), _DRAWN)),
                    "case",
                )
                for day in dated.entries
            )
        return facts

    def _problems(self, table: Table) -> Iterator[Result]:
        node = table.entries.get("problems")
        if node is None:
            return
        if not isinstance(node, Sequence):
            self.defect(table.line_of("problems"), "problems must be a list", "begin each with a hyphen")
            return
        for item in node.items:
            yield self._problem(self.table(item, "a problem"))

    def _problem(self, table: Table) -> Result:
        self.only_keys(
            table,
            ("kind", "analyte", "code", "text", "sender", "sent", "flag", "day", "specimen"),
            "a problem",
        )
        kind = self.text(table, "kind", "a problem", required=True)
        if kind not in [each.value for each in Problem]:
            self.defect(
                table.line_of("kind"), f'unknown problem "{kind}"', near(kind, [p.value for p in Problem])
            )
            kind = Problem.UNIT_MISSING.value
        analyte = self.text(table, "analyte", "a problem")
        definition = self._known(analyte, table.line_of("analyte")) if analyte else None
        condition = self.text(table, "specimen", "a problem")
        day = self.text(table, "day", "a problem", default="0d")
        code = self.text(table, "code", "a problem", default=analyte)
        drawn = self.time(day, table.line_of("day"), _DRAWN)
        sent, flag = self.text(table, "sent", "a problem"), self.text(table, "flag", "a problem")
        return Result(
            person_id="case",
            key=f"{code} {day}",
            analyte=analyte,
            code=code,
            code_text=self.text(table, "text", "a problem"),
            sender=self.text(table, "sender", "a problem", default="laboratory"),
            order=f"day {day}",
            specimen="",
            collected=Moment(drawn),
            version=Version(drawn, drawn, 0, ""),
            status=ResultStatus.FINAL,
            quantity=None,
            reference=None,
            sent=sent,
            text=sent,
            flags=(flag,) if flag else (),
            problem=Problem(kind),
            specimen_condition=condition,
            spoiled=definition is not None and condition in definition.spoiled_by,
        )


def case_defect(case: Case, message: str, hint: str = "") -> Defect:
    """A defect at the place of the case."""
    return Defect(case.file, case.line, f'case "{case.name}": {message}', hint)
