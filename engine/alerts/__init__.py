"""Which findings become alerts, and how an alert lives."""

from engine.alerts.collapse import Collapsed, collapsed
from engine.alerts.escalation import escalates_at, followed_up
from engine.alerts.evidence import evidence_change
from engine.alerts.lifecycle import EvidenceChange, Step, next_step
from engine.alerts.precedence import Chosen, choose

__all__ = [
    "Chosen",
    "Collapsed",
    "EvidenceChange",
    "Step",
    "choose",
    "collapsed",
    "escalates_at",
    "evidence_change",
    "followed_up",
    "next_step",
]
