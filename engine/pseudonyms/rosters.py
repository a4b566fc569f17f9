"""The roster that goes with an archive, under the same pseudonyms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from engine.model.facts import LIMIT_PREFIX
from engine.model.moment import Moment, Precision, later
from engine.model.person import Identifier
from engine.model.site import Site
from engine.model.therapy import TherapyEvent
from engine.pseudonyms.links import Links
from engine.pseudonyms.scope import REMOVED, Options, authority_name
from engine.therapy.roster import RosterRow

_LIMIT = re.compile(r"(.* until )([0-9]{4}-[0-9]{2}-[0-9]{2})( because ).*", re.DOTALL)


def rewritten_roster(
    rows: Iterable[RosterRow], options: Options, links: Links, site: Site
) -> tuple[RosterRow, ...]:
    """The rows with the pseudonyms and the dates that the messages of the same people get.

    ``site`` is the profile of rows without an authority. Notes go; of indications those stay that a protocol
    is chosen by; of facts everything but the reason of a limit.
    """
    return tuple(_rewritten(row, options, links, site) for row in rows)


def _rewritten(row: RosterRow, options: Options, links: Links, site: Site) -> RosterRow:
    person = links.person(Identifier(row.assigning_authority or site.default_authority, row.patient_id))
    weeks = options.pseudonyms.weeks(None if options.one_shift else person)
    by = timedelta(weeks=-weeks)
    event = row.event
    shown = event.indication if options.indications(event.indication) else ""
    return replace(
        row,
        patient_id=options.pseudonyms.identifier(row.patient_id),
        assigning_authority=authority_name(options, row.assigning_authority),
        event=replace(
            event,
            effective=_moved(event.effective, by, site),
            indication=shown,
            note="",
            fact_value=_fact_value(event, by),
        ),
    )


def _moved(moment: Moment, by: timedelta, site: Site) -> Moment:
    if moment.precision > Precision.DAY:
        return replace(moment, at=later(moment.at, by))
    day = moment.at.astimezone(site.time_zone).date() + by
    return replace(moment, at=datetime.combine(day, time_of_day(), site.time_zone))


def _fact_value(event: TherapyEvent, by: timedelta) -> str:
    limit = _LIMIT.fullmatch(event.fact_value) if event.fact_name.startswith(LIMIT_PREFIX) else None
    if limit is None:
        return event.fact_value
    return f"{limit[1]}{(date.fromisoformat(limit[2]) + by).isoformat()}{limit[3]}{REMOVED}"
