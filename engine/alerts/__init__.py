"""Which findings become alerts, and how an alert lives."""

from engine.alerts.lifecycle import EvidenceChange, Step, next_step
from engine.alerts.precedence import Chosen, choose

__all__ = ["Chosen", "EvidenceChange", "Step", "choose", "next_step"]
