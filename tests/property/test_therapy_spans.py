"""Episodes are a function of the set of events: neither order nor repetition makes a difference."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.model.moment import Moment
from engine.model.therapy import TherapyEvent, TherapyEventKind, TherapySpan, TherapyState, exposure
from engine.therapy import facts, newest, news, other_drugs, spans

DAY_ZERO = datetime(2026, 1, 1, tzinfo=UTC)
ROSTER_KINDS = [TherapyEventKind(kind) for kind in ("start", "dose", "hold", "restart", "stop")]
ORDER_KINDS = [
    kind for kind in TherapyEventKind if kind not in (TherapyEventKind.RESTART, TherapyEventKind.FACT)
]
CONTROLS = {
    TherapyEventKind.STOP: "DC",
    TherapyEventKind.VOID: "CA",
    TherapyEventKind.HOLD: "HD",
    TherapyEventKind.DOSE: "XO",
    TherapyEventKind.REPLACE: "RP",
    TherapyEventKind.RELEASE: "RL",
    TherapyEventKind.START: "NW",
}
days = st.integers(0, 60)
drugs = st.sampled_from(["azathioprine", "mercaptopurine", "allopurinol"])
milligrams = st.sampled_from([None, Decimal(25), Decimal(50), Decimal(150)])


def moment(day: int) -> Moment:
    return Moment(DAY_ZERO + timedelta(days=day))


@st.composite
def roster_events(draw: st.DrawFn) -> TherapyEvent:
    kind, drug, day = draw(st.sampled_from(ROSTER_KINDS)), draw(drugs), draw(days)
    dose = draw(milligrams) if kind.value in ("start", "dose", "restart") else None
    return TherapyEvent(f"r{kind}{drug}{day}", "", kind, moment(day), drug, dose, source="roster")


@st.composite
def order_events(draw: st.DrawFn) -> TherapyEvent:
    kind, day, told = draw(st.sampled_from(ORDER_KINDS)), draw(days), draw(days)
    numbers = draw(st.sampled_from(["placer:1", "placer:1 filler:1", "filler:1", "placer:2", "filler:2"]))
    drug = draw(st.sampled_from(["azathioprine", "mercaptopurine", "allopurinol", ""]))
    begins = kind in (TherapyEventKind.START, TherapyEventKind.DOSE)
    lasts = draw(st.sampled_from([None, 7, 28])) if begins else None
    return TherapyEvent(
        event_id=f"{numbers}{kind}{drug}{day}",
        person_id="",
        kind=kind,
        effective=moment(day),
        drug=drug,
        dose_mg_per_day=draw(milligrams) if begins else None,
        order=numbers,
        ends=None if lasts is None else moment(day + lasts),
        source="RDE^O11",
        provisional=draw(st.booleans()) if kind is TherapyEventKind.STOP else False,
        version=f"{told:03}",
        control=CONTROLS.get(kind, ""),
        reverts=draw(st.sampled_from(["DC", "HD", "CA DC HD"])) if kind is TherapyEventKind.REVERT else "",
        parent=draw(st.sampled_from(["", "", "placer:1", "filler:2"])),
        inpatient=draw(st.booleans()),
    )


histories = st.lists(st.one_of(roster_events(), order_events()), max_size=14)


@given(histories, st.data())
def test_order_and_repetition_do_not_matter(told: list[TherapyEvent], data: st.DataObject) -> None:
    """Two workers, a redelivery and a queue that reorders leave the same episodes."""
    repeated = data.draw(st.lists(st.sampled_from(told), max_size=5)) if told else []
    again = data.draw(st.permutations([*told, *repeated]))

    assert spans(again) == spans(told)
    assert facts(again) == facts(told)
    assert other_drugs(again) == other_drugs(told)


@given(histories, histories)
def test_only_the_news_need_to_be_stored(stored: list[TherapyEvent], sent: list[TherapyEvent]) -> None:
    """A store that keeps what is new, and overwrites what was told anew, knows all that was told."""
    kept = {event.event_id: event for event in newest(stored)}
    kept.update((event.event_id, event) for event in news(stored, sent))

    assert newest(kept.values()) == newest([*stored, *sent])
    assert news(kept.values(), sent) == ()


def well_formed(span: TherapySpan) -> bool:
    end = span.stop or datetime.max.replace(tzinfo=UTC)
    changes = [change.effective for change in span.doses]
    holds = [(begin, hold_end or end) for begin, hold_end in span.holds]
    return (
        span.start <= end
        and changes == sorted(set(changes))
        and all(span.start <= change < end for change in changes)
        and all(span.start <= begin < hold_end <= end for begin, hold_end in holds)
        and all(first[1] <= second[0] for first, second in itertools.pairwise(holds))
    )


@given(histories)
def test_episodes_are_well_formed(told: list[TherapyEvent]) -> None:
    """Those of one drug do not touch, have names of their own, and hold their doses and holds inside."""
    found = spans(told)

    assert all(well_formed(span) for span in found)
    assert list(found) == sorted(found, key=lambda span: span.start)
    assert len({span.episode_id for span in found}) == len(found)
    for drug in ("azathioprine", "mercaptopurine"):
        mine = [span for span in found if span.drug == drug]
        assert all(
            first.stop is not None and first.stop <= second.start
            for first, second in itertools.pairwise(mine)
        )


@given(st.lists(roster_events(), min_size=1, max_size=10), days)
def test_whoever_was_last_told_to_take_it_is_watched(told: list[TherapyEvent], day: int) -> None:
    """With nothing but a roster, no contradiction of dates leaves a patient on the drug out of scope."""
    instant = DAY_ZERO + timedelta(days=day)
    mine = [event for event in newest(told) if event.drug == "azathioprine" and event.effective.at <= instant]
    last = max((event.effective.at for event in mine), default=None)
    taking = any(
        event.effective.at == last and event.kind.value in ("start", "dose", "restart") for event in mine
    )

    if taking:
        assert exposure(spans(told), instant).state in (TherapyState.ACTIVE, TherapyState.RESTARTED)


@given(histories, days, st.booleans(), days)
def test_a_roster_restart_always_begins_a_restarted_episode(
    told: list[TherapyEvent], day: int, listed_late: bool, later: int
) -> None:
    """After a stop, a hold or nothing, and whatever orders say: it is a rechallenge."""
    versions = {"r": f"{later:03}" if listed_late else ""}
    told = [replace(event, version=versions.get(event.event_id[0], event.version)) for event in told]
    row = TherapyEvent("restart", "", TherapyEventKind.RESTART, moment(day), "azathioprine", source="roster")

    (episode,) = [
        span
        for span in spans([*told, row])
        if span.drug == "azathioprine" and span.start.date() == row.effective.at.date()
    ]
    assert episode.restart
    assert episode.state_at(row.effective.at) is TherapyState.RESTARTED


@given(histories, days)
def test_scope_follows_from_the_episodes(told: list[TherapyEvent], day: int) -> None:
    """In scope during an episode and for ninety days after it, and at no other time."""
    found, instant = spans(told), DAY_ZERO + timedelta(days=day)

    assert exposure(found, instant).in_scope == any(
        span.start <= instant and (span.stop is None or instant < span.stop + timedelta(days=90))
        for span in found
    )


supplies = st.lists(
    st.builds(
        lambda drug, day, order: TherapyEvent(
            f"s{drug}{day}{order}", "", TherapyEventKind.SUPPLY, moment(day), drug, order=order, source="RDS"
        ),
        drugs,
        days,
        st.sampled_from(["placer:1", "filler:2", "placer:9"]),
    ),
    min_size=1,
    max_size=6,
)


BEGINNINGS = frozenset(
    {TherapyEventKind.START, TherapyEventKind.RESTART, TherapyEventKind.DOSE, TherapyEventKind.RELEASE}
)


@given(supplies, st.data())
def test_supplies_alone_make_one_open_episode_of_each_drug(
    told: list[TherapyEvent], data: st.DataObject
) -> None:
    """From the first supply on, whatever came first, and nobody knows how much is taken."""
    found = spans(data.draw(st.permutations(told)))
    first: dict[str, datetime] = {}
    for event in told:
        first[event.drug] = min(first.get(event.drug, event.effective.at), event.effective.at)
    first.pop("allopurinol", None)

    assert {span.drug: span.start for span in found} == first
    assert all(span.stop is None and not span.restart for span in found)
    assert all([change.mg_per_day for change in span.doses] == [None] for span in found)


@given(histories, supplies, st.data())
def test_supplies_only_confirm_what_anything_else_tells_of(
    told: list[TherapyEvent], supplied: list[TherapyEvent], data: st.DataObject
) -> None:
    """A supply never moves the start that an order or the roster tells, whichever of them came first."""
    told = [event for event in told if event.kind is not TherapyEventKind.SUPPLY]
    named = {event.drug for event in told if not event.provisional and event.kind in BEGINNINGS}
    known = [replace(event, order="placer:9") for event in supplied if event.drug in named]
    shuffled = data.draw(st.permutations([*told, *known]))

    assert [(span.episode_id, span.stop, span.doses) for span in spans(shuffled)] == [
        (span.episode_id, span.stop, span.doses) for span in spans(told)
    ]
