"""What is judged: observations with their codes, values and units, specimens, diagnoses, comments.

A code passes where the mappings know it, a value where the engine can calculate with it or a table knows
it. Of words only the condition of a specimen passes, in the words of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from engine.hl7 import range_of, read_value, unit_of
from engine.hl7.writer import EMPTY, Er7, composite, leaf, repeat
from engine.model.codes import AnalyteKind, CodeKind, CodeMatch, Coding
from engine.model.quantity import Interval
from engine.model.result import Problem
from engine.model.segments import Segment
from engine.pseudonyms.scope import REMOVED, Scope
from engine.pseudonyms.treatments import MARKER, TRIPLETS, system_name
from engine.terminology import Terminology

_MOST_REMEMBERED = 10_000
_ONE = Interval.exactly(Decimal(1))
_GENOTYPE = "_genotype"
_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_NO_TEXTS = frozenset({"SN", "ED", "RP", "TS", "DT", "TM", "DTM"})
_LONGEST_NUMBER = re.compile(r"[0-9]{8}")
_RANGE = re.compile(r"[-0-9.<>=–;:MmFf()\[\] to]{1,60}")
_ALLELES = re.compile(r"TPMT|NUDT15|\*\d{1,3}[A-Z]?(?![A-Z0-9])", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9.]{1,8}|[0-9]{6,18}|LA[0-9]{1,6}-[0-9]")
# HL7 table 0078
# fmt: off
_FLAGS = frozenset({
    "L", "H", "LL", "HH", "<", ">", "N", "A", "AA", "NULL", "U", "D", "B", "W", "S", "R", "I", "MS", "VS",
    "POS", "NEG", "IND", "DET", "ND", "AC", "TOX", "QCF", "RR", "WR", "NR", "HX", "LX", "LU", "HU", "E",
    "SDD", "NS", "SYN-R", "SYN-S", "EX", "CAR", "OBX", "HM", "*", "**",
})
# HL7 tables 0487 and 0070, as laboratories use them for blood and its neighbours
_SPECIMENS = frozenset({
    "SER", "SERUM", "PLAS", "PLASMA", "SERPLAS", "BLD", "BLOOD", "BLDV", "BLDA", "BLDC", "WB", "CBLD", "CORD",
    "RBC", "WBC", "BMA", "MAR", "UR", "URINE", "CSF", "STL", "SAL", "SWT", "SPT", "SWAB", "TISS", "FLD",
    "ASC", "PLR", "SYN", "U", "S", "P", "B",
})
# fmt: on


class Clinical:
    """What the mappings say of the contents of a message."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self._services: dict[tuple[str, str, str], Er7] = {}  # a feed has few hundred
        self._phrases: dict[str, str] = {}
        for words, condition in terminology.specimens.phrases.items():
            self._phrases.setdefault(condition, " ".join(words))
        self._index_names: dict[str, str] = {}
        for words, condition in terminology.specimens.index_names.items():
            self._index_names.setdefault(condition, " ".join(words))

    # --- specimens and comments ----------------------------------------------------------------

    def specimen_type(self, segment: Segment, field: int) -> Er7:
        """SPM-4 or OBR-15: a code of the standard's tables, or one by which the site tells codes apart."""
        code = segment.text(field)
        if not code.strip():
            return EMPTY
        listed = code.strip().upper() in _SPECIMENS or code in self._terminology.specimen_types
        return leaf(code) if listed else MARKER

    def condition(self, segment: Segment, field: int) -> Er7:
        """SPM-21 or SPM-24: the codes that the table knows, and the words."""
        table = self._terminology.specimens
        codes = [
            leaf(code)
            for repetition in range(1, segment.repetitions(field) + 1)
            for component in (1, 4)
            if table.by_code(f"SPM-{field}", code := segment.text(field, component, repetition))
        ]
        said = self._said(segment, field)
        return repeat(*codes, *([composite(EMPTY, leaf(said))] if said else []))

    def comment(self, segment: Segment) -> Er7:
        """NTE-3: that there was one, and the condition of the specimen that it tells."""
        return self._marked(segment, 3) if segment.raw(3).strip() else EMPTY

    def _marked(self, segment: Segment, field: int) -> Er7:
        said = self._said(segment, field)
        return leaf(f"{REMOVED}. {said}" if said else REMOVED)

    def _said(self, segment: Segment, field: int) -> str:
        """The conditions of a specimen that a field tells, in the words of the table."""
        if not any(map(str.isalpha, segment.raw(field))):
            return ""
        repetitions = range(1, segment.repetitions(field) + 1)
        text = " ".join(", ".join(segment.components(field, number)) for number in repetitions)
        return ". ".join(sorted(self._phrases[name] for name in self._terminology.specimens.by_text(text)))

    # --- codes ---------------------------------------------------------------------------------

    def service(self, scope: Scope, segment: Segment) -> Er7:
        """OBR-4: codes that the mappings know, pseudonyms of others."""
        key = (segment.notation, segment.raw(4), scope.site.name)
        known = self._services.get(key)
        if known is None:
            if len(self._services) >= _MOST_REMEMBERED:
                self._services.clear()
            known = self._services[key] = self._triplets(scope, segment, 4, "", "", ())
        return known

    def observed(self, scope: Scope, obx: Segment, specimen: str) -> tuple[Er7, Er7, CodeMatch]:
        """OBX-3 and OBX-6 as they are written, and what the code means."""
        terminology, site = self._terminology, scope.site.name
        unit, sent = unit_of(obx), tuple(_codings(obx, 3))
        match = terminology.identify(sent, site, specimen, unit)
        doubts: tuple[str, ...] = ()
        if match.kind is CodeKind.DISAGREE:
            said = " ".join(coding.text for coding in sent).casefold()
            words = {word for one in terminology.analytes.values() for word in one.contradicted_by}
            doubts = tuple(sorted(word for word in words if word in said))
        return (
            self._triplets(scope, obx, 3, specimen, unit, doubts),
            self._unit(match, sent, site, specimen),
            match,
        )

    def _unit(self, match: CodeMatch, sent: tuple[Coding, ...], site: str, specimen: str) -> Er7:
        terminology, unit = self._terminology, match.unit
        if match.unit_assumed or not unit.strip():
            return EMPTY
        known = any(
            terminology.quantity(name, _ONE, unit) is not Problem.UNIT_UNKNOWN
            for name in ([match.analyte] if match.analyte else terminology.analytes)
        )
        if not known and not match.analyte:  # a site's row may be for this unit alone
            without = terminology.identify(sent, site, specimen, "")
            known = (match.kind, match.title) != (without.kind, without.title)
        return leaf(unit) if known else MARKER

    def _triplets(
        self, scope: Scope, segment: Segment, field: int, specimen: str, unit: str, doubts: tuple[str, ...]
    ) -> Er7:
        terminology, site = self._terminology, scope.site.name
        parts = [EMPTY] * 12
        for first in TRIPLETS:
            code, text, system = (segment.text(field, first + n).strip() for n in range(3))
            if not code:
                continue
            index = self._index_names.get(terminology.specimens.of_index(code, text), "")
            alone = terminology.identify((Coding(code, "", system),), site, specimen, unit)
            if alone.kind is CodeKind.UNMAPPED and not self._is_of_specimen(site, code):
                # a word of no table: another number of the same form may mean another analyte
                chance = scope.pseudonyms.number("code", code) >> 224
                parts[first - 1 : first + 2] = Er7(f"X{chance:08X}"), leaf(index), Er7("L")
                continue
            named = index or self._harmless(alone.title)
            parts[first - 1] = leaf(code)
            parts[first] = leaf(" ".join(filter(None, (named, *doubts))))
            parts[first + 1] = system_name(system)
        return composite(*parts)

    def _is_of_specimen(self, site: str, code: str) -> bool:
        table = self._terminology.specimens
        return bool(
            any(code == known for known, _ in table.observations)
            or table.of_index(code, "")
            or self._terminology.index_limit(site, [code])
        )

    def _harmless(self, title: str) -> str:
        """The name of the tables, unless it would say what the text of the laboratory did not.

        Names may cast doubt on a code, and make an index of an observation.
        """
        doubtful = (word for one in self._terminology.analytes.values() for word in one.contradicted_by)
        says = any(word in title.casefold() for word in doubtful)
        return "" if says or self._terminology.specimens.of_index("", title) else title

    # --- values --------------------------------------------------------------------------------

    def value(self, scope: Scope, obx: Segment, match: CodeMatch) -> Er7:
        """OBX-5."""
        if not obx.raw(5).strip():
            return EMPTY
        if match.kind is CodeKind.QUESTION:
            return self._answers(scope, obx, match)
        if match.kind is CodeKind.ANALYTE:
            passed = self._result(obx, match)
            if passed is not None:
                return passed
        else:
            passed = self._index(obx, scope.site.name)
            if passed is not None:
                return passed
        may_speak = obx.text(2).strip().upper() not in _NO_TEXTS
        said = self._said(obx, 5) if may_speak else ""
        if match.kind is CodeKind.ANALYTE:
            return leaf(f"{REMOVED}. {said}" if said else REMOVED)
        return leaf(said)

    def _index(self, obx: Segment, site: str) -> Er7 | None:
        """The value of an observation of how the specimen looks: a grade, or a number."""
        text, table = obx.text(5).strip(), self._terminology.specimens
        sent = tuple(_codings(obx, 3))
        if any(table.by_observation(coding.code, text) for coding in sent):
            return leaf(text)
        codes = [coding.code for coding in sent]
        named = any(table.of_index(coding.code, coding.text) for coding in sent)
        if not named and self._terminology.index_limit(site, codes) is None:
            return None
        reading = read_value(obx)
        if table.grade(reading.text) is not None:
            return leaf(reading.text)
        if reading.interval is None or _LONGEST_NUMBER.search(reading.text):
            return MARKER
        return self._number(obx, reading.text)

    @staticmethod
    def _number(obx: Segment, text: str) -> Er7:
        if obx.text(2).strip().upper() == "SN":
            return composite(*(leaf(part) for part in obx.whole_components(5)[:4]))
        return leaf(text)

    def _result(self, obx: Segment, match: CodeMatch) -> Er7 | None:
        reading = read_value(obx)
        terminology = self._terminology
        if terminology.analyte(match.analyte).kind is AnalyteKind.CODED:
            texts = [", ".join(obx.components(5, n)) for n in range(1, obx.repetitions(5) + 1)]
            return self._gene(obx, match.analyte, [*_by_component(obx), *texts, reading.text])
        if reading.interval is None:
            return None
        quantity = terminology.quantity(match.analyte, reading.interval, match.unit)
        if isinstance(quantity, Problem) and _LONGEST_NUMBER.search(reading.text):
            return None
        return self._number(obx, reading.text)

    def _gene(self, obx: Segment, analyte: str, texts: Iterable[str]) -> Er7 | None:
        understood = self._terminology.readable(analyte, texts)
        if not understood:
            return None
        if analyte.endswith(_GENOTYPE):  # searched in a text; words of a phenotype are compared whole
            understood = " ".join(_ALLELES.findall(understood))
            if not self._terminology.readable(analyte, [understood]):
                return None
        coded = obx.text(2).strip().upper() in _CODED
        return composite(EMPTY, leaf(understood)) if coded else leaf(understood)

    def _answers(self, scope: Scope, obx: Segment, match: CodeMatch) -> Er7:
        coded = obx.text(2).strip().upper() in _CODED
        answers = []
        for repetition in range(1, obx.repetitions(5) + 1):
            sent = (
                list(_codings(obx, 5, repetition)) if coded else [Coding(obx.text(5, 1, repetition).strip())]
            )
            known = [coding for coding in sent if self._is_answer(scope, match, coding)]
            if known and coded:
                answers.append(composite(leaf(known[0].code), EMPTY, system_name(known[0].system)))
            elif known:
                answers.append(leaf(known[0].code))
            elif any(coding.code for coding in sent):
                answers.append(MARKER)
        return repeat(*answers)

    def _is_answer(self, scope: Scope, match: CodeMatch, coding: Coding) -> bool:
        told = self._terminology.answer(match, (coding,), scope.site.name)
        return told is not None and _CODE.fullmatch(coding.code.strip()) is not None

    def flags(self, obx: Segment) -> Er7:
        """OBX-8: those of table 0078 and of the table of specimens."""
        table = self._terminology.specimens
        kept = [
            leaf(code)
            for repetition in range(1, obx.repetitions(8) + 1)
            for component in (1, 4)
            if (code := obx.text(8, component, repetition).strip())
            and (code.upper() in _FLAGS or table.by_code("OBX-8", code))
        ]
        return repeat(*kept)

    def range(self, obx: Segment) -> Er7:
        """OBX-7, where it can be read."""
        text = "~".join(",".join(obx.whole_components(7, n)) for n in range(1, obx.repetitions(7) + 1))
        readable = range_of(obx, "M") is not None or range_of(obx, "F") is not None
        plain = all(_RANGE.fullmatch(part) for part in text.split("~")) and not _LONGEST_NUMBER.search(text)
        return repeat(*map(leaf, text.split("~"))) if readable and plain else EMPTY

    def method(self, obx: Segment) -> Er7:
        """OBX-17: the method that the table knows."""
        known = self._terminology.method(_codings(obx, 17)) if obx.raw(17) else ""
        return composite(EMPTY, leaf(known)) if known else EMPTY

    # --- diagnoses and allergies ---------------------------------------------------------------

    def diagnosis(self, scope: Scope, segment: Segment) -> Er7:
        """DG1-3: the codes that say something; nothing where none does."""
        method = segment.text(2).strip()
        known = []
        for coding in _codings(segment, 3):
            named = Coding(coding.code, "", coding.system.strip() or method)
            told = self._terminology.diagnosis((named,), scope.site.name) if named.system else None
            if told is not None and _CODE.fullmatch(coding.code.strip()):
                known += [leaf(coding.code), EMPTY, system_name(named.system)]
        return composite(*known[:6])

    def allergy(self, scope: Scope, segment: Segment) -> Er7:
        """AL1-3: the codes that say something; nothing where none does."""
        known = []
        for coding in _codings(segment, 3):
            named = Coding(coding.code, "", coding.system)
            if self._terminology.allergy((named,), scope.site.name) is None:
                continue
            if self._terminology.drug((named,)) is not None:
                known += [leaf(coding.code), EMPTY, leaf(coding.system)]
            elif _CODE.fullmatch(coding.code.strip()):
                known += [leaf(coding.code), EMPTY, system_name(coding.system)]
        return composite(*known[:6])


def _codings(segment: Segment, field: int, repetition: int = 1) -> Iterator[Coding]:
    for first in TRIPLETS:
        code, text, system = (segment.text(field, first + n, repetition) for n in range(3))
        if code:
            yield Coding(code, text, system)


def _by_component(obx: Segment) -> Iterator[str]:
    """Each component with those of all repetitions, as results are read."""
    repetitions = [obx.components(5, number) for number in range(1, obx.repetitions(5) + 1)]
    for component in range(max(map(len, repetitions), default=0)):
        yield " ".join(parts[component] if component < len(parts) else "" for parts in repetitions)
