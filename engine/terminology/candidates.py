"""What an unmapped code may mean, with the reasons for it and against it: for a person to confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.model.codes import AnalyteDefinition, AnalyteKind, CodeKind, Coding
from engine.model.quantity import ReferenceRange
from engine.terminology.names import OTHER, Reading, Specimen
from engine.terminology.terminology import Terminology

PROPOSED_FROM = 50
"""The score from which a candidate is shown: a whole name is 60, a LOINC beside the code too."""

_WHOLE_NAME = 60
_CODE_ALONE = 50
_HALF = 0.5
_NEAR = Decimal(3)

CompareUnits = Callable[[str, str], Decimal | None]
"""How many of the second unit the first is; 0 where it measures something else, None where it is no unit."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How one code is sent: all results of it with one specimen and one unit.

    ``magnitudes`` counts numbers by their power of ten; it is empty where too few persons stand behind it.
    ``numeric`` is how many of the results are numbers. ``battery`` is what it was ordered as (OBR-4).
    """

    code: str
    specimen: str
    unit: str
    texts: tuple[str, ...] = ()
    battery: str = ""
    alternates: tuple[Coding, ...] = ()
    ranges: tuple[ReferenceRange, ...] = ()
    results: int = 0
    numeric: int = 0
    magnitudes: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An analyte that a code may mean. ``decisive`` is why it cannot be it; then it is never proposed."""

    analyte: str
    score: int
    reasons: tuple[str, ...]
    against: tuple[str, ...] = ()
    decisive: str = ""

    @property
    def proposed(self) -> bool:
        """Whether it is worth a person's look."""
        return not self.decisive and self.score >= PROPOSED_FROM


def candidates(
    variant: Variant, terminology: Terminology, compare: CompareUnits | None
) -> tuple[Candidate, ...]:
    """Every analyte that something speaks for, best first, refused ones last with the reason.

    ``compare`` asks UCUM about units that units.csv does not have; None where that library is absent.
    """
    texts = [(text, terminology.names.read(text)) for text in (*variant.texts, variant.code)]
    judge = _Judge(variant, terminology, compare)
    found = []
    for name in terminology.analytes:
        case = _Case()
        judge.names(name, texts, case)
        judge.alternates(name, case)
        if case.reasons:
            judge.evidence(terminology.analyte(name), texts, case)
            score = max(0, min(100, case.score))
            found.append(Candidate(name, score, tuple(case.reasons), tuple(case.against), case.decisive))
    return tuple(sorted(found, key=lambda one: (bool(one.decisive), -one.score, one.analyte)))


@dataclass(slots=True)
class _Case:
    score: int = 0
    reasons: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    decisive: str = ""

    def add(self, score: int, reason: str) -> None:
        self.score += score
        (self.reasons if score >= 0 else self.against).append(reason)

    def refuse(self, why: str) -> None:
        self.decisive = self.decisive or why


