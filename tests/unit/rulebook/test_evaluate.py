"""The finding: what it says, what it rests on, and what an alert needs to know of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import ConfigError
from engine.model.finding import Severity
from engine.model.quantity import Truth
from engine.rulebook import evaluate
from tests.unit.rulebook.bad_files import ANALYTES
from tests.unit.rulebook.records import finding, rule, situation

_UNMAPPED = "problem code-unmapped"
_EITHER = "any:\n  - alt >= 500 U/L\n  - ast >= 500 U/L"


def test_a_rule_that_fires_names_the_value_furthest_beyond_its_limit() -> None:
    """Of ALT 510 and AST 800 the message is about AST, and so is the first evidence."""
    a_rule = rule(_EITHER, message='"{trigger.name} {trigger}"')

    found = finding(a_rule, "results: {alt: {0d: 510 U/L}, ast: {-1d: 800 U/L}}")

    assert (Severity.CRITICAL, "AST 800 U/L", "ast -1d") == (found.severity, found.message, found.trigger_key)
    assert "ast >= 500 U/L" == found.evidence[0].condition


def test_clinical_time_is_that_of_the_newest_value_that_speaks() -> None:
    """A newer normal AST does not make an older high ALT look new."""
    found = finding(rule(_EITHER), "results: {alt: {-3d: 510 U/L}, ast: {0d: 20 U/L}}")

    assert datetime(2026, 2, 27, 8, tzinfo=UTC) == found.clinical_at


def test_badness_grows_as_the_patient_gets_worse() -> None:
    """A repeat can be told from a deterioration: a higher ALT and a lower count are both worse."""
    high = finding(rule(_EITHER), "results: {alt: {0d: 510 U/L}, ast: {0d: 800 U/L}}")
    low = finding(rule("wbc < 2.5 10*9/L"), "results: {wbc: {0d: 2.1 10*9/L}}")

    assert (("alt", "510"), ("ast", "800")) == high.badness
    assert (("wbc", "-2.1"),) == low.badness


def test_badness_is_of_the_conditions_that_speak_for_the_rule() -> None:
    """What a rule excludes, and what does not hold, says nothing about how bad it is."""
    a_rule = rule("all:\n  - alt > 40 U/L\n  - unless: ast >= 500 U/L\n  - not: alp < 40 U/L")

    found = finding(a_rule, "results: {alt: {0d: 60 U/L}, ast: {0d: 90 U/L}, alp: {0d: 90 U/L}}")

    assert (("alt", "60"),) == found.badness


def test_what_to_do_where_it_cannot_be_decided_is_told_in_words_of_its_own() -> None:
    """The action of a certain finding is never that of an uncertain one, nor the other way round."""
    a_rule = rule(
        "alt >= 500 U/L", if_unknown="if_unknown: urgent", extra='action_unknown: "Ask for {alt.sent}."'
    )

    certain = finding(a_rule, "results: {alt: {0d: 500 U/L}}")
    uncertain = finding(a_rule, 'results: {alt: {0d: ">100 U/L"}}')

    assert "Act." == certain.action
    assert "Ask for >100 U/L." == uncertain.action


def test_a_silent_rule_gives_a_finding_without_severity() -> None:
    """Silence can be explained, because every clinical rule gives exactly one finding."""
    found = finding(rule(_EITHER), "results: {alt: {0d: 30 U/L}, ast: {0d: 30 U/L}}")

    assert (Truth.FALSE, None, "", "") == (found.truth, found.severity, found.message, found.trigger_key)
    assert 2 == len(found.evidence)


def test_unknown_speaks_with_the_severity_that_the_rule_states() -> None:
    """A value of >480 against 500 is told as something that cannot be excluded."""
    a_rule = rule("alt >= 500 U/L", if_unknown="if_unknown: urgent", message='"ALT {alt}."')

    found = finding(a_rule, 'results: {alt: {0d: ">480 U/L"}}')

    assert (Truth.UNKNOWN, Severity.URGENT) == (found.truth, found.severity)
    assert "Cannot exclude: ALT >480 U/L." == found.message
    assert found.title.startswith("Cannot exclude: ")
    assert found.action.startswith("If confirmed: ")
    assert (("alt", "480"),) == found.badness


def test_a_scalar_if_unknown_leaves_missing_references_silent() -> None:
    """Most patients have no baseline on some day; that alone is no reason to speak."""
    a_rule = rule("alt >= 5 x baseline", if_unknown="if_unknown: urgent")

    assert finding(a_rule, "results: {alt: {0d: 499 U/L}}").severity is None
    assert finding(a_rule, "").severity is None


def test_if_unknown_can_be_stated_for_each_cause() -> None:
    """A site that wants to hear about results without a range says so in the rule."""
    a_rule = rule("alt > 1 x ULN", if_unknown="if_unknown:\n  reference: info")

    assert Severity.INFO is finding(a_rule, "results: {alt: {0d: 60 U/L}}").severity


def test_a_shadow_rule_is_evaluated_but_not_published() -> None:
    """A new rule can be watched for weeks before anybody is paged by it."""
    shadow = rule("alt >= 500 U/L", status="shadow")

    found = finding(shadow, "results: {alt: {0d: 640 U/L}}")

    assert (Severity.CRITICAL, False) == (found.severity, found.published)


def test_a_rule_that_allows_preliminary_results_says_that_they_are() -> None:
    """An alert on a preliminary value is marked as such in its evidence."""
    a_rule = rule("alt >= 500 U/L", extra="allow_preliminary: true")

    found = finding(a_rule, "results: {alt: {0d: {value: 640 U/L, status: P}}}")

    assert (Truth.TRUE, "P") == (found.truth, found.evidence[0].result_status)


def test_the_frame_reaches_the_finding() -> None:
    """Repeat interval, version and citation of the rule file arrive where alerts are made."""
    a_rule = rule("alt >= 500 U/L", extra="repeat_after: 2 w")

    found = finding(a_rule, "")

    assert (timedelta(days=14), "1") == (found.repeat_after, found.rule_version)
    assert ("HL7 Version 2.5.1, 7.4.2.6 OBX-6 Units",) == found.sources


def test_a_message_fills_every_kind_of_placeholder() -> None:
    """What a rule promises to say about a value is said, and what is not there is said to be so."""
    a_rule = rule(
        "all:\n  - any:\n      - alt >= 5 x baseline\n      - ast >= 5 x baseline\n  - unless: alt > 9 x ULN",
        message='"{alt} sent {alt.sent}, {alt.fold} x {alt.baseline}, to {alt.uln}, {alt.collected}; {ast}; '
        '{ast.sent}; {trigger.code}"',
    )

    found = finding(a_rule, "results: {alt: {0d: 160.0 U/L}}\nranges: {alt: 10-40}\nbaseline: {alt: 31 U/L}")

    expected = "160 U/L sent 160.0 U/L, 5.1 x 31 U/L, to 40 U/L, 2026-03-02; not measured; not known; alt"
    assert expected == found.message


def test_a_multiple_is_cut_and_never_rounded_up() -> None:
    """71 of 40 is 1.7 x in every text of an alert, and what is not twice the limit never reads as twice."""
    a_rule = rule("alt > 1 x ULN", message='"{alt.fold}"')
    low = rule("alp < 1 x LLN", message='"{alp.fold}"')

    def told(value: str) -> str:
        return finding(a_rule, f"results: {{alt: {{0d: '{value} U/L'}}}}\nranges: {{alt: 10-40}}").message

    assert ["1.7", "1.9", "2", ">2.5"] == [told(value) for value in ("71", "79.99", "80", ">103")]
    assert "0.95" == finding(low, "results: {alp: {0d: 40.3 U/L}}\nranges: {alp: 42-141}").message


def test_a_rule_can_say_which_value_it_is_about() -> None:
    """Bilirubin of twice its limit is told as bilirubin, though the ALT is further beyond its own limit."""
    when = "all:\n  - alt > 1 x ULN\n  - bilirubin >= 2 x ULN"
    record = "results: {alt: {0d: 90 U/L}, bilirubin: {0d: 34 umol/L}}\nranges: {alt: 10-40, bilirubin: 3-17}"

    usual = finding(rule(when), record)
    named = finding(rule(when, extra="trigger: bilirubin", message='"{trigger.name} {trigger}"'), record)

    assert ("alt 0d", "bilirubin 0d") == (usual.trigger_key, named.trigger_key)
    assert ("bilirubin >= 2 x ULN", "Bilirubin 34 umol/L") == (named.evidence[0].condition, named.message)


def test_a_rule_whose_named_value_is_missing_names_another() -> None:
    """Where the named analyte does not speak, the alert is about what does."""
    a_rule = rule("any:\n  - alt > 1 x ULN\n  - ast > 1 x ULN", extra="trigger: ast")

    found = finding(
        a_rule, "results: {alt: {0d: 90 U/L}, ast: {0d: 20 U/L}}\nranges: {alt: 10-40, ast: 10-40}"
    )

    assert "alt 0d" == found.trigger_key


def test_a_data_quality_rule_gives_a_finding_for_each_subject() -> None:
    """Two analytes without a unit are two notices; the newest observation of each is named."""
    a_rule = rule("problem unit-missing", if_unknown="", message='"{trigger.name} {trigger.sent}"')
    record = """\
