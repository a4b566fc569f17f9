"""Which restatement of a result holds: its version, and what status U (final without a value) makes of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from engine.errors import ContentError
from engine.model.disposition import Reason
from engine.model.moment import Moment
from engine.model.result import STATUS_ACTIONS, Result, ResultStatus, StatusAction
from engine.model.segments import Segment

# Which restatement wins when two carry the same times: the one that took more deciding.
_STATUS_RANK = {
    StatusAction.NO_VALUE: 0,
    StatusAction.STORE: 1,
    StatusAction.PROVISIONAL: 2,
    StatusAction.PROMOTE: 3,
    StatusAction.EVALUATE: 4,
    StatusAction.WITHDRAW: 6,
}
_CORRECTION_RANK = 5
_RANKS = {status: _STATUS_RANK[action] for status, action in STATUS_ACTIONS.items()} | {
    ResultStatus.CORRECTED: _CORRECTION_RANK,
    ResultStatus.AMENDED: _CORRECTION_RANK,
}
_CONTENT = (5, 6, 7, 8, 11)


def rank_of(status: ResultStatus) -> int:
    """Where a status stands among restatements of the same times."""
    return _RANKS[status]


def digest_of(obx: Segment, collected: Moment, condition: str) -> str:
    """Tells apart restatements that carry the same times; ``condition`` is that of the specimen."""
    content = "\x1f".join([*obx.raws(_CONTENT), _seconds(collected.at), *filter(None, (condition,))])
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:16]


@lru_cache(maxsize=64)
def _seconds(at: datetime) -> str:
    """Since 1970; the observations of one draw share their time."""
    return str(at.timestamp())


def promote(promoted: Result, stored: Result | None) -> Result | None:
    """Status U: the stored provisional value is now final. None when it already was.

    Raises ContentError when no value was ever received under this key.
    """
    if stored is None or stored.withdrawn:
        raise ContentError(
            Reason.PROMOTION_WITHOUT_VALUE,
            promoted.location,
            "status U makes a stored result final, but none is stored under this order and code",
        )
    if STATUS_ACTIONS[stored.status] is StatusAction.EVALUATE:
        return None
    return _promoted(stored)


def settled(result: Result, known: Result | None) -> Result:
    """A version that comes to a result which status U has made final: one that is not final is so too.

    So that the promotion may overtake the last preliminary version.
    """
    pending = STATUS_ACTIONS[result.status] in (StatusAction.PROVISIONAL, StatusAction.STORE)
    if pending and known is not None and known.version.rank == _STATUS_RANK[StatusAction.PROMOTE]:
        return _promoted(result)
    return result


def _promoted(result: Result) -> Result:
    """Final, with the times of its value; the rank tells that it was promoted."""
    rank = _STATUS_RANK[StatusAction.PROMOTE]
    return replace(result, status=ResultStatus.FINAL, version=replace(result.version, rank=rank))
