"""Which rules a protocol puts in force: its list, its base, its switches, and data quality always."""

from __future__ import annotations

from textwrap import dedent

import pytest

from engine.errors import ConfigError
from engine.rulebook import Rulebook, parse_rulebook
from engine.rulebook.protocols import PROTOCOL_KEYS, SETTLED_KEYS, SWITCH_KEYS
from engine.strictyaml import Table, load
from tests.unit.rulebook.bad_files import ANALYTES, ROOT, sources_text
from tests.unit.rulebook.records import shipped, shipped_files

_RULE = """\
id: {0}
title: Example
family: liver-injury
severity: critical
status: active
version: "1"
rationale: An example.
sources:
  - document: HL7 Version 2.5.1
    section: 7.4.2.6 OBX-6 Units
when: alt >= 500 U/L
if_unknown: urgent
message: Look.
action: Act.
"""
_PROTOCOL = """\
name: {0}
title: Example
rationale: An example.
sources:
  - document: HL7 Version 2.5.1
    section: 7.4.2.6 OBX-6 Units
"""
_SWITCHES = """\
switches:
  first:
    contradiction: X1
    question: Is x02 wanted?
    default: "on"
    options:
      "on": {rules: [x02-b]}
      "off": {rules: []}
  second:
    contradiction: X2
    question: Which of the two?
    default: one
    options:
      one: {rules: [x02-b]}
      other: {rules: [x03-c]}
"""
_STRICTEST = "rules: [x01-a, x02-b, x03-c]\nswitches: {first: 'on', second: one}\n"
_NAMES = (
    "bsr-2017",
    "ctcae-v5",
    "ctcae-v6",
    "dili-split",
    "fda-label",
    "pcn-trend",
    "s1",
    "s2",
    "s3",
    "s4-aih",
    "sps-gastro",
    "strictest",
)


def _book(**protocols: str) -> Rulebook:
    rules = ("x01-a", "x02-b", "x03-c", "q01-d")
    files = {f"rules/{rule}.yaml": _RULE.format(rule) for rule in rules}
    files |= {f"rules/{rule}_test.yaml": "" for rule in rules}
    files["rules/switches.yaml"] = _SWITCHES
    written = {
        "strictest": _STRICTEST,
        "other": "based_on: strictest\nswitches: {second: other}\n",
    } | protocols
    for name, text in written.items():
        files[f"rules/protocols/{name}.yaml"] = _PROTOCOL.format(name) + dedent(text)
    return parse_rulebook(files, ANALYTES, sources_text())


def _in_force(text: str) -> tuple[str, ...]:
    book = _book(ours=text).with_protocol("ours")
    assert tuple(rule.id for rule in book.in_force) == book.protocols["ours"].rules
    return book.protocols["ours"].rules


def test_a_protocol_puts_in_force_what_it_names_and_data_quality() -> None:
    """A rule that it does not name is not in force; what cannot be judged is told all the same."""
    assert _in_force("rules: [x01-a]") == ("q01-d", "x01-a")


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ("", {"x01-a", "x02-b"}),
        ("switches: {first: 'off'}", {"x01-a"}),
        ("switches: {second: other}", {"x01-a", "x03-c"}),
        ("switches: {second: one}", {"x01-a", "x02-b"}),
    ],
)
def test_a_rule_of_an_option_is_in_force_where_every_switch_that_names_it_chooses_it(
    switches: str, expected: set[str]
) -> None:
    """Defaults count where a protocol says nothing; rules that no option names are not affected."""
    assert set(_in_force(f"rules: [x01-a, x02-b, x03-c]\n{switches}")) == expected | {"q01-d"}


def test_a_rule_of_an_option_that_nobody_chose_waits_for_a_site_that_does() -> None:
    """It is named by a protocol, so that choosing the option is all there is to do."""
    book = _book(other="based_on: strictest\nswitches: {first: 'off', second: one}\n")

    assert not any("x03-c" in protocol.rules for protocol in book.protocols.values())
    assert _in_force("based_on: strictest\nswitches: {second: other}") == ("q01-d", "x01-a", "x03-c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("based_on: strictest", {"x01-a", "x02-b"}),
        ("based_on: strictest\nwithout: [x01-a]", {"x02-b"}),
        ("based_on: other", {"x01-a", "x03-c"}),
        ("based_on: other\nswitches: {second: one}", {"x01-a", "x02-b"}),
    ],
)
def test_a_protocol_inherits_rules_and_choices_of_its_base(text: str, expected: set[str]) -> None:
    """Its own choice goes before that of the base, the base's before the default."""
    assert set(_in_force(text)) == expected | {"q01-d"}


def test_an_unknown_protocol_cannot_be_put_in_force() -> None:
    """Nobody runs under a protocol that does not exist."""
    with pytest.raises(ConfigError, match='no protocol "strictes"'):
        _book().with_protocol("strictes")


def test_every_contradiction_has_a_switch_or_is_settled() -> None:
    """X1 to X24, each met once."""
    node = load(shipped_files()["rules/switches.yaml"], "rules/switches.yaml")
    assert isinstance(node, Table)
    settled = node.entries["settled"]
    assert isinstance(settled, Table)

    met = [switch.contradiction for switch in shipped().switches.values()] + list(settled.entries)

    assert sorted(met) == sorted(f"X{number}" for number in range(1, 25))


def test_the_shipped_protocols() -> None:
    """Each is there, names its sources and says why it is as it is; the default chooses at every switch."""
    book = shipped()

    assert tuple(sorted(book.protocols)) == _NAMES
    assert all(each.rationale and each.sources for each in book.protocols.values())
    assert set(book.protocols["strictest"].switches) == set(book.switches)


@pytest.mark.parametrize(
    ("rule", "without"),
    [
        ("a05-alt-ast-300-symptoms", {"s2"}),
        ("a06-alt-ast-bilirubin-2x-baseline", {"s3"}),
        ("a07-bilirubin-2x-uln", {"s2"}),
        ("a08-alt-ast-3x-uln-after-restart", {"s2", "s3"}),
        ("a08-alp-ggt-3x-uln-after-restart", set(_NAMES)),
        ("a02-alt-ast-500", set()),
        ("d01-wbc-below-2-5", set()),
    ],
)
def test_which_protocol_leaves_out_a_contested_rule(rule: str, without: set[str]) -> None:
    """A contested rule is out where the source that is followed says otherwise; what is uncontested stays."""
    protocols = shipped().protocols.values()

    assert {each.name for each in protocols if rule not in each.rules} == without


@pytest.mark.parametrize("key", [*PROTOCOL_KEYS, *SWITCH_KEYS, *SETTLED_KEYS])
def test_every_key_is_explained(key: str) -> None:
    """Whoever writes a protocol finds every key in the README of the rules."""
    assert f"| `{key}` |" in (ROOT / "rules" / "README.md").read_text("utf-8")
