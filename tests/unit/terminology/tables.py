"""The shipped mappings, and small changes of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.errors import ConfigError
from engine.model.codes import CodeMatch, Coding
from engine.terminology import Terminology, parse_terminology

_FOLDER = Path(__file__).parents[3] / "mappings"


@cache
def _shipped_files() -> tuple[tuple[str, str], ...]:
    found = (path for path in _FOLDER.rglob("*") if path.is_file())
    return tuple((path.relative_to(_FOLDER).as_posix(), path.read_text("utf-8")) for path in sorted(found))


def files(**changed: str) -> dict[str, str]:
    """The shipped texts by file name; ``units_csv="..."`` replaces units.csv."""
    result = dict(_shipped_files())
    for name, text in changed.items():
        parts = name.split("_")
        path = "_".join(parts[:-1]) + "." + parts[-1]
        result[path.replace("sites_", "sites/", 1)] = text
    return result


def lines(*rows: str) -> str:
    """One text of several rows."""
    return "\n".join(rows)


@cache
def shipped() -> Terminology:
    """The terminology as delivered."""
    return parse_terminology(files())


def defects(**changed: str) -> list[str]:
    """Every defect of the shipped mappings with some files replaced, as text; empty when they load."""
    try:
        parse_terminology(files(**changed))
    except ConfigError as error:
        return [str(defect) for defect in error.defects]
    return []


def identify(*codings: Coding, site: str = "default", specimen: str = "", unit: str = "") -> CodeMatch:
    """The shipped terminology's opinion of one OBX-3."""
    return shipped().identify(codings, site, specimen, unit)
