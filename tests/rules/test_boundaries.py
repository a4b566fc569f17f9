"""The boundary vectors of the clinical table, through real messages, under the protocol that each names.

Upper limit of ALT 40, ALP 42-141, bilirubin 17; baseline of ALT 30, bilirubin 8, unless a row says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from engine.model.alert import AlertEvent
from engine.rulebook import conclude
from tests.scenario.timeline import Scenario
from tests.scenario.wire import Observation, obx
from tests.unit.rulebook.records import shipped, shipped_analytes, situation

Step = Callable[[Scenario], object]


@dataclass(frozen=True)
class Row:
    """What happens to a patient; which ids of the table fire, do not, or at least are not told."""

    name: str
    steps: tuple[Step, ...]
    speak: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    untold: str = ""
    label: str = ""


def row(name: str, *steps: Step, speak: str = "", silent: str = "", untold: str = "", label: str = "") -> Row:
    """``speak``, ``silent`` and ``untold`` are beginnings of ids, ``label`` is that of a label."""
    return Row(name, steps, frozenset(speak.split()), frozenset(silent.split()), untold, label)


def on(protocol: str) -> Step:
    """The patient is bound to a protocol."""
    return fact(f"protocol={protocol}")


def fact(text: str, when: str = "d0") -> Step:
    """Somebody has recorded a fact."""
    return lambda day: day.roster_row("H1", "fact", when, note=text)


def baseline(alt: str = "30") -> Step:
    """The stated baselines."""

    def state(day: Scenario) -> None:
        day.roster_row("H1", "fact", "d-60", note=f"baseline.alt={alt} U/L")
        day.roster_row("H1", "fact", "d-60", note="baseline.bilirubin=8 umol/L")

    return state


def roster(event: str, when: str, dose: str = "") -> Step:
    """A row of the roster about the therapy."""
    return lambda day: day.roster_row("H1", event, when, "azathioprine", dose)


def draw(*observations: Observation, when: str = "d0 08:00") -> Step:
    """One panel."""
    return lambda day: day.oru(*observations, collected=when)


def alt(value: str, limits: str = "10-40", when: str = "d0 08:00") -> Step:
    """One ALT."""
    return draw(obx("alt", value, limits=limits), when=when)


def wbc(*values: str) -> tuple[Step, ...]:
    """White cells week by week, the last of them today."""
    last = len(values) - 1
    return tuple(
        draw(obx("wbc", value), when=f"d{-7 * (last - place)} 08:00") for place, value in enumerate(values)
    )


RESTARTED = (roster("stop", "d-100"), roster("restart", "d-20", "50"))


def peaked(value: str) -> tuple[Step, ...]:
    """An injury with this peak, a stop, normal values, and a restart that is ordered."""
    return (
        alt(value, when="d-50 08:00"),
        roster("stop", "d-49"),
        alt("30", when="d-10 08:00"),
        roster("restart", "d0", "50"),
    )


ROWS = (
    row("A01 149", baseline(), alt("149"), silent="a01"),
    row("A01 150", baseline(), alt("150"), speak="a01"),
    row("A02 499 without range and baseline", alt("499", ""), silent="a01 a02 a03 a05 a08 a13 a15 b02 b03"),
    row("A02 500 without range and baseline", alt("500", ""), speak="a02"),
    row("ALT 89 with nausea", baseline(), fact("symptom=nausea"), alt("89"), speak="a15", silent="a03"),
    row("ALT 90 with nausea", baseline(), fact("symptom=nausea"), alt("90"), speak="a03"),
    row("ALT 299 with vomiting", fact("symptom=vomiting"), alt("299"), speak="a15", silent="a05"),
    row("ALT 299 with vomiting, no range", fact("symptom=vomiting"), alt("299", ""), silent="a05 a15"),
    row("ALT 300 with vomiting", fact("symptom=vomiting"), alt("300", ""), speak="a05"),
    row(
        "ALT 60 with bilirubin 15.9",
        baseline(),
        draw(obx("alt", "60"), obx("bilirubin", "15.9")),
        speak="a13",
        silent="a06",
    ),
    row("ALT 60 with bilirubin 16", baseline(), draw(obx("alt", "60"), obx("bilirubin", "16")), speak="a06"),
    row("ALT 41 with bilirubin 33.9", draw(obx("alt", "41"), obx("bilirubin", "33.9")), silent="a07"),
    row("ALT 41 with bilirubin 34", draw(obx("alt", "41"), obx("bilirubin", "34")), speak="a07"),
    row(
        "restarted, ALT 120", *RESTARTED, alt("30", when="d-30 08:00"), alt("120"), speak="a09", silent="a08"
    ),
    row("restarted, ALT 120.1", *RESTARTED, alt("30", when="d-30 08:00"), alt("120.1"), speak="a08"),
    row("ALT 199.9", alt("199.9"), label="Grade: mild"),
    row("ALT 200", alt("200"), label="Grade: moderate"),
    row("ALT 400", alt("400"), label="Grade: moderate"),
    row("ALT 400.1", alt("400.1"), label="Grade: severe"),
    row("ALP 39", fact("symptom=none"), draw(obx("alp", "39")), speak="c03"),
    row("ALP 42", fact("symptom=none"), draw(obx("alp", "42")), silent="c03 c04"),
    row(
        "ALP 39 in chronic liver disease",
        fact("chronic-liver-disease=yes"),
        draw(obx("alp", "39")),
        speak="c05",
    ),
    row(
        "ALP 40 in chronic liver disease",
        fact("chronic-liver-disease=yes"),
        draw(obx("alp", "40")),
        silent="c05",
    ),
    row(
        "ALP 39 with INR 1.8",
        roster("stop", "d-20"),
        draw(obx("alp", "45"), when="d-7 08:00"),
        draw(obx("alp", "39"), obx("inr", "1.8")),
        speak="c06",
        untold="c02",
    ),
    row("AST 40 with ALT 100", draw(obx("ast", "40"), obx("alt", "100")), speak="b06"),
    row("AST 41 with ALT 100", draw(obx("ast", "41"), obx("alt", "100")), silent="b06"),
    row("WBC 2.5", *wbc("2.5"), silent="d01"),
    row("WBC 2.49", *wbc("2.49"), speak="d01"),
    row("platelets 50", draw(obx("platelets", "50")), silent="d02"),
    row("platelets 49", draw(obx("platelets", "49")), speak="d02"),
    *(
        row(f"BSR {analyte} {value}", on("bsr-2017"), draw(obx(analyte, value)), **{said: rule})
        for analyte, rule, within, beyond in (
            ("wbc", "p03-wbc", "3.5", "3.49"),
            ("neutrophils", "p03-neutrophils", "1.6", "1.59"),
            ("platelets", "p03-platelets", "140", "139"),
            ("mcv", "p03-mcv", "105", "105.1"),
            ("eosinophils", "p03-eosinophils", "0.5", "0.51"),
            ("alt", "p03-alt", "100", "101"),
        )
        for value, said in ((within, "silent"), (beyond, "speak"))
    ),
    row("trend at the third value", on("pcn-trend"), *wbc("6.0", "5.3", "4.7"), silent="d03"),
    row("trend at the fourth value", on("pcn-trend"), *wbc("6.0", "5.3", "4.7", "4.2"), speak="d03"),
    row("trend with a smaller fall", on("pcn-trend"), *wbc("6.0", "5.3", "4.8", "4.2"), silent="d03"),
    row("R 10", draw(obx("alt", "400"), obx("alp", "141")), label="Pattern: hepatocellular, R 10"),
    row("R 2", draw(obx("alt", "80"), obx("alp", "141")), label="Pattern: cholestatic, R 2"),
    row("R 3", draw(obx("alt", "120"), obx("alp", "141")), label="Pattern: mixed, R 3"),
    row("peak of 10 x, then a restart", *peaked("400"), speak="g06", silent="g05"),
    row("peak above 10 x, then a restart", *peaked("400.4"), speak="g05", silent="g06"),
    row("ALT 100 with a baseline of 20, literal", baseline("20"), alt("100"), speak="a01"),
    row(
        "ALT 100 with a baseline of 20, split",
        on("dili-split"),
        baseline("20"),
        alt("100"),
        speak="a13",
        silent="a01",
    ),
    row("6-TGN of 300 per 8 x 10^8", draw(obx("tgn", "300", unit="pmol/8x10(8)RBC")), silent="p13-6tgn-high"),
    row("6-TGN of 300 per 10^8", draw(obx("tgn", "300", unit="pmol/10*8{RBC}")), speak="p13-6tgn-high"),
    row("TPMT 30 mU/L", draw(obx("tpmt_activity", "30", unit="mU/L")), speak="e02"),
    row("TPMT 30 nmol/h/g Hb", draw(obx("tpmt_activity", "30", unit="nmol/h/g Hb")), silent="e01 e02"),
    row("TPMT 30 without a unit", draw(obx("tpmt_activity", "30", unit="")), speak="q01", silent="e01 e02"),
    row(
        "bilirubin 2.0 mg/dL",
        draw(obx("alt", "41"), obx("bilirubin", "2.0", unit="mg/dL", limits="0.2-1.0")),
        speak="a07",
    ),
    row(
        "bilirubin 2.0 without a unit",
        draw(obx("alt", "41"), obx("bilirubin", "2.0", unit="")),
        speak="q01",
        silent="a07",
    ),
)


def open_events(day: Scenario) -> Iterable[AlertEvent]:
    """What was told last of each open alert."""
    still_open = {alert.alert_id for alert in day.open_alerts()}
    last = {event.alert_id: event for event in day.events()}
    return [event for alert_id, event in last.items() if alert_id in still_open]


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_boundary(each: Row) -> None:
    """At each limit the rules speak that the table names, and the others do not."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-90")
    day.at("d0 12:00")
    for step in each.steps:
        step(day)
    events = list(open_events(day))
    told = {event.rule for event in events}
    labels = [label for event in events for label in event.labels]
    firing = (
        told | {rule for event in events for rule in event.superseded} | {each.rule_id for each in labels}
    )

    missing = {prefix for prefix in each.speak if not any(rule.startswith(prefix) for rule in firing)}
    wrong = {rule for rule in firing if rule.startswith(tuple(each.silent))}
    assert (set(), set()) == (missing, wrong)
    assert not each.untold or not any(rule.startswith(each.untold) for rule in told)
    assert not each.label or any(label.text.startswith(each.label) for label in labels)


