"""The people of the sample day. Every one of them is invented, and is named so that nobody can doubt it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.sample_day.wire import Sender

FICTIONAL_SURNAMES = frozenset(
    {
        "DUMMY",
        "EJEMPLO",
        "ESEMPIO",
        "EXAMPLE",
        "EXEMPLE",
        "FICTION",
        "MOCKUP",
        "MUSTER",
        "MÖCKUP",
        "NOBODY",
        "PLACEHOLDER",
        "PRUEBA",
        "SAMPLE",
        "TÉSTCASE",
        "TESTCASE",
        "TESTFALL",
        "TESTSSON",
        "VOORBEELD",
    }
)

AUTHORITY = "STEVENS"
OID = "2.25.77"

# Known only by the number that another hospital gave.
_OTHER_AUTHORITIES = {"ivo": "STMARY"}

# given name, surname, birth date, sex, point of care (PV1-3.1), patient class (PV1-2)
_TABLE = """
IRIS     TESTCASE     19840512 F GASTRO  O
BORIS    SAMPLE       19710203 M HEPA    O
CLARA    EXAMPLE      19660917 F HEPA    O
DARIO    ESEMPIO      19900128 M GASTRO  O
EDITH    MUSTER       19580731 F RHEUM   O
FELIX    DUMMY        19791105 M GASTRO  O
GRETA    TESTFALL     19880322 F HEPA    O
HUGO     MOCKUP       19630606 M HEPA    O
INGRID   TESTSSON     19750214 F DERMA   O
JONAS    PLACEHOLDER  19940830 M GASTRO  O
KARIN    TESTFALL     19690410 F RHEUM   O
LEO      FICTION      19820719 M GASTRO  O
MAJA     TESTSSON     19960603 F MED3    I
NILS     TESTSSON     19511224 M RHEUM   O
OLGA     NOBODY       19730909 F GASTRO  O
PETRA    MUSTER       19870115 F GASTRO  O
QUENTIN  EXEMPLE      19610528 M MED2    I
ROSA     PRUEBA       19920418 F GASTRO  O
STEFAN   MUSTER       19780826 M DERMA   O
TILDA    TESTSSON     19681011 F HEPA    O
ULRICH   TESTFALL     19551130 M HEPA    O
VERA     SAMPLE       19850207 F ED      E
WALTER   EXAMPLE      19490321 M RHEUM   O
XENIA    DUMMY        19990713 F GASTRO  O
YUSUF    TESTCASE     19801002 M ED      E
ZOE      SAMPLE       19910525 F MED3    I
ARNO     VOORBEELD    19600816 M HEPA    O
BERTA    PLACEHOLDER  19530404 F RHEUM   O
CARLOS   EJEMPLO      19860629 M GASTRO  O
DORA     FICTION      19740112 F DERMA   O
EMIL     MOCKUP       19970920 M GASTRO  O
FRIDA    MÖCKUP       19831208 F GASTRO  O
GUSTAV   NOBODY       19570317 M RHEUM   O
HANNA    EXAMPLE      19930501 F NEPHRO  O
IVO      DUMMY        19760724 M GASTRO  O
JANA     TÉSTCASE       20010209 F GASTRO  O
KLAUS    TESTFALL     19641113 M HEPA    O
LENA     SAMPLE       19890830 F ED      E
MILAN    PRUEBA       19720505 M MED2    I
NORA     EXEMPLE      19470610 F RHEUM   O
OTTO     MUSTER       19381219 M HEPA    O
PAULA    VOORBEELD    19810313 F GASTRO  O
RITA     TESTCASE     19590922 F ICU     I
SAMIR    MOCKUP       19650111 M HAEM    I
TOVE     MÖCKUP       19980427 F ED      E
UGO      ESEMPIO      19440808 M ICU     I
VIOLA    FICTION      19701016 F MED2    I
WANDA    NOBODY       19950302 F GASTRO  O
YARA     DUMMY        20030620 F ED      E
ZENO     ESEMPIO      19500529 M MED3    I
ANTON    PLACEHOLDER  19770404 M GP      O
BIRGIT   TESTFALL     19620825 F GP      O
CYRIL    EXEMPLE      19910717 M GP      O
DORIS    MUSTER       19480101 F MED2    I
EGON     DUMMY        19690613 M GP      O
FLORA    EXAMPLE      20000923 F GP      O
GERDA    SAMPLE       19540228 F RHEUM   O
HARALD   TESTSSON     19840708 M GP      O
INES     EJEMPLO      19790219 F GP      O
JAKOB    MOCKUP       19931130 M SURG    I
KATJA    FICTION      19860314 F GP      O
LARS     TESTSSON     19671021 M GP      O
MONA     NOBODY       19900806 F GYN     O
NOEL     SAMPLE     20021212 M GP      O
AGNES    EXEMPLE      19720318 F HEPA    O
"""


@dataclass(frozen=True, slots=True)
class Patient:
    """One invented person: medical record number, demographics, and where they are seen today."""

    number: int
    mrn: str
    surname: str
    given: str
    birth_date: str
    sex: str
    point_of_care: str
    patient_class: str
    authority: str = AUTHORITY

    @property
    def name(self) -> str:
        """XPN as sent in PID-5."""
        return f"{self.surname}^{self.given}"

    def identifier(self, sender: Sender, mrn: str = "") -> str:
        """PID-3 or MRG-1; before version 2.5 the authority is a bare namespace."""
        authority = self.authority
        if authority == AUTHORITY and not sender.old_format:
            authority = f"{AUTHORITY}&{OID}&ISO"
        return f"{mrn or self.mrn}^^^{authority}^MR"


def _read() -> dict[str, Patient]:
    people = {}
    for number, line in enumerate(_TABLE.split("\n")[1:-1], start=1):
        given, surname, birth_date, sex, point_of_care, patient_class = line.split()
        people[given.lower()] = Patient(
            number=number,
            mrn=f"H00{41700 + 7 * number}",
            surname=surname,
            given=given,
            birth_date=birth_date,
            sex=sex,
            point_of_care=point_of_care,
            patient_class=patient_class,
            authority=_OTHER_AUTHORITIES.get(given.lower(), AUTHORITY),
        )
    return people


PEOPLE = _read()
