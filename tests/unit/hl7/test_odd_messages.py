"""The messages of tests/messages: each is odd in one way that real senders are, and has one right reading."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.errors import ContentError
from engine.hl7 import (
    Message,
    TimeUnreadableError,
    moment_of,
    parse,
    range_of,
    read_stream,
    read_value,
    unit_of,
)

FOLDER = Path(__file__).parents[2] / "messages"
ZONE = ZoneInfo("Europe/Berlin")

PLAIN = "700010 TESTER F10 1742-6=52 U/L"
WITH_WBC = f"{PLAIN}, 6690-2=3.1 10*9/L"
WBC = "F10 6690-2=3.1 10*9/L"


def told(message: Message) -> str:
    """Identifier, family name, filler number and results of every order, with the comments on them."""
    orders = []
    for patient in message.patients():
        who = f"{patient.pid.text(3)} {patient.pid.text(5)}".strip() if patient.pid else "-"
        for order in patient.orders:
            results = []
            for observation in order.observations:
                obx = observation.obx
                result = f"{obx.text(3)}={read_value(obx).text} {unit_of(obx)}".strip()
                results.append(result + "".join(f" ({note.text(3)})" for note in observation.notes))
            orders.append(f"{who} {order.obr.text(3) if order.obr else '-'} {', '.join(results)}")
    return "; ".join(orders)


def read(name: str) -> tuple[Message, ...]:
    data = (FOLDER / f"{name}.hl7").read_bytes()
    return tuple(parse(body) for body in read_stream(data).messages)


@pytest.mark.parametrize(
    ("name", "expected", "warnings"),
    [
        ("line-feeds", [WITH_WBC], ()),
        ("mixed-line-ends", [WITH_WBC], ()),
        ("latin-1-undeclared", ["700011 MÜLLER F10 1742-6=52 U/L"], ("charset_guessed",)),
        ("latin-1-declared-ascii", ["700012 GARÇON F10 1742-6=52 U/L"], ("charset_mismatch",)),
        ("charset-declared-8859", ["700014 KÖNIG F10 1742-6=52 U/L"], ("charset_unknown", "charset_guessed")),
        ("utf-8-with-mark", ["700015 ŁUKASZ F10 1742-6=52 U/L"], ()),
        ("utf-16", ["700016 ŁUKASZ F10 1742-6=52 U/L"], ()),
        ("japanese-shift", ["700017 山田 F10 1742-6=52 U/L"], ()),
        ("no-trigger", [PLAIN], ()),
        ("lower-case-type", [PLAIN], ()),
        ("version-with-country", [PLAIN], ()),
        ("truncation-character-in-2.4", [PLAIN], ()),
        (
            "encoding-characters-without-backslash",
            ["700018 TESTER F10 1742-6=52 U/L"],
            ("encoding_characters_short",),
        ),
        (
            "encoding-characters-doubled-backslash",
            ["700019 TESTER F10 1742-6=52 U/L"],
            ("encoding_characters_repeated",),
        ),
        ("other-separators", ["700020 TESTER F10 1742-6=52 U/L"], ()),
        ("batch-with-wrong-count", [PLAIN, f"700021 {WBC}"], ()),
        ("frames-without-trailer", [PLAIN, f"700010 TESTER {WBC}"], ()),
        ("comment-on-top", [PLAIN], ()),
        ("nul-padding", [PLAIN], ()),
        ("indented", [WITH_WBC], ("segment_indented",)),
        (
            "wrapped-text",
            [f"{PLAIN} (Lipaemic sample, please\nrepeat fasting: lipids\nNA), X=seen"],
            ("text_wrapped",),
        ),
        ("wrapped-number", ["700010 TESTER F10 1742-6=5\n2 U/L"], ("text_wrapped",)),
        ("form-feed-in-text", ["700010 TESTER F10 X=page one\x0cpage\u2028two\x85three, 1742-6=52 U/L"], ()),
        ("lower-case-segment", [PLAIN], ("segment_name_case",)),
        ("results-without-order", [WITH_WBC.replace("F10", "-")], ()),
        ("results-without-patient", ["- F10 1742-6=52 U/L"], ()),
        ("results-after-specimen", [WITH_WBC], ()),
        ("order-after-request", [WITH_WBC], ()),
        ("two-patients", [f"{PLAIN}; 700022 OTHER {WBC}"], ()),
        ("z-segment-before-comment", [f"{PLAIN} (haemolysed)"], ()),
        ("two-messages-in-one", [PLAIN, f"700010 TESTER {WBC}"], ()),
        (
            "escapes",
            ["700010 TESTER F10 X=line one\nline\ntwo & bold 10^9/L été C:\\temp 100\\"],
            (),
        ),
    ],
)
def test_odd_messages_are_read(name: str, expected: list[str], warnings: tuple[str, ...]) -> None:
    """Results keep their patient, order, value and comment through everything that senders do."""
    messages = read(name)
    assert expected == [told(message) for message in messages]
    assert {warnings} == {message.warnings for message in messages}
    assert {("ORU", "R01")} == {(message.type, message.trigger) for message in messages}


@pytest.mark.parametrize(
    ("name", "reason", "location"),
    [
        ("latin-1-declared-utf-8", "charset", "MSH[1]-18"),
        ("no-encoding-characters", "unreadable", "MSH[1]-2"),
        ("cut-off-start", "no-header", "message"),
    ],
)
def test_messages_that_cannot_be_trusted_are_refused(name: str, reason: str, location: str) -> None:
    """What would have to be guessed goes to quarantine with a reason and a place."""
    with pytest.raises(ContentError) as caught:
        read(name)
    assert (reason, location) == (caught.value.reason, caught.value.location)


def test_two_messages_in_one_delivery_are_refused_as_one() -> None:
    """The queue carries one message a delivery; a second header would mix two patients' results."""
    with pytest.raises(ContentError, match=r"unreadable at MSH\[2\]"):
        parse((FOLDER / "two-messages-in-one.hl7").read_bytes())


