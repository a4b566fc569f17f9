"""A test alert that goes the whole way, so that the paging side can tell "no alert" from "engine dead".

An invented patient starts azathioprine and has a very high ALT. The two messages are taken in by the same
intake, with the rules and mappings in force, into a store of their own in memory, which is thrown away. Only
when that raises an alert is the heartbeat put into the real store; from there it goes as any alert does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from engine import log
from engine.decide import Knowledge
from engine.errors import ConfigError, EngineError, TransientError
from engine.intake import Intake
from engine.model.alert import HEARTBEAT, Phase
from engine.model.finding import Severity
from engine.outbox import Publishing, alert_rows
from engine.store import Store, TechnicalAlert
from engine.taken import Arrived, IntakeOptions
from engine.technical import technical_event
from engine.telling import identity

_LOOK_EVERY = timedelta(seconds=5)
_HEARTBEAT_AT = "heartbeat_at"
_ALERT_ID = identity(HEARTBEAT)
_TEST = "T"  # MSH-11
_ON_THE_DRUG = timedelta(days=60)


class Heartbeat:
    """Beats every so often, once for all workers on a store; used by the thread that takes messages in.

    ``told`` hears of each beat: ``queued``, ``waiting`` (the one before is not out) or ``failed``.
    """

    def __init__(
        self,
        store: Store,
        knowledge: Knowledge,
        options: IntakeOptions,
        every: timedelta,
        clock: Callable[[], datetime],
        told: Callable[[str], None],
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._options = options
        self._every = every
        self._clock = clock
        self._told = told
        self._looked_at: datetime | None = None

    def settle(self) -> bool:
        """Beat, if it is time, and say whether anything is to be published."""
        now = self._clock()
        if not self._every:
            return False
        if self._looked_at is not None and timedelta() <= now - self._looked_at < _LOOK_EVERY:
            return False
        self._looked_at = now
        try:
            outcome = self._beat(now)
        except TransientError as error:
            log.logger().warning("heartbeat put off", exc_info=error)
            return False
        if outcome:
            self._told(outcome)
        return outcome == "queued"

    def _beat(self, now: datetime) -> str:
        with self._store.technical() as technical:
            last = technical.instants(_HEARTBEAT_AT).get(_HEARTBEAT_AT)
            if last is not None and timedelta() <= now - last < self._every:
                return ""
            technical.note({_HEARTBEAT_AT: now})
            if technical.waits(_ALERT_ID):
                log.logger().warning("heartbeat left out, the one before is not out")
                return "waiting"
            if not _is_judged(self._knowledge, self._options, now):
                log.logger().error("heartbeat left out, its message raised no alert")
                return "failed"
            before = technical.alerts(HEARTBEAT).get("")
            sequence = 1 if before is None else before.sequence + 1
            alert = TechnicalAlert(_ALERT_ID, HEARTBEAT, "", sequence, now)
            technical.put_alert(alert)
            event = technical_event(
                HEARTBEAT,
                _ALERT_ID,
                sequence,
                Phase.START if sequence == 1 else Phase.UPDATE,
                now,
                severity=Severity.INFO,
                title="Test: the engine judges and publishes",
                message="A test message was read, judged and raised an alert; this is about no patient.",
                action="None; when it stays away, nobody is watching",
                revision=self._knowledge.revision,
                processing_id=_TEST,
            )
            technical.put_outbox(alert, alert_rows([event], self._options.publishing), now)
        return "queued"


def _is_judged(knowledge: Knowledge, options: IntakeOptions, now: datetime) -> bool:
    """Whether the two messages of an invented patient raise an alert."""
    alone = replace(
        options,
        publishing=Publishing(formats=(), render=options.publishing.render),
        processing_ids=frozenset({_TEST}),
        clock=lambda: now,
        timed=None,
        late_after=None,
        traced=False,
    )
    store = Store.open("sqlite://", throw_away=True)
    try:
        intake = Intake(store, knowledge, alone)
        taken = intake.take([Arrived(_order(now), "heartbeat"), Arrived(_result(now), "heartbeat")])
    except (ConfigError, EngineError) as error:
        log.logger().error("heartbeat not judged", exc_info=error)
        return False
    finally:
        store.close()
    faults = [one.fault for one in taken if one.fault is not None]
    for fault in faults:
        log.logger().error("heartbeat not judged", exc_info=fault)
    return not faults and any(one.events for one in taken)


def _order(now: datetime) -> bytes:
    start = f"{now - _ON_THE_DRUG:%Y%m%d%H%M%S}+0000"
    return _message(
        now,
        "RDE^O11^RDE_O11",
        f"ORC|NW|1^HEARTBEAT|1^HEARTBEAT||||||{start}",
        "RXE||L04AX01^azathioprine^WC|2||TAB^tablet^L|TAB^tablet^L" + "|" * 19 + "50|mg^^UCUM",
        f"TQ1|1||QD||||{start}",
    )


def _result(now: datetime) -> bytes:
    at = f"{now:%Y%m%d%H%M%S}+0000"
    return _message(
        now,
        "ORU^R01^ORU_R01",
        f"OBR|1||1^HEARTBEAT|LFT^Liver panel^L|||{at}",
        f"OBX|1|NM|1742-6^ALT^LN||5000|U/L|10-40|HH|||F|||{at}",
    )


def _message(now: datetime, kind: str, *segments: str) -> bytes:
    name = kind.partition("^")[0]
    header = rf"MSH|^~\&|HEARTBEAT|HEARTBEAT|||{now:%Y%m%d%H%M%S}+0000||{kind}|{name}|{_TEST}|2.5.1"
    person = "PID|1||HEARTBEAT^^^HEARTBEAT^MR||HEARTBEAT^TEST||19700101|U"
    return "\r".join((header, person, *segments, "")).encode()
