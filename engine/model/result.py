"""A laboratory result that the engine understood, or understood enough to say what is wrong with it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from engine.model.frozen import frozen
from engine.model.moment import Moment
from engine.model.quantity import Quantity, ReferenceRange


class ResultStatus(StrEnum):
    """HL7 table 0085."""

    FINAL = "F"
    CORRECTED = "C"
    AMENDED = "A"
    COMMENT = "B"
    VERIFIED = "V"
    PRELIMINARY = "P"
    PARTIAL = "S"
    UNVERIFIED = "R"
    PENDING = "I"
    ORDER_DETAIL = "O"
    NOT_ASKED = "N"
    CANNOT_OBTAIN = "X"
    DELETED = "D"
    WRONG = "W"
    FINAL_WITHOUT_VALUE = "U"


class StatusAction(StrEnum):
    """What a consumer does with an observation of a given status."""

    EVALUATE = "evaluate"
    PROVISIONAL = "provisional"  # stored; only rules with allow_preliminary look at it
    STORE = "store"  # stored, not judged
    WITHDRAW = "withdraw"  # the stored value no longer holds
    PROMOTE = "promote"  # the stored provisional value is now final
    NO_VALUE = "no-value"  # nothing to store


STATUS_ACTIONS: dict[ResultStatus, StatusAction] = {
    ResultStatus.FINAL: StatusAction.EVALUATE,
    ResultStatus.CORRECTED: StatusAction.EVALUATE,
    ResultStatus.AMENDED: StatusAction.EVALUATE,
    # B and V repeat a value that must already be here. Where it is, taking it again changes nothing;
    # where the first sending was lost, not taking it would hide a result.
    ResultStatus.COMMENT: StatusAction.EVALUATE,
    ResultStatus.VERIFIED: StatusAction.EVALUATE,
    ResultStatus.PRELIMINARY: StatusAction.PROVISIONAL,
    ResultStatus.PARTIAL: StatusAction.PROVISIONAL,
    ResultStatus.UNVERIFIED: StatusAction.STORE,
    ResultStatus.PENDING: StatusAction.NO_VALUE,
    ResultStatus.ORDER_DETAIL: StatusAction.NO_VALUE,
    ResultStatus.NOT_ASKED: StatusAction.NO_VALUE,
    ResultStatus.CANNOT_OBTAIN: StatusAction.WITHDRAW,
    ResultStatus.DELETED: StatusAction.WITHDRAW,
    ResultStatus.WRONG: StatusAction.WITHDRAW,
    ResultStatus.FINAL_WITHOUT_VALUE: StatusAction.PROMOTE,
}


class Problem(StrEnum):
    """Why an observation of a monitored analyte has no usable value; the names of the q rules."""

    UNIT_MISSING = "unit-missing"
    UNIT_UNKNOWN = "unit-unknown"
    VALUE_UNREADABLE = "value-unreadable"
    IMPLAUSIBLE = "implausible"
    CODE_UNMAPPED = "code-unmapped"
    IDENTITY_CONFLICT = "identity-conflict"
    RANGE_MISSING = "range-missing"  # concluded from the last results of an analyte, never stored
    SPECIMEN_SPOILED = "specimen-spoiled"  # concluded from the condition of a specimen, never stored


@frozen(order=True)
class Version:
    """Orders restatements of one result: OBR-22, then MSH-7, then status, then content (ties only)."""

    reported_at: datetime
    sent_at: datetime
    rank: int
    digest: str


@frozen()
class Result:
    """One version of one result of one person.

    ``key`` is the natural key within the person: sender, OBR-3 else OBR-2, OBX-3 code, OBX-4. Neither
    the namespace of the order number nor the coding system is part of it: a correction that leaves them
    out, or spells LN as LOINC, must find the value that it corrects. ``quantity`` is None when
    ``problem`` says why, when the result is withdrawn, or when the analyte is coded and ``text`` holds
    its value. ``sent`` is the value and unit as sent. ``analyte`` is empty for an unmapped code.
    ``specimen_condition`` is what was said of the specimen (``haemolysed``); where the value is ``spoiled``
    by that, it is shown and decides nothing.
    """

    person_id: str
    key: str
    analyte: str
    code: str
    code_text: str
    sender: str
    order: str
    specimen: str
    collected: Moment
    version: Version
    status: ResultStatus
    quantity: Quantity | None
    reference: ReferenceRange | None
    sent: str
    text: str = ""
    problem: Problem | None = None
    flags: tuple[str, ...] = ()
    method: str = ""
    control_id: str = ""
    location: str = ""
    specimen_condition: str = ""
    spoiled: bool = False
    derived_from: tuple[str, ...] = ()

    @property
    def withdrawn(self) -> bool:
        """Whether the laboratory has taken the value back (OBX-11 X, D, W)."""
        return STATUS_ACTIONS[self.status] is StatusAction.WITHDRAW
