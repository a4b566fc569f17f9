"""Pharmacy messages of our own, read by the real reader; roster rows; and episodes in a readable form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from engine.hl7 import parse, read_moment
from engine.model.codes import Coding, DrugMatch
from engine.model.moment import Moment
from engine.model.site import Site
from engine.model.therapy import TherapyEvent, TherapySpan
from engine.therapy import OrderMessage, OrdersRead, events_from_orders, read_roster, spans

LONDON = ZoneInfo("Europe/London")
SITE = Site(
    name="stevens",
    time_zone=LONDON,
    charset="cp1252",
    default_authority="STEVENS",
    identifier_types=frozenset({"MR"}),
)
CAUTIOUS_SITE = Site(
    name="cautious",
    time_zone=LONDON,
    charset="cp1252",
    default_authority="STEVENS",
    identifier_types=frozenset({"MR"}),
    trust_placer_requests=False,
)
ALLOPURINOL = "519^allopurinol^RXNORM"
MERCAPTOPURINE = "103^mercaptopurine^RXNORM"
AZATHIOPRINE = "1256^azathioprine^RXNORM"
AZATHIOPRINE_50 = "197388^azathioprine 50 MG Oral Tablet^RXNORM"
_DRUGS = {
    "1256": DrugMatch("azathioprine"),
    "197388": DrugMatch("azathioprine", Decimal(50)),
    "199310": DrugMatch("azathioprine", Decimal(25)),
    "103": DrugMatch("mercaptopurine"),
    "519": DrugMatch("allopurinol"),
    "ATC-COLLISION": DrugMatch("azathioprine", warning="table 0396 calls this system something else"),
}
ANALYTES = frozenset({"alt", "ast", "inr"})


def drug(codings: Sequence[Coding]) -> DrugMatch | None:
    """What the terminology does, for a handful of codes."""
    return next((_DRUGS[coding.code] for coding in codings if coding.code in _DRUGS), None)


def read(
    *lines: str,
    kind: str = "RDE^O11",
    sent: str = "20260310100000",
    pv1: str = "",
    site: Site = SITE,
) -> OrdersRead:
    """Read one message with these segments after PID (and PV1, where ``pv1`` is its class)."""
    visit = [f"PV1|1|{pv1}"] if pv1 else []
    header = rf"MSH|^~\&|PHARM|STEVENS|AZAWATCH|STEVENS|{sent}||{kind}|1|P|2.5.1"
    message = parse("\r".join((header, "PID|1||0041^^^STEVENS^MR", *visit, *lines)).encode())
    (group,) = message.pharmacy()
    return events_from_orders(
        group.orders,
        OrderMessage(
            type=message.type,
            trigger=message.trigger,
            sent=message.time(site.time_zone),
            site=site,
            drug=drug,
            read_time=lambda text: read_moment(text, site.time_zone, message.offset),
        ),
        group.pv1,
    )


def one(
    *lines: str,
    kind: str = "RDE^O11",
    sent: str = "20260310100000",
    pv1: str = "",
    site: Site = SITE,
) -> TherapyEvent:
    """The only event of such a message."""
    (event,) = read(*lines, kind=kind, sent=sent, pv1=pv1, site=site).events
    return event


def orc(
    control: str = "NW",
    placer: str = "P1",
    filler: str = "",
    *,
    status: str = "",
    parent: str = "",
    transaction: str = "",
    effective: str = "",
) -> str:
    """An ORC with its numbers, ORC-5, ORC-8, ORC-9 and ORC-15."""
    fields = ["ORC", control, placer, filler, "", status, "", "", parent, transaction, *[""] * 5, effective]
    return "|".join(fields).rstrip("|")


def rxe(code: str = AZATHIOPRINE_50, amount: str = "2", unit: str = "TAB", more: str = "") -> str:
    """An RXE with give code, amount and unit; ``more`` continues after RXE-5."""
    return f"RXE||{code}|{amount}||{unit}{more}"


def tq1(frequency: str = "QD", start: str = "", end: str = "", more: str = "") -> str:
    """A TQ1 with TQ1-3, -7 and -8; ``more`` continues after TQ1-8."""
    return f"TQ1|1||{frequency}||||{start}|{end}{more}"


def at(moment: Moment | None) -> str:
    """``2026-03-10T10:00``, in London."""
    assert moment is not None
    return moment.at.astimezone(LONDON).strftime("%Y-%m-%dT%H:%M")


def roster(*rows: str) -> tuple[TherapyEvent, ...]:
    """Events of roster rows ``event,effective,drug,dose,note`` of one patient."""
    lines = ["patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note"]
    for row in rows:
        event, effective, name, dose, note = (row + ",,,,").split(",")[:5]
        name = name or ("" if event == "fact" else "azathioprine")
        lines.append(f"0041,STEVENS,{event},{effective},{name},{dose},,{note}")
    found = read_roster("\n".join(lines), "roster.csv", LONDON, ANALYTES, lambda *_: "", lambda *_: "")
    return tuple(row.event for row in found)


def day(instant: datetime | None) -> str:
    """``2026-03-10``, or ``on`` where there is none, with the hour where it is not midnight in London."""
    if instant is None:
        return "on"
    local = instant.astimezone(LONDON)
    return local.strftime("%Y-%m-%d" if local.hour == local.minute == 0 else "%Y-%m-%dT%H:%M")


def shown(span: TherapySpan) -> str:
    """``azathioprine 2026-01-01..on restart``."""
    return f"{span.drug} {day(span.start)}..{day(span.stop)}{' restart' if span.restart else ''}"


def episodes(*events: TherapyEvent | Iterable[TherapyEvent]) -> list[str]:
    """All episodes, shown."""
    return [shown(span) for span in spans(flat(*events))]


def flat(*events: TherapyEvent | Iterable[TherapyEvent]) -> list[TherapyEvent]:
    """One list of events and iterables of events."""
    found: list[TherapyEvent] = []
    for event in events:
        if isinstance(event, TherapyEvent):
            found.append(event)
        else:
            found.extend(event)
    return found


def doses(span: TherapySpan) -> list[tuple[str, str]]:
    """Dose changes, shown."""
    return [
        (day(change.effective), "?" if change.mg_per_day is None else str(change.mg_per_day))
        for change in span.doses
    ]


def utc(text: str) -> datetime:
    """An instant from ``2026-03-10T10:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(
    control: str,
    when: str,
    *,
    mg: str = "100",
    order: str = "P1",
    filler: str = "",
    parent: str = "",
    code: str = AZATHIOPRINE,
    start: str = "",
    end: str = "",
    pv1: str = "",
    trusting: bool = True,
) -> tuple[TherapyEvent, ...]:
    """What a message sent (and effective, unless ``start`` says else) on a day tells."""
    return read(
        orc(control, order, filler, parent=parent),
        rxe(code, mg, "mg"),
        tq1("QD", start, end),
        sent=when,
        pv1=pv1,
        site=SITE if trusting else CAUTIOUS_SITE,
    ).events


def bare(
    control: str, when: str, *, order: str = "P1", filler: str = "", kind: str = "RDE^O11"
) -> tuple[TherapyEvent, ...]:
    """A message that names an order and nothing else."""
    return read(orc(control, order, filler), sent=when, kind=kind).events


def only(*events: Sequence[TherapyEvent]) -> TherapySpan:
    """The one episode of these events."""
    (span,) = spans(flat(*events))
    return span