def test_the_count_of_a_batch_is_compared() -> None:
    """A batch that promised three messages and held two is told of."""
    stream = read_stream((FOLDER / "batch-with-wrong-count.hl7").read_bytes())
    assert ("batch trailer states 3 messages, 2 found",) == stream.warnings


def test_subcomponents_survive_a_damaged_declaration() -> None:
    """The authority in PID-3 is found although MSH-2 has lost or doubled its backslash."""
    for name in ("encoding-characters-without-backslash", "encoding-characters-doubled-backslash"):
        (message,) = read(name)
        pid = message.segments[1]
        assert ["NORTH", "1.2.3", "ISO"] == [pid.text(3, 4, 1, part) for part in (1, 2, 3)]


def test_where_the_specimen_stands() -> None:
    """A result after SPM is marked, and is not lost."""
    (message,) = read("results-after-specimen")
    assert [False, True] == [
        observation.after_specimen for observation in message.patients()[0].orders[0].observations
    ]


def test_an_order_after_its_request_is_joined() -> None:
    """The ORC that follows its OBR belongs to it."""
    (order,) = read("order-after-request")[0].patients()[0].orders
    assert order.orc is not None
    assert ("RE", 2) == (order.orc.text(1), len(order.observations))


def test_odd_values() -> None:
    """Values, units and ranges as laboratories write them, each read exactly or not at all."""
    (message,) = read("odd-values")
    rows = []
    for observation in message.patients()[0].orders[0].observations:
        reading, found = read_value(observation.obx), range_of(observation.obx, "F")
        limits = "none" if found is None else f"{found.low}..{found.high}"
        rows.append((str(reading.interval), reading.warning, reading.text, unit_of(observation.obx), limits))
    assert [
        ("<5", "sn_in_st", "<5", "U/L", "10..40"),
        ("None", "comma", "5,3", "10*9/L", "none"),
        ("None", "number_with_text", "12 haemolysed", "U/L", "none"),
        ("None", "several_values", "1\n2", "U/L", "10..40"),
        (">1000", "sn_in_st", ">1000", "U/L", "10..40"),
        (">1000", "", ">1000", "U/L", "None..40"),
        ("12.5", "st_in_sn", "12.5", "U/L", "5..None"),
        ("None", "not_an_interval", "1:80", "", "none"),
        ("3.1", "", "3.1", "10^9/L", "3.5..9"),
        ("3.1", "", "3.1", "x10^9/L", "4.0..10.0"),
        ("None", "number_with_text", "1e3", "U/L", "none"),
        ("None", "not_a_number", "NaN", "U/L", "none"),
        ("7", "", "7", "U/L", "-5..5"),
        ("None", "", "*1/*3A", "", "none"),
        ("None", "no_value", "", "U/L", "10..40"),
        ("None", "several_values", "see^comment & note", "", "none"),
        ("None", "not_a_number", ".5", "mg/dL", "none"),
        ("None", "several_values", "10^9/L", "", "none"),
    ] == rows


def test_odd_times() -> None:
    """Times in every precision and form, each an instant or a refusal."""
    (message,) = read("odd-times")
    assert message.offset is None
    rows = []
    for segment in message.segments[2:]:
        try:
            moment = moment_of(segment, 7, ZONE, message.offset)
        except TimeUnreadableError:
            rows.append("unreadable")
            continue
        assert moment is not None
        rows.append(f"{moment.isoformat()} {moment.precision.name}{' ambiguous' if moment.ambiguous else ''}")
    assert [
        "2026-01-05T00:00:00+01:00 DAY",
        "2026-01-05T07:30:00+01:00 MINUTE",
        "2026-01-05T07:30:00+01:00 SECOND",
        "2026-01-05T07:30:00.123400-05:00 SECOND",
        "2026-10-25T02:30:00+02:00 SECOND ambiguous",
        "2026-03-29T03:30:00+02:00 SECOND",
        "2026-01-05T07:30:00+01:00 SECOND",
        "2026-01-05T00:00:00+01:00 DAY",
        "unreadable",
        "unreadable",
    ] == rows


def test_the_timing_of_the_encoded_order_counts() -> None:
    """Twice a day was asked for, once a day was encoded; the patient takes one a day."""
    (message,) = read("pharmacy-two-timings")
    (order,) = message.pharmacy()[0].orders
    assert order.encoded is not None
    assert ("AZA50", ["QD"], ["PO^oral^HL70162"]) == (
        order.encoded.text(2),
        [segment.text(3) for segment in order.timing],
        [segment.raw(1) for segment in order.routes],
    )


def test_every_odd_message_is_described() -> None:
    """A file that nobody can explain is not kept."""
    described = (FOLDER / "README.md").read_text(encoding="utf-8")
    names = sorted(path.stem for path in FOLDER.glob("*.hl7"))
    assert names
    assert [] == [name for name in names if f"| {name} |" not in described]
