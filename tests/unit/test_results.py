"""What is read from the OBX segments of one patient: keys, versions, values, and what is only counted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.errors import ContentError
from engine.hl7 import parse
from engine.model.disposition import Reason
from engine.model.result import Problem, Result, ResultStatus
from engine.results import Header, Reported, promote, read_results
from tests.scenario.timeline import knowledge

TERMINOLOGY = knowledge().terminology
ALT = "OBX|1|NM|1742-6^ALT^LN||130|U/L|10-40|H|||F"
OBR = "OBR|1|P1|F1^LAB|LFT|||202603120700|||||||||||||||202603120900"


def read(
    *lines: str, sender: str = "LIS|HOSPITAL", sent: str = "202603121000+0000", sex: str = "F"
) -> Reported:
    """Read a message with these segments after the PID."""
    header = rf"MSH|^~\&|{sender}|AZAWATCH|STEVENS|{sent}||ORU^R01|C1|P|2.5.1"
    message = parse("\r".join((header, "PID|1||H1", *lines)).encode())
    (group,) = message.patients()
    site = TERMINOLOGY.site(message.sending_application, message.sending_facility)
    told = Header(sender, "C1", site, message.time(site.time_zone), message.offset)
    return read_results(group, told, "person", sex, TERMINOLOGY)


def one(*lines: str, **details: str) -> Result:
    """The only result."""
    (result,) = read(*lines, **details).results
    return result


# --- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("obr", "orc", "start"),
    [
        ("OBR|1|P1|F1^LAB", "ORC|RE|P9|F9", "LIS|HOSPITAL|F1|"),
        ("OBR|1|P1|F1", "ORC|RE|P9|F9", "LIS|HOSPITAL|F1|"),
        ("OBR|1|P1|", "ORC|RE|P9|F9", "LIS|HOSPITAL|P1|"),
        ("OBR|1", "ORC|RE|P9|F9", "LIS|HOSPITAL|F9|"),
        ("OBR|1", "ORC|RE|P9", "LIS|HOSPITAL|P9|"),
        ("OBR|1||||||202603120700+0000", "", "LIS|HOSPITAL|unnumbered 2026-03-12T07:00:00+00:00|"),
        ("OBR|1||||||202603120800+0100", "", "LIS|HOSPITAL|unnumbered 2026-03-12T07:00:00+00:00|"),
    ],
)
def test_the_key_is_order_code_and_sub_id(obr: str, orc: str, start: str) -> None:
    """A restatement finds the result that it restates, wherever the sender puts the order number."""
    lines = [line for line in (orc, obr, ALT.replace("||130", "|a|130")) if line]

    assert one(*lines).key == f"{start}1742-6|a"


@pytest.mark.parametrize(
    "code", ["1742-6^ALT^LN", "1742-6^ALT^LOINC", "1742-6^ALT", "1742-6^^2.16.840.1.113883.6.1"]
)
@pytest.mark.parametrize("sub_id", ["", "1"])
def test_the_key_does_not_depend_on_spelling(code: str, sub_id: str) -> None:
    """A withdrawal that spells the coding system another way, or leaves OBX-4 out, finds its result."""
    obx = f"OBX|1|NM|{code}|{sub_id}|130|U/L|10-40||||F"

    assert one("OBR|1|P1|F1", obx).key == "LIS|HOSPITAL|F1|1742-6|"


def test_one_readable_number_gives_one_result() -> None:
    """A comment under the same code and the same value again add nothing; another number is kept beside."""
    found = read(OBR, ALT, ALT, ALT.replace("130", "see note"), ALT.replace("130", "90")).results

    assert [(result.key[-2:], str(result.quantity)) for result in found] == [
        ("6|", "130 U/L"),
        ("#2", "90 U/L"),
    ]


# --- versions ------------------------------------------------------------------------------------


def version_of(obr_22: str = "202603120900", sent: str = "202603121000+0000", status: str = "F") -> Result:
    obr = f"OBR|1|P1|F1^LAB|LFT|||202603120700|||||||||||||||{obr_22}"
    value = "" if status in "DWX" else "130"
    return one(obr, f"OBX|1|NM|1742-6^ALT^LN||{value}|U/L|10-40||||{status}", sent=sent)


def test_the_report_time_orders_versions_before_the_time_of_the_message() -> None:
    """OBR-22, then MSH-7."""
    late_report = version_of("202603120930", sent="202603121000+0000")
    late_message = version_of("202603120900", sent="202603121100+0000")

    assert version_of().version < late_message.version < late_report.version


def test_without_a_report_time_the_message_time_orders() -> None:
    """Laboratories that leave OBR-22 empty are ordered by MSH-7."""
    assert version_of("").version < version_of("", sent="202603121001+0000").version


def test_at_equal_times_the_more_deciding_status_wins() -> None:
    """Unverified, preliminary, final, corrected, withdrawn: within one second the later in this row holds."""
    ranked = [version_of(status=status).version for status in "RPFCD"]

    assert ranked == sorted(ranked)
    assert len({version.rank for version in ranked}) == len(ranked)


def test_equal_content_is_an_equal_version() -> None:
    """A resend is recognised; another value or another collection time is not the same."""
    other_time = OBR.replace("202603120700", "202603120630")

    assert one(OBR, ALT).version == one(OBR, ALT).version
    assert one(OBR, ALT).version != one(OBR, ALT.replace("130", "131")).version
    assert one(OBR, ALT).version != one(other_time, ALT).version


# --- values --------------------------------------------------------------------------------------


def test_a_result_carries_what_was_sent_and_what_it_means() -> None:
    """Value, unit, range, flags, method and place, for the evidence card."""
    result = one(OBR, "OBX|1|NM|1743-4^ALT with P5P^LN||2.5|ukat/L^^UCUM|0.15-0.75|H~A|||F")

    assert (str(result.quantity), result.sent) == ("150 U/L", "2.5 ukat/L")
    assert result.reference is not None
    assert (str(result.reference.low), str(result.reference.high)) == ("9.00", "45.00")
    assert (result.flags, result.method, result.location) == (("H", "A"), "With P-5'-P", "OBX[1]-5")


@pytest.mark.parametrize(
    ("code", "obx_17", "method"),
    [
        ("1742-6^ALT^LN", "IFCC^IFCC with P5P^L", "With P-5'-P"),
        ("1742-6^ALT^LN", "M2^WITHOUT  pyridoxal phosphate^L", "No addition of P-5'-P"),
        ("1742-6^ALT^LN", "M3^Kinetic^L", ""),
        ("1742-6^ALT^LN", "", ""),
        ("1743-4^ALT^LN", "M2^without P5P^L", "With P-5'-P"),
    ],
)
def test_the_method_is_that_of_the_code_else_that_of_obx_17(code: str, obx_17: str, method: str) -> None:
    """What a laboratory calls its method is a row of methods.csv."""
    assert one(OBR, f"OBX|1|NM|{code}||130|U/L|10-40||||F||||||{obx_17}").method == method


def test_a_unit_that_the_site_never_sends_comes_from_its_table() -> None:
    """One laboratory sends white cells without a unit, and has said which one it means."""
    line = "OBX|1|NM|1020^White cell count^L||7.0||4.0-11.0||||F"

    assert str(one(OBR, line, sender="STMARYLAB|STMARY").quantity) == "7 10*9/L"


@pytest.mark.parametrize(
    ("value", "unit", "flag", "problem"),
    [
        ("130", "", "", Problem.UNIT_MISSING),
        ("130", "mg", "", Problem.UNIT_UNKNOWN),
        ("pending", "U/L", "", Problem.VALUE_UNREADABLE),
        ("", "U/L", "", Problem.VALUE_UNREADABLE),
        ("130", "U/L", "QCF", Problem.VALUE_UNREADABLE),
        ("999999", "U/L", "", Problem.IMPLAUSIBLE),
    ],
)
def test_an_unusable_value_says_why_and_is_counted(
    value: str, unit: str, flag: str, problem: Problem
) -> None:
    """No number is guessed; the ledger knows the sender, the code and the unit."""
    reported = read(OBR, f"OBX|1|NM|1742-6^ALT^LN||{value}|{unit}||{flag}|||F")
    (result,) = reported.results
    (entry,) = reported.ledger

    assert (result.problem, result.quantity) == (problem, None)
    assert (entry.kind, entry.sender, entry.code, entry.unit) == (problem, "LIS|HOSPITAL", "1742-6", unit)


def test_a_genotype_is_kept_as_text() -> None:
    """Coded analytes have no unit and no number."""
    result = one(OBR, "OBX|1|CWE|41048-0^TPMT gene^LN||*1/*3A^one normal allele^L||||||F")

    assert (result.analyte, result.quantity, result.problem) == ("tpmt_genotype", None, None)
    assert result.text == "*1/*3A"


def test_a_genotype_of_two_genes_may_come_as_two_repetitions() -> None:
    """Nothing of what was sent is lost."""
    result = one(OBR, "OBX|1|CWE|93193-1^TPMT and NUDT15^LN||^TPMT *1/*1~^NUDT15 *1/*3||||||F")

    assert (result.text.split(), result.problem) == (["TPMT", "*1/*1", "NUDT15", "*1/*3"], None)


@pytest.mark.parametrize("value", ["^see letter", "*1/*2/*3A^three", "*1^half", "^TPMT activity is normal"])
def test_what_says_nothing_of_the_enzyme_is_noticed(value: str) -> None:
    """A sentence is never searched for a word, and a genotype has two alleles."""
    result = one(OBR, f"OBX|1|CWE|41048-0^TPMT gene^LN||{value}||||||F")

    assert result.problem is Problem.VALUE_UNREADABLE


def test_a_range_by_sex_needs_the_sex() -> None:
    """The upper limit of the patient's sex, or none."""
    line = "OBX|1|NM|1742-6^ALT^LN||130|U/L|M:10-50;F:10-35||||F"
    limits = {sex: one(OBR, line, sex=sex).reference for sex in ("F", "M", "")}

    assert {sex: limit.high if limit else None for sex, limit in limits.items()} == {
        "F": Decimal(35),
        "M": Decimal(50),
        "": None,
    }


