"""Alerts about the feed and the engine: kept open in the store, told when they begin and when they end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from engine.model.alert import Phase
from engine.model.finding import Severity
from engine.outbox import Publishing, alert_rows
from engine.store import Technical, TechnicalAlert
from engine.technical import technical_event
from engine.telling import identity


@dataclass(frozen=True, slots=True)
class Words:
    """How grave it is, and what is said of it; an end asks for no action."""

    severity: Severity
    title: str
    message: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Alarms:
    """Begins and ends alarms in one transaction about the engine itself, at ``now``."""

    technical: Technical
    publishing: Publishing
    revision: str
    now: datetime

    def start(self, kind: str, subject: str, words: Words) -> TechnicalAlert:
        """An alarm of this kind about this subject begins; it must not be open."""
        alert = TechnicalAlert(identity(kind, subject, self.now.isoformat()), kind, subject, 1, self.now)
        self.technical.put_alert(alert)
        self._tell(alert, Phase.START, words)
        return alert

    def end(self, alert: TechnicalAlert, words: Words) -> None:
        """An open alarm is over."""
        self.technical.end_alert(alert)
        self._tell(replace(alert, sequence=alert.sequence + 1), Phase.END, words)

    def _tell(self, alert: TechnicalAlert, phase: Phase, words: Words) -> None:
        event = technical_event(
            alert.kind,
            alert.alert_id,
            alert.sequence,
            phase,
            self.now,
            severity=words.severity,
            title=words.title,
            message=words.message,
            action=words.action,
            revision=self.revision,
        )
        self.technical.put_outbox(alert, alert_rows([event], self.publishing), self.now)
