"""The statement about one patient at one instant, of what is on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.decide import Knowledge, decide_sweep
from engine.history.series import FINAL, series
from engine.model.alert import Alert
from engine.model.record import Record
from engine.model.result import Problem, Result
from engine.model.therapy import Exposure, TherapyState, exposure
from engine.model.watch import Watch
from engine.statement.feeds import Feed
from engine.telling import Judged, Occasion
from engine.therapy import spans

_TIME_IS_JUDGED_WITHIN = timedelta(hours=2)
_PANELS = ("liver", "blood")
_READ_ALL_THE_SAME = frozenset({Problem.RANGE_MISSING, Problem.SPECIMEN_SPOILED})


@dataclass(frozen=True, slots=True)
class Installed:
    """The engine at an instant: what it knows, since when it watches, who sends to it.

    ``waiting``: alert messages that the broker has not confirmed, without those that wait for a backlog.
    """

    at: datetime
    release: str
    protocol: str
    knowledge: Knowledge
    watch: Watch | None
    feeds: Mapping[str, Feed]
    waiting: int

    @property
    def trouble(self) -> str:
        """Why nobody is watched at all; empty where that is not so."""
        if self.watch is None:
            return "the engine has not taken in any message yet"
        if self.at - self.watch.clock > _TIME_IS_JUDGED_WITHIN:
            return f"time was judged last at {self.watch.clock.isoformat()}"
        if self.feeds and not any(feed.healthy for feed in self.feeds.values()):
            return "no sender sends"
        return ""


def statement_of(record: Record, installed: Installed) -> dict[str, Any]:
    """What holds of one patient of whom any thiopurine was told; plain values, the same for the same record.

    Left out is what was sent or decided after the instant.
    """
    at = installed.at
    record = replace(record, results=tuple(r for r in record.results if r.version.sent_at <= at))
    courses = spans(record.therapy)
    after_stop = installed.knowledge.history.after_stop
    now = exposure(courses, at, after_stop.days)
    usable = series(record.results, FINAL)
    judged = _judged(record, installed)
    senders = _senders(usable)
    silent = [sender for sender in senders if _is_silent(sender, installed)]
    why_not = [*_why_not(now, installed), *_blind(usable, silent, installed)]
    doubts = [f"but nothing comes from {', '.join(silent)}"] if silent else []
    identifier = next(iter(record.person.identifiers), None)
    return {
        "statement": "patient",
        "as_of": at.isoformat(),
        "patient": {
            "id": identifier.value if identifier else "",
            "assigning_authority": identifier.authority if identifier else "",
        },
        "watched": not why_not,
        "why": why_not or [_WATCHED[now.state], *doubts],
        "therapy": _therapy(now, at),
        "protocol": judged.protocol.name if judged and judged.protocol else installed.protocol,
        "last_results": [_result(name, found[-1]) for name, found in sorted(usable.items())],
        "never_measured": _never(usable, installed.knowledge),
        "not_understood": _not_understood(judged),
        "next_due": _due(judged, at),
        "open_alerts": [_alert(alert) for alert in record.alerts if _open_at(alert, at)],
        "feeds": [_feed(installed.feeds[sender]) for sender in senders if sender in installed.feeds],
        "engine": {
            "release": installed.release,
            "knowledge_revision": installed.knowledge.revision,
            "watching_since": installed.watch.since.isoformat() if installed.watch else None,
            "time_judged_until": min(installed.watch.clock, at).isoformat() if installed.watch else None,
            "alerts_not_yet_confirmed": installed.waiting,
        },
    }


_WATCHED = {
    TherapyState.NEVER_STARTED: "",
    TherapyState.ACTIVE: "on therapy",
    TherapyState.RESTARTED: "on therapy, restarted",
    TherapyState.HELD: "therapy on hold, still watched",
    TherapyState.STOPPED: "therapy stopped, still watched",
}


def _why_not(now: Exposure, installed: Installed) -> Iterator[str]:
    if installed.trouble:
        yield installed.trouble
    if now.span is None:
        yield "the therapy has not begun"
    elif not now.in_scope and now.span.stop is not None:
        yield f"the therapy ended {now.span.stop.date().isoformat()}"


def _is_silent(sender: str, installed: Installed) -> bool:
    return sender not in installed.feeds or not installed.feeds[sender].healthy


def _blind(
    usable: Mapping[str, Sequence[Result]], silent: Sequence[str], installed: Installed
) -> Iterator[str]:
    """The panels of which every newest result came from a sender that is silent."""
    analytes = installed.knowledge.terminology.analytes
    for panel in _PANELS:
        sent = {found[-1].sender for name, found in usable.items() if analytes[name].panel == panel}
        if sent and sent.issubset(silent):
            yield f"nothing comes from {', '.join(sorted(sent))}, who sent the last {panel} tests"


def _senders(usable: Mapping[str, Sequence[Result]]) -> list[str]:
    """Who has sent the newest result of any analyte."""
    return sorted({found[-1].sender for found in usable.values()})


def _judged(record: Record, installed: Installed) -> Judged | None:
    watch = None if installed.watch is None else Watch(installed.watch.since, installed.at)
    occasion = Occasion(control_id="", now=installed.at, watch=watch)
    return decide_sweep(record, installed.knowledge, occasion).judgement


def _therapy(now: Exposure, at: datetime) -> dict[str, Any] | None:
    span = now.span
    if span is None:
        return None
    dose = span.dose_at(at)
    return {
        "drug": span.drug,
        "state": now.state.value,
        "since": span.start.isoformat(),
        "until": span.stop.isoformat() if span.stop is not None and span.stop <= at else None,
        "dose_mg_per_day": None if dose is None else str(dose),
    }


def _result(name: str, result: Result) -> dict[str, Any]:
    return {
        "analyte": name,
        "value": str(result.quantity) if result.quantity is not None else result.text,
        "collected_at": result.collected.isoformat(),
        "sender": result.sender,
    }


def _never(usable: Mapping[str, Sequence[Result]], knowledge: Knowledge) -> list[str]:
    """The analytes that prove a panel and of which no usable result is on record."""
    analytes = knowledge.terminology.analytes
    proving = (name for name, known in analytes.items() if known.proves_panel and known.panel in _PANELS)
    return sorted(name for name in proving if name not in usable)


def _not_understood(judged: Judged | None) -> list[str]:
    """The codes whose newest result nobody could use."""
    problems = judged.situation.problems if judged and judged.situation else ()
    return sorted({result.code for result in problems if result.problem not in _READ_ALL_THE_SAME})


def _due(judged: Judged | None, at: datetime) -> list[dict[str, Any]]:
    """When each panel is due next by the rules in force: the earliest day that any of them names."""
    found: dict[str, str] = {}
    for finding in judged.findings.with_silent(lambda rule: bool(rule.clocks)) if judged else ():
        for evidence in finding.evidence:
            panel, word, _ = (*evidence.condition.split(" ", 2), "", "")[:3]
            if panel in _PANELS and word == "every" and evidence.threshold:
                found[panel] = min(evidence.threshold, found.get(panel, evidence.threshold))
    today = at.date().isoformat()
    return [{"panel": panel, "due": day, "overdue": day < today} for panel, day in sorted(found.items())]


def _open_at(alert: Alert, at: datetime) -> bool:
    """Whether it was open then, as far as the record still tells: it may have ended since."""
    ended_later = not alert.open and alert.published_at > at
    return not alert.shadow and alert.started_at <= at and (alert.open or ended_later)


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "severity": str(alert.published.severity or ""),
        "rule": alert.published.rule_id,
        "since": alert.started_at.isoformat(),
        "acknowledged_by": alert.acknowledged_by,
    }


def _feed(feed: Feed) -> dict[str, Any]:
    return {
        "sender": feed.sender,
        "healthy": feed.healthy,
        "last_message": feed.last_message.isoformat(),
        "messages_of_the_day": feed.messages_of_the_day,
        "longest_gap_of_the_day_minutes": int(feed.longest_gap_of_the_day / timedelta(minutes=1)),
        "tolerated_silence_minutes": int(feed.tolerated / timedelta(minutes=1)),
    }