# --- what is not a result ------------------------------------------------------------------------


def test_everything_is_counted_and_only_ours_is_kept() -> None:
    """Sodium, a urine albumin and a pending ALT are observations without a result."""
    pending = ALT.replace("|F", "|I")
    reported = read(OBR, "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|||||F", pending, ALT)

    assert (reported.observations, len(reported.results), reported.ledger) == (3, 1, ())


def test_a_local_code_is_read_for_its_specimen() -> None:
    """Albumin in urine is another test under the same code."""
    line = "OBX|1|NM|ALB^Albumin^L||4.1|g/dL|||||F"

    assert str(one(OBR, line, sender="RIVERLIS|RIVERSIDE").quantity) == "41 g/L"
    assert read(OBR, "SPM|1|||UR", line, sender="RIVERLIS|RIVERSIDE").results == ()


def test_an_unmapped_code_is_one_row_for_all_its_values() -> None:
    """The notice is about the code: sender and code are its key."""
    lines = [f"OBX|{number}|NM|XL99^Liver thing^L||{number}|U/L|||||F" for number in (1, 2)]
    reported = read(OBR, *lines)

    assert [(r.key, r.problem) for r in reported.results] == [
        ("unmapped|LIS|HOSPITAL|XL99", Problem.CODE_UNMAPPED)
    ]
    assert [entry.kind for entry in reported.ledger] == ["unmapped", "unmapped"]


