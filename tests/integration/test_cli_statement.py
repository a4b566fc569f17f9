"""``azawatch statement`` as those who keep the files meet it."""

from __future__ import annotations

from tests.integration.terminal import Terminal

HEADINGS = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"


def test_a_file_verifies_whatever_its_identifiers_hold(terminal: Terminal) -> None:
    """Unicode calls more than the line feed a line separator, and a laboratory may send it."""
    odd = "".join(f"H{sign}1,STEVENS,start,2026-01-01,azathioprine,100,,\n" for sign in "\u2028\u2029\x85")
    terminal.write("roster.csv", (HEADINGS + odd).encode())
    terminal.type("roster", "import", "roster.csv")
    lines = terminal.type("statement").out.rstrip("\n").split("\n")
    terminal.write("statement.jsonl", "".join(f"{line}\n" for line in lines).encode())
    terminal.write("one.jsonl", f"{lines[0]}\n".encode())

    assert len(lines) == 4
    assert "4 signed lines, unchanged" in terminal.type("statement", "verify", "statement.jsonl").err
    alone = terminal.type("statement", "verify", "one.jsonl").err
    assert "whether its file held others cannot be seen" in alone
    terminal.write("statement.jsonl", "".join(f"{line}\n" for line in lines[:2]).encode())
    cut = terminal.type("statement", "verify", "statement.jsonl", exits=1)
    assert "the end is missing: the file was cut off" in cut.err
    assert "write a date as" in terminal.type("statement", "--date", "0001-01-01", exits=2).err
