"""Two hand-made rule sets with known differences, and an archive that shows each of them once.

==========  =====================================  ==========================================
patient     what the laboratory sends              what differs
==========  =====================================  ==========================================
EARLIER     ALT 160, a week later 210              B has 150 for 200: told 7 days earlier
LATER       platelets 90, a fortnight later 40     B has 50 for 100: told 14 days later
ONLY-A      platelets 80                           B has 50 for 100: told by A alone
ONLY-B      white cells 2.5                        B has 3.0 for 2.0: told by B alone
GRAVER      ALP 400                                the same limit, review in A, urgent in B
ALIKE       bilirubin 60                           nothing: the same rule in both
==========  =====================================  ==========================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.scenario.wire import Panel, instant, message, obx, patient, stamp

_RULE = """\
id: {id}
title: {title}
family: {family}
severity: {severity}
status: active
version: "1"
rationale: Made up for a test.
sources:
  - document: Handbook of the ward
    section: Limits
when: {condition}
if_unknown: silent
message: "{{trigger.name}} {{trigger}}."
action: Look at the patient.
"""
_CASES = """\
rule: {id}
cases: []
"""
_PROTOCOL = """\
name: strictest
title: Everything
rationale: Made up for a test.
sources:
  - document: Handbook of the ward
    section: Limits
rules: [{rules}]
"""

# Of each rule title, family, severity and condition.
_SIDES: Mapping[str, Mapping[str, tuple[str, str, str, str]]] = {
    "a": {
        "t01-alt-high": ("ALT high", "liver-injury", "urgent", "alt >= 200 U/L"),
        "t02-platelets-low": ("Platelets low", "cytopenia", "urgent", "platelets < 100 10*9/L"),
        "t03-wbc-low": ("White cells low", "blood-trend", "critical", "wbc < 2.0 10*9/L"),
        "t04-alp-high": ("ALP high", "alp-trend", "review", "alp >= 300 U/L"),
        "t05-bilirubin-high": ("Bilirubin high", "liver-recovery", "info", "bilirubin >= 50 umol/L"),
    },
    "b": {
        "t01-alt-high": ("ALT high", "liver-injury", "urgent", "alt >= 150 U/L"),
        "t02-platelets-low": ("Platelets low", "cytopenia", "urgent", "platelets < 50 10*9/L"),
        "t03-wbc-low": ("White cells low", "blood-trend", "critical", "wbc < 3.0 10*9/L"),
        "t04-alp-high": ("ALP high", "alp-trend", "urgent", "alp >= 300 U/L"),
        "t05-bilirubin-high": ("Bilirubin high", "liver-recovery", "info", "bilirubin >= 50 umol/L"),
    },
}
_DRAWS = (
    ("EARLIER", "d0 08:00", "alt", "160"),
    ("LATER", "d0 08:10", "platelets", "90"),
    ("ONLY-A", "d0 08:20", "platelets", "80"),
    ("ONLY-B", "d0 08:30", "wbc", "2.5"),
    ("GRAVER", "d0 08:40", "alp", "400"),
    ("ALIKE", "d0 08:50", "bilirubin", "60"),
    ("EARLIER", "d7 08:00", "alt", "210"),
    ("LATER", "d14 08:10", "platelets", "40"),
)


@dataclass(frozen=True, slots=True)
class RulePair:
    """The folders of both sides, the archive and its roster."""

    a: Path
    b: Path
    archive: Path
    roster: Path


def write_rule_pair(folder: Path) -> RulePair:
    """Both rule sets, the archive and the roster, as files in ``folder``."""
    for side, rules in _SIDES.items():
        (folder / side / "protocols").mkdir(parents=True)
        (folder / side / "sources.md").write_text("# Sources\n\n## Handbook of the ward\n\n### Limits\n")
        (folder / side / "protocols" / "strictest.yaml").write_text(_PROTOCOL.format(rules=", ".join(rules)))
        for name, (title, family, severity, condition) in rules.items():
            text = _RULE.format(id=name, title=title, family=family, severity=severity, condition=condition)
            (folder / side / f"{name}.yaml").write_text(text)
            (folder / side / f"{name}_test.yaml").write_text(_CASES.format(id=name))
    archive = folder / "archive"
    archive.mkdir()
    for number, (who, when, analyte, value) in enumerate(_DRAWS, 1):
        at = stamp(instant(when))
        lines = [patient(who).segment(), *Panel([obx(analyte, value)], f"S{number}", at).segments()]
        (archive / f"{number:03}.hl7").write_bytes(message("ORU^R01", f"M{number}", at, lines))
    roster = folder / "roster.csv"
    header = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note"
    known = dict.fromkeys(who for who, *_ in _DRAWS)
    rows = [f"{who},STEVENS,start,2026-01-01,azathioprine,100,," for who in known]
    roster.write_text("\n".join((header, *rows, "")))
    return RulePair(folder / "a", folder / "b", archive, roster)
