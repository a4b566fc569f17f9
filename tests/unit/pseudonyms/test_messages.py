"""What of a message passes, what becomes a pseudonym, and what does not leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.hl7 import Message, read_value
from engine.model.disposition import Reason
from engine.model.segments import Segment
from engine.pseudonyms.fields import FIELDS
from tests.support.pseudonymising import knowledge, read, rewritten

HEAD = "MSH|^~\\&|LAB|HOSP|||20260312083000+0000||ORU^R01^ORU_R01|C1|P|2.5.1"
PID = "PID|1||H0041707^^^HOSP^MR||DOE^JANE^Q^^DR^^L||19610528|F|||1 HIGH STREET^^TOWN||555-0199|||||ACC77"
ORDER = "OBR|1|P77|F77|24325-3^Panel^LN|||20260312070000+0000|||||||||P0412^SAMPLE^ADA"
ALT = "OBX|1|NM|1742-6^ALT of Mrs Doe^LN||52|U/L|10-40|H|||F"


def sent(*lines: str, one_shift: bool = False) -> Message:
    """The one message that is made of these lines."""
    ((body,),) = rewritten(["\r".join(lines).encode()], one_shift=one_shift).bodies
    return read(body)


def segment(message: Message, name: str, number: int = 1) -> Segment:
    return next(one for one in message.segments if (one.name, one.number) == (name, number))


def observed(line: str) -> Segment:
    """An OBX as it leaves."""
    return segment(sent(HEAD, PID, ORDER, line), "OBX")


def test_a_person_becomes_an_invented_one() -> None:
    """Number, name and birth date are replaced in their form; address, phone and the like are gone."""
    pid = segment(sent(HEAD, PID, ORDER, ALT), "PID")

    assert pid.raw(3).count("^") == 4
    assert pid.text(3, 5) == "MR"
    assert pid.text(3)[0].isalpha()
    assert len(pid.text(3)) == len("H0041707")
    assert [bool(part) for part in pid.components(5)] == [True, True, True, False, False, False, True]
    assert pid.text(8) == "F"
    assert pid.text(7)[:4] in ("1960", "1961")
    assert [number for number in range(9, 30) if pid.raw(number)] == [18]


def test_what_belongs_together_still_does() -> None:
    """The same number anywhere is the same pseudonym: order, visit, merge, the roster and the provider."""
    message = sent(HEAD.replace("ORU^R01^ORU_R01", "ADT^A40"), PID, "MRG|H0041707^^^HOSP^MR", "PV1|1|O")
    other = sent(HEAD, PID, "ORC|RE|P77|F77", ORDER, ALT)

    assert segment(message, "MRG").text(1) == segment(other, "PID").text(3)
    assert segment(other, "ORC").text(2) == segment(other, "OBR").text(2)
    assert segment(other, "OBR").text(16, 2) == segment(sent(HEAD, PID, ORDER, ALT), "OBR").text(16, 2)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (ALT, "52"),
        ("OBX|1|SN|1742-6^ALT^LN||<^10|U/L|||||F", "<^10"),
        ("OBX|1|SN|1742-6^ALT^LN||<^10^^^Jane|U/L|||||F", "<^10"),
        ("OBX|1|ST|1742-6^ALT^LN||> 480|U/L|||||F", "> 480"),
        ("OBX|1|NM|1742-6^ALT^LN||call Dr Doe|U/L|||||F", "[removed]"),
        ("OBX|1|NM|1742-6^ALT^LN||0791234567890|U/L|||||F", "[removed]"),
        ("OBX|1|ST|X^Comment^L||haemolysed, J. Doe told|||||F", "haemolysed"),
        ("OBX|1|ST|77^J. Doe, haemolysis index^L||2+||||||F", "2+"),
        ("OBX|1|NM|77^Haemolysis index^L||320|mg/dL|0-50|H|||F", "320"),
        ("OBX|1|ST|77^Haemolysis index^L||Mrs Doe||||||F", "[removed]"),
        ("OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|||||F", ""),
        ("OBX|1|CWE|82810-3^Pregnancy^LN||LA15173-0^yes, Jane is^LN||||||F", "LA15173-0^^LN"),
        ("OBX|1|CWE|82810-3^Pregnancy^LN||DOE^Jane^L||||||F", "[removed]"),
        ("OBX|1|ST|41048-0^TPMT^LN||*1/*3A, Jane Doe||||||F", "*1 *3A"),
        ("OBX|1|ST|41048-0^TPMT^LN||Jane Doe *1||||||F", "[removed]"),
        ("OBX|1|ST|79713-4^TPMT^LN||Intermediate metabolizer||||||F", "Intermediate metabolizer"),
    ],
)
def test_a_value_passes_only_where_the_engine_understands_it(line: str, value: str) -> None:
    """Numbers with their comparators, answers and words of the mappings; of free text the condition."""
    assert observed(line).raw(5) == value


def test_a_code_passes_with_the_name_of_the_mappings() -> None:
    """The laboratory's own words may say more than a code; an unknown code becomes a word of no meaning."""
    assert "Doe" not in observed(ALT).text(3, 2)
    assert observed(ALT).text(3) == "1742-6"
    unknown = observed("OBX|1|NM|JANEDOE^Secret^99X||5|U/L|||||F")
    assert unknown.text(3)[0] == "X"
    assert unknown.text(3, 2) == ""
    assert read_value(unknown).text == ""


