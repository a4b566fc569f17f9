"""``azawatch validate``."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.shared import QUARANTINED, say


def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Messages to check; - is stdin.")],
) -> None:
    """Check HL7 messages against the standard's structures with hl7apy.

    Tells each problem with its message and place. Exit 0: none; 1: some. Our own alerts are checked with
    the ORU_R40 structure that IHE PCD-04 uses.
    """
    from engine.hl7.charset import decode
    from engine.hl7.validation import validate_message
    from engine.transports.archive import read_archive

    count = found = 0
    for message in read_archive([file]):
        count += 1
        text, _, _ = decode(message.body, "cp1252")
        for problem in validate_message(text):
            found += 1
            typer.echo(f"{message.source}: {problem}")
    say(f"{count} messages, {found} problems")
    if found or not count:
        raise typer.Exit(QUARANTINED)
