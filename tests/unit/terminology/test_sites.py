"""Who sends: site profiles by sender, and what is assumed for each."""

from __future__ import annotations

import pytest

from engine.terminology import parse_terminology
from tests.unit.terminology.tables import defects, files, shipped

_DEFAULT = """\
default:
  time_zone: UTC
  charset: cp1252
  default_authority: LOCAL
  identifier_types: [MR, ""]
"""


@pytest.mark.parametrize(
    ("application", "facility", "name"),
    [
        ("NORTHLAB", "NORTH", "north"),
        ("northlab", "North", "north"),
        ("RIVERLIS", "RIVERSIDE", "riverside"),
        ("STMARYLAB", "STMARY", "stmary"),
        ("NORTHLAB", "SOUTH", "default"),
        ("NORTHLAB", "", "default"),
        ("", "", "default"),
    ],
)
def test_senders_find_their_site(application: str, facility: str, name: str) -> None:
    """Both parts of the sender count, whatever their case; a stranger gets the default."""
    assert name == shipped().site(application, facility).name


def test_profiles_hold_what_a_message_may_leave_out() -> None:
    """Time zone, character set and authority are those of the laboratory."""
    north, default = shipped().site("NORTHLAB", "NORTH"), shipped().site("?", "?")

    assert ("Europe/Stockholm", "iso8859-1", "NORTH") == (
        north.time_zone.key,
        north.charset,
        north.default_authority,
    )
    assert ("UTC", "cp1252", "LOCAL") == (default.time_zone.key, default.charset, default.default_authority)
    assert {"MR", "PI", "NH", ""} <= default.identifier_types
    assert not {"AN", "VN", "ANON", "SS"} & default.identifier_types


def test_patterns_come_after_exact_senders() -> None:
    """A hospital group can be described by one line, and one of its laboratories by another."""
    sites = _DEFAULT + "".join(
        f"{name}:\n  senders: ['{sender}']\n  time_zone: UTC\n  charset: 8859/15\n"
        f"  default_authority: X\n  identifier_types: [MR]\n"
        for name, sender in (("group", "LAB*|*"), ("one", "LAB1|EAST"), ("last", "*|WEST"))
    )
    terminology = parse_terminology(files(sites_yaml=sites))
    asked = [("LAB1", "EAST"), ("LAB1", "WEST"), ("lab2", ""), ("OTHER", "WEST"), ("OTHER", "EAST")]

    assert ["one", "group", "group", "last", "default"] == [terminology.site(*pair).name for pair in asked]


def test_authorities_have_aliases() -> None:
    """One assigning authority comes under several names and object identifiers."""
    sites = _DEFAULT + '  authorities: {NORTHMRN: NORTH, "1.2.752.1": NORTH}\n'
    site = parse_terminology(files(sites_yaml=sites)).site("", "")

    assert ["NORTH", "NORTH", "OTHER", "LOCAL"] == [
        site.authority("northmrn", ""),
        site.authority("X", "1.2.752.1"),
        site.authority("OTHER", ""),
        site.authority("", ""),
    ]


def test_a_code_file_without_a_site_is_a_warning() -> None:
    """A table that nobody uses is a laboratory that nobody understands."""
    warnings = parse_terminology(files(sites_yaml=_DEFAULT)).warnings

    assert {"sites/north.csv", "sites/riverside.csv", "sites/stmary.csv"} <= {item.file for item in warnings}


def test_every_defect_of_the_sites_is_named_with_its_line() -> None:
    """The engineer sees all mistakes of the file at once."""
    text = """\
Alpha:
  senders: [NOBAR]
  time_zone: Europe/Nowhere
  charset: latin-zwei
  default_authority: A
  identifier_types: [MR, ]
  colour: green
beta:
  senders: ["A|B", "a|b"]
  time_zone: UTC
  charset: ASCII
  identifier_types: []
  trust_placer_requests: yes
  codes: sites/none.csv
"""
    found = [defect.split(" (")[0] for defect in defects(sites_yaml=text)]

    assert found == [
        'sites.yaml:1: "Alpha" is not a site name',
        'sites.yaml:1: there is no site "default"',
        'sites.yaml:2: "NOBAR" is not a sender',
        'sites.yaml:3: unknown time zone "Europe/Nowhere" of site Alpha',
        'sites.yaml:4: unknown charset "latin-zwei" of site Alpha',
        'sites.yaml:7: unknown key "colour" in site Alpha',
        'sites.yaml:9: sender "a|b" stands twice',
        'sites.yaml:9: site beta has no "default_authority"',
        'sites.yaml:12: "identifier_types" in site beta is empty',
        'sites.yaml:13: "trust_placer_requests" in site beta is "yes"',
        "sites.yaml:14: there is no file sites/none.csv",
    ]


def test_the_default_site_has_no_senders() -> None:
    """It would otherwise be unclear who is meant by everybody else."""
    found = defects(sites_yaml=_DEFAULT + '  senders: ["A|B"]\n')

    assert any("the default site has senders" in line for line in found)


@pytest.mark.parametrize("zone", ["../etc/passwd", "/etc/passwd", "Europe", "utc0\n"])
def test_odd_time_zones_are_defects(zone: str) -> None:
    """A time zone is a name of the database, not a path and not a folder of it."""
    text = _DEFAULT.replace("UTC", '"' + zone.replace("\n", "\\n") + '"')

    assert any("unknown time zone" in line for line in defects(sites_yaml=text))
