"""What `azawatch validate` finds in the messages of partners, and what it leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.validation import validate_message

HEADER = "MSH|^~\\&|LAB|NORTH|||20260312141530+0000||ORU^R01^ORU_R01|M1|P|2.5.1"
PID = "PID|1||H1^^^NORTH^MR||DOE^JANE|||F"
OBR = "OBR|1||F1|LIVER^Liver tests^99LAB|||20260312"
OBX = "OBX|1|NM|1742-6^ALT^LN||212|U/L|10-40|H|||F"
RESULT = (HEADER, PID, OBR, OBX)


def check(*lines: str) -> tuple[str, ...]:
    return validate_message("\r".join(lines) + "\r")


def changed(number: int, old: str, new: str) -> tuple[str, ...]:
    """The problems of the result message with one text of one line changed."""
    lines = list(RESULT)
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new)
    return check(*lines)


def test_a_conforming_result_has_no_problem() -> None:
    """A message as the standard asks for is not complained about."""
    assert check(*RESULT) == ()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_and_framing_do_not_matter(line_end: str) -> None:
    """A file that an editor or an MLLP logger has touched is judged by its contents."""
    assert validate_message("\x0b" + line_end.join(RESULT) + line_end + "\x1c\r") == ()


@pytest.mark.parametrize(
    ("number", "old", "new", "expected"),
    [
        (1, "H1^^^NORTH^MR", "", "PID[1]-3 (line 2): PATIENT_IDENTIFIER_LIST is required"),
        (2, "20260312", "12.03.2026", "OBR[1]-7 (line 3): OBSERVATION_DATE_TIME: not a valid TS"),
        (3, "|212|", "|>212|", "OBX[1]-5 (line 4): value: not a valid NM"),
        (3, "|212|", "|1e3|", "OBX[1]-5 (line 4): value: not a valid NM"),
        (3, "|212|", "|NaN|", "OBX[1]-5 (line 4): value: not a valid NM"),
        (3, "|NM|", "||", "OBX[1]-2 (line 4): OBX-2 must name the type of a value"),
        (3, "|NM|", "|NUM|", "OBX[1]-2 (line 4): NUM is no data type of version 2.5.1"),
        (3, "|NM|1742-6^ALT^LN||212", "|SN|1742-6^ALT^LN||>212", "OBX[1]-5 (line 4): value: not a valid SN"),
        (3, "|||F", "|||Q", "OBX[1]-11 (line 4): status is not in table 0085"),
        (3, "|||F", "", "OBX[1]-11 (line 4): OBSERVATION_RESULT_STATUS is required"),
        (3, "|10-40|", "|10\\40|", "OBX[1]-7 (line 4): unpaired escape character"),
        (3, "|10-40|", "|10\x0740|", "OBX[1]-7 (line 4): control character"),
        (3, "U/L", "µkat/L", "OBX[1]-6 (line 4): not ASCII, and MSH-18 declares no character set"),
        (3, "|F", "|F" + "|" * 20 + "x", "OBX[1] (line 4): has more than the 25 fields of version 2.5.1"),
        (
            3,
            "1742-6^ALT^LN",
            "1742-6^ALT^LN^1^2^3^4",
            "OBX[1]-3 (line 4): OBSERVATION_IDENTIFIER: component 7: CE has no such component",
        ),
        (0, "2.5.1", "2.9", "MSH[1]-12 (line 1): version 2.9 is not supported"),
        (0, "|P|", "||", "MSH[1]-11 (line 1): PROCESSING_ID is required"),
        (0, "ORU^R01^ORU_R01", "XYZ^Q99^XYZ_Q99", "MSH[1]-9 (line 1): no structure XYZ_Q99 in version 2.5.1"),
    ],
)
def test_a_defect_is_told_with_its_place(number: int, old: str, new: str, expected: str) -> None:
    """Each defect names segment, field and line, so that the partner can find it."""
    assert expected in changed(number, old, new)


@pytest.mark.parametrize("value", ["^10", ">^1000", "<=^5.5", "^1^-^5", "^2^+", "^1^:^16"])
def test_structured_numbers_are_accepted(value: str) -> None:
    """Comparators, ranges and ratios of type SN are no defects."""
    assert changed(3, "|NM|1742-6^ALT^LN||212", f"|SN|1742-6^ALT^LN||{value}") == ()


def test_a_segment_out_of_place_is_named_and_the_rest_still_judged() -> None:
    """hl7apy's own grouping would drop the segment without a word, and the results after it."""
    problems = check(HEADER, PID, OBR, "IN1|1", OBX, "OBX|2|NM|1920-8^AST^LN||x|U/L||||F", "EVN|A01")

    assert problems[:2] == (
        "IN1[1] (line 4): not expected here; expected PID, ORC, OBR, NTE, TQ1, CTD, ...",
        "EVN[1] (line 7): not expected here; expected PID, ORC, OBR, OBX, NTE, FT1, ...",
    )
    assert "OBX[2]-5 (line 6): value: not a valid NM" in problems


def test_segments_of_the_site_are_left_alone() -> None:
    """Z segments are legal anywhere and nobody knows their fields."""
    assert check(HEADER, "ZXX|anything^goes~here", PID, OBR, OBX, "ZZZ") == ()


def test_a_message_that_stops_too_early_is_told() -> None:
    """A truncated message is not mistaken for a complete one."""
    assert check(HEADER, PID) == ("end of message: expected PD1, NTE, NK1, PV1, ORC, OBR",)


