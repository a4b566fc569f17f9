"""When the panels of monitoring were last taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from engine.model.codes import ESTIMATE, AnalyteDefinition
from engine.model.result import STATUS_ACTIONS, Result, StatusAction

_TAKEN = frozenset({StatusAction.EVALUATE, StatusAction.PROVISIONAL})


def last_panels(
    results: Iterable[Result], analytes: Mapping[str, AnalyteDefinition]
) -> Mapping[str, datetime]:
    """The newest collection time of each panel that some usable result proves, whenever that arrived.

    A preliminary value shows that blood was taken; an unusable one must be repeated, and shows nothing.
    """
    found: dict[str, datetime] = {}
    for result in results:
        definition = analytes.get(result.analyte)
        if definition is None or not definition.proves_panel or result.problem is not None or result.spoiled:
            continue
        if STATUS_ACTIONS[result.status] in _TAKEN and result.method != ESTIMATE:
            at = result.collected.at
            # Of one instant told with two offsets always the same, whichever came first.
            found[definition.panel] = max(
                at, found.get(definition.panel, at), key=lambda t: (t, t.isoformat())
            )
    return found
