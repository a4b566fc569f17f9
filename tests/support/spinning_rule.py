"""A message alone in process after process, whose rules compute for ever: ``python -m ... FOLDER``.

Each process is a fork of this one, which has loaded everything; they share a store. The codes with which they
ended are printed, until one comes to its end; what it made of the message is the last line.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any, Never

from engine import app, decide, log, taking
from engine.hang import HangGuard
from engine.intake import Intake
from engine.settings import load
from engine.store import Store
from engine.taking import Taking
from engine.transports import Delivery
from tests.support.poisoned import MOST_STARTS

ALLOWED_SECONDS = 0.2
BODY = (
    b"MSH|^~\\&|LIS|STEVENS|||20260312100000+0000||ORU^R01|C1|P|2.5.1\r"
    b"PID|1||H1^^^STEVENS^MR\r"
    b"OBR|1||S1|LFT|||20260312090000+0000\r"
    b"OBX|1|NM|1742-6^ALT^LN||900|U/L|10-40||||F\r"
)
ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "H1,STEVENS,start,2026-01-01,azathioprine,100,,\n"
)


def _spin(*_asked: object) -> Never:
    while True:
        pass


def main() -> None:
    """A batch has an hour: only the limit for a message alone is short."""
    address = f"sqlite:///{Path(sys.argv[1])}/azawatch.db"
    settings = load(overrides={"store_url": address, "flow": {"batch_timeout_s": 3600}})
    log.configure()
    known = app.knowledge_of(settings)
    options = app.intake_options(settings, app.now)
    store = Store.open(settings.store_address)
    app.operations(settings, store).import_roster(app.roster_rows(ROSTER, "roster", known), "roster")
    store.close()
    rules: Any = decide
    limits: Any = taking
    rules.conclude, limits._DECIDING_SECONDS = _spin, ALLOWED_SECONDS
    again = Delivery(1, BODY, redelivered=True, delivery_count=1, queue="in", message_id="", epoch=0)
    for _ in range(MOST_STARTS):
        child = os.fork()
        if not child:
            store = Store.open(settings.store_address)
            guard = HangGuard(settings.flow.batch_timeout_s)
            guard.start()
            intake = Intake(store, known, options)
            alone = Taking(store, intake, guard, threading.Event(), lambda: None)
            ((_, [(_, _, taken)]),) = alone.take([again])
            print(taken.outcome.reason, flush=True)  # noqa: T201
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)  # noqa: T201
        if not code:
            return


if __name__ == "__main__":
    main()