@pytest.mark.parametrize(
    ("lines", "reason", "location"),
    [
        ([ALT], Reason.OBSERVATION_WITHOUT_ORDER, "OBX[1]"),
        ([OBR, ALT.replace("|F", "|Q")], Reason.STATUS_UNKNOWN, "OBX[1]-11"),
        ([OBR, ALT.replace("^LN", "^LN^1920-8^AST^LN")], Reason.CODES_DISAGREE, "OBX[1]-3"),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_its_place(
    lines: list[str], reason: Reason, location: str
) -> None:
    """The whole message is held, and a human is told where to look, without any value in the text."""
    with pytest.raises(ContentError) as refused:
        read(*lines)

    assert (refused.value.reason, refused.value.location) == (reason, location)
    assert "130" not in str(refused.value)


# --- status U ------------------------------------------------------------------------------------


def promotion() -> Result:
    """A status U of the ALT."""
    (promoted,) = read(OBR, "OBX|1|NM|1742-6^ALT^LN||||||||U", sent="202603121200+0000").promoted
    return promoted


@pytest.mark.parametrize("status", ["P", "S", "R"])
def test_a_promotion_makes_the_stored_value_final(status: str) -> None:
    """The value stays, its status changes."""
    stored = one(OBR, ALT.replace("|F", f"|{status}"))
    final = promote(promotion(), stored)

    assert final is not None
    assert (final.key, final.quantity, final.status) == (stored.key, stored.quantity, ResultStatus.FINAL)
    assert stored.version < final.version


def test_a_promotion_of_a_final_value_is_nothing() -> None:
    """It was final already."""
    assert promote(promotion(), one(OBR, ALT)) is None


def test_a_promotion_needs_a_value() -> None:
    """Of a value that never came, or was withdrawn, nothing can become final."""
    for stored in (None, one(OBR, ALT.replace("|F", "|W"))):
        with pytest.raises(ContentError) as refused:
            promote(promotion(), stored)
        assert refused.value.reason == Reason.PROMOTION_WITHOUT_VALUE
