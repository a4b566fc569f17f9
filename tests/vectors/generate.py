"""Writes the conformance vectors of the rules out of their cases: ``python -m tests.vectors.generate``.

Of the cases of a rule as few are taken as prove every line of it (see tests/rules/mutate.py): a vector for
each edge. A case that no roster and no message can bring about is left out.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any

from engine.model.facts import FACT_VALUES, TAKEN
from engine.model.finding import Finding, Severity
from engine.model.quantity import Interval, Truth, plain
from engine.model.record import BaselineMode, Situation
from engine.model.result import Result
from engine.model.therapy import DoseChange, TherapySpan
from engine.rulebook import AlertRule, Status, evaluate
from engine.rulebook.case_courses import NOW
from engine.rulebook.cases import Case
from engine.therapy.roster import DRUGS
from engine.vectors import FORMAT, SUITE_FILE
from tests.rules.mutate import proving_cases
from tests.sample_day.wire import segment
from tests.unit.rulebook.bad_files import ROOT
from tests.unit.rulebook.records import shipped_alerts, shipped_analytes

VECTORS = ROOT / "docs" / "vectors"
FROM_CASES = VECTORS / "rules"
LINE = 150
FIRST = "first.hl7"
PATIENT, AUTHORITY = "V1", "LOCAL"
ROSTER_READ = NOW  # where a rule is about the passing of time, roster and message are of one instant
# Drawn at the instant judged where nothing that the rule reads is, and that instant matters.
BESIDE = (("mcv", "90", "fL"), ("haemoglobin", "140", "g/L"), ("creatinine", "70", "umol/L"))


def vectors() -> dict[str, str]:
    """Every file to write, by its path below :data:`FROM_CASES`."""
    files: dict[str, str] = {}
    for rule in shipped_alerts():
        if rule.status is not Status.ACTIVE or rule.problems:
            continue
        found: list[dict[str, Any]] = []
        for case in proving_cases(rule):
            if not obstacle(rule, case):
                name = slug(case.name)
                if case.situation.watch is not None:
                    files[f"{rule.id}/{FIRST}"] = first_message()
                files[f"{rule.id}/{name}.hl7"] = message(rule, case, len(found) + 1)
                found.append(vector(rule, case, name))
        if found:
            suite = {"format": FORMAT, "title": rule.title, "vectors": found}
            files[f"{rule.id}/{SUITE_FILE}"] = written(suite) + "\n"
    return files


def obstacle(rule: AlertRule, case: Case) -> str:
    """Why no roster and message bring about what the case says; empty where they do."""
    situation = case.situation
    course = situation.scope_from if situation.span is None else situation.span.start
    stated = situation.baselines.keys()
    if case.firing:
        return "it is about what other rules conclude"
    if situation.baseline_mode is not BaselineMode.LITERAL:
        return "it is about a protocol"
    if any(each.spoiled for each in results_of(case)):
        return "the message says nothing of how its specimen was"
    reads_baseline = any("baseline" in condition.text for condition in rule.conditions)
    early = [each for each in results_of(case) if each.collected.at < course]
    if reads_baseline and any(each.analyte not in stated for each in early):
        return "a baseline would be taken from the results before the course"
    if any(each.mg_per_day is None for span in situation.spans for each in span.doses[1:]):
        return "a roster has no dose that becomes unknown"
    if said(rule, _as_the_roster_tells_it(situation)) not in (None, case.severity):
        return "the roster alone would raise an alert, before the message"
    return ""


def _as_the_roster_tells_it(situation: Situation) -> Situation:
    """What an engine judges before any result: the instant is the newest that the roster tells of."""
    told = [span.start for span in situation.spans]
    told += [span.stop for span in situation.spans if span.stop is not None]
    told += [change.effective for span in situation.spans for change in span.doses]
    told += [fact.effective.at for facts in situation.facts.values() for fact in facts]
    at = max(told)
    span = [span for span in situation.spans if span.start <= at][-1]
    return replace(situation, at=at, told=at, span=span, state=span.state_at(at), series={}, provisional={})


def said(rule: AlertRule, situation: Situation) -> Severity | None:
    """How loud the rule is about a situation."""
    (finding,) = evaluate(rule, situation, shipped_analytes())
    return finding.severity


def vector(rule: AlertRule, case: Case, name: str) -> dict[str, Any]:
    """The vector of a case; what must come out is what the case says, not what an engine makes of it."""
    alerts = []
    if case.severity is not None:
        # Where the roster is enough for an alert, that is told before there are any values.
        first = _as_the_roster_tells_it(case.situation)
        (finding,) = evaluate(
            rule, case.situation if said(rule, first) is None else first, shipped_analytes()
        )
        values = values_of(finding)
        alerts.append({"rule": rule.id, "severity": case.severity.value, "phase": "start", "values": values})
    return {
        "id": name,
        "title": case.name,
        "rules": [rule.id],
        "steps": steps(case, name),
        "alerts": alerts,
    }


def steps(case: Case, name: str) -> list[dict[str, object]]:
    """The roster, then the message; where time matters the other way round, so that all is judged at once."""
    told: dict[str, object] = {"roster": {"at": ROSTER_READ.isoformat(), "rows": list(roster(case))}}
    result: dict[str, object] = {"message": f"{name}.hl7"}
    watch = case.situation.watch
    if watch is None:
        return [told, result]
    return [{"message": FIRST}, result, told, {"until": watch.clock.isoformat()}]


def values_of(finding: Finding) -> dict[str, str]:
    """The values that a finding rests on."""
    return {
        each.analyte: f"{each.comparator}{each.value} {each.unit}".rstrip()
        for each in reversed(finding.evidence)
        if each.analyte and each.value and each.truth is not Truth.FALSE
    }


def roster(case: Case) -> Iterator[Mapping[str, str]]:
    """Therapy, facts and baselines of the case, as rows."""
    situation = case.situation
    for number, span in enumerate(situation.spans):
        first = DoseChange(span.start, span.dose_at(span.start))
        yield _course("restart" if span.restart else "start", span, first)
        for change in span.doses:
            if change.effective > span.start:
                yield _course("dose", span, change)
        for begun, ended in span.holds:
            yield _row("hold", begun, drug=span.drug)
            if ended is not None:
                yield _course("start", span, DoseChange(ended, span.dose_at(ended)))
        following = situation.spans[number + 1 :]
        if span.stop is not None and (not following or span.stop < following[0].start):
            yield _row("stop", span.stop, drug=span.drug)
    for analyte, baseline in situation.baselines.items():
        note = f"baseline.{analyte}={plain(baseline.value)} {baseline.unit}"
        yield _row("fact", situation.scope_from, note=note)
    for name, facts in situation.facts.items():
        for fact in facts:
            if name in FACT_VALUES or name not in DRUGS:
                yield _row("fact", fact.effective.at, note=f"{name}={fact.value}")
            else:
                yield _row("start" if fact.value == TAKEN else "stop", fact.effective.at, drug=name)


def _course(event: str, span: TherapySpan, change: DoseChange) -> Mapping[str, str]:
    dose = "" if change.mg_per_day is None else plain(change.mg_per_day)
    return _row(event, change.effective, drug=span.drug, dose_mg_per_day=dose)


def _row(event: str, effective: datetime, **columns: str) -> Mapping[str, str]:
    is_day = (effective.hour, effective.minute) == (0, 0)
    when = effective.date().isoformat() if is_day else effective.isoformat()
    stated = {name: text for name, text in columns.items() if text}
    return {
        "patient_id": PATIENT,
        "assigning_authority": AUTHORITY,
        "event": event,
        "effective": when,
        **stated,
    }


def results_of(case: Case) -> list[Result]:
    """Every result of the case, final and preliminary, in the order of collection."""
    results = {each.key: each for series in case.situation.series.values() for each in series}
    results |= {each.key: each for series in case.situation.provisional.values() for each in series}
    return sorted(results.values(), key=lambda each: (each.collected.at, each.order))


def message(rule: AlertRule, case: Case, number: int) -> str:
    """One message with every result of the case, an OBR for each order."""
    results = results_of(case)
    lines = [
        rf"MSH|^~\&|LAB|VECTORS|||{stamp(NOW)}||ORU^R01^ORU_R01|V{number:04}|P|2.5.1",
        f"PID|1||{PATIENT}^^^{AUTHORITY}^MR||VECTOR^ONE||19700101|F",
    ]
    place = 0
    for order, group in groupby(results, key=lambda each: each.order):
        drawn = list(group)
        place += 1
        lines.append(_order(place, order, drawn[0].collected.at))
        lines += [_observation(index, each) for index, each in enumerate(drawn, 1)]
    if not results or said(rule, _as_seen_at(results[-1].collected.at, case)) is not case.severity:
        read = {name for condition in rule.conditions for name in condition.analytes}
        name, value, unit = next(each for each in BESIDE if each[0] not in read)
        lines.append(_order(place + 1, "now", NOW))
        lines.append(segment("OBX", {1: "1", 2: "NM", 3: f"{codes()[name]}^LN", 5: value, 6: unit, 11: "F"}))
    return "".join(f"{line}\r" for line in lines)


def first_message() -> str:
    """Of somebody else, long before: with its first message an engine begins to watch."""
    at = stamp(datetime(2020, 1, 1, tzinfo=UTC))
    lines = [
        rf"MSH|^~\&|LAB|VECTORS|||{at}||ORU^R01^ORU_R01|V0000|P|2.5.1",
        f"PID|1||V0^^^{AUTHORITY}^MR||VECTOR^ZERO||19700101|F",
        segment("OBR", {1: "1", 3: "O0^LAB", 7: at, 25: "F"}),
        segment("OBX", {1: "1", 2: "NM", 3: f"{codes()['mcv']}^LN", 5: "90", 6: "fL", 11: "F"}),
    ]
    return "".join(f"{line}\r" for line in lines)


def _as_seen_at(newest: datetime, case: Case) -> Situation:
    """What an engine judges: the instant is that of the newest result."""
    situation = case.situation
    state = situation.state if situation.span is None else situation.span.state_at(newest)
    return replace(situation, at=newest, state=state)


def _order(place: int, order: str, collected: datetime) -> str:
    number = re.sub(r"[^0-9A-Za-z]+", "", f"O{order}".replace("-", "m"))
    panel = "24325-3^Hepatic function panel^LN"
    return segment("OBR", {1: str(place), 3: f"{number}^LAB", 4: panel, 7: stamp(collected), 25: "F"})


def _observation(index: int, result: Result) -> str:
    assert result.quantity is not None
    sent = _sent(result.quantity.interval)
    return segment(
        "OBX",
        {
            1: str(index),
            2: "SN" if "^" in sent else "NM",
            3: f"{codes()[result.analyte]}^LN",
            5: sent,
            6: result.quantity.unit,
            7: result.reference.text if result.reference is not None else "",
            11: result.status.value,
        },
    )


def _sent(interval: Interval) -> str:
    text = str(interval)
    number = text.lstrip("<>=")
    return f"{text[: len(text) - len(number)]}^{number}" if number != text else text


@cache
def codes() -> Mapping[str, str]:
    """The first LOINC code of each analyte, with its name."""
    found: dict[str, str] = {}
    with (ROOT / "mappings" / "loinc.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["use"] == "analyte":
                found.setdefault(row["analyte"], f"{row['loinc']}^{row['name']}")
    return found


def stamp(at: datetime) -> str:
    """An HL7 time with offset."""
    return at.strftime("%Y%m%d%H%M%S%z")


def written(value: object, indent: str = "") -> str:
    """JSON that people can read: what fits on a line is on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) <= LINE or not isinstance(value, dict | list):
        return line
    inner = f"{indent}  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {written(each, inner)}" for key, each in value.items()]
    else:
        parts = [written(each, inner) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{closing}"


def slug(name: str) -> str:
    """A file name out of the name of a case."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80].rstrip("-")


def main() -> None:
    """Write all files anew."""
    shutil.rmtree(FROM_CASES, ignore_errors=True)
    for name, text in vectors().items():
        path = FROM_CASES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    suites = list(FROM_CASES.glob(f"*/{SUITE_FILE}"))
    print(f"{len(list(FROM_CASES.glob('*/*.hl7')))} vectors of {len(suites)} rules")


if __name__ == "__main__":
    main()
