"""One message rewritten: nothing of it is copied, all is put together from fields that may pass."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby

from engine.errors import ContentError
from engine.hl7 import Message
from engine.hl7.grouping import group_results
from engine.hl7.shifting import Shift
from engine.hl7.writer import EMPTY, Er7, composite, leaf
from engine.hl7.writer import message as written
from engine.hl7.writer import segment as line
from engine.identity import identifiers
from engine.model.disposition import Reason
from engine.model.segments import Segment
from engine.model.site import Site
from engine.pseudonyms.clinical import Clinical
from engine.pseudonyms.fields import FIELDS
from engine.pseudonyms.links import Links
from engine.pseudonyms.scope import Options, Scope, Treatment
from engine.pseudonyms.treatments import MARKER, shaped, time

_NULL = Er7('""')
_TIMES = {number: FIELDS["OBX"][number] for number in (14, 19)}
_TIMELESS = tuple(number for number in range(1, 18) if number not in _TIMES)
_MOST_REMEMBERED = 50_000
_OF_NOBODY = frozenset({"EVN", "NTE"})
_VERSION = shaped(r"2\.[0-9](\.[0-9])?")


class Pseudonymiser:
    """Rewrites the messages of one archive, which ``links`` has read before.

    ``dropped`` counts the segments that were left out, by name.
    """

    def __init__(self, options: Options, links: Links) -> None:
        self.dropped: Counter[str] = Counter()
        self._options = options
        self._links = links
        self._clinical = Clinical(options.terminology)
        self._observations: dict[tuple[object, ...], tuple[Mapping[int, Er7], Er7]] = {}

    def rewrite(self, message: Message) -> tuple[bytes, ...]:
        """The message with pseudonyms, as UTF-8; one for each patient where their dates move differently.

        Raises ContentError where it must not leave, because a patient cannot be told: no PID, no usable
        identifier, or results before any PID.
        """
        site = self._options.terminology.site(message.sending_application, message.sending_facility)
        head, patients = _by_patient(message)
        scopes = [self._scope(message, site, segments[0]) for segments in patients]
        specimens = _specimens(message)
        bodies = []
        own = list(zip(scopes, patients, strict=True))
        for number, (_, group) in enumerate(groupby(own, key=lambda pair: pair[0].shift)):
            alike = list(group)
            first = alike[0][0]
            lines = [self._header(first, message, number), *self._lines(first, head, specimens)]
            for scope, segments in alike:
                lines += self._lines(scope, segments, specimens)
            bodies.append(written(lines))
        return tuple(bodies)

    def _scope(self, message: Message, site: Site, pid: Segment) -> Scope:
        given = identifiers(pid, site)
        if not given:
            raise ContentError(
                Reason.NO_PATIENT_IDENTIFIER,
                pid.location(3),
                "no identifier of a type that identifies a person",
            )
        person = self._links.person(given[0])
        weeks = self._options.pseudonyms.weeks(None if self._options.one_shift else person)
        shift = Shift(timedelta(weeks=-weeks), -7 * weeks)
        return Scope(self._options, site, message.offset, shift, person, self._links.earliest_birth_year)

    def _header(self, scope: Scope, message: Message, number: int) -> Er7:
        msh = message.header
        control_id = scope.identifier(message.control_id)
        fields = {
            3: self._sender(scope, message, message.sending_application),
            4: self._sender(scope, message, message.sending_facility),
            7: time(scope, msh, 7),
            9: _message_type(msh),
            10: Er7(f"{control_id}-{number + 1}") if number and control_id else control_id,
            11: composite(*(_letter(msh.text(11, component)) for component in (1, 2))),
            12: _VERSION(scope, msh, 12),
            18: Er7("UNICODE UTF-8"),
        }
        return line("MSH", fields)

    def _sender(self, scope: Scope, message: Message, text: str) -> Er7:
        """MSH-3 or MSH-4: as it is where a site profile or our own alerts are told by it."""
        named = scope.site.name != self._options.terminology.site("", "").name
        own = message.sending_application == self._options.own_application
        return (
            leaf(text) if named or (own and text == message.sending_application) else scope.identifier(text)
        )

    def _lines(self, scope: Scope, segments: Sequence[Segment], specimens: Mapping[int, str]) -> list[Er7]:
        lines = []
        for segment in segments:
            if segment.name == "OBX":
                lines.append(self._observation(scope, segment, specimens.get(id(segment), "")))
                continue
            fields = self._fields(scope, segment)
            if fields is None:
                self.dropped[segment.name] += 1
            else:
                lines.append(line(segment.name, fields))
        return lines

    def _fields(self, scope: Scope, segment: Segment) -> Mapping[int, Er7] | None:
        """What is written of a segment, None where it is left out."""
        treatments = FIELDS.get(segment.name)
        if treatments is None:
            return None
        fields = _treated(scope, segment, treatments)
        clinical = self._clinical
        match segment.name:
            case "OBR":
                fields[4] = clinical.service(scope, segment)
                fields[15] = clinical.specimen_type(segment, 15)
            case "SPM":
                fields[4] = clinical.specimen_type(segment, 4)
                fields |= {number: clinical.condition(segment, number) for number in (21, 24)}
            case "NTE":
                fields[3] = clinical.comment(segment)
            case "DG1" | "AL1":
                judge = clinical.diagnosis if segment.name == "DG1" else clinical.allergy
                fields[3] = judge(scope, segment)
                if not fields[3]:
                    return None
        return fields

    def _observation(self, scope: Scope, obx: Segment, specimen: str) -> Er7:
        """An OBX; all but its times is the same whoever it is about, and a feed repeats itself."""
        key = (obx.notation, obx.raws(_TIMELESS), specimen, scope.site.name)
        known = self._observations.get(key)
        if known is None:
            fields = self._timeless(scope, obx, specimen)
            known = fields, line("OBX", fields)
            if len(self._observations) >= _MOST_REMEMBERED:
                self._observations.clear()
            self._observations[key] = known
        times = {number: treatment for number, treatment in _TIMES.items() if obx.raw(number)}
        return line("OBX", {**known[0], **_treated(scope, obx, times)}) if times else known[1]

    def _timeless(self, scope: Scope, obx: Segment, specimen: str) -> Mapping[int, Er7]:
        clinical = self._clinical
        treatments = {n: treatment for n, treatment in FIELDS["OBX"].items() if n not in _TIMES}
        fields = _treated(scope, obx, treatments)
        fields[3], fields[6], match = clinical.observed(scope, obx, specimen)
        sub_id = obx.text(4).strip()
        simple = len(sub_id) <= 4 and sub_id.replace(".", "").isdecimal() and sub_id.isascii()
        fields[4] = leaf(sub_id) if simple else scope.identifier(sub_id)
        fields[5] = clinical.value(scope, obx, match)
        fields |= {7: clinical.range(obx), 8: clinical.flags(obx), 17: clinical.method(obx)}
        return fields


def _treated(scope: Scope, segment: Segment, treatments: Mapping[int, Treatment]) -> dict[int, Er7]:
    fields = {}
    for number, treatment in treatments.items():
        raw = segment.raw(number)
        if raw:
            fields[number] = _NULL if raw == '""' else treatment(scope, segment, number)
    return fields


def _by_patient(message: Message) -> tuple[list[Segment], list[list[Segment]]]:
    """What stands before the first PID, and the segments of each."""
    head: list[Segment] = []
    patients: list[list[Segment]] = []
    for segment in message.segments:
        if segment.name == "PID":
            patients.append([segment])
        elif patients:
            patients[-1].append(segment)
        elif segment.name not in FIELDS or segment.name in _OF_NOBODY:
            if segment is not message.header:
                head.append(segment)
        else:
            raise ContentError(Reason.NO_PATIENT_IDENTIFIER, segment.location(), "it stands before any PID")
    if not patients:
        raise ContentError(Reason.NO_PATIENT_IDENTIFIER, "PID", "no PID segment")
    return head, patients


def _specimens(message: Message) -> dict[int, str]:
    """By OBX, the type of the specimen as codes are told apart by it: SPM-4, else OBR-15."""
    types = {}
    for patient in group_results(message.segments).patients:
        for order in patient.orders:
            kind = next((name for specimen in order.specimens if (name := specimen.text(4))), "")
            kind = kind or (order.obr.text(15) if order.obr is not None else "")
            types.update({id(observation.obx): kind for observation in order.observations if kind})
    return types


_TYPE = (r"[A-Z]{3}(_[A-Z][0-9]{2})?", r"[A-Z][0-9]{2}", r"[A-Z]{3}(_[A-Z][0-9]{2})?")


def _message_type(msh: Segment) -> Er7:
    parts = [msh.text(9, number).strip().upper() for number in (1, 2, 3)]
    return composite(
        *(
            EMPTY if not part else Er7(part) if re.fullmatch(form, part) else MARKER
            for form, part in zip(_TYPE, parts, strict=True)
        )
    )


def _letter(text: str) -> Er7:
    letter = text.strip().upper()
    if not letter:
        return EMPTY
    return Er7(letter) if len(letter) == 1 and letter.isascii() and letter.isalpha() else MARKER