@dataclass(frozen=True, slots=True)
class _Judge:
    variant: Variant
    terminology: Terminology
    compare: CompareUnits | None

    def names(self, analyte: str, texts: Sequence[tuple[str, Reading]], case: _Case) -> None:
        """What the texts say, the best of them; the code itself counts as a text, a little less."""
        best, said = 0, ""
        for place, (text, reading) in enumerate(texts):
            if analyte not in reading.named:
                continue
            share = reading.share(analyte)
            whole = _CODE_ALONE if place == len(texts) - 1 else _WHOLE_NAME
            fits = self.terminology.conversion(analyte, self.variant.unit) is not None
            if share < _HALF or (share == _HALF and not fits):
                continue
            if int(whole * share) > best:
                best, said = int(whole * share), text
        if said:
            case.add(best, f'"{said}" is a name of it')

    def alternates(self, analyte: str, case: _Case) -> None:
        """LOINC codes beside it that nobody may rely on, because they are labelled as something else."""
        for coding in self.variant.alternates:
            meaning = self.terminology.loinc(coding.code)
            if meaning is not None and meaning.analyte == analyte:
                label = coding.system or "nothing"
                case.add(_WHOLE_NAME, f"{coding.code} beside it is its LOINC, labelled {label}")

    def evidence(self, analyte: AnalyteDefinition, texts: Sequence[tuple[str, Reading]], case: _Case) -> None:
        """All else that speaks for or against it."""
        for why in (*self._of_texts(analyte, texts), *self._of_alternates(analyte)):
            case.refuse(why)
        if self.terminology.names.read(self.variant.battery).elsewhere:
            case.refuse(f'ordered as "{self.variant.battery}"')
        self._specimen(analyte, case)
        if analyte.kind is AnalyteKind.CODED:
            return
        if self.variant.results and not self.variant.numeric:
            case.refuse("its values are no numbers")
        factor = self._unit(analyte, case)
        if factor:
            self._ranges(analyte, case, factor)
            self._magnitudes(analyte, case, factor)

    def _of_texts(self, analyte: AnalyteDefinition, texts: Sequence[tuple[str, Reading]]) -> Iterator[str]:
        share = analyte.unit == "%"
        for text, reading in texts:
            mine = reading.named.get(analyte.name)
            others = [name for name, words in reading.named.items() if name != analyte.name and words != mine]
            if reading.ruled_out:
                yield f'"{text}" says {reading.ruled_out}'
            if any(name == OTHER for name in others) and text is not texts[-1][0]:
                yield f'"{text}" is the name of another test'
            elif others and text is not texts[-1][0]:
                yield f'"{text}" names {" and ".join(sorted(others))} too'
            if mine is not None and reading.percent and not share:
                yield f'"{text}" says that it is a percentage'
            if mine is not None and reading.count and share:
                yield f'"{text}" says that it is a count'

    def _of_alternates(self, analyte: AnalyteDefinition) -> Iterator[str]:
        for coding in self.variant.alternates:
            meaning = self.terminology.loinc(coding.code)
            if meaning is not None and meaning.analyte != analyte.name:
                what = meaning.analyte or f"{meaning.title} ({CodeKind(meaning.kind).value})"
                yield f"{coding.code} beside it is the LOINC of {what}"

    def _specimen(self, analyte: AnalyteDefinition, case: _Case) -> None:
        specimen = self.terminology.names.specimen(self.variant.specimen)
        if specimen is None:
            return
        if specimen is Specimen.RULES_OUT:
            case.refuse(f"specimen {self.variant.specimen}")
        elif (analyte.panel == "blood") == (specimen is Specimen.BLOOD):
            case.add(5, f"specimen {self.variant.specimen} fits")
        elif analyte.panel == "blood":
            case.add(-10, f"specimen {self.variant.specimen}: it is measured in whole blood")

    def _unit(self, analyte: AnalyteDefinition, case: _Case) -> Decimal | None:
        """Weigh the unit; how many canonical units it is, where that is known."""
        unit = self.variant.unit
        conversion = self.terminology.conversion(analyte.name, unit)
        if not unit.strip():
            if analyte.accepts_empty_unit:
                case.add(10, "it has no unit, and needs none")
            else:
                case.add(-5, "no unit is sent")
        elif conversion is not None:
            case.add(20, f"unit {unit} fits")
            return conversion.factor
        elif self.terminology.is_known_unit(unit):
            case.refuse(f"unit {unit} measures something else")
        else:
            return self._unknown_unit(analyte, case)
        return None

    def _unknown_unit(self, analyte: AnalyteDefinition, case: _Case) -> Decimal | None:
        unit = self.variant.unit
        compared = [] if self.compare is None else [self.compare(unit, one) for one in analyte.units]
        factors = [factor for factor in compared if factor is not None]
        factor = max(factors, default=None)
        if factor is None:
            case.add(-10, f"unit {unit} is in no table")
        elif not factor:
            case.refuse(f"unit {unit} measures something else, says UCUM")
        else:
            case.add(10, f"unit {unit} is convertible, says UCUM; units.csv needs a row")
        return factor

    def _ranges(self, analyte: AnalyteDefinition, case: _Case, factor: Decimal) -> None:
        usual = self.terminology.assumed_reference(analyte.name, "M", analyte.unit)
        near: list[str] = []
        far: list[str] = []
        for sent in self.variant.ranges:
            limits = [limit * factor for limit in (sent.low, sent.high) if limit]
            if limits and not any(_within(limit, analyte) for limit in limits):
                case.refuse(f"no range of it is {sent.text} {self.variant.unit}")
            elif sent.high is not None and usual is not None and usual.high is not None:
                ratio = sent.high * factor / usual.high
                (near if 1 <= ratio * _NEAR and ratio <= _NEAR else far).append(sent.text)
        if near:
            case.add(15, f"range {near[0]} is like the published one")
        elif far:
            case.add(-25, f"range {far[0]} is unlike the published one")

    def _magnitudes(self, analyte: AnalyteDefinition, case: _Case, factor: Decimal) -> None:
        outside = sum(
            count
            for power, count in self.variant.magnitudes.items()
            if not (
                _within(Decimal(10) ** power * factor, analyte)
                or _within(Decimal(10) ** (power + 1) * factor, analyte)
            )
        )
        if outside * 2 > sum(self.variant.magnitudes.values()):
            case.refuse("most of its values cannot be of it")


def _within(value: Decimal, analyte: AnalyteDefinition) -> bool:
    above = analyte.low is None or value >= analyte.low
    return above and (analyte.high is None or value <= analyte.high)
