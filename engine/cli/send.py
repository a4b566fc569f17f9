"""``azawatch send``."""

from __future__ import annotations

import hashlib
import time
from typing import Annotated

import typer

from engine.cli.offline import PathsArgument, progress_bar, remark, tell_defects
from engine.cli.shared import QUARANTINED, ConfigOption, fail, load_settings, say
from engine.errors import Defect

_HL7 = "application/hl7-v2+er7"


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
    config: ConfigOption = None,
) -> None:
    """Put an archive into a live queue, with confirms; every message is told when it was not accepted."""
    from engine.cli.pacing import all_at_once, as_recorded, at_rate, when_due
    from engine.transports import OutboundMessage, PublishOutcome
    from engine.transports.amqp import AmqpPublisher
    from engine.transports.archive import read_archive

    if rate is not None and speed is not None:
        raise fail("--rate and --speed cannot go together", "one of them says when a message is due")
    settings = load_settings(config, amqp_url=amqp)
    target = queue or settings.topology.inbound[0]
    publisher = AmqpPublisher(settings.amqp_url.get_secret_value(), window=settings.flow.publish_window)
    publisher.open()
    sent = failed = 0
    defects: list[Defect] = []
    messages = read_archive(paths, defects.append, on_remark=remark)
    if rate is None and speed is None:
        chunks = all_at_once(messages)
    else:
        timed = at_rate(messages, rate) if rate is not None else as_recorded(messages, speed or 1.0)
        chunks = when_due(timed, time.monotonic, time.sleep)
    progress = progress_bar()
    try:
        with progress:
            task = progress.add_task(f"send to {target}", total=None)
            for chunk in chunks:
                outgoing = [
                    OutboundMessage("", target, message.body, _HL7, hashlib.sha256(message.body).hexdigest())
                    for message in chunk
                ]
                for message, receipt in zip(chunk, publisher.publish(outgoing), strict=True):
                    if receipt.outcome is PublishOutcome.CONFIRMED:
                        sent += 1
                    else:
                        failed += 1
                        say(f"{message.source}: {receipt.outcome}: {receipt.detail}")
                    progress.advance(task)
    finally:
        publisher.close()
    say(f"{sent} messages confirmed by the broker in {target}, {failed} not")
    tell_defects(defects)
    if failed or defects:
        raise typer.Exit(QUARANTINED)
