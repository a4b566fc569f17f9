"""Result messages (ORU^R01) about a draw, as the laboratory of that person writes them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.generate.happenings import Draw
from engine.generate.laboratories import NOWHERE, PANELS, SPECIMENS, STEVENS, Laboratory
from engine.generate.papers import Papers
from engine.generate.physiology import ALL
from engine.generate.segments import PROVIDER, pid, segment, stamp
from engine.generate.truth import Kind, Sent, Truth

_SYMPTOMS = {
    "none": "84387000^Asymptomatic^SCT",
    "nausea": "422587007^Nausea^SCT",
    "fatigue": "84229001^Fatigue^SCT",
    "jaundice": "18165001^Jaundice^SCT",
}
_NOTES = ("Sample received in good condition", "Reported by the laboratory of an invented hospital")
_WRONG = (6, 20)  # times the upper limit of ALT, whatever the true one
_MOST = 1000  # U/L, what analysers can tell without dilution
_WITHOUT_DILUTION = (STEVENS.letter, NOWHERE.letter)


@dataclass(frozen=True, slots=True)
class Observation:
    """One OBX: ``flag`` is OBX-8, ``note`` an NTE below it."""

    name: str
    type: str
    identifier: str
    text: str
    unit: str = ""
    reference: str = ""
    flag: str = ""
    status: str = "F"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One OBR with its observations; ``number`` is the order's, the same when it is restated."""

    code: str
    specimen: str
    number: str
    observations: tuple[Observation, ...]
    condition: str = ""


