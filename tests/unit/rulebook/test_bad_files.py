"""What people get wrong in rule files, and what they are told, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.rulebook.bad_files import BAD, defects_of, expected_of

_FILES = sorted(BAD.glob("*.yaml"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_every_defect_is_reported_with_place_and_hint(path: Path) -> None:
    """A broken rule file is refused with file, line, what is wrong and what to write instead."""
    text = path.read_text("utf-8")

    assert expected_of(text) == tuple(map(str, defects_of(text)))


def test_the_folder_covers_what_can_go_wrong() -> None:
    """The folder of broken files does not shrink unnoticed, and none of them is silently accepted."""
    assert len(_FILES) >= 50
    assert all(expected_of(path.read_text("utf-8")) for path in _FILES)


def test_defects_of_several_files_come_at_once() -> None:
    """Somebody who mends a rules folder sees everything that is wrong with it in one run."""
    texts = [(BAD / f"{name}.yaml").read_text("utf-8") for name in ("unknown-operator", "unknown-status")]
    second = texts[1].replace("x01-example", "x02-other")

    defects = defects_of(texts[0] + second)

    assert {"x01-example.yaml", "x02-other.yaml"} <= {defect.file.rpartition("/")[2] for defect in defects}
