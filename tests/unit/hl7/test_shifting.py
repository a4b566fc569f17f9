"""Times moved by a constant, and whole messages with them."""

from __future__ import annotations

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from engine.hl7 import TimeUnreadableError, parse
from engine.hl7.restamping import restamped
from engine.hl7.shifting import Shift, shift_time

LONDON = ZoneInfo("Europe/London")
DAY = Shift(timedelta(days=1), 1)


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("20260105083000.1234+0100", "20260112083000.1234+0100"),
        ("202601050830", "202601120830"),
        ("2026010508Z", "2026011208Z"),
        ("20260105", "20260112"),
        ("202601", "202601"),
        ("2026", "2026"),
        ("2026-01-05T08:30:15", "2026-01-12T08:30:15"),
        ("2026010508301207", "2026011208301207"),
        # over the change to summer time the instant is kept, so the clocks tell an hour more
        ("20260325120000", "20260401130000"),
        ("20260325120000+0000", "20260401120000+0000"),
        ("20260325", "20260401"),
        ("99991231235959", "99991231"),
    ],
)
def test_a_time_keeps_its_form(text: str, moved: str) -> None:
    """Precision, separators and offset are those that were sent."""
    assert shift_time(text, Shift(timedelta(weeks=1), 7), LONDON) == moved


def test_the_offset_of_the_message_holds_for_times_without_one() -> None:
    """MSH-7 tells the zone of all: then no summer time of another zone comes in."""
    offset = timezone(timedelta(hours=-5))

    assert shift_time("20260325120000", Shift(timedelta(weeks=1), 7), LONDON, offset) == "20260401120000"


@pytest.mark.parametrize("text", ["yesterday", "20261301", "20260105+9900", "00010101000000"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """And the reason does not repeat it."""
    with pytest.raises(TimeUnreadableError) as refused:
        shift_time(text, Shift(timedelta(days=-400), -400), LONDON)
    assert text not in str(refused.value)


MESSAGE = (
    "MSH|^~\\&|LAB|NORTH|||20260105083000+0000||ORU^R01^ORU_R01|20260105083000|P|2.5.1\r"
    "PID|1||A1^^^N^MR^^20200101||DOE||19700105|M\r"
    "ORC|RE|20260105|||||1^QD^^20260105^20260201~1^BID^^20260201\r"
    "OBR|1|P|F|X^20260105^L|||20260105073000+0000|||||||||||||||20260105080000+0000\r"
    "OBX|1|NM|1742-6^ALT^LN||20260105|U/L\rOBX|2|DT|X||20260105~20260106\rOBX|3|TM|X||0730\r"
    "SPM|1||||||||||||||||20260105070000^20260105071000\rZDT|20260105|20260105083000\rNTE|1||20260105\r"
)


def test_every_time_of_a_message_moves_and_nothing_else() -> None:
    """By data type: no numbers, texts or codes that look like times, birth dates, Z segments."""
    moved = restamped(parse(MESSAGE.encode()), DAY, LONDON).decode()

    assert moved == (
        "MSH|^~\\&|LAB|NORTH|||20260106083000+0000||ORU^R01^ORU_R01|20260105083000|P|2.5.1\r"
        "PID|1||A1^^^N^MR^^20200102||DOE||19700105|M\r"
        "ORC|RE|20260105|||||1^QD^^20260106^20260202~1^BID^^20260202\r"
        "OBR|1|P|F|X^20260105^L|||20260106073000+0000|||||||||||||||20260106080000+0000\r"
        "OBX|1|NM|1742-6^ALT^LN||20260105|U/L\rOBX|2|DT|X||20260106~20260107\rOBX|3|TM|X||0730\r"
        "SPM|1||||||||||||||||20260106070000^20260106071000\rZDT|20260105|20260105083000\rNTE|1||20260105\r"
    )


def test_a_message_keeps_its_characters_and_separators() -> None:
    """Latin-1 stays Latin-1, and the times of a message with separators of its own are found."""
    body = "MSH$%~?@$LAB$N$$$20260105$$ORU%R01$1$P$2.3$$$$$$8859/1\rPID$1$$A1$$MÜLLER@V\r"
    moved = restamped(parse(body.encode("latin-1")), DAY, LONDON)

    assert moved == body.replace("20260105", "20260106").encode("latin-1")


@pytest.mark.parametrize("version", ["2.1", "2.3.1", "2.8.2", "9.9", ""])
def test_messages_of_every_version_move(version: str) -> None:
    """A version that nobody has tables of is read by the newest ones."""
    body = f"MSH|^~\\&|L|N|||20260105||ORU^R01|1|P|{version}\rOBR|1||||||20260105070000\r"

    assert restamped(parse(body.encode()), DAY, LONDON).count(b"20260106") == 2