def test_a_segment_of_another_version_is_told() -> None:
    """PRT came with 2.7; hl7apy alone raises an exception here."""
    assert check(HEADER, PID, OBR, OBX, "PRT|1") == ("PRT[1] (line 5): no such segment in version 2.5.1",)


def test_several_patients_and_results_after_a_specimen_are_legal() -> None:
    """Structures are taken from the standard and not from what most messages look like."""
    specimen = "SPM|1|||BLD^Blood^HL70487"
    second = PID.replace("H1", "H2")

    assert check(HEADER, PID, OBR, OBX, specimen, OBX, second, "ORC|RE", OBR, OBX, OBX, "NTE|1|L|note") == ()


@pytest.mark.parametrize(
    "lines",
    [
        (
            "MSH|^~\\&|ADT|N|||20260312||ADT^A08|M1|P|2.4",
            "EVN|A08|20260312",
            "PID|||H1^^^N^MR||DOE^JANE",
            "PV1||I",
        ),
        (
            "MSH|^~\\&|ADT|N|||20260312||ADT^A40^ADT_A39|M1|P|2.5",
            "EVN||20260312",
            "PID|||H1^^^N^MR||DOE^JANE",
            "MRG|H2^^^N^MR",
        ),
        (
            "MSH|^~\\&|RX|N|||20260312||RDE^O11^RDE_O11|M1|P|2.5",
            "PID|||H1^^^N^MR||DOE^JANE",
            "ORC|NW|P1",
            "RXE|^^^20260312|AZA50^Azathioprine 50 mg^99RX|150||MG",
            "TQ1|||BID",
            "RXR|PO",
        ),
        ("MSH|^~\\&|A|N|||20260312||ACK|M1|P|2.3", "MSA|AA|M0"),
        ("MSH|^~\\&|A|N|||20260312||ACK^R40^ACK|M1|P|2.6", "MSA|CA|M0"),
        (
            "MSH|^~\\&|LAB|N|||20260312||ORU^R01|M1|P|2.3",
            "PID|||H1||DOE^JANE",
            "OBR|1||F1|LFT",
            "OBX|1|NM|ALT||31|U/L|||||F",
        ),
        (
            "MSH|^~\\&#|LAB|N|||20260312||ORU^R01^ORU_R01|M1|P|2.8",
            "PID|||H1^^^N^MR||DOE^JANE",
            "OBR|1||F1|LFT^Liver^L",
            "OBX|1|NM|ALT^ALT^L||31|U/L|||||F",
        ),
        (
            "MSH|!*%$|LAB|N|||20260312||ORU!R01!ORU_R01|M1|P|2.5.1",
            "PID|||H1!!!N!MR*E1!!!X!PI||DOE!JANE",
            "OBR|1||F1|LFT!Liver!L",
            "OBX|1|NM|ALT!ALT!L||31|U/L|||||F",
        ),
    ],
)
def test_messages_that_partners_send_conform(lines: tuple[str, ...]) -> None:
    """Other types and versions, two-component MSH-9, TQ1 after RXE, and odd separators are judged right."""
    assert check(*lines) == ()


@pytest.mark.parametrize(
    ("version", "structure", "conforms"),
    [
        ("2.6", "ORU_R40", True),
        ("2.8", "ORU_R01", True),
        ("2.6", "ORU_R01", False),
        ("2.8", "ORU_R40", False),
    ],
)
def test_an_alert_has_one_structure_in_each_version(version: str, structure: str, conforms: bool) -> None:
    """The two definitions of ORU^R40 are not mixed."""
    header = f"MSH|^~\\&|A|N|||20260312||ORU^R40^{structure}|M1|P|{version}"
    problems = check(header, PID, OBR, OBX.replace("LN||", "LN|1|"))

    assert (problems == ()) is conforms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "MSH[1] (line 1): the message does not begin with MSH"),
        ("PID|||1", "MSH[1] (line 1): the message does not begin with MSH"),
        ("MSH|", "MSH[1] (line 1): MSH is too short to hold its separators"),
        (
            "MSH|^~\\&&|",
            "MSH[1] (line 1): MSH-1 and MSH-2 must be five (from 2.7 on also six) different characters",
        ),
        ("MSHA^~\\&A", "MSH[1] (line 1): separators may be neither letters, digits nor spaces"),
    ],
)
def test_what_is_no_message_is_told_and_not_raised(text: str, expected: str) -> None:
    """A wrong file gives a sentence, not a stack trace."""
    assert validate_message(text) == (expected,)


def test_problems_never_repeat_contents() -> None:
    """Names, numbers and values of patients do not leak into problems that end up in tickets."""
    problems = check(
        HEADER,
        "DOE JANE 19840512",
        "PID|||SECRET-ID||SECRET^NAME|||" + "S" * 30,
        OBR,
        OBX.replace("212", "SECRET"),
    )

    assert problems
    assert not any("SECRET" in problem or "DOE" in problem or "SSS" in problem for problem in problems)


LINES = st.lists(
    st.sampled_from([*RESULT, "ORC|NW", "TQ1|||x", "SPM|1", "QQQ|1", "Z", "", "OBX"]), max_size=8
)


@given(LINES, st.text(max_size=30), st.integers(0, 200))
def test_nothing_is_ever_raised(lines: list[str], noise: str, position: int) -> None:
    """Whatever a file holds, the answer is a list of problems."""
    text = "\r".join([HEADER, *lines])

    assert isinstance(validate_message(text[:position] + noise + text[position:]), tuple)
