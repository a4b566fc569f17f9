"""The sample day with a death at every place where one could leave something half done."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

from tests.integration.installation import ROSTER, day_files, wait_until
from tests.support.killing import Feed, Ward
from tests.support.outcome import Outcome
from tests.support.starter import Death

AT_IMPORT = {
    "roster decided, nothing written": Death("engine.people:People.commit"),
    "roster written, not committed": Death("engine.store.unit:Unit.flush", before=False),
    "roster committed, command not ended": Death("engine.operations:Operations.import_roster", before=False),
}
IN_FLOW = {
    "parts put together": Death("engine.app:amqp_parts", before=False),
    "batch at hand, nothing read": Death("engine.intake:Intake._take_together", call=2),
    "in the middle of a batch": Death("engine.intake:Intake._take_one", call=6),
    "batch decided, nothing written": Death("engine.store.unit:Unit.flush", call=2),
    "some tables written, others not": Death("engine.store.flushing:message_row", call=3),
    "all written, not committed": Death("engine.store.unit:Unit.flush", call=2, before=False),
    "committed, not acknowledged": Death("engine.transports.amqp.consumer:AmqpConsumer.ack", call=2),
    "acknowledged, relay not told": Death("engine.catching_up:CatchingUp.note", call=2),
    "acknowledgement on its way": Death(
        "engine.transports.amqp.consumer:AmqpConsumer._send_acks", call=2, before=False
    ),
    "merged, not written": Death("engine.store.unit:Unit.put_merge", before=False),
    "quarantined, not written": Death("engine.intake:quarantine_rows", before=False),
    "about to publish": Death("engine.transports.amqp.publisher:AmqpPublisher.publish"),
    "handed to the connection": Death(
        "engine.transports.amqp.publisher:AmqpPublisher._send", call=2, before=False
    ),
    "confirmed, not noticed": Death("engine.transports.amqp.publisher:AmqpPublisher._confirm"),
    "published, not marked": Death("engine.store.handover:Handover.done"),
    "marked, not committed": Death("engine.store.handover:_note", before=False),
    "marked, not reported": Death("engine.app:Engine._report"),
}
AT_STOP = {"told to stop, not drained": Death("engine.app:Engine._drain")}
IN_SWEEP = {
    "time advanced, nobody judged": Death("engine.sweep:Sweep._look_together"),
    "some judged, nothing written": Death("engine.sweep:Sweep._look", call=3, before=False),
    "judged and committed, relay not told": Death("engine.sweep:Sweep.run", before=False),
}
AT_RELEASE = {
    "released, not committed": Death("engine.store.unit:Unit.close_quarantined", before=False),
    "released and committed, command not ended": Death("engine.operations:Operations.release", before=False),
}
ALL = {**AT_IMPORT, **IN_FLOW, **AT_STOP, **IN_SWEEP, **AT_RELEASE}

_LATER = datetime(2027, 3, 1, 12, 9, 58, tzinfo=UTC)  # a sweep begins two seconds later
_SHORT = {"FLOW__MAX_MESSAGE_BYTES": "20000"}
_LONG = (
    rb"MSH|^~\&|NORTHLAB|NORTH|||20260312200000+0000||ORU^R01^ORU_R01|LONG1|P|2.5.1" + b"\r"
    rb"PID|1||LONG1^^^NORTH^MR||Long^Lia||19800101|F" + b"\r"
    rb"OBR|1||LONG1|LFT|||20260312190000+0000" + b"\r"
    rb"NTE|1||" + b"x" * 30_000 + b"\r"
    rb"OBX|1|NM|1742-6^ALT^LN||901|U/L|10-40||||F" + b"\r"
)
SMALL_BATCHES = {"FLOW__BATCH_MAX_MESSAGES": "4", "FLOW__PREFETCH": "20"}


def sample_day() -> Feed:
    """The messages and the roster of the sample day."""
    return Feed([file.read_bytes() for file in day_files()], ROSTER)


def day(one: Ward, *, deaths: bool = False, stops: int = 0) -> Outcome:
    """The sample day, then a message too long and its release, then a sweep months later.

    ``deaths``: at each of :data:`ALL` a process dies, and the next goes on. ``stops``: so many workers are
    told to stop at random moments of the day.
    """

    def some(points: dict[str, Death]) -> Sequence[Death]:
        return [*points.values()] if deaths else []

    one.apply()
    for death in some(AT_IMPORT):
        one.command("roster", "import", str(ROSTER), death=death)
    one.command("roster", "import", str(ROSTER))
    one.send()
    for death in some(IN_FLOW):
        _die(one, death)
    for death in some(AT_STOP):
        worker = one.start(death=death)
        worker.wait_until_ready()
        assert worker.terminate() == -signal.SIGKILL
    for number in range(stops):
        _stop(one, number * len(day_files()) // (stops + 1))
    one.settle([one.start()])

    one.send([_LONG])
    one.settle([one.start(settings=_SHORT)])
    with closing(one.site.store()) as store:
        (held,) = (row for row in store.quarantined(state="held") if row.body == _LONG)
    release = ("quarantine", "release", str(held.id), "--why", "read")
    for death in some(AT_RELEASE):
        one.command(*release, death=death)
    if not deaths:
        one.command(*release)

    for death in some(IN_SWEEP):
        _die(one, death, at=_LATER)
    worker = one.start(at=_LATER)
    wait_until(lambda: bool(worker.said("time judged")), "time judged")
    return one.finish([worker])


def _die(one: Ward, death: Death, at: datetime | None = None) -> None:
    worker = one.start(death=death, at=at)
    assert worker.wait() == -signal.SIGKILL, worker.log.read_text("utf-8")[-2000:]


def _stop(one: Ward, least: int) -> None:
    worker = one.start()
    worker.wait_until_ready()
    wait_until(lambda: one.on_record() >= least, f"{least} messages on record")
    time.sleep(random.Random(least).uniform(0, 0.05))
    # Within the patience of the test: what is under way is finished, and the rest left to the next.
    assert worker.terminate() == 0, worker.log.read_text("utf-8")[-2000:]
    assert worker.said("engine stopped")[0]["pending"] == 0
