"""ORC-1 order control codes (HL7 table 0119) and what each does to a therapy; ORC-5 status (table 0038)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.model.therapy import TherapyEventKind


class Effect(StrEnum):
    """What an order control code does."""

    BEGIN = "begin"  # the order exists: creates or confirms a therapy
    CHANGE = "change"  # a new dose from its effective time on
    REPLACE = "replace"  # treated as cancelled, but another order takes over
    STOP = "stop"  # the order and all future occurrences end
    CANCEL = "cancel"  # never begun: as if never ordered; begun: a stop
    HOLD = "hold"
    RELEASE = "release"
    REVERT = "revert"  # a request could not be carried out
    SUPPLY = "supply"  # drug was handed out
    STATUS = "status"  # ORC-5 says what happened
    NONE = "none"  # numbering, links, requests for more of the same: no change


@dataclass(frozen=True, slots=True)
class ControlCode:
    """One row of table 0119.

    ``request``: asked for by the placer and not certain until the filler confirms. ``reverts``: the
    requests, blank-separated, that an "unable to" answers. ``replacement``: takes over from another order.
    """

    code: str
    meaning: str
    effect: Effect
    request: bool = False
    reverts: str = ""
    replacement: bool = False


_ROWS = (
    ControlCode("NW", "new order", Effect.BEGIN),
    ControlCode("OK", "order accepted", Effect.BEGIN),
    ControlCode("RE", "observations or events to follow", Effect.BEGIN),
    ControlCode("PR", "previous results with new order", Effect.BEGIN),
    ControlCode("RO", "replacement order", Effect.BEGIN, replacement=True),
    ControlCode("OP", "order for outside dispense", Effect.BEGIN),
    ControlCode("PY", "replacement order for outside dispense", Effect.BEGIN, replacement=True),
    ControlCode("PA", "parent order", Effect.BEGIN),
    ControlCode("CH", "child order", Effect.BEGIN),
    ControlCode("XO", "change order request", Effect.CHANGE, request=True),
    ControlCode("XR", "changed as requested", Effect.CHANGE),
    ControlCode("XX", "order changed, unsolicited", Effect.CHANGE),
    ControlCode("RP", "order replace request", Effect.REPLACE, request=True),
    ControlCode("RQ", "replaced as requested", Effect.REPLACE),
    ControlCode("RU", "replaced unsolicited", Effect.REPLACE),
    ControlCode("DC", "discontinue request", Effect.STOP, request=True),
    ControlCode("DR", "discontinued as requested", Effect.STOP),
    ControlCode("OD", "order discontinued", Effect.STOP),
    ControlCode("CA", "cancel request", Effect.CANCEL, request=True),
    ControlCode("CR", "cancelled as requested", Effect.CANCEL),
    ControlCode("OC", "order cancelled", Effect.CANCEL),
    ControlCode("HD", "hold request", Effect.HOLD, request=True),
    ControlCode("HR", "on hold as requested", Effect.HOLD),
    ControlCode("OH", "order held", Effect.HOLD),
    # A release only ever brings monitoring back, so nobody waits for its confirmation.
    ControlCode("RL", "release previous hold", Effect.RELEASE),
    ControlCode("OE", "order released", Effect.RELEASE),
    ControlCode("OR", "released as requested", Effect.RELEASE),
    ControlCode("UA", "unable to accept order", Effect.REVERT, reverts="NW"),
    # table 0119 gives "unable to cancel" as the answer to CA, DC and HD alike
    ControlCode("UC", "unable to cancel", Effect.REVERT, reverts="CA DC HD"),
    ControlCode("UD", "unable to discontinue", Effect.REVERT, reverts="DC"),
    ControlCode("UH", "unable to put on hold", Effect.REVERT, reverts="HD"),
    ControlCode("UM", "unable to replace", Effect.REVERT, reverts="RP"),
    ControlCode("UR", "unable to release", Effect.REVERT, reverts="RL"),
    ControlCode("UX", "unable to change", Effect.REVERT, reverts="XO"),
    ControlCode("OF", "refilled as requested", Effect.SUPPLY),
    ControlCode("FU", "refilled, unsolicited", Effect.SUPPLY),
    ControlCode("SC", "status changed", Effect.STATUS),
    ControlCode("SR", "response to status request", Effect.STATUS),
    ControlCode("SS", "send order status request", Effect.STATUS),
    ControlCode("RF", "refill request", Effect.NONE),
    ControlCode("AF", "refill request approval", Effect.NONE),
    ControlCode("DF", "refill request denied", Effect.NONE),
    ControlCode("UF", "unable to refill", Effect.NONE),
    ControlCode("NA", "number assigned", Effect.NONE),
    ControlCode("SN", "send order number", Effect.NONE),
    ControlCode("CN", "combined result", Effect.NONE),
    ControlCode("DE", "data errors", Effect.NONE),
    ControlCode("LI", "link order to problem or goal", Effect.NONE),
    ControlCode("UN", "unlink order from problem or goal", Effect.NONE),
    ControlCode("MC", "miscellaneous charge", Effect.NONE),
    ControlCode("CP", "cancel process step", Effect.NONE),
    ControlCode("NR", "notification received", Effect.NONE),
    ControlCode("RR", "request received", Effect.NONE),
    ControlCode("RA", "recommendation accepted", Effect.NONE),
    ControlCode("RC", "recommended change", Effect.NONE),
    ControlCode("RD", "recommendation declined", Effect.NONE),
    ControlCode("SQ", "supplemented as requested", Effect.NONE),
    ControlCode("SU", "supplement this order", Effect.NONE),
)

CONTROL_CODES: Mapping[str, ControlCode] = {row.code: row for row in _ROWS}

# ORC-5, table 0038, under SC, SR and SS. "CM" (completed) says that an order was carried out: for an
# outpatient that is a filled prescription and the beginning of taking it, not its end, so that it changes
# nothing; a course that is over has an end in its timing. "A" and "ER" say nothing about taking.
STATUS_EFFECTS: Mapping[str, Effect] = {
    "A": Effect.NONE,
    "CA": Effect.CANCEL,
    "CM": Effect.NONE,
    "DC": Effect.STOP,
    "ER": Effect.NONE,
    "HD": Effect.HOLD,
    "IP": Effect.RELEASE,
    "RP": Effect.REPLACE,
    "SC": Effect.BEGIN,
}

# Many systems never send anything but RE or XX and put what happened into ORC-5. Only the statuses that
# end or suspend are read beside such a code: they cannot be meant otherwise.
ENDING_STATUSES: Mapping[str, Effect] = {
    status: effect
    for status, effect in STATUS_EFFECTS.items()
    if effect in (Effect.CANCEL, Effect.STOP, Effect.HOLD, Effect.REPLACE)
}

EVENT_KINDS: Mapping[Effect, TherapyEventKind] = {
    Effect.BEGIN: TherapyEventKind.START,
    Effect.CHANGE: TherapyEventKind.DOSE,
    Effect.REPLACE: TherapyEventKind.REPLACE,
    Effect.STOP: TherapyEventKind.STOP,
    Effect.CANCEL: TherapyEventKind.VOID,
    Effect.HOLD: TherapyEventKind.HOLD,
    Effect.RELEASE: TherapyEventKind.RELEASE,
    Effect.REVERT: TherapyEventKind.REVERT,
    Effect.SUPPLY: TherapyEventKind.SUPPLY,
}
