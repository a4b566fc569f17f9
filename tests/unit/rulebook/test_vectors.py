"""The boundary vectors of the clinical specification: which of the shipped rules speak, and how loud.

Upper limit of ALT 40, ALP 42-141, bilirubin 17; baseline of ALT 30, bilirubin 8, unless said otherwise.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.finding import Severity
from engine.rulebook import conclude, evaluate
from tests.unit.rulebook.records import shipped, shipped_alerts, shipped_analytes, situation

_RANGES = "ranges: {alt: 10-40, ast: 10-40, alp: 42-141, bilirubin: 3-17}\n"
_BASELINE = "baseline: {alt: 30 U/L, ast: 30 U/L, bilirubin: 8 umol/L}\n"
_WELL = "facts: {symptom: none}\n"
_VOMITING = "facts: {symptom: vomiting}\n"
_USUAL = _RANGES + _BASELINE + _WELL
_COUNTS = "results: {{wbc: {{-42d: 6.0 10*9/L, -28d: 5.3 10*9/L, -14d: {} 10*9/L, 0d: 4.2 10*9/L}}}}"
_RESTARTED = "therapy: {restarted: -40d}\n"


def _speaking(record: str) -> dict[str, str]:
    found = conclude(shipped().in_force, situation(record), shipped_analytes())
    return {each.rule_id[:3]: each.severity.value for each in found if each.severity is not None}


def _pages(severity: Severity) -> bool:
    return severity.rank >= Severity.URGENT.rank


def _apart_from_new(record: str) -> dict[str, str]:
    """Without a19, which speaks of whatever is raised and was not before the start, e06, which asks for
    enzymes after every restart, and f15, which asks for the rest of the panel.
    """
    others = ("a19", "e06", "f15")
    return {rule: severity for rule, severity in _speaking(record).items() if rule not in others}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (_USUAL + "results: {alt: {0d: 149 U/L}}", {"a13": "review"}),
        (_USUAL + "results: {alt: {0d: 150 U/L}}", {"a01": "critical", "a13": "review"}),
        ("results: {alt: {0d: 499 U/L}}", {}),
        ("results: {alt: {0d: 500 U/L}}", {"a02": "critical"}),
        ('results: {alt: {0d: ">480 U/L"}}', {"a02": "urgent"}),
        ('results: {alt: {0d: ">=500 U/L"}}', {"a02": "critical"}),
        ('results: {alt: {0d: "<10 U/L"}}', {}),
        (
            _USUAL + "results: {alt: {0d: 60 U/L}, bilirubin: {0d: 15.9 umol/L}}",
            {"a13": "review"},
        ),
        (_USUAL + "results: {alt: {0d: 60 U/L}, bilirubin: {0d: 16 umol/L}}", {"a06": "critical"}),
        (_RANGES + "results: {alt: {0d: 41 U/L}, bilirubin: {0d: 33.9 umol/L}}", {"a13": "review"}),
        (_RANGES + "results: {alt: {0d: 41 U/L}, bilirubin: {0d: 34 umol/L}}", {"a07": "critical"}),
        (_RANGES + "results: {alt: {0d: 41 U/L}}", {"a13": "review"}),
        (
            _RANGES + _WELL + _RESTARTED + "results: {alt: {0d: 120 U/L}}",
            {"a09": "urgent", "a13": "review", "g07": "info"},  # doses and liver before it: not known
        ),
        (
            _RANGES + _WELL + _RESTARTED + "results: {alt: {0d: 120.1 U/L}}",
            {"a08": "critical", "a09": "urgent", "a10": "critical", "a13": "review", "g07": "info"},
        ),
        (_RANGES + _WELL + "results: {alt: {0d: 199.9 U/L}}", {"a13": "review"}),
        (_RANGES + _WELL + "results: {alt: {0d: 200 U/L}}", {"b02": "urgent"}),
        (_RANGES + _WELL + "results: {alt: {0d: 400 U/L}}", {"b02": "urgent"}),
        (_RANGES + _WELL + "results: {alt: {0d: 400.1 U/L}}", {"b03": "critical"}),
        (_USUAL.replace("none", "nausea") + "results: {alt: {0d: 89 U/L}}", {"a15": "urgent"}),
        (
            _USUAL.replace("none", "nausea") + "results: {alt: {0d: 90 U/L}}",
            {"a03": "critical", "a04": "critical", "a15": "urgent"},
        ),
        (_RANGES + _VOMITING + "results: {alt: {0d: 299 U/L}}", {"a15": "urgent", "b02": "urgent"}),
        (_VOMITING + "results: {alt: {0d: 299 U/L}}", {}),
        (_VOMITING + "results: {alt: {0d: 300 U/L}}", {"a05": "critical", "a15": "urgent"}),
        (
            _RANGES + _BASELINE + "results: {alt: {0d: 149 U/L}}",
            {"a03": "urgent", "a04": "urgent", "a13": "review"},
        ),
        (_RANGES + "results: {alt: {0d: 250 U/L}}", {"b02": "urgent"}),
        (
            _RANGES + "baseline: {alt: 100 U/L}\nresults: {alt: {0d: 450 U/L}}",
            {"a03": "urgent", "a04": "urgent", "b03": "critical"},
        ),
        (_RANGES + _VOMITING + "results: {alt: {0d: 190 U/L}}", {"a15": "urgent"}),
        (_RANGES + _WELL + "results: {alp: {0d: 39 U/L}}", {"c03": "info"}),
        (_RANGES + "results: {alp: {0d: 39 U/L}}", {"c03": "info"}),
        (_RANGES + _WELL + "results: {alp: {0d: 42 U/L}}", {}),
        (
            _RANGES + _WELL + "results: {alp: {-7d: 40 U/L, 0d: 39 U/L}}",
            {"c03": "info", "c04": "review", "c07": "review"},
        ),
        ("results: {wbc: {0d: 2.5 10*9/L}}", {"p03": "urgent"}),
        ("results: {wbc: {0d: 2.49 10*9/L}}", {"d01": "critical", "p03": "urgent"}),
        ("results: {platelets: {0d: 50 10*9/L}}", {"p03": "urgent"}),
        ("results: {platelets: {0d: 49 10*9/L}}", {"d02": "critical", "p03": "urgent"}),
        ("results: {wbc: {0d: 3.5 10*9/L}, platelets: {0d: 140 10*9/L}}", {}),
        ("results: {wbc: {0d: 3.49 10*9/L}}", {"p03": "urgent"}),
        ("results: {platelets: {0d: 139 10*9/L}}", {"p03": "urgent"}),
        (_COUNTS.format("4.7"), {"d03": "urgent"}),
        (_COUNTS.format("4.8"), {}),
        (
            _RANGES + _WELL + 'results: {alp: {0d: 39 U/L}, inr: {0d: "1.8 {INR}"}}',
            {"c03": "info", "c06": "critical"},
        ),
        ("facts: {chronic-liver-disease: yes}\nresults: {alp: {0d: 40 U/L}}", {}),
        (
            _RANGES + _WELL + "baseline: {alt: 20 U/L}\nresults: {alt: {0d: 100 U/L}}",
            {"a01": "critical", "a13": "review"},
        ),
        (
            _USUAL + "results: {ast: {0d: 640 U/L}}",
            {"a01": "critical", "a02": "critical", "b03": "critical"},
        ),
        ('problems: [{kind: unit-missing, analyte: bilirubin, sent: "2.0"}]', {"q01": "review"}),
        ("problems: [{kind: identity-conflict, code: PID}]", {"q05": "urgent"}),
        ("problems: [{kind: code-unmapped, code: LFT7}]", {"q06": "info"}),
        (
            _USUAL + "results: {alt: {0d: {value: 640 U/L, status: P}}}",
            {"a01": "critical", "a02": "critical", "b03": "critical"},
        ),
        (_USUAL + "results: {alt: {0d: {value: 149 U/L, status: P}}}", {}),
        (_RANGES + "results: {alt: {0d: {value: 250 U/L, status: S}}}", {}),
        (_RANGES + _WELL + "results: {alp: {0d: {value: 39 U/L, status: P}}}", {}),
        ("", {}),
    ],
)
def test_boundary(record: str, expected: dict[str, str]) -> None:
    """At each limit exactly the rules speak that the specification names."""
    assert expected == _apart_from_new(record)


def test_unknown_symptoms_are_asked_for() -> None:
    """Unknown is not no: a mild rise with nothing on record asks for the symptoms."""
    (rule,) = (each for each in shipped_alerts() if each.id == "a13-mild-rise")

    (found,) = evaluate(rule, situation(_RANGES + "results: {alt: {0d: 60 U/L}}"), shipped_analytes())

    assert "check symptoms" in found.message


def test_whatever_else_fires_takes_precedence_over_a_mild_rise() -> None:
    """The alert for a stop never reads as advice to carry on."""
    injury = [rule for rule in shipped_alerts() if rule.family == "liver-injury" and _pages(rule.severity)]

    assert {rule.id for rule in injury if "a13-mild-rise" not in rule.supersedes} == set()
    assert len(injury) > 20


def test_exactly_the_critical_rules_look_at_preliminary_results() -> None:
    """What cannot wait for the final value pages at once; nobody is asked to review what may still change."""
    for rule in shipped_alerts():
        assert rule.allow_preliminary == (rule.severity is Severity.CRITICAL), rule.id


@pytest.mark.parametrize("symptom", ["", "none", "nausea", "vomiting", "fatigue", "jaundice", "other"])
@pytest.mark.parametrize("baseline", ["", "baseline: {alt: 30 U/L}\n", "baseline: {alt: 100 U/L}\n"])
@pytest.mark.parametrize("value", ["40.1", "147", "199.9", "200", "400", "450", ">150"])
def test_no_raised_transaminase_goes_unheard(value: str, baseline: str, symptom: str) -> None:
    """With a reference range somebody hears of every raised ALT, whatever else is known of the patient."""
    facts = f"facts: {{symptom: {symptom}}}\n" if symptom else ""
    told = _apart_from_new(f"{_RANGES}{baseline}{facts}results: {{alt: {{0d: '{value} U/L'}}}}")

    assert told
    assert {"review"} != set(told.values()) or (Decimal(value) < 200 and symptom in ("", "none"))
