"""What an observation identifier (OBX-3) means: LOINC and local triplets weighed against each other.

Names never identify: LOINC renames, laboratories abbreviate. A name can only cast doubt
(``contradicted_by`` of an analyte).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.model.codes import AnalyteDefinition, CodeKind, CodeMatch, Coding
from engine.terminology.loinc import LOINC_SYSTEMS, Meaning, has_right_check_digit
from engine.terminology.sites import SiteTable

_UNLISTED_LOINC = Meaning(CodeKind.NOT_MONITORED, "", "")
_UNKNOWN = Meaning(CodeKind.UNMAPPED, "", "")
_WEAK = (_UNLISTED_LOINC, _UNKNOWN)

# Where no triplet names an analyte, and they differ: the one that says most is reported.
_SAYS_MOST = (CodeKind.EXCLUDED, CodeKind.PANEL, CodeKind.IGNORED, CodeKind.NOT_MONITORED, CodeKind.UNMAPPED)


def identify(
    codings: Iterable[Coding],
    *,
    site_name: str,
    specimen: str,
    unit: str,
    loinc: Mapping[str, Meaning],
    sites: SiteTable,
    analytes: Mapping[str, AnalyteDefinition],
) -> CodeMatch:
    """Weigh the triplets of one OBX-3; see Terminology.identify."""
    claims = [
        (coding, is_loinc, meaning)
        for coding in codings
        if coding.code
        for is_loinc, meaning in (_claim(coding, site_name, specimen, unit, loinc=loinc, sites=sites),)
    ]
    strong = [claim for claim in claims if claim[2] not in _WEAK]
    named = {meaning.analyte for _, _, meaning in strong if meaning.kind is CodeKind.ANALYTE}
    if not named:
        return _without_analyte(strong or claims, unit)
    if len(named) > 1 or any(meaning.kind is not CodeKind.ANALYTE for _, _, meaning in strong):
        return _disagreement(strong, unit)
    definition = analytes[next(iter(named))]
    coding, _, meaning = next((claim for claim in strong if claim[1]), strong[0])
    if definition.contradicted_by:
        text = " ".join(item.text for item, _, _ in claims).casefold()
        word = next((word for word in definition.contradicted_by if word in text), "")
        if word:
            detail = f'the code says {definition.name}, the text sent with it says "{word}"'
            return CodeMatch(
                CodeKind.DISAGREE, "", coding.code, coding.system, coding.text, unit=unit, detail=detail
            )
    method = meaning.method or next((other.method for _, _, other in strong if other.method), "")
    assumed = (
        "" if unit.strip() else next((o.unit_when_missing for _, _, o in strong if o.unit_when_missing), "")
    )
    return CodeMatch(
        CodeKind.ANALYTE,
        definition.name,
        coding.code,
        coding.system,
        coding.text or next((other.text for other, _, _ in strong if other.text), ""),
        method,
        meaning.title,
        assumed or unit,
        bool(assumed),
        places=tuple(other.place for _, _, other in strong),
    )


def _claim(
    coding: Coding,
    site_name: str,
    specimen: str,
    unit: str,
    *,
    loinc: Mapping[str, Meaning],
    sites: SiteTable,
) -> tuple[bool, Meaning]:
    """What one triplet says, and whether as a LOINC."""
    code, system = coding.code.strip(), coding.system.strip()
    if system.casefold() in LOINC_SYSTEMS:
        listed = loinc.get(code)
        if listed is not None:
            return True, listed
        return True, _UNLISTED_LOINC if has_right_check_digit(code) else _UNKNOWN
    local = sites.meaning(site_name, code, specimen, unit)
    if local is not None:
        return False, local
    if not system:
        # Many senders forget CWE-3. A code of our table with its check digit right is not a coincidence. One
        # that is not in the table may be: taken for a LOINC that we do not watch, a local code would vanish.
        listed = loinc.get(code)
        if listed is not None and has_right_check_digit(code):
            return True, listed
    return False, _UNKNOWN


def _without_analyte(claims: list[tuple[Coding, bool, Meaning]], unit: str) -> CodeMatch:
    if not claims:
        return CodeMatch(CodeKind.UNMAPPED, unit=unit)
    coding, _, meaning = min(claims, key=lambda claim: _SAYS_MOST.index(claim[2].kind))
    return CodeMatch(
        meaning.kind,
        "",
        coding.code,
        coding.system,
        coding.text,
        meaning.method,
        meaning.title,
        unit,
        places=() if meaning in _WEAK else (meaning.place,),
    )


def _disagreement(strong: list[tuple[Coding, bool, Meaning]], unit: str) -> CodeMatch:
    detail = ", ".join(
        f"{coding.code} is {meaning.analyte or f'{meaning.kind} ({meaning.title})'}"
        for coding, _, meaning in strong
    )
    coding = strong[0][0]
    places = tuple(meaning.place for _, _, meaning in strong)
    return CodeMatch(
        CodeKind.DISAGREE,
        "",
        coding.code,
        coding.system,
        coding.text,
        unit=unit,
        detail=detail,
        places=places,
    )
