"""What a PID and a PV1 say of a patient, and when two of them cannot be the same human being."""

from __future__ import annotations

from datetime import date

import pytest

from engine.identity import conflict, demographics, difference, updated, visit
from engine.model.person import Demographics, Visit
from engine.model.segments import Segment
from tests.unit.identity.segments import pid, segments

IRIS = Demographics(("TESTCASE", "IRIS"), date(1984, 5, 12), "F")


def told(name: str = "", birth: str = "", sex: str = "", deceased: str = "", death: str = "") -> Demographics:
    return demographics(pid_of(name, birth, sex, deceased, death))


def pid_of(name: str = "", birth: str = "", sex: str = "", deceased: str = "", death: str = "") -> Segment:
    return pid("1", "", "1^^^STEVENS^MR", "", name, "", birth, sex, *[""] * 20, death, deceased)


def test_name_birth_date_and_sex_are_read() -> None:
    """An alert names the patient as the sender does."""
    assert told("TESTCASE^IRIS", "19840512", "F") == IRIS


def test_the_legal_name_is_taken_where_one_is_marked() -> None:
    """A maiden name sent first is not the name on the page."""
    assert told("OLD^IRIS^^^^^M~TESTCASE^IRIS^^^^^L").name == ("TESTCASE", "IRIS", "", "", "", "", "L")


@pytest.mark.parametrize("text", ["198405120830", "19840512083000+0100", "19840512"])
def test_a_birth_date_with_a_time_is_its_date(text: str) -> None:
    """A newborn's hour of birth makes no difference to who he is."""
    assert told(birth=text).birth_date == date(1984, 5, 12)


@pytest.mark.parametrize("text", ["1984", "198405", "19841332", "12.05.1984", "unknown"])
def test_an_imprecise_or_unreadable_birth_date_is_not_known(text: str) -> None:
    """A year alone contradicts nobody."""
    assert told(birth=text).birth_date is None


@pytest.mark.parametrize(
    ("text", "sex"), [("F", "F"), ("f", "F"), ("Female", "F"), ("MALE", "M"), ("U", "U")]
)
def test_sex_is_read_however_it_is_written(text: str, sex: str) -> None:
    """``Female`` and ``F`` are no contradiction."""
    assert told(sex=text).sex == sex


def test_death_is_read_from_the_indicator_or_the_date() -> None:
    """Nobody is paged to a patient who has died."""
    assert told(deceased="Y").deceased
    assert told(death="20260301").deceased
    assert not told(deceased="N", death="20260301").deceased
    assert not told().deceased


def test_a_field_that_was_not_sent_keeps_what_is_known() -> None:
    """A result message with a bare PID does not wipe out the name."""
    assert updated(IRIS, pid_of()) == IRIS


def test_the_delete_indicator_clears() -> None:
    """``""`` says that the value is wrong and no other is known."""
    stored = Demographics(("TESTCASE",), date(1984, 5, 12), "F", deceased=True)

    assert updated(stored, pid_of('""', '""', '""', '""')) == Demographics()


def test_a_sent_value_replaces() -> None:
    """A marriage and a corrected birth date reach the alerts."""
    assert updated(IRIS, pid_of("NEWNAME^IRIS", "19840521")) == Demographics(
        ("NEWNAME", "IRIS"), date(1984, 5, 21), "F"
    )


def test_an_unreadable_birth_date_keeps_the_stored_one() -> None:
    """Rubbish in one message does not disarm the identity check of the next."""
    assert updated(IRIS, pid_of(birth="12.5.84")) == IRIS


def test_two_people_differ_in_birth_date_and_sex() -> None:
    """Results of a man born in 1950 are not filed under a woman born in 1984."""
    assert conflict(IRIS, Demographics(birth_date=date(1950, 1, 1), sex="M"))


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        (Demographics(birth_date=date(1984, 12, 5), sex="F"), ("birth_date",)),
        (Demographics(birth_date=date(1984, 5, 12), sex="M"), ("sex",)),
        (Demographics(birth_date=date(1984, 12, 5)), ("birth_date",)),
        (Demographics(birth_date=date(1984, 12, 5), sex="U"), ("birth_date",)),
        (Demographics(birth_date=date(1984, 12, 5), sex="O"), ("birth_date",)),
        (Demographics(sex="M"), ("sex",)),
        (Demographics(), ()),
    ],
)
def test_one_difference_alone_is_a_correction(sent: Demographics, fields: tuple[str, ...]) -> None:
    """Swapped day and month do not hold back a result; they are worth a warning."""
    assert difference(IRIS, sent) == fields
    assert not conflict(IRIS, sent)


def test_nothing_known_contradicts_nothing() -> None:
    """The first message about a person never conflicts."""
    assert not conflict(Demographics(), IRIS)


def test_a_visit_tells_where_to_page() -> None:
    """Class, ward and bed, attending doctor and visit number are taken as sent."""
    pv1 = segments("PV1|1|i|W3^12^A^STEVENS^^^^^||||P0412^OKORO^ADAEZE||||||||||||V55812^^^STEVENS^VN")[0]

    assert visit(pv1) == Visit("I", ("W3", "12", "A", "STEVENS"), ("P0412", "OKORO", "ADAEZE"), "V55812")


def test_an_empty_visit_is_empty() -> None:
    """A PV1 without content routes nowhere in particular."""
    assert visit(segments("PV1|1")[0]) == Visit()
