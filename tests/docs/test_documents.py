"""The documents do what they say: commands run, links lead somewhere."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from tests.docs.commands import Command, commands, matches, run

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in path.relative_to(ROOT).parts)
)
RUNNING = [path for path in DOCUMENTS if any(commands(path.read_text(encoding="utf-8")))]

SAMPLE = """\
# A page
```console
$ never run
```
```console test
$ echo one; echo two   # exits 3
one
...
$ printf '%s' \\
    joined
joined
```
text
```console test
$ true
```
"""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_commands_are_read_with_their_line_output_and_exit_code() -> None:
    """A failing command of a page is found at the line that the failure names."""
    assert list(commands(SAMPLE)) == [
        Command(6, "echo one; echo two", ("one", "..."), 3),
        Command(9, "printf '%s'  joined", ("joined",)),
        Command(15, "true", ()),
    ]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ((), "anything", True),
        (("one",), "one\n", True),
        (("one",), "one\ntwo\n", False),
        (("one", "..."), "one\n", True),
        (("one", "...", "three"), "one\ntwo\ntwo\nthree  \n", True),
        (("... ms, (1 of 2)",), "12.5 ms, (1 of 2)\n", True),
        (("a.c",), "abc\n", False),
    ],
)
def test_output_is_compared_with_room_for_what_varies(
    expected: tuple[str, ...], printed: str, same: bool
) -> None:
    """A page may leave out durations and long listings, and nothing else."""
    assert matches(expected, printed) is same


def test_differing_output_and_exit_code_are_told(tmp_path: Path) -> None:
    """A page that has become wrong fails with what the command really printed."""
    page = tmp_path / "page.md"
    page.write_text("```console test\n$ echo two\none\n$ false\n$ true\n$ ls pyproject.toml\n```\n")
    folder = tmp_path / "folder"
    folder.mkdir()

    assert run(page, folder, ROOT) == [
        "page.md:2: echo two\nexit code 0, printed:\ntwo\n",
        "page.md:4: false\nexit code 1, printed:\n",
    ]


@pytest.mark.parametrize("document", RUNNING, ids=name_of)
def test_commands_of_the_documents_work_as_shown(document: Path, tmp_path: Path) -> None:
    """What a page tells to type works and prints what the page shows."""
    assert run(document, tmp_path, ROOT) == []


def anchors(markdown: str) -> set[str]:
    """Anchors of the headings, as the usual Markdown renderers make them."""
    text = re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).lower()
        kept = [c for c in plain if c in " -_" or unicodedata.category(c)[0] in "LN"]
        found.add("".join(kept).strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """No reader follows a link to a page or heading that was renamed."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)

    assert broken == []
