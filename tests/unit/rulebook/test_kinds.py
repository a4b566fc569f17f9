"""Labels, modifiers and selectors: what they add to the findings of other rules, and what they never do."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from engine.model.finding import Label, Severity
from engine.rulebook import Rulebook, conclude, evaluate
from engine.rulebook.references import asked_by
from engine.timing import timed_families
from tests.unit.rulebook.bad_files import ANALYTES
from tests.unit.rulebook.books import alert, annotation, book, findings, modifier
from tests.unit.rulebook.records import shipped, shipped_alerts, shipped_analytes, situation

_RAISED = alert("a01-raised", "alt >= 100 U/L", if_unknown="silent")
_HIGH = "results: {alt: {0d: 200 U/L}}"
_RESTARTED = "therapy: {restarted: -20d}\n"
_AFTER_RESTART = "therapy is restarted"


def test_a_label_stands_on_the_alerts_of_its_families_only() -> None:
    """What is said of a liver is not said of a blood count."""
    found = findings(
        "results: {alt: {0d: 200 U/L}, wbc: {0d: 2 10*9/L}}",
        _RAISED,
        alert("d01-low", "wbc < 2.5 10*9/L", family="cytopenia", if_unknown="silent"),
        annotation("b01-grade", "alt >= 150 U/L", label='"ALT {alt}: a grade."'),
    )

    assert (Label("b01-grade", "ALT 200 U/L: a grade."),) == found["a01-raised"].labels
    assert () == found["d01-low"].labels


def test_a_label_whose_conditions_do_not_hold_says_nothing() -> None:
    """Nor does it where they are unknown, unless it says what to say then."""
    silent = annotation("b01-grade", "ast >= 150 U/L")
    asking = annotation("b02-ask", "symptom recorded", extra="label_unknown: Ask for symptoms.\n")

    found = findings(_HIGH, _RAISED, silent, asking)

    assert (Label("b02-ask", "Ask for symptoms."),) == found["a01-raised"].labels


def test_labels_stand_in_order_of_their_rules() -> None:
    """Two hospitals with the same rules read the same card."""
    parts = (
        _RAISED,
        annotation("b02-second", "alt >= 100 U/L", label="Second."),
        annotation("b01-first", "alt >= 100 U/L", label="First."),
    )
    for order in permutations(parts):
        assert ["First.", "Second."] == [label.text for label in findings(_HIGH, *order)["a01-raised"].labels]


def test_a_label_can_tell_the_quotient_that_it_is_about() -> None:
    """The pattern of an injury is told with its R value, which is cut and never rounded up."""
    record = "ranges: {alt: 10-40, alp: 42-141}\nresults: {alt: {0d: 400 U/L}, alp: {0d: 141 U/L}}"
    pattern = annotation("b04-pattern", "alt xULN / alp xULN >= 5", label='"Hepatocellular, R {alt.ratio}."')

    assert "Hepatocellular, R 10." == findings(record, _RAISED, pattern)["a01-raised"].labels[0].text


def test_a_silent_finding_stays_silent_and_bare() -> None:
    """A modifier makes alerts graver; it makes none."""
    found = findings(
        _RESTARTED + "results: {alt: {0d: 30 U/L}}", _RAISED, modifier("a12-early", _AFTER_RESTART)
    )["a01-raised"]

    assert (None, None, ()) == (found.severity, found.raised_from, found.labels)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("info", "review"), ("review", "urgent"), ("urgent", "critical"), ("critical", "critical")],
)
def test_modifiers_raise_by_one_step_in_all(severity: str, expected: str) -> None:
    """Three reasons to be careful are one step, and nothing is graver than critical."""
    found = findings(
        _RESTARTED + _HIGH,
        alert("a01-raised", "alt >= 100 U/L", severity, if_unknown="silent"),
        *(modifier(f"a1{number}-early", _AFTER_RESTART) for number in range(3)),
    )["a01-raised"]

    assert Severity(expected) is found.severity
    assert (None if severity == expected else Severity(severity)) is found.raised_from
    assert 3 == len(found.labels)


def test_a_modifier_that_cannot_be_decided_labels_and_does_not_raise() -> None:
    """Unknown is no reason to page."""
    unsure = annotation(
        "a12-early", "symptom recorded", kind="modifier", extra="raise_by: 1\nlabel_unknown: Perhaps.\n"
    )

    found = findings(_HIGH, _RAISED, unsure)["a01-raised"]

    assert (Severity.REVIEW, None, "Perhaps.") == (found.severity, found.raised_from, found.labels[0].text)


def test_what_cannot_be_excluded_is_raised_like_what_is_certain() -> None:
    """A value of >90 against 100 told as info is told as review while a modifier holds."""
    found = findings(
        _RESTARTED + 'results: {alt: {0d: ">90 U/L"}}',
        alert("a01-raised", "alt >= 100 U/L", if_unknown="info"),
        modifier("a12-early", _AFTER_RESTART),
    )["a01-raised"]

    assert (Severity.REVIEW, Severity.INFO) == (found.severity, found.raised_from)


def test_a_preliminary_value_labels_only_where_the_label_allows_it() -> None:
    """A label is as careful with preliminary values as an alert."""
    record = "results: {alt: {0d: 200 U/L}, ast: {0d: {value: 300 U/L, status: P}}}"
    for extra, expected in (("", []), ("allow_preliminary: true\n", ["A note."])):
        noted = annotation("b01-note", "ast >= 150 U/L", extra=extra)
        assert expected == [label.text for label in findings(record, _RAISED, noted)["a01-raised"].labels]


def test_a_rule_can_ask_whether_another_fires() -> None:
    """Of alert rules, labels and selectors alike; in whatever order they are read."""
    parts = (
        alert("a10-again", "all:\n  - therapy is restarted\n  - rule a01-raised fires", "critical"),
        _RAISED,
        annotation("z01-selector", "rule a10-again fires", kind="selector", label="Chosen."),
        alert("z02-chosen", "rule z01-selector fires", "info", family="dose"),
    )
    for order in permutations(parts):
        found = findings(_RESTARTED + _HIGH, *order)
        assert Severity.CRITICAL is found["a10-again"].severity
        assert Severity.INFO is found["z02-chosen"].severity

    assert findings(_HIGH, *parts)["a10-again"].severity is None
    assert findings(_RESTARTED, *parts)["a10-again"].severity is None


def test_what_only_cannot_be_excluded_does_not_fire() -> None:
    """A rule that says "cannot exclude" gives no other rule a certainty."""
    found = findings(
        'results: {alt: {0d: ">90 U/L"}}',
        alert("a01-raised", "alt >= 100 U/L", "urgent", if_unknown="urgent"),
        alert("a10-again", "rule a01-raised fires"),
        alert("c13-well", "nothing fires above info", "info", family="workup"),
    )

    assert Severity.URGENT is found["a01-raised"].severity
    assert found["a10-again"].severity is None
    assert found["c13-well"].severity is None


def test_a_rule_that_is_not_in_force_does_not_fire() -> None:
    """A protocol without a rule is a protocol without what rests on it."""
    rules = book(_RAISED, alert("a10-again", "rule a01-raised fires"))

    (found,) = conclude([rules["a10-again"]], situation(_HIGH), ANALYTES)

    assert found.severity is None


def test_nothing_fires_looks_at_every_other_alert_rule_as_raised() -> None:
    """A modifier that makes a notice a matter for review is seen, and rules of the same form are not."""
    well = alert("c13-well", "nothing fires above info", "info", family="workup")
    parts = (
        alert("a01-raised", "alt >= 100 U/L", "info", if_unknown="silent"),
        modifier("a12-early", _AFTER_RESTART),
        well,
        alert("c14-also", "nothing fires above info", "urgent", family="workup"),
    )

    assert Severity.INFO is findings(_HIGH, *parts)["c13-well"].severity
    assert findings(_RESTARTED + _HIGH, *parts)["c13-well"].severity is None
    assert Severity.URGENT is findings(_HIGH, *parts)["c14-also"].severity


def test_what_rests_on_nothing_fires_is_not_looked_at_either() -> None:
    """Otherwise the outcome would hang on an order that nobody stated."""
    found = findings(
        _HIGH,
        alert("c13-well", "nothing fires above info", "info", family="workup"),
        alert("c14-louder", "rule c13-well fires", "urgent", family="workup"),
    )

    assert (Severity.INFO, Severity.URGENT) == (found["c13-well"].severity, found["c14-louder"].severity)


def test_a_modifier_can_ask_whether_a_rule_fires() -> None:
    """The rules that a modifier rests on are judged before it, whatever they are called."""
    found = findings(
        _HIGH,
        alert("z01-raised", "alt >= 100 U/L", if_unknown="silent"),
        modifier("a12-more", "rule z01-raised fires"),
    )["z01-raised"]

    assert (Severity.URGENT, Severity.REVIEW) == (found.severity, found.raised_from)


def test_a_rule_in_shadow_changes_nothing_that_is_published() -> None:
    """Neither by firing, nor by a label, nor by raising; among rules in shadow it does all of that."""
    watched = alert("a01-watched", "alt >= 100 U/L", "urgent", if_unknown="silent", status="shadow")
    found = findings(
        _HIGH,
        watched,
        alert("a02-resting", "rule a01-watched fires"),
        alert("a03-resting", "rule a01-watched fires", status="shadow"),
        alert("c13-well", "nothing fires above info", "info"),
        annotation("b01-note", "alt >= 100 U/L", status="shadow"),
        modifier("b02-more", "alt >= 100 U/L", status="shadow"),
        annotation("b03-said", "alt >= 100 U/L", label="Said."),
    )

    assert found["a02-resting"].severity is None
    assert (Severity.INFO, None) == (found["c13-well"].severity, found["c13-well"].raised_from)
    assert ["Said."] == [label.text for label in found["c13-well"].labels]
    assert (Severity.URGENT, Severity.CRITICAL) == (
        found["a03-resting"].severity,
        found["a01-watched"].severity,
    )
    assert ["A note.", "A note.", "Said."] == [label.text for label in found["a01-watched"].labels]


@pytest.mark.parametrize(
    "record",
    [
        "",
        "ranges: {alt: 10-40, ast: 10-40}\nresults: {alt: {0d: 300 U/L, -14d: 90 U/L}, ast: {0d: 45 U/L}}",
        'ranges: {alt: 10-40}\nresults: {alt: {0d: {value: 600 U/L, status: P}, -3d: ">480 U/L"}}',
        _RESTARTED + 'problems: [{kind: unit-missing, analyte: alt, sent: "640"}]',
        "facts: {tpmt: deficient, symptom: nausea}\nresults: {wbc: {0d: 2.1 10*9/L}}",
    ],
)
def test_judged_together_each_rule_finds_what_it_finds_alone(record: str) -> None:
    """Lines that stand in many rules are judged once, and no rule sees the difference."""
    seen = situation(record)
    together = conclude(shipped().in_force, seen, shipped_analytes())
    bare = [replace(f, labels=(), severity=f.raised_from or f.severity, raised_from=None) for f in together]
    for rule in shipped_alerts():
        if not asked_by(rule) and rule in shipped().in_force and not rule.timed:
            alone = evaluate(rule, seen, shipped_analytes())
            assert [finding for finding in bare if finding.rule_id == rule.id] == list(alone)


def test_time_concerns_every_rule_that_rests_on_a_rule_that_waits() -> None:
    """A sweep judges whatever the passing of time may change, be it through other rules or by raising."""
    rules = book(
        alert("f04-overdue", _WAITING, family="monitoring-blood"),
        alert("f05-resting", "rule f04-overdue fires", family="dose"),
        alert("c13-well", "nothing fires above info", "info", family="workup"),
        alert("a01-raised", "alt >= 100 U/L", family="kidney", if_unknown="silent"),
        modifier("m01-late", "rule f04-overdue fires", families="liver-injury"),
        annotation("b01-note", "rule f04-overdue fires", families="pancreas"),
    )

    timed = {name for name, rule in rules.items() if rule.timed}
    families = timed_families(Rulebook(tuple(rules.values()), rules, {}, in_force=tuple(rules.values())))

    assert set(rules) - {"a01-raised"} == timed
    assert {"monitoring-blood", "dose", "workup", "liver-injury"} == families


def test_without_a_rule_that_waits_time_concerns_nothing() -> None:
    """Rules that look at all others are not judged by every sweep for that alone."""
    rules = book(_RAISED, alert("c13-well", "nothing fires above info", "info", family="workup"))

    assert not any(rule.timed for rule in rules.values())


_WAITING = "blood every 7 d from day 0 since start overdue by 2 d"
