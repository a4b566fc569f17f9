"""What pharmacy, order entry, ward and admission systems send: RDE, OMP, ORM and ADT."""

from __future__ import annotations

import random
from datetime import timedelta

from engine.generate.happenings import Ordered, Registered, Step
from engine.generate.laboratories import Sender
from engine.generate.names import AUTHORITY
from engine.generate.papers import Papers
from engine.generate.segments import PROVIDER, pid, segment, stamp
from engine.generate.truth import Sent

PHARMACY = Sender("RXSYS", "INVENTED", "2.5.1", offset=True, charset="UNICODE UTF-8")
ORDER_ENTRY = Sender("ORDERSYS", "INVENTED", "2.5", offset=True, charset="UNICODE UTF-8")
WARD = Sender("WARDSYS", "INVENTED", "2.3", charset="8859/1", codec="latin-1")
ADMISSION = Sender("ADMITSYS", "INVENTED", "2.5", offset=True, charset="UNICODE UTF-8")

_KINDS = {
    PHARMACY.application: ("RDE^O11", "RDE_O11"),
    ORDER_ENTRY.application: ("OMP^O09", "OMP_O09"),
    WARD.application: ("ORM^O01", "ORM_O01"),
}
_STRUCTURES = {"A01": "ADT_A01", "A08": "ADT_A01", "A31": "ADT_A05", "A40": "ADT_A39"}
_TABLET = "TAB^tablet^L"
_DRUGS = (
    "199310^azathioprine 25 MG Oral Tablet^RXNORM",
    "AZA25^Azathioprine tab 25 mg^L^199310^azathioprine 25 MG Oral Tablet^RXNORM",
    "327071005^Azathioprine 25mg tablets^SCT",
)
_STRENGTH = 25


class Orders:
    """Writes what is ordered for one person, always from the same system."""

    def __init__(self, papers: Papers, chance: random.Random) -> None:
        self._papers = papers
        self._sender = chance.choices((PHARMACY, ORDER_ENTRY, WARD), (60, 30, 10))[0]
        self._drug = chance.choice(_DRUGS)
        self._number = papers.order()

    def of(self, ordered: Ordered) -> Sent:
        """An order, or the end of one; a restart is an order of its own."""
        sender = self._sender
        if ordered.step is Step.RESTART:
            self._number = self._papers.order()
        sent = ordered.at + timedelta(minutes=3)
        control = "NW" if ordered.step is not Step.STOP else "OD" if sender is PHARMACY else "DC"
        when = stamp(ordered.at, sender)
        common = {1: control, 2: f"{self._number}^ORDERSYS", 9: stamp(sent, sender), 12: PROVIDER}
        if sender is PHARMACY:
            common[3] = f"RX{self._number}^RXSYS"
        if ordered.step is Step.STOP:
            common[15] = when
        lines = [pid(self._papers.who, sender, self._papers.number)]
        lines += self._lines(ordered, common, "" if ordered.step is Step.STOP else when)
        return self._papers.sent(sent, sender, _KINDS[sender.application], lines, ordered.truths)

    def _lines(self, ordered: Ordered, common: dict[int, str], start: str) -> list[str]:
        amount = str(ordered.dose)
        requested = segment("RXO", {1: self._drug, 2: amount, 4: "mg^^UCUM", 5: _TABLET})
        timing = segment("TQ1", {1: "1", 3: "QD", 7: start})
        if self._sender is WARD:
            return [segment("ORC", common | {7: f"1^QD^^{start}"}), requested]
        if self._sender is ORDER_ENTRY:
            return [segment("ORC", common), timing, requested, "RXR|PO^Oral^HL70162"]
        tablets = str(ordered.dose // _STRENGTH)
        encoded = {2: self._drug, 3: tablets, 5: _TABLET, 6: _TABLET, 25: str(_STRENGTH), 26: "mg^^UCUM"}
        return [segment("ORC", common), segment("RXE", encoded), timing, "RXR|PO^Oral^HL70162"]


def registration(papers: Papers, registered: Registered) -> Sent:
    """ADT: who somebody is, with a diagnosis; or that two numbers are one person (A40)."""
    when = stamp(registered.at, ADMISSION)
    lines = [f"EVN||{when}"]
    if registered.event == "A40":
        retired, papers.number = papers.number, papers.who.number
        lines += [pid(papers.who, ADMISSION), f"MRG|{retired}^^^{AUTHORITY}^MR"]
    else:
        lines += [pid(papers.who, ADMISSION, papers.number), f"PV1|1|O|CLINIC^01^^INVENTED||||{PROVIDER}"]
        if registered.diagnosis:
            lines.append(segment("DG1", {1: "1", 3: f"{registered.diagnosis}^^I10", 5: when, 6: "W"}))
    kind = (f"ADT^{registered.event}", _STRUCTURES[registered.event])
    return papers.sent(registered.at, ADMISSION, kind, lines, registered.truths)