problems:
  - {kind: unit-missing, analyte: wbc, sent: "2.1"}
  - {kind: unit-missing, analyte: alt, sent: "640", day: -3d}
  - {kind: unit-missing, analyte: alt, sent: "650", day: -1d}
  - {kind: implausible, analyte: ast, sent: "99999 U/L"}
"""

    found = evaluate(a_rule, situation(record), ANALYTES)

    assert [("alt", "ALT 650"), ("wbc", "WBC 2.1")] == [(each.subject, each.message) for each in found]
    assert () == evaluate(a_rule, situation(""), ANALYTES)


def _unmapped(codes: int, sender: str = "LAB|NORTH") -> str:
    rows = (f'  - {{kind: code-unmapped, code: "{number:04}", sender: {sender}}}' for number in range(codes))
    return "\n".join(("problems:", *rows))


def test_hundreds_of_unmapped_codes_are_one_finding_with_bounded_evidence() -> None:
    """A laboratory that nobody has mapped is one thing to do, whatever number of codes it sends."""
    a_rule = rule(_UNMAPPED, if_unknown="", message='"{trigger.codes} of {trigger.sender}"')

    found = finding(a_rule, _unmapped(838))

    assert "0000, 0001, 0002, 0003, 0004 and 833 more of LAB at NORTH" == found.message
    assert [f"{number:04}" for number in range(10)] == [evidence.note for evidence in found.evidence]
    assert ("LAB|NORTH", Severity.CRITICAL) == (found.subject, found.severity)


def test_codes_are_listed_newest_first_whatever_order_they_are_kept_in() -> None:
    """The same record reads the same, and the newest code is not hidden behind "and N more"."""
    a_rule = rule(_UNMAPPED, if_unknown="", message='"{trigger.codes}, {trigger.collected}"')
    rows = ["code: B, day: -1d", "code: C", "code: A, day: -1d"]
    for order in (rows, rows[::-1]):
        told = "\n".join(("problems:", *(f"  - {{kind: code-unmapped, {row}}}" for row in order)))

        assert "C, A and B, 2026-03-02" == finding(a_rule, told).message


def test_other_problems_remain_findings_of_their_analyte() -> None:
    """Two tests without a unit are two things to put right."""
    told = "problems: [{kind: unit-missing, analyte: alt}, {kind: unit-missing, analyte: ast}]"
    found = evaluate(rule("problem unit-missing", if_unknown=""), situation(told), ANALYTES)

    assert ["alt", "ast"] == [each.subject for each in found]


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        ("", "no value was sent"),
        ("flag: QCF", "no value was sent"),
        ('sent: "530", flag: QCF', "it failed quality control (flag QCF)"),
        ('sent: "530", flag: HM', "it is held for medical review (flag HM)"),
        ('sent: "530", flag: TOX', "a cytotoxic substance was present (flag TOX)"),
        ('sent: "5,3"', "the comma in 5,3 may be a decimal or a thousands comma"),
        ('sent: "< 1,000.5"', "the comma in < 1,000.5 may be a decimal or a thousands comma"),
        ('sent: "haemolysed, repeat"', "the text that was sent cannot be read as a number"),
        ('sent: "haemolysed", flag: H', "the text that was sent cannot be read as a number"),
    ],
)
def test_a_notice_says_what_is_wrong_with_the_value(observation: str, words: str) -> None:
    """A number with failed quality control is no text, and nothing at all is neither."""
    a_rule = rule("problem value-unreadable", if_unknown="", message='"{trigger.fault}"')
    more = f", {observation}" if observation else ""

    assert words == finding(a_rule, f"problems: [{{kind: value-unreadable, analyte: alt{more}}}]").message


@pytest.mark.parametrize("field", ["codes", "fault"])
def test_what_only_unusable_observations_have_is_no_placeholder_of_other_rules(field: str) -> None:
    """A message that could only ever say "not known" is refused when it is read."""
    for when in ("alt >= 500 U/L", "problem implausible"):
        with pytest.raises(ConfigError, match="has no such field"):
            rule(
                when,
                message=f'"{{trigger.{field}}}"',
                if_unknown="if_unknown: silent" if "alt" in when else "",
            )


@pytest.mark.parametrize(
    ("when", "courses", "named"),
    [
        ("alt >= 500 U/L", "[{started: -90d}]", "azathioprine"),
        ("alt >= 500 U/L", "[{started: -90d, drug: mercaptopurine}]", "mercaptopurine"),
        # on the day of the value it was azathioprine, whatever is ordered by then
        (
            "alt >= 500 U/L",
            "[{started: -90d, stopped: -3d}, {started: 2d, drug: mercaptopurine}]",
            "azathioprine",
        ),
        (
            "all:\n  - alt >= 500 U/L\n  - restart within 30 d",
            "[{started: -90d, stopped: -3d}, {started: 2d, drug: mercaptopurine}]",
            "mercaptopurine",
        ),
    ],
)
def test_the_drug_named_is_the_one_that_the_patient_takes(when: str, courses: str, named: str) -> None:
    """Nobody is told to stop azathioprine who takes mercaptopurine."""
    a_rule = rule(when, message='"On {therapy.drug}."')

    found = finding(a_rule, f"therapy: {{courses: {courses}}}\nresults: {{alt: {{0d: 510 U/L}}}}")

    assert f"On {named}." == found.message
