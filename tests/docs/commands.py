"""Console sessions in Markdown, run as they are written.

A fenced block whose info string is ``console test`` is run; lines after ``$ `` are commands for bash, the
lines below a command are what it prints. ``...`` on a line of its own stands for any lines, within a
line for any text; nothing below a command means that its output is not compared. A command that shall
fail ends in ``  # exits 1``. All blocks of a document run in one folder, in order.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console test\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXITS = re.compile(r"\s+# exits (\d+)$")
_LONGEST_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a document, where it stands, and what it should print and return."""

    line: int
    text: str
    output: tuple[str, ...]
    exit_code: int = 0


def commands(markdown: str) -> Iterator[Command]:
    r"""Every command of the blocks that are to be run, in order; a ``\`` at a line's end goes on."""
    for block in _BLOCK.finditer(markdown):
        line = markdown.count("\n", 0, block.start(1)) + 1
        for session in re.split(r"^(?=\$ )", block[1], flags=re.MULTILINE):
            head, _, output = re.sub(r"\\\n\s*", "\x00", session).partition("\n")
            text = head.removeprefix("$ ").replace("\x00", " ")
            if text:
                told = _EXITS.search(text)
                yield Command(
                    line, _EXITS.sub("", text), tuple(output.splitlines()), int(told[1]) if told else 0
                )
            line += session.count("\n")


def matches(expected: tuple[str, ...], printed: str) -> bool:
    """Whether a command printed what the document shows; blanks at line ends do not count."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part.rstrip()) for part in line.split("...")) + r"[ \t]*\n"
    return not expected or re.fullmatch(pattern, printed.rstrip("\n") + "\n") is not None


def run(document: Path, folder: Path, repository: Path) -> list[str]:
    """Run the commands of a document in ``folder``; returns a description of every one that differs.

    The top level of the repository is linked into the folder, so that paths work as in a checkout and
    what the commands write stays out of it; settings and database of somebody's own engine are not.
    """
    for entry in repository.iterdir():
        if not entry.name.startswith((".", "azawatch.")):
            (folder / entry.name).symlink_to(entry)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AZAWATCH_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    differing = []
    for command in commands(document.read_text(encoding="utf-8")):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.text],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
        if done.returncode != command.exit_code or not matches(command.output, done.stdout):
            differing.append(
                f"{document.name}:{command.line}: {command.text}\n"
                f"exit code {done.returncode}, printed:\n{done.stdout}"
            )
    return differing
