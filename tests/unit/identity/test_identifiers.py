"""Which ids of a PID identify a person, and which must not."""

from __future__ import annotations

import pytest

from engine.identity import identifiers, person_id
from engine.model.person import Identifier
from tests.unit.identity.segments import SITE, pid


def pid3(text: str) -> tuple[Identifier, ...]:
    return identifiers(pid("1", "", text), SITE)


def test_every_repetition_counts_and_the_medical_record_number_comes_first() -> None:
    """A person is found by any of the ids, and alerts name the medical record number."""
    assert pid3("E9^^^ENT^PI~0041^^^STEVENS&2.25.77&ISO^MR") == (
        Identifier("STEVENS", "0041", "MR"),
        Identifier("ENT", "E9", "PI"),
    )


def test_leading_zeros_are_part_of_an_id() -> None:
    """007 and 7 are two patients."""
    assert pid3("007^^^STEVENS^MR") != pid3("7^^^STEVENS^MR")


@pytest.mark.parametrize("authority", ["STEVENS", "STV", "stv&2.25.77&ISO", "&2.25.77&ISO", ""])
def test_one_authority_under_all_its_names(authority: str) -> None:
    """A laboratory that names the hospital by its OID, or not at all, still finds the patient."""
    assert pid3(f"1^^^{authority}^MR") == (Identifier("STEVENS", "1", "MR"),)


def test_an_id_without_a_type_counts() -> None:
    """CX-5 is often missing in old feeds."""
    assert pid3("4711^^^STEVENS") == (Identifier("STEVENS", "4711", ""),)


@pytest.mark.parametrize("kind", ["AN", "VN", "XX", "DL"])
def test_accounts_visits_and_types_foreign_to_the_site_do_not_count(kind: str) -> None:
    """An account number that happens to equal a record number must not find a stranger."""
    assert pid3(f"1^^^STEVENS^{kind}") == ()


@pytest.mark.parametrize("value", ['""', "", " ", "0", "0000000", "9999999999", "UNKNOWN", "n/a", "?", "---"])
def test_placeholders_are_not_ids(value: str) -> None:
    """Two unknown patients must not become one person."""
    assert pid3(f"{value}^^^STEVENS^MR") == ()


def test_padding_is_not_part_of_an_id() -> None:
    """Fixed-width systems fill with blanks."""
    assert pid3(" 4711  ^^^STEVENS^MR") == (Identifier("STEVENS", "4711", "MR"),)


def test_the_same_id_twice_is_one_id_and_keeps_its_type() -> None:
    """A sender that repeats the record number without a type does not make a second one."""
    assert pid3("1^^^STEVENS~1^^^STEVENS^MR") == (Identifier("STEVENS", "1", "MR"),)


def test_an_escaped_separator_is_part_of_the_id() -> None:
    r"""An id may hold ``&`` as ``\T\``."""
    assert pid3(r"A\T\1^^^STEVENS^MR") == (Identifier("STEVENS", "A&1", "MR"),)


def test_old_fields_are_read_only_where_pid_3_was_not_sent() -> None:
    """Version 2.2 feeds have the number in PID-2; where PID-3 speaks, it alone decides."""
    assert identifiers(pid("1", "77", ""), SITE) == (Identifier("STEVENS", "77", ""),)
    assert identifiers(pid("1", "", "", "78"), SITE) == (Identifier("STEVENS", "78", ""),)
    assert identifiers(pid("1", "77", "", "78"), SITE) == (Identifier("STEVENS", "77", ""),)
    assert identifiers(pid("1", "77", "1^^^STEVENS^AN"), SITE) == ()
    assert identifiers(pid("1", "77", '""'), SITE) == ()


def test_account_social_security_number_and_name_are_never_ids() -> None:
    """PID-18 and PID-19 number other things, and names are shared."""
    fields = ["1", "", "", "", "TESTCASE^IRIS", *[""] * 12, "V55812", "123-45-6789"]
    assert identifiers(pid(*fields), SITE) == ()


def test_person_id_is_the_same_everywhere_and_ignores_the_type() -> None:
    """Two workers that see a patient first at the same moment give her the same id."""
    one = person_id(Identifier("STEVENS", "0041", "MR"))

    assert one == person_id(Identifier("STEVENS", "0041", ""))
    assert one == "e38428ccccd2e3207896"
    assert one != person_id(Identifier("STEVENS", "041", "MR"))
    assert one != person_id(Identifier("ENT", "0041", "MR"))
