"""Short ways to write results and findings in tests; every default is harmless."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.model.finding import Evidence, Finding, Severity
from engine.model.moment import Moment
from engine.model.quantity import Interval, Quantity, ReferenceRange, Truth
from engine.model.result import Problem, Result, ResultStatus, Version

DAY_ZERO = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


def on_day(day: float) -> datetime:
    """An instant so many days after (or, negative, before) day zero."""
    return DAY_ZERO + timedelta(days=day)


def result(
    analyte: str,
    value: str | None,
    day: float = 0,
    *,
    unit: str = "U/L",
    status: ResultStatus = ResultStatus.FINAL,
    order: str = "",
    reference: tuple[str, str] | None = None,
    problem: Problem | None = None,
    method: str = "",
    version: float | None = None,
    code: str = "",
    sender: str = "LAB|HOSPITAL",
) -> Result:
    """One result of a fictional person; its key is the analyte and the order (by default the day)."""
    order = order or f"order{day}"
    reported = on_day(day if version is None else version)
    quantity = None if value is None else Quantity(_interval(value), unit)
    limits = None
    if reference is not None:
        limits = ReferenceRange(Decimal(reference[0]), Decimal(reference[1]), "-".join(reference))
    return Result(
        person_id="person",
        key=f"{order}|{analyte or code}",
        analyte=analyte,
        code=code or analyte.upper(),
        code_text=analyte,
        sender=sender,
        order=order,
        specimen=order,
        collected=Moment(on_day(day)),
        version=Version(reported, reported, 4, value or ""),
        status=status,
        quantity=quantity,
        reference=limits,
        sent=f"{value} {unit}",
        problem=problem,
        method=method,
    )


def _interval(value: str) -> Interval:
    if value.startswith("<"):
        return Interval(None, Decimal(value[1:]), high_open=True)
    return Interval.exactly(Decimal(value))


def finding(
    rule: str = "a02-alt-ast-500",
    severity: Severity | None = Severity.CRITICAL,
    *,
    family: str = "liver-injury",
    subject: str = "",
    badness: str = "520",
    day: float = 0,
    supersedes: tuple[str, ...] = (),
    evidence: tuple[Evidence, ...] = (),
    published: bool = True,
) -> Finding:
    """A finding about ALT."""
    return Finding(
        rule_id=rule,
        rule_version="1",
        family=family,
        subject=subject,
        truth=Truth.FALSE if severity is None else Truth.TRUE,
        severity=severity,
        title=rule,
        message=rule,
        action="act",
        sources=("source",),
        evidence=evidence,
        clinical_at=on_day(day),
        badness=(("alt", badness),),
        supersedes=supersedes,
        published=published,
    )
