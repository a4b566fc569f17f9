"""The two files that ``azawatch rules new`` writes."""

from __future__ import annotations

_RULE = """\
id: {id}
title: What the clinician reads first
family: liver-injury
severity: review
status: draft
version: "1"
rationale: Why this matters, in words for the pharmacist who owns the rule.
sources:
  - document: A heading of docs/sources.md
    section: A section below it
when:
  any:
    - alt > 3 x ULN
if_unknown: silent
message: "{{trigger.name}} {{trigger}}."
action: What to do.
"""

_CASES = """\
rule: {id}
cases:
  - name: just above the limit fires
    ranges: {{alt: 10-40}}
    results: {{alt: {{0d: 120.1 U/L}}}}
    expect: fires
  - name: at the limit stays silent
    ranges: {{alt: 10-40}}
    results: {{alt: {{0d: 120 U/L}}}}
    expect: silent
  - name: without a reference range it cannot be judged
    results: {{alt: {{0d: 120.1 U/L}}}}
    expect: unknown
"""


def draft(rule_id: str) -> tuple[str, str]:
    """Text of a rule file and of its cases, to be filled in."""
    return _RULE.format(id=rule_id), _CASES.format(id=rule_id)