def test_an_index_of_the_specimen_is_still_one() -> None:
    """By its name, which is all that many laboratories send."""
    index = observed("OBX|1|NM|77^J. Doe, haemolysis index^L||320|mg/dL|0-50|H|||F")

    assert knowledge().terminology.specimens.of_index(index.text(3), index.text(3, 2)) == "haemolysed"
    assert "Doe" not in index.text(3, 2)
    assert (index.text(7), index.text(8)) == ("0-50", "H")


def test_comments_say_only_that_they_were_there_and_what_the_specimen_was_like() -> None:
    """So that AST of a haemolysed tube stays unbelieved."""
    message = sent(HEAD, PID, ORDER, ALT, "NTE|1|L|Mrs Doe rang. Sample haemolysed.", "NTE|2||no haemolysis")
    told = [segment(message, "NTE", number).text(3) for number in (1, 2)]

    assert told[1] == "[removed]"
    assert told[0].startswith("[removed]. ")
    assert set(knowledge().terminology.specimens.by_text(told[0])) == {"haemolysed"}


def test_ages_over_89_are_one() -> None:
    """Who is older than 90 in the last year of the archive is born as the 90-year-olds are."""
    years = set()
    for born in ("19200101", "19290101", "19360101", "19370615"):
        pid = segment(sent(HEAD, PID.replace("19610528", born), ORDER, ALT, one_shift=True), "PID")
        years.add(pid.text(7)[:3])

    assert years == {"193"}
    old = sent(HEAD, PID.replace("19610528", "19010101"), ORDER, ALT)
    assert segment(old, "PID").text(7)[:4] in ("1935", "1936")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([HEAD, ORDER, ALT], Reason.NO_PATIENT_IDENTIFIER),
        ([HEAD, PID.replace("H0041707", "UNKNOWN"), ORDER, ALT], Reason.NO_PATIENT_IDENTIFIER),
        ([HEAD, ORDER, ALT, PID], Reason.NO_PATIENT_IDENTIFIER),
        (["not HL7"], Reason.NO_HEADER),
    ],
)
def test_a_message_without_a_patient_does_not_leave(lines: list[str], reason: Reason) -> None:
    """Nobody could say whose dates to move, nor whose name to look for."""
    result = rewritten(["\r".join(lines).encode()])

    assert result.bodies == [()]
    assert [error and error.reason for error in result.withheld] == [reason]


def test_segments_of_no_use_are_left_out_and_counted() -> None:
    """Next of kin, insurance, and what nobody but the sender understands."""
    result = rewritten([f"{HEAD}\r{PID}\rNK1|1|DOE^JOHN\rZPD|1|x\r{ORDER}\r{ALT}\rZPD|2|y".encode()])

    assert result.pseudonymiser.dropped == {"NK1": 1, "ZPD": 2}
    assert b"ZPD" not in result.output


def test_patients_of_one_message_part_where_their_dates_do() -> None:
    """One message for each, with numbers of their own; with one shift it stays one message."""
    second = PID.replace("H0041707", "H0041708").replace("PID|1", "PID|2")
    body = f"{HEAD}\r{PID}\r{ORDER}\r{ALT}\r{second}\r{ORDER}\r{ALT}".encode()
    (parted,) = rewritten([body]).bodies
    (whole,) = rewritten([body], one_shift=True).bodies

    assert len(parted) == 2
    assert len({read(one).control_id for one in parted}) == 2
    assert [len(read(one).patients()) for one in (*parted, *whole)] == [1, 1, 2]


def test_dates_of_merged_people_move_together() -> None:
    """Else the baseline of the one would come after the injury of the other."""
    first = f"{HEAD}\r{PID}\r{ORDER}\r{ALT}"
    second = first.replace("H0041707", "H0041799")
    merge = "\r".join(
        [HEAD.replace("ORU^R01^ORU_R01", "ADT^A40").replace("C1", "C3"), PID, "MRG|H0041799^^^HOSP^MR"]
    )
    apart = rewritten([first.encode(), second.encode()])
    together = rewritten([first.encode(), second.encode(), merge.encode()])

    assert len({segment(read(one), "OBR").text(7) for (one,) in apart.bodies}) == 2
    assert len({segment(read(one), "OBR").text(7) for (one,) in together.bodies[:2]}) == 1


def test_the_page_names_every_segment_that_passes() -> None:
    """Whoever answers for an archive reads docs/pseudonyms.md, not the code."""
    page = (Path(__file__).parents[3] / "docs/pseudonyms.md").read_text("utf-8")

    assert [name for name in FIELDS if name not in page] == []
