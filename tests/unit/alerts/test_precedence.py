"""One alert per family: the gravest finding speaks for the others."""

from __future__ import annotations

from dataclasses import replace

from engine.alerts import choose
from engine.model.finding import Severity
from tests.scenario.wire import instant
from tests.support.builders import finding

MILD = finding("a13-alt-ast-mild", Severity.REVIEW)
STOP = finding("a02-alt-ast-500", Severity.CRITICAL, supersedes=("a13-alt-ast-mild",))


def test_the_gravest_finding_speaks() -> None:
    """One bad liver panel is one page, and the page names the rules that it speaks for."""
    chosen = choose([MILD, STOP])

    assert list(chosen) == [("liver-injury", "")]
    assert chosen["liver-injury", ""].finding is STOP
    assert chosen["liver-injury", ""].superseded == ("a13-alt-ast-mild",)


def test_equal_severity_goes_to_the_lower_rule_id() -> None:
    """Which of two equal findings speaks does not depend on the order of evaluation."""
    first = finding("a01-alt-ast-5x-baseline")

    assert choose([STOP, first]) == choose([first, STOP])
    assert choose([STOP, first])["liver-injury", ""].finding is first


def test_what_was_missed_first_speaks() -> None:
    """A wider schedule that is missed as well does not move the date that was told."""
    told, later = (
        replace(finding(rule, Severity.URGENT), overdue=True, clinical_at=at)
        for rule, at in (("f12-blood", instant("d9")), ("d04-blood", instant("d97")))
    )

    assert choose([later, told])["liver-injury", ""].finding is told


def test_precedence_never_makes_an_alert_milder() -> None:
    """A milder rule that claims to supersede a graver one is not believed."""
    mild = finding("c03-alp-low", Severity.INFO, family="alp-low", supersedes=("a02-alt-ast-500",))

    assert choose([mild, STOP])["liver-injury", ""].finding is STOP


def test_another_family_can_be_silenced_by_name() -> None:
    """A rule that supersedes one of another family keeps it from becoming an alert of its own."""
    urgent = finding("c06-alp-low-liver-failure", family="alp-failure", supersedes=("c03-alp-low",))
    low = finding("c03-alp-low", Severity.INFO, family="alp-low")

    chosen = choose([low, urgent])

    assert list(chosen) == [("alp-failure", "")]
    assert chosen["alp-failure", ""].superseded == ("c03-alp-low",)


def test_silent_findings_are_no_alerts() -> None:
    """What does not fire becomes no alert."""
    assert choose([finding(severity=None)]) == {}


def test_subjects_are_alerts_of_their_own() -> None:
    """Two analytes with an unknown unit are two notices."""
    chosen = choose(
        [finding("q02", family="q02", subject="alt"), finding("q02", family="q02", subject="wbc")]
    )

    assert set(chosen) == {("q02", "alt"), ("q02", "wbc")}
