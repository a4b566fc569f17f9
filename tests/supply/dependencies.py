"""Looks every installed package up with an advisory source, and fails unless each was really looked up.

``python -m tests.supply.dependencies`` runs pip-audit, which passes over what it cannot find: a machine
without an advisory source would then look like one without vulnerabilities.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from importlib.metadata import distributions

OURS = "azawatch"


def complaints(report: str, installed: Collection[str]) -> Iterator[str]:
    """What is wrong: vulnerabilities, and packages that nobody looked up; nothing where all is well.

    ``report`` is the JSON of pip-audit, ``installed`` the names of what must be in it.
    """
    try:
        told = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        yield "pip-audit gave no report: nothing was looked up"
        return
    missing = {_plain(name) for name in installed} - {_plain(OURS)}
    for package in told:
        name = _plain(package["name"])
        missing.discard(name)
        if name == OURS:
            continue
        if "vulns" not in package:
            yield f"{name}: not looked up: {package.get('skip_reason', 'no reason given')}"
        for found in package.get("vulns", ()):
            fixed = ", ".join(found.get("fix_versions", ())) or "no release"
            yield f"{name} {package['version']}: {found['id']}, mended in {fixed}"
    for name in sorted(missing):
        yield f"{name}: installed and not in the report"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Look up what is installed beside this interpreter; 0 where every package was, and has no advisory."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", "--skip-editable"],
        capture_output=True,
        text=True,
        check=False,
    )
    names = {distribution.metadata["Name"] for distribution in distributions()}
    found = list(complaints(done.stdout, names))
    for complaint in found:
        print(complaint)
    if found:
        print(f"{len(found)} complaints: see docs/operations.md, Dependencies", file=sys.stderr)
        print(done.stderr[-2000:], file=sys.stderr)
        return 1
    print(f"{len(names)} packages looked up, none has an advisory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
