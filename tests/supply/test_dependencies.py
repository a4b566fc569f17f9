"""The audit of dependencies is never hollow: what was not looked up is a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.supply.dependencies import complaints

# As pip-audit 2.10 writes it.
CLEAN = {"name": "pika", "version": "1.4.4", "vulns": []}
FOUND = {
    "name": "Jinja2",
    "version": "3.1.2",
    "vulns": [
        {
            "id": "GHSA-h5c8-rqwp-cp95",
            "fix_versions": ["3.1.3"],
            "aliases": ["CVE-2024-22195"],
            "description": "The xmlattr filter ...",
        }
    ],
}
SKIPPED = {
    "name": "rich",
    "skip_reason": "Dependency not found on PyPI and could not be audited: rich (13.9.4)",
}
OURS = {"name": "azawatch", "skip_reason": "distribution marked as editable"}


def report(*packages: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_packages_that_were_looked_up_pass() -> None:
    """Our own package is in no advisory source, and need not be."""
    assert list(complaints(report(CLEAN, OURS), {"pika", "azawatch"})) == []


def test_a_package_that_was_skipped_fails() -> None:
    """pip-audit itself would exit with 0."""
    (complaint,) = complaints(report(CLEAN, SKIPPED), {"pika", "rich"})

    assert complaint.startswith("rich: not looked up: Dependency not found on PyPI")


def test_a_package_that_is_not_in_the_report_fails() -> None:
    """However its name is spelt."""
    assert list(complaints(report(CLEAN), {"pika", "typing_extensions"})) == [
        "typing-extensions: installed and not in the report"
    ]


def test_an_advisory_fails_with_the_release_that_mends_it() -> None:
    """Whoever reads it knows what to do."""
    assert list(complaints(report(FOUND), {"jinja2"})) == [
        "jinja2 3.1.2: GHSA-h5c8-rqwp-cp95, mended in 3.1.3"
    ]


def test_no_report_at_all_fails() -> None:
    """A machine that reaches nobody makes pip-audit end without one."""
    for text in ("", "{}", "[]"):
        assert list(complaints(text, {"pika"})) == ["pip-audit gave no report: nothing was looked up"]
