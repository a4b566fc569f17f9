"""The limits of the rules, approached from both sides through real messages, units and comparators.

Upper limits of normal: ALT 40, bilirubin 17; ALP 42-141. Stated baselines: ALT 30, bilirubin 8.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.scenario.timeline import Scenario
from tests.scenario.wire import Observation, obx

A01 = {"a01-alt-ast-5x-baseline": "critical"}
A02 = {"a02-alt-ast-500": "critical"}
A02_PERHAPS = {"a02-alt-ast-500": "urgent"}
A06 = {"a06-alt-ast-bilirubin-2x-baseline": "critical"}
A07 = {"a07-bilirubin-2x-uln": "critical"}
A08 = {"a08-alt-ast-3x-uln-after-restart": "critical"}
A13 = {"a13-mild-rise": "review"}
C03 = {"c03-alp-low": "info"}
C04 = {"c04-alp-low-persistent": "review"}
D01 = {"d01-wbc-below-2-5": "critical"}
D01_PERHAPS = {"d01-wbc-below-2-5": "urgent"}
D02 = {"d02-platelets-below-50": "critical"}
Q01 = {"q01-unit-missing": "review"}
Q03 = {"q03-value-unreadable": "review"}
NOTHING: dict[str, str] = {}

Open = dict[str, str]


def alt(value: str, unit: str = "U/L", limits: str = "10-40", kind: str = "NM") -> Observation:
    return obx("alt", value, unit=unit, limits=limits, kind=kind)


def bilirubin(value: str, unit: str = "umol/L", limits: str = "3-17") -> Observation:
    return obx("bilirubin", value, unit=unit, limits=limits)


def wbc(value: str, unit: str = "10*9/L", kind: str = "NM") -> Observation:
    return obx("wbc", value, unit=unit, limits="", kind=kind)


def platelets(value: str, unit: str = "10*9/L", kind: str = "NM") -> Observation:
    return obx("platelets", value, unit=unit, limits="", kind=kind)


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


def with_baselines(alt_baseline: str = "30") -> Scenario:
    day = treated()
    day.roster_row("H1", "fact", "d-60", note=f"baseline.alt={alt_baseline} U/L")
    day.roster_row("H1", "fact", "d-60", note="baseline.bilirubin=8 umol/L")
    return day


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        ([alt("149")], A13),
        ([alt("150")], A01),
        ([obx("ast", "150")], A13),  # AST has no baseline here
        ([alt("60"), bilirubin("15.9")], A13),
        ([alt("60"), bilirubin("16")], A06),
        ([alt("59.9"), bilirubin("16")], A13),
        ([alt("41"), bilirubin("33.9")], A13),
        ([alt("41"), bilirubin("34")], A07),
        ([alt("40"), bilirubin("34")], NOTHING),
    ],
)
def test_limits_relative_to_the_baseline(observations: Sequence[Observation], expected: Open) -> None:
    """At the limit the rule fires, just below it the milder one speaks."""
    day = with_baselines()
    day.oru(*observations)

    assert day.open_rules() == expected


def test_a_low_baseline_is_taken_literally() -> None:
    """Five times 20 is 100, although 100 is a mild rise by the range."""
    day = with_baselines("20")
    day.oru(alt("100"))

    assert day.open_rules() == A01


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        ([alt("40")], NOTHING),
        ([alt("40.1")], A13),
        ([alt("199.9")], A13),
        ([alt("200")], NOTHING),  # five times the upper limit is not mild; other rules grade it
        ([alt("499", limits="")], NOTHING),
        ([alt("500", limits="")], A02),
        ([obx("ast", "499.9", limits="")], NOTHING),
        ([obx("ast", "500", limits="")], A02),
        ([obx("alp", "39")], C03),
        ([obx("alp", "41.9")], C03),
        ([obx("alp", "42")], NOTHING),
        ([obx("alp", "39", limits="")], NOTHING),
        ([wbc("2.5")], NOTHING),
        ([wbc("2.49")], D01),
        ([platelets("50")], NOTHING),
        ([platelets("49")], D02),
    ],
)
def test_limits_without_a_baseline(observations: Sequence[Observation], expected: Open) -> None:
    """Absolute limits need neither range nor baseline; multiples of a range need the range."""
    day = treated()
    day.oru(*observations)

    assert day.open_rules() == expected


@pytest.mark.parametrize(("value", "expected"), [("120", A13), ("120.1", A08)])
def test_exactly_three_times_the_upper_limit_after_a_restart(value: str, expected: Open) -> None:
    """Above means above: three times the upper limit itself does not stop a second course."""
    day = Scenario()
    day.roster("H1", start="d-300")
    day.roster_row("H1", "stop", "d-100", "azathioprine")
    day.roster_row("H1", "restart", "d-20", "azathioprine", "50")
    day.at("d0 08:00").oru(alt(value))

    assert day.open_rules() == expected


@pytest.mark.parametrize(
    ("values", "expected"), [(("39", "41"), C04), (("42", "41"), C03), (("39", "42"), {})]
)
def test_a_low_alp_twice_in_a_row(values: tuple[str, str], expected: Open) -> None:
    """Two results below the range in a row are a trend, one is not."""
    day = treated()
    first, second = values
    day.oru(alp=first, collected="d-14 08:00")
    day.oru(alp=second)

    assert day.open_rules() == expected


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        # 500 U/L are 8.3333 ukat/L and 8333.3 nkat/L
        ([alt("8.33", "ukat/L", "")], NOTHING),
        ([alt("8.34", "ukat/L", "")], A02),
        ([alt("8.34", "µkat/L", "0.15-0.75")], A02),
        ([alt("8334", "nkat/L", "")], A02),
        ([alt("0.75", "ukat/L", "0.15-0.75")], NOTHING),
        ([alt("0.76", "ukat/L", "0.15-0.75")], A13),
        ([alt("500", "IU/L", "")], A02),
        # the limit of the laboratory is converted with the value
        ([alt("41"), bilirubin("1.99", "mg/dL", "0.2-1.0")], A13),
        ([alt("41"), bilirubin("2.0", "mg/dL", "0.2-1.0")], A07),
        # 2.0 mg/dL are 34.2 umol/L
        ([alt("41"), bilirubin("2.0", "", "3-17")], A13 | Q01),
        ([wbc("2.5", "10*3/uL")], NOTHING),
        ([wbc("2.49", "10*3/uL")], D01),
        ([wbc("2.5", "K/uL")], NOTHING),
        ([wbc("2.49", "K/uL")], D01),
        ([wbc("2500", "/uL")], NOTHING),
        ([wbc("2490", "cells/uL")], D01),
        ([wbc("2.49", "10^9/L")], D01),  # the separator was not escaped
        ([wbc("2.49", r"10\S\9/L")], D01),
        ([wbc("2.49", "G/L")], D01),
        ([platelets("50", "K/uL")], NOTHING),
        ([platelets("49", "K/uL")], D02),
        ([platelets("49000", "/uL")], D02),
        ([platelets("49.9", "10*3/mm3")], D02),
        ([platelets("49", "")], Q01),
    ],
)
def test_limits_in_other_units(observations: Sequence[Observation], expected: Open) -> None:
    """The limit is the same in every unit a laboratory writes, to the last digit."""
    day = treated()
    day.oru(*observations)

    assert day.open_rules() == expected


@pytest.mark.parametrize("kind", ["SN", "ST"])
@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (alt(">^500"), A02),
        (alt(">=^500"), A02),
        (alt(">^480"), A02_PERHAPS),
        (alt(">=^499"), A02_PERHAPS),
        (alt("<^10"), NOTHING),
        (alt("<^500"), NOTHING),
        (alt("<=^500"), A02_PERHAPS),
        (obx("alp", "<^42"), C03),
        (obx("alp", "<^50"), NOTHING),
        (wbc("<^2.5"), D01),
        (wbc("<=^2.5"), D01_PERHAPS),
        (wbc("<^3.0"), D01_PERHAPS),
        (wbc(">^2.5"), NOTHING),
        (platelets("<^10"), D02),
    ],
)
def test_values_that_are_only_bounds(kind: str, observation: Observation, expected: Open) -> None:
    """A comparator is certain, impossible, or "cannot exclude", as structured numeric and as plain text."""
    value = observation.value if kind == "SN" else observation.value.replace("^", "")
    limits = observation.limits if "6768-6" in observation.code else ""
    day = treated()
    day.oru(Observation(observation.code, value, observation.unit, limits, kind=kind))

    assert day.open_rules() == expected


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (wbc("^2.0^-^2.4", kind="SN"), D01),
        (wbc("^2.4^-^2.6", kind="SN"), D01_PERHAPS),
        (wbc("^2.5^-^2.6", kind="SN"), NOTHING),
        (wbc("2.0-2.4", kind="ST"), Q03),
    ],
)
def test_values_that_are_ranges(observation: Observation, expected: Open) -> None:
    """A structured range is judged by all its numbers; a range in plain text is shown to a human."""
    day = treated()
    day.oru(observation)

    assert day.open_rules() == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("d0 08:00", "d-7 08:00", A07),
        ("d0 08:00", "d-7 07:59", NOTHING),
    ],
)
def test_values_of_a_combination_belong_to_one_week(first: str, second: str, expected: Open) -> None:
    """ALT of today and bilirubin of seven days ago are one picture; a minute more, and they are two."""
    day = treated()
    day.oru(alt("130"), collected=first)
    day.oru(bilirubin("40"), collected=second)

    rules = {rule: severity for rule, severity in day.open_rules().items() if rule in A07}
    assert rules == expected