class Reports:
    """Writes what a laboratory reports of one person."""

    def __init__(self, laboratory: Laboratory, papers: Papers, chance: random.Random) -> None:
        self._laboratory = laboratory
        self._papers = papers
        self._chance = chance

    def of(self, draw: Draw) -> Iterator[Sent]:
        """The messages about a draw: one, or blood and liver apart; preliminary ones, corrections."""
        blood = [self._panel(draw, "blood")]
        liver = [self._panel(draw, "liver")]
        if self._chance.random() < 0.7:
            liver.append(self._panel(draw, "kidney"))
        if self._chance.random() < 0.3:
            liver.append(self._panel(draw, "chemistry"))
        sent = draw.at + timedelta(minutes=self._chance.randrange(90, 240))
        if self._chance.random() < 0.3:
            apart = sent - timedelta(minutes=self._chance.randrange(20, 80))
            yield self._message(apart, draw.at, blood, self._shown(draw, ("blood",)))
            yield from self._liver(draw, sent, liver, ("liver",))
        else:
            yield from self._liver(draw, sent, [*liver, *blood], ("liver", "blood"))

    def _liver(
        self, draw: Draw, sent: datetime, panels: list[Panel], about: tuple[str, ...]
    ) -> Iterator[Sent]:
        if self._chance.random() < 0.04:
            preliminary = [_with_status(panel, "P") for panel in panels]
            yield self._message(sent - timedelta(minutes=25), draw.at, preliminary, ())
        yield self._message(sent, draw.at, [*panels, *self._told(draw)], self._shown(draw, about))
        if draw.quirk is not None and draw.quirk.kind is Kind.WRONG_RESULT:
            yield self._put_right(draw, draw.quirk, sent, panels[0])

    def _put_right(self, draw: Draw, quirk: Truth, sent: datetime, wrong: Panel) -> Sent:
        """The same order again: with the true ALT, or with the wrong one withdrawn."""
        later = sent + timedelta(hours=self._chance.randrange(2, 26))
        withdrawn = self._chance.random() < 0.3
        true = self._observation("alt", draw.values["alt"])
        alt = replace(wrong.observations[0], status="W") if withdrawn else replace(true, status="C")
        message = self._message(
            later, draw.at, [replace(wrong, observations=(alt, *wrong.observations[1:]))], ()
        )
        quirk.until = later
        quirk.detail = f"{'withdrawn' if withdrawn else 'corrected'} by {message.control}"
        return message

    def _shown(self, draw: Draw, about: tuple[str, ...]) -> tuple[Truth, ...]:
        """What is shown first by a message with these panels."""
        truths = [*draw.truths, *([draw.quirk] if draw.quirk is not None else [])]
        in_blood = (Kind.CYTOPENIA, Kind.UNIT_MISSING, Kind.UNREADABLE, Kind.IMPLAUSIBLE)
        return tuple(each for each in truths if ("blood" if each.kind in in_blood else "liver") in about)

    def _told(self, draw: Draw) -> Iterator[Panel]:
        """What stands beside the measurements: symptoms, and the enzyme before a start."""
        if draw.symptom:
            kind = "CWE" if self._laboratory.sender.version >= "2.5" else "CE"
            answer = Observation("", kind, "75325-1^Symptom^LN", _SYMPTOMS[draw.symptom])
            yield Panel("SYMPT^Symptoms at the draw^L", "SER", self._papers.order(), (answer,))
        if draw.phenotype:
            code = "79713-4^TPMT gene product metabolic activity interpretation^LN"
            answer = Observation("", "ST", code, draw.phenotype)
            yield Panel("TPMT^TPMT^L", "BLD", self._papers.order(), (answer,))

    def _panel(self, draw: Draw, name: str) -> Panel:
        observations = [
            self._observation(each, draw.values[each] if each in draw.values else self._well(each))
            for each in PANELS[name]
        ]
        condition = ""
        if draw.quirk is not None:
            observations, condition = self._spoiled(observations, draw.quirk)
        if self._chance.random() < 0.03:
            observations[0] = replace(observations[0], note=self._chance.choice(_NOTES))
        code = self._laboratory.panels[name]
        return Panel(code, SPECIMENS[name], self._papers.order(), tuple(observations), condition)

    def _spoiled(self, observations: list[Observation], quirk: Truth) -> tuple[list[Observation], str]:
        """The observations with what is wrong in them, and the condition of the specimen."""
        number = {each.name: each for each in observations}
        changed: Mapping[str, Observation] = {}
        condition = ""
        if quirk.kind is Kind.UNIT_MISSING and "platelets" in number:
            changed = {"platelets": replace(number["platelets"], unit="")}
        elif quirk.kind is Kind.UNIT_UNKNOWN and "alt" in number:
            changed = {"alt": replace(number["alt"], unit="XU/dL")}
        elif quirk.kind is Kind.UNREADABLE and "wbc" in number:
            text = self._chance.choice(("*****", number["wbc"].text.replace(".", ",")))
            changed = {"wbc": replace(number["wbc"], text=text, flag="")}
        elif quirk.kind is Kind.IMPLAUSIBLE and "wbc" in number:
            changed = {
                "wbc": replace(number["wbc"], text=str(round(float(number["wbc"].text) * 1000)), flag="H")
            }
        elif quirk.kind is Kind.HAEMOLYSED and "ast" in number:
            raised = _times(number["ast"].text, 2.5)
            changed = {"ast": replace(number["ast"], text=raised, flag="H", note="Specimen haemolysed")}
            condition = "HEM^Hemolyzed^HL70493"
        elif quirk.kind is Kind.WRONG_RESULT and "alt" in number:
            assay = self._laboratory.assays["alt"]
            wrong = f"{assay.high * self._chance.uniform(*_WRONG):.{assay.decimals}f}"
            changed = {"alt": replace(number["alt"], text=wrong, flag="H")}
        return [changed.get(each.name, each) for each in observations], condition

    def _well(self, name: str) -> str:
        """Something nobody judges."""
        measured, assay = ALL[name], self._laboratory.assays[name]
        value = measured.typical * self._chance.lognormvariate(0, measured.within) * assay.scale
        return f"{value:.{assay.decimals}f}"

    def _observation(self, name: str, text: str) -> Observation:
        assay, number = self._laboratory.assays[name], float(text)
        flag = "H" if number > assay.high else "L" if number < assay.low else ""
        kind, written = "NM", text
        if number > _MOST and name in {"alt", "ast"} and self._laboratory.letter in _WITHOUT_DILUTION:
            structured = self._laboratory.letter == STEVENS.letter
            kind, written = ("SN", f">^{_MOST}") if structured else ("ST", f">{_MOST}")
        return Observation(name, kind, assay.identifier, written, assay.unit, assay.reference, flag)

    def _message(
        self, sent: datetime, drawn: datetime, panels: Sequence[Panel], truths: Iterable[Truth]
    ) -> Sent:
        sender = self._laboratory.sender
        lines = [
            pid(self._papers.who, sender, self._papers.number),
            f"PV1|1|O|CLINIC^{self._papers.who.number[-2:]}^^INVENTED||||{PROVIDER}",
        ]
        for index, panel in enumerate(panels, 1):
            lines.extend(self._lines(index, panel, stamp(drawn, sender), stamp(sent, sender)))
        return self._papers.sent(sent, sender, ("ORU^R01", "ORU_R01"), lines, tuple(truths))

    def _lines(self, index: int, panel: Panel, drawn: str, reported: str) -> Iterator[str]:
        sender = self._laboratory.sender
        statuses = {each.status for each in panel.observations}
        status = "P" if "P" in statuses else "C" if statuses & {"C", "W"} else "F"
        fields = {1: str(index), 2: f"P{panel.number}", 3: f"{panel.number}^{sender.application}"}
        fields |= {4: panel.code, 7: drawn, 16: PROVIDER, 22: reported, 25: status}
        if not sender.structured:
            fields[15] = panel.specimen
        yield segment("OBR", fields)
        for set_id, each in enumerate(panel.observations, 1):
            yield segment(
                "OBX",
                {1: str(set_id), 2: each.type, 3: each.identifier, 5: each.text, 6: each.unit}
                | {7: each.reference, 8: each.flag, 11: each.status},
            )
            if each.note:
                yield f"NTE|1|L|{each.note}"
        if sender.structured:
            yield segment("SPM", {1: "1", 4: f"{panel.specimen}^^HL70487", 17: drawn, 24: panel.condition})


def _with_status(panel: Panel, status: str) -> Panel:
    return replace(panel, observations=tuple(replace(each, status=status) for each in panel.observations))


def _times(text: str, factor: float) -> str:
    decimals = len(text.partition(".")[2])
    return f"{float(text) * factor:.{decimals}f}"
