"""``azawatch send``: an archive into a live queue."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.offline import PathsArgument, progress_bar, remark, tell_defects
from engine.cli.pseudonyms import OneShiftOption, Rewriting, refuse_stdin
from engine.cli.shared import QUARANTINED, ConfigOption, fail, load_settings, say
from engine.errors import Defect

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.transports import Publisher
    from engine.transports.archive import ArchiveMessage

_HL7 = "application/hl7-v2+er7"
INTERRUPTED = 130  # as a shell tells Ctrl-C

Bodies = Callable[[str, bytes], Sequence[bytes]]
"""What is sent of one message of the archive, given its source: itself, nothing, or several."""


class Restamp(StrEnum):
    """Which message of the archive becomes the present."""

    FIRST = "first"
    LAST = "last"


def send(
    paths: PathsArgument,
    amqp: Annotated[
        str | None, typer.Option(metavar="URL", help="Broker; default: AZAWATCH_AMQP_URL.")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: the first inbound queue.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Messages a second; default: at once.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="As recorded (MSH-7), so many times faster; not with --rate."),
    ] = None,
    restamp: Annotated[
        Restamp | None,
        typer.Option(
            help="Move all times by one constant, so that the first message was sent now (with --speed 1), or"
            " the newest (with everything else)."
        ),
    ] = None,
    pseudonymise: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="With pseudonyms, as azawatch pseudonymise writes them."),
    ] = None,
    one_shift: OneShiftOption = False,
    config: ConfigOption = None,
) -> None:
    """Put an archive into a live queue, with confirms; every message is told when it was not accepted.

    Stops when the broker is away or has no such queue, and at Ctrl-C, and says how far it came. Exit 1:
    some messages were not sent; 130: Ctrl-C.
    """
    from engine.transports.amqp import AmqpPublisher
    from engine.transports.archive import read_archive

    if rate is not None and speed is not None:
        raise fail("--rate and --speed cannot go together", "one of them says when a message is due")
    if one_shift and pseudonymise is None:
        raise fail("--one-shift goes with --pseudonymise", "--restamp moves all times alike by itself")
    settings = load_settings(config, amqp_url=amqp)
    rewriting = (
        None if pseudonymise is None else Rewriting(paths, pseudonymise, settings, one_shift=one_shift)
    )
    bodies = _bodies(paths, settings, restamp, rewriting)
    target = queue or settings.topology.inbound[0]
    publisher = AmqpPublisher(settings.amqp_url.get_secret_value(), window=settings.flow.publish_window)
    publisher.open()
    defects: list[Defect] = []
    chunks = _paced(read_archive(paths, defects.append, on_remark=remark), rate, speed)
    sending = _Sending(publisher, target, bodies)
    try:
        sending.send(chunks)
    except KeyboardInterrupt:
        say("stopped by Ctrl-C")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        publisher.close()
        say(f"{sending.sent} messages confirmed by the broker in {target}, {sending.failed} not")
        if sending.in_doubt:
            say(
                f"{sending.in_doubt} more were under way and may have arrived, beginning with {sending.place}"
            )
        if rewriting is not None:
            rewriting.tell("sent")
    tell_defects(defects)
    if sending.failed or defects or (rewriting is not None and rewriting.withheld):
        raise typer.Exit(QUARANTINED)


@dataclass(slots=True)
class _Sending:
    """How far a sending has come; ``in_doubt`` messages, from ``place`` on, have no answer yet."""

    publisher: Publisher
    queue: str
    bodies: Bodies
    sent: int = 0
    failed: int = 0
    in_doubt: int = 0
    place: str = ""

    def send(self, chunks: Iterable[Sequence[ArchiveMessage]]) -> None:
        """Send chunk by chunk, to the end or until the broker does not take messages."""
        progress = progress_bar()
        with progress:
            task = progress.add_task(f"send to {self.queue}", total=None)
            for chunk in chunks:
                if not self._send(chunk):
                    return
                progress.advance(task, len(chunk))

    def _send(self, chunk: Sequence[ArchiveMessage]) -> bool:
        """Whether it makes sense to go on."""
        from engine.transports import OutboundMessage, PublishOutcome

        outgoing = [
            (message.source, OutboundMessage("", self.queue, body, _HL7, hashlib.sha256(body).hexdigest()))
            for message in chunk
            for body in self.bodies(message.source, message.body)
        ]
        self.in_doubt, self.place = len(outgoing), outgoing[0][0] if outgoing else ""
        receipts = self.publisher.publish([message for _, message in outgoing])
        self.in_doubt = 0
        goes_on = True
        for (source, _), receipt in zip(outgoing, receipts, strict=True):
            if receipt.outcome is PublishOutcome.CONFIRMED:
                self.sent += 1
                continue
            self.failed += 1
            say(f"{source}: {receipt.outcome}: {receipt.detail}")
            if receipt.outcome in (PublishOutcome.LOST, PublishOutcome.RETURNED):
                goes_on = False
        if not goes_on:
            say("stopped: what comes after these was not sent")
        return goes_on


def _paced(
    messages: Iterable[ArchiveMessage], rate: float | None, speed: float | None
) -> Iterable[Sequence[ArchiveMessage]]:
    from engine.cli.pacing import all_at_once, as_recorded, at_rate, when_due

    if rate is None and speed is None:
        return all_at_once(messages)
    timed = at_rate(messages, rate) if rate is not None else as_recorded(messages, speed or 1.0)
    return when_due(timed, time.monotonic, time.sleep)


def _bodies(
    paths: Sequence[str], settings: Settings, restamp: Restamp | None, rewriting: Rewriting | None
) -> Bodies:
    if restamp is None:
        return rewriting.rewrite if rewriting is not None else lambda _source, body: (body,)
    from engine.cli.restamping import Restamping

    refuse_stdin(paths, "--restamp")
    moving = Restamping(paths, settings, first=restamp is Restamp.FIRST)

    def moved(source: str, body: bytes) -> Sequence[bytes]:
        given = (body,) if rewriting is None else rewriting.rewrite(source, body)
        return [moving.moved(source, one) for one in given]

    return moved
