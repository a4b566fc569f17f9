"""The fields that pass, each with its treatment: what is not in this table does not leave the hospital.

What a treatment lets through unchanged it has compared with a closed list or a strict form. A field is here
because the engine judges by it, or because a message without it is none.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.result import ResultStatus
from engine.pseudonyms import treatments as t
from engine.pseudonyms.scope import Treatment
from engine.therapy.control_codes import CONTROL_CODES

_SET_ID = t.shaped(r"[0-9]{1,4}")
_YES_NO = t.words("YN")
_ORDER_STATUS = t.words(("A", "CA", "CM", "DC", "ER", "HD", "IP", "RP", "SC"))  # table 0038
_RESULT_STATUS = t.words("CFIOPRSXYZA")  # table 0123
_TYPE_OF_ORDER = t.words("IO")  # table 0482
_ACTION = t.words("AUDXSRB")
_SECTION = t.words(  # table 0074
    ("BG", "BLB", "CH", "CP", "HM", "IMM", "LAB", "MB", "MCB", "MYC", "OTH", "SP", "SR", "TX", "VR", "CG")
)

FIELDS: Mapping[str, Mapping[int, Treatment]] = {
    "EVN": {1: t.shaped(r"[A-Z][0-9]{2}"), 2: t.time, 6: t.time},
    "PID": {
        1: _SET_ID,
        2: t.person_number,
        3: t.person_number,
        4: t.person_number,
        5: t.name,
        7: t.birth,
        8: t.words(("M", "F", "U", "O", "A", "N", "MALE", "FEMALE", "UNKNOWN", "OTHER")),
        18: t.person_number,
        29: t.time,
        30: _YES_NO,
    },
    "PV1": {
        1: _SET_ID,
        2: t.words("EIOPRBCNU"),
        3: t.place,
        7: t.provider,
        8: t.provider,
        9: t.provider,
        17: t.provider,
        19: t.person_number,
        44: t.time,
        45: t.time,
    },
    "MRG": {
        1: t.person_number,
        2: t.person_number,
        3: t.person_number,
        4: t.person_number,
        5: t.person_number,
        7: t.name,
    },
    "ORC": {
        1: t.words(CONTROL_CODES),
        2: t.numbers,
        3: t.numbers,
        4: t.numbers,
        5: _ORDER_STATUS,
        7: t.timing,
        8: t.numbers,
        9: t.time,
        12: t.provider,
        15: t.time,
        29: _TYPE_OF_ORDER,
    },
    "OBR": {
        1: _SET_ID,
        2: t.numbers,
        3: t.numbers,
        7: t.time,
        8: t.time,
        14: t.time,
        16: t.provider,
        22: t.time,
        24: _SECTION,
        25: _RESULT_STATUS,
        29: t.numbers,
    },
    "SPM": {1: _SET_ID, 2: t.numbers, 17: t.period, 18: t.time},
    "NTE": {1: _SET_ID},
    "TQ1": {
        1: _SET_ID,
        2: t.number,
        3: t.repeat_pattern,
        4: t.clock_time,
        6: t.lasting,
        7: t.time,
        8: t.time,
        9: t.priority,
        10: t.marker,
        11: t.marker,
        12: t.words("SAC"),
        14: t.number,
    },
    "RXO": {
        1: t.drug,
        2: t.number,
        3: t.number,
        4: t.unit,
        17: t.shaped(r"[SMHDWL][0-9]{1,6}"),
        18: t.number,
        19: t.unit,
        20: t.indication,
        21: t.number,
        22: t.unit,
        24: t.drug,
        25: t.number,
        26: t.unit,
    },
    "RXE": {
        1: t.timing,
        2: t.drug,
        3: t.number,
        4: t.number,
        5: t.unit,
        15: t.told_number,
        22: t.shaped(r"[SMHDWL][0-9]{1,6}"),
        23: t.number,
        24: t.unit,
        25: t.number,
        26: t.unit,
        27: t.indication,
        31: t.drug,
        32: t.time,
        33: t.number,
        34: t.unit,
    },
    "RXD": {1: _SET_ID, 2: t.drug, 3: t.time, 4: t.number, 5: t.unit, 7: t.told_number},
    "RXG": {1: _SET_ID, 4: t.drug, 5: t.number, 6: t.number, 7: t.unit},
    "RXA": {
        1: _SET_ID,
        2: _SET_ID,
        3: t.time,
        4: t.time,
        5: t.drug,
        6: t.number,
        7: t.unit,
        18: t.marker,
        20: t.words(("CP", "RE", "NA", "PA")),
        21: _ACTION,
        22: t.time,
    },
    "RXC": {1: t.words("BA"), 2: t.drug, 3: t.number, 4: t.unit},
    "DG1": {1: _SET_ID, 2: t.diagnosis_system, 5: t.time, 21: _ACTION},
    "AL1": {1: _SET_ID, 6: t.time},
    "OBX": {
        1: _SET_ID,
        2: t.words(
            (
                *("NM", "SN", "ST", "TX", "FT", "CE", "CWE", "CNE", "CF", "TS", "DT", "TM", "DTM"),
                *("ED", "RP", "DR", "NA", "ID", "IS", "CX", "XCN", "XPN", "XAD", "XTN", "HD", "EI"),
            )
        ),
        11: t.words(status.value for status in ResultStatus),
        14: t.time,
        19: t.time,
    },
}
"""Segment and field to treatment; :mod:`clinical` adds codes, values, units and comments."""