@pytest.mark.parametrize(("mode", "expected"), [("literal", "a01"), ("floor_uln", "a13"), ("split", "a13")])
def test_a_low_baseline_is_taken_literally_or_not(mode: str, expected: str) -> None:
    """ALT 100 is 5 x a baseline of 20 and 2.5 x the upper limit: one mode stops, the others do not."""
    seen = situation(
        f"mode: {mode}\nranges: {{alt: 10-40}}\nbaseline: {{alt: 20 U/L}}\nresults: {{alt: {{0d: 100 U/L}}}}"
    )
    found = conclude(shipped().in_force, seen, shipped_analytes())
    rules = {each.rule_id[:3] for each in found if each.severity is not None}

    assert expected in rules
    assert ("a01" in rules) == (expected == "a01")


def test_the_unit_of_a_metabolite_tells_300_from_2400() -> None:
    """Results per 10^8 red cells are an eighth of the same results per 8 x 10^8."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-90")
    day.at("d0 12:00")
    day.oru(obx("tgn", "300", unit="pmol/8x10(8)RBC"), collected="d-1 08:00")
    day.oru(obx("tgn", "300", unit="pmol/10*8{RBC}"), collected="d0 08:00")

    assert ["300 pmol/(8.10*8{RBC})", "2400 pmol/(8.10*8{RBC})"] == day.values("tgn")


def test_bilirubin_in_milligrams_is_converted_exactly() -> None:
    """2.0 mg/dL are 34.2 umol/L."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-90")
    day.at("d0 12:00").oru(obx("bilirubin", "2.0", unit="mg/dL", limits="0.2-1.0"))

    assert ["34.2 umol/L"] == day.values("bilirubin")
