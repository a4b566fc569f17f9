"""Archives for tests of ``replay``: the sample day, of as many hospitals as one likes."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.installation import ROSTER, day_files

_NUMBER = re.compile(rb"H00([0-9]{5})")


def many_days(folder: Path, hospitals: int, messages: int | None = None) -> tuple[Path, Path]:
    """The first messages of the sample day as so many hospitals have them at once, and their roster.

    The patients of each hospital have numbers of their own.
    """
    archive, roster = folder / "days", folder / "days.csv"
    archive.mkdir()
    for file in day_files()[:messages]:
        copies = [_renumbered(file.read_bytes(), number) for number in range(hospitals)]
        (archive / file.name).write_bytes(b"\r".join(copies))
    heading, *rows = ROSTER.read_bytes().splitlines(keepends=True)
    told = [_renumbered(row, number) for number in range(hospitals) for row in rows]
    roster.write_bytes(b"".join([heading, *told]))
    return archive, roster


def _renumbered(content: bytes, hospital: int) -> bytes:
    return _NUMBER.sub(b"H%02d\\1" % hospital, content)
