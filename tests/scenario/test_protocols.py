"""Who is judged by which protocol, and what becomes of alerts when it changes."""

from __future__ import annotations

import pytest

from engine.cli.card import evidence_card
from engine.errors import ConfigError
from tests.scenario.timeline import Scenario, alert
from tests.scenario.wire import Patient

A08 = "a08-alt-ast-3x-uln-after-restart"


def _restart(day: Scenario) -> None:
    """A restart three weeks ago, after a break."""
    day.roster(start="d-200")
    day.roster_row("H1", "stop", "d-60", "azathioprine")
    day.roster_row("H1", "restart", "d-21", "azathioprine", "50")


def _restarted() -> Scenario:
    """ALT 130, upper limit 40, three weeks after a restart."""
    day = Scenario()
    _restart(day)
    day.roster_row("H1", "fact", "d-21", note="symptom=none")
    day.at("d0 08:00").oru(alt="130")
    return day


def test_an_alert_names_the_protocol_of_the_site() -> None:
    """Nobody has said anything about the patient."""
    day = _restarted()

    assert A08 in day.open_rules()
    assert {event.protocol for event in day.events()} == {"strictest"}


def test_a_patient_of_another_protocol_is_judged_by_it() -> None:
    """Under s2 a restarted patient is stopped at 5 x baseline or 500 U/L, not at 3 x the upper limit."""
    day = Scenario()
    day.roster_row("H1", "fact", "d-200", note="protocol=s2")
    _restart(day)
    day.at("d0 08:00").oru(alt="130")

    assert A08 not in day.open_rules()
    assert {event.protocol for event in day.events()} == {"s2"}


def test_a_patient_whose_protocol_changes_is_judged_anew() -> None:
    """The alert of a rule that is not in force any more ends or gives way, and comes back with the rule."""
    day = _restarted()

    day.roster_row("H1", "fact", "d0", note="protocol=s2")
    assert A08 not in day.open_rules()
    assert day.events()[-1].protocol == "s2"

    day.at("d1 08:00").roster_row("H1", "fact", "d1", note="protocol=strictest")
    assert day.open_rules()[A08] == "critical"
    assert day.events()[-1].protocol == "strictest"


def test_the_same_row_again_changes_nothing() -> None:
    """A roster is imported every night."""
    day = _restarted()
    day.roster_row("H1", "fact", "d0", note="protocol=s2")

    assert day.roster_row("H1", "fact", "d0", note="protocol=s2") == []


def test_an_alert_that_ends_with_its_rule_says_so() -> None:
    """The reader is not told that the value has become better."""
    day = Scenario()
    _restart(day)
    day.at("d0 08:00").oru(alt="210")
    day.expect(alert(A08, "critical").started())

    (ended,) = day.roster_row("H1", "fact", "d0", note="protocol=s2")

    day.expect(alert(A08).ended())
    assert ended.message.startswith(f"Rule {A08} is not in force under protocol s2. It said: ")


def test_one_patient_does_not_change_another() -> None:
    """Each is judged by the protocol that is stated for them."""
    day = _restarted()
    other = Patient(("H2",))
    for row in ("start,2026-01-02,azathioprine,100,,", "fact,2026-01-02,,,,protocol=ctcae-v5"):
        day.import_roster(f"H2,STEVENS,{row}\n")
    day.oru(of=other, alt="600")

    protocols = {event.person.identifiers[0].value: event.protocol for event in day.events()}
    assert protocols == {"H1": "strictest", "H2": "ctcae-v5"}


def test_an_unknown_protocol_is_refused_with_its_place() -> None:
    """A misspelt protocol must not leave the patient under another one unnoticed."""
    with pytest.raises(ConfigError) as refused:
        Scenario().roster_row("H1", "fact", "d0", note="protocol=strictes")

    (defect,) = refused.value.defects
    assert str(defect) == 'roster.csv:2: note: no protocol "strictes"; did you mean strictest?'


@pytest.mark.parametrize(
    ("by_indication", "rows", "expected"),
    [
        (False, ["fact,d,,,,diagnosis=aih"], "strictest"),
        (True, ["fact,d,,,,diagnosis=aih"], "s4-aih"),
        (True, ["fact,d,,,,diagnosis=other"], "strictest"),
        (True, ["fact,d,,,,diagnosis=aih", "fact,d,,,,diagnosis=ibd"], "strictest"),
        (True, ["fact,d,,,,diagnosis=aih", "fact,d,,,,protocol=s3"], "s3"),
        (True, ["start,d,azathioprine,100,Autoimmune  Hepatitis,"], "s4-aih"),
        (True, ["start,d,azathioprine,100,perhaps autoimmune hepatitis,"], "strictest"),
    ],
)
def test_a_site_may_bind_by_indication(by_indication: bool, rows: list[str], expected: str) -> None:
    """Only where the setting says so and one protocol claims the patient; a stated one goes before it."""
    day = Scenario(by_indication=by_indication)
    day.import_roster("H1,STEVENS,start,2025-12-01,azathioprine,100,,\n")
    for row in rows:
        day.import_roster(f"H1,STEVENS,{row.replace(',d,', ',2026-01-05,')}\n")
    day.at("d0 08:00").oru(alt="600")

    assert day.events()[-1].protocol == expected


def test_the_mode_of_the_protocol_decides_what_a_baseline_is() -> None:
    """5 x the own baseline, 2.5 x the upper limit: critical, or a mild rise."""
    told = {}
    for protocol in ("strictest", "dili-split"):
        day = Scenario()
        day.roster(start="d-60")
        for note in ("baseline.alt=20 U/L", "symptom=none", f"protocol={protocol}"):
            day.roster_row("H1", "fact", "d-60", note=note)
        day.at("d0 08:00").oru(alt="100")
        told[protocol] = day.open_rules()
        assert f"protocol   {protocol}" in evidence_card(day.events()[-1])

    assert told["strictest"]["a01-alt-ast-5x-baseline"] == "critical"
    assert told["dili-split"]["a13-mild-rise"] == "review"
