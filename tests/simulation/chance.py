"""The one source of chance of a simulated day, what it lets go wrong, and the trace of what happened."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """What may go wrong; the value is how a trace names it."""

    CRASH = "the process dies"
    STOP = "the process is told to stop"
    CONSUMER_LOST = "the consuming connection breaks"
    CONSUMER_CANCELLED = "the broker cancels the consumer"
    PUBLISHER_LOST = "the publishing connection breaks"
    ALARM = "the broker raises an alarm: publishers are blocked"
    STORE_AWAY = "the store does not answer"
    STATEMENT_FAILED = "a statement fails"
    COMMIT_FAILED = "the commit fails"
    COMMIT_UNANSWERED = "the commit succeeds and its answer is lost"
    NACKED = "the broker refuses a message"
    UNROUTABLE = "no queue is bound"
    NO_EXCHANGE = "the exchange is missing: the broker closes the channel"
    ACK_LOST = "the connection breaks with acks on the way"
    CONFIRM_LOST = "the connection breaks with confirms on the way"


@dataclass(slots=True)
class Chance:
    """Decides by a seed; ``muted`` are faults, by their number, that are drawn and then do not happen.

    So a failing day can be had again with fewer faults: the rest of the draws stay what they are.
    """

    seed: int
    muted: Collection[int] = ()
    healed: bool = False
    faults: int = 0
    happened: list[Fault] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    draw: Random = field(init=False)
    _rate: float = field(init=False)
    _most: int = field(init=False)

    def __post_init__(self) -> None:
        self.draw = Random(self.seed)
        self._rate = self.draw.choice((0.02, 0.05, 0.1, 0.2))
        self._most = self.draw.randint(1, 6)

    def strikes(self, where: str, *faults: Fault) -> Fault | None:
        """Which of the faults happens here, if any."""
        if self.healed or self.faults >= self._most or self.draw.random() >= self._rate:
            return None
        fault = self.draw.choice(faults)
        self.faults += 1
        if self.faults in self.muted:
            return None
        self.happened.append(fault)
        self.tell(f"fault {self.faults}: {fault} ({where})")
        return fault

    def tell(self, what: str) -> None:
        """Add a line to the trace."""
        self.trace.append(what)
