"""The command line as a person meets it, in this process: exit code, what is printed, what is said."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.cli.main import main


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


class Terminal:
    """Types commands in a folder of its own; settings are environment variables without the prefix."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", "100")
        self.set(STORE_URL=f"sqlite:///{folder}/azawatch.db")

    def set(self, **settings: str) -> None:
        """Settings for the commands that follow."""
        for name, value in settings.items():
            self._monkeypatch.setenv(f"AZAWATCH_{name}", value)

    def type(self, *arguments: str | Path, stdin: bytes = b"", exits: int | None = 0) -> Ended:
        """``azawatch`` with these arguments. Any exception would be a traceback for the user, and fails.

        ``exits`` is the exit code that must come, None any.
        """
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["azawatch", *map(str, arguments)])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        try:
            main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        else:
            code = 0
        printed = self._capsys.readouterr()
        assert exits in (code, None), (
            f"{arguments}: exit {code}\n{printed.out[-2000:]}\n{printed.err[-3000:]}"
        )
        assert "Traceback" not in printed.err
        return Ended(code, printed.out, printed.err)

    def write(self, name: str, content: str | bytes) -> Path:
        """A file in the folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file
