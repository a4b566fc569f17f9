"""Nothing of a patient leaves: whatever stands in whatever field of whatever segment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.hl7 import Message
from engine.model.segments import Segment
from engine.transports.archive import read_archive
from tests.support.pseudonymising import OTHER_KEY, Rewritten, read, rewritten

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "tests/sample_day/messages", ROOT / "tests/messages"]
FIELDS = 45

# Segment → fields that say who somebody is, or in words what; all fields of a segment that is not listed.
SENSITIVE = {
    "MSH": (4, 5, 6, 8, 10),
    "EVN": (5, 7),
    "PID": tuple(n for n in range(2, FIELDS) if n not in (7, 8)),
    "PV1": tuple(range(3, FIELDS)),
    "MRG": tuple(range(1, 8)),
    "ORC": (2, 3, 4, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24),
    "OBR": (2, 3, 10, 13, 16, 17, 18, 19, 20, 21, 26, 28, 29, 31, 32, 33, 34, 35, 39),
    "OBX": (15, 16, 18, 21, 23, 24, 25),
    "SPM": (2, 3, 14, 20, 25, 26, 30, 31),
    "NTE": (2, 3, 5),
    "RXE": (7, 13, 14, 15, 21),
    "RXO": (6, 7, 14, 15),
    "RXD": (7, 9, 10, 12, 13),
    "RXA": (9, 10, 11),
}
HARMLESS = {"RXR", "TQ1", "RXC", "DG1", "AL1", "FHS", "BHS", "BTS", "FTS"}
# The condition of a specimen passes, in the words of mappings/specimen.csv.
WORDS_THAT_PASS = {"haemolysed", "hemolyzed", "clotted"}
# Senders that sites.yaml names, and our own name: the engine reads by them.
KNOWN = {"NORTHLAB", "NORTH", "RIVERLIS", "RIVERSIDE", "STMARYLAB", "STMARY", "AZAWATCH"}


def archive() -> list[bytes]:
    return [message.body for path in SOURCES for message in read_archive([path], lambda _: None)]


def leaves(segment: Segment, field: int) -> list[str]:
    """Every leaf of a field as text."""
    return [
        text
        for repetition in range(1, segment.repetitions(field) + 1)
        for component in range(1, 20)
        for subcomponent in range(1, 6)
        if (text := segment.text(field, component, repetition, subcomponent).strip())
    ]


def secrets_of(message: Message) -> set[str]:
    """What must not leave; leaves of less than five characters are found everywhere by chance."""
    found: set[str] = set()
    for segment in message.segments:
        if segment.name in HARMLESS:
            continue
        fields = SENSITIVE.get(segment.name, range(1, FIELDS))
        for field in fields:
            found.update(leaves(segment, field))
        if segment.name == "OBX" and segment.text(2) in ("TX", "FT", "ST", ""):
            found.update(text for text in leaves(segment, 5) if not any(map(str.isdigit, text)))
    return {text for text in found if len(text) > 4 and text.casefold() not in WORDS_THAT_PASS}


@pytest.fixture(scope="module", params=[False, True], ids=["a shift each", "one shift"])
def run(request: pytest.FixtureRequest) -> tuple[list[bytes], Rewritten]:
    messages = archive()
    return messages, rewritten(messages, one_shift=request.param)


def test_no_name_number_address_or_text_of_the_samples_leaves(run: tuple[list[bytes], Rewritten]) -> None:
    """Everything that says who somebody is, of all sample messages, is searched for in all that comes out."""
    messages, result = run
    output = result.output.decode().casefold()
    searched: set[str] = set()
    for body, withheld in zip(messages, result.withheld, strict=True):
        if withheld is None:
            searched |= secrets_of(read(body))

    assert len(searched) > 700
    assert {text for text in searched - KNOWN if text.casefold() in output} == set()


def test_no_birth_date_leaves(run: tuple[list[bytes], Rewritten]) -> None:
    """Of nobody, and the year stays about right."""
    messages, result = run
    for body, sent in zip(messages, result.bodies, strict=True):
        for new in sent:
            before = {s.text(7) for s in read(body).segments if s.name == "PID" and len(s.text(7)) >= 8}
            after = {s.text(7) for s in read(new).segments if s.name == "PID" and len(s.text(7)) >= 8}
            assert not before & after
            assert {int(one[:4]) for one in after} <= {int(one[:4]) - n for one in before for n in (0, 1)}


def test_the_same_key_says_the_same_and_another_something_else() -> None:
    """Two deliveries of a hospital fit together; whoever has another key sees nothing alike."""
    messages = archive()

    assert rewritten(messages).output == rewritten(messages).output
    numbers = [{s.text(3) for s in people(rewritten(messages, key))} for key in (OTHER_KEY, bytes(40))]
    assert len(numbers[0]) == len(numbers[1]) > 40
    assert not numbers[0] & numbers[1]


def people(result: Rewritten) -> list[Segment]:
    return [
        segment
        for bodies in result.bodies
        for body in bodies
        for segment in read(body).segments
        if segment.name == "PID"
    ]


# --- planted -----------------------------------------------------------------------------------------

TEMPLATE = {
    "MSH": "MSH|^~\\&|NORTHLAB|NORTH|||20260105083000||ORU^R01|1|P|2.5.1",
    "EVN": "EVN|A01|20260105",
    "PID": "PID|1||A1234567^^^NORTH^MR||DOE^JOHN||19600203|M",
    "PV1": "PV1|1|O",
    "ORC": "ORC|RE|P1|F1",
    "OBR": "OBR|1|P1|F1|24325-3^Panel^LN|||20260105073000",
    "NTE": "NTE|1||no haemolysis",
    "OBX": "OBX|1|NM|1742-6^ALT^LN||52|U/L|10-40|H|||F",
    "OB2": "OBX|2|ST|NL-XX^Comment^L||seen|||||F",
    "OB3": "OBX|3|CWE|82810-3^Pregnancy^LN||LA15173-0^yes^LN||||||F",
    "OB4": "OBX|4|SN|751-8^ANC^LN||<^0.5|10*9/L|2-7|L|||F",
    "OB5": "OBX|5|ST|41048-0^TPMT gene^LN||*1/*3A||||||F",
    "OB6": "OBX|6|CWE|79713-4^TPMT^LN||LA25391-6^normal metabolizer^LN||||||F",
    "OB7": "OBX|7|ST|77^Haemolysis index^L||2+|mg/dL|0-50|H|||F",
    "SPM": "SPM|1|S1||SER|||||||||||||20260105070000",
    "TQ1": "TQ1|1|1|BID||||20260105",
    "RXE": "RXE|1^BID^D14^20260105|197388^Aza^RXNORM|50||mg",
    "RXO": "RXO|197388^Aza^RXNORM|50||mg",
    "RXA": "RXA|0|1|20260105||197388^Aza^RXNORM|50|mg",
    "RXD": "RXD|1|197388^Aza^RXNORM|20260105",
    "RXC": "RXC|B|197388^Aza^RXNORM|50|mg",
    "DG1": "DG1|1|I10|K75.4^AIH^I10||20260105",
    "AL1": "AL1|1||1256^Aza^RXNORM",
    "MRG": "MRG|B7654321^^^NORTH^MR",
    "NK1": "NK1|1",
    "GT1": "GT1|1",
    "IN1": "IN1|1",
    "ZPD": "ZPD|1",
    "CTD": "CTD|1",
}
SECRETS = st.one_of(
    st.from_regex(r"[A-Z][a-z]{7,12}", fullmatch=True),
    st.from_regex(r"[A-Z]{9,14}", fullmatch=True),
    st.from_regex(r"[a-z]{3,6} [A-Z][a-z]{5,9}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{8,11}", fullmatch=True).filter(lambda text: len(set(text)) > 3),
    st.from_regex(r"[A-Z]{2}[0-9]{7,9}", fullmatch=True),
    st.from_regex(r"[a-z]{4,9}@[a-z]{4,9}\.org", fullmatch=True),
)
WRAPPED = st.sampled_from(
    [
        "{}",
        "x{}",
        "{} x",
        "5 {}",
        "\\H\\{}\\N\\",
        "\\.br\\{}",
        "<{}",
        "{}^{}",
        "{}&{}",
        "A&{}",
        "{}~{}",
        "K75{}",
        "52 {}",
    ]
)


@settings(max_examples=500)
@given(
    name=st.sampled_from(sorted(TEMPLATE)),
    field=st.integers(1, FIELDS),
    component=st.integers(1, 13),
    secret=SECRETS,
    how=WRAPPED,
    hexadecimal=st.booleans(),
    keeping=st.booleans(),
    line=st.sampled_from(["", "", "", "before", "after"]),
)
def test_a_planted_secret_never_leaves(
    *,
    name: str,
    field: int,
    component: int,
    secret: str,
    how: str,
    hexadecimal: bool,
    keeping: bool,
    line: str,
) -> None:
    """Names and numbers planted at any leaf, escaped or not, beside what passes or instead of it."""
    sent = f"\\X{secret.encode().hex().upper()}\\" if hexadecimal else secret
    content = how.format(sent, sent) if how.count("{}") > 1 else how.format(sent)
    lines = dict(TEMPLATE)
    if line:
        lines = {"NTE": content, **lines} if line == "before" else {**lines, "end": content}
    else:
        lines[name] = planted(lines[name], field, component, content, keeping=keeping)
    result = rewritten(["\r".join(lines.values()).encode()])

    assert secret.casefold() not in result.output.decode().casefold()
    for bodies in result.bodies:
        for body in bodies:
            for segment in read(body).segments:
                for number in range(1, FIELDS):
                    told = " ".join(segment.whole_components(number))
                    assert secret.casefold() not in told.casefold()


def planted(line: str, field: int, component: int, content: str, *, keeping: bool) -> str:
    """``line`` with ``content`` in one component, what was in the field kept before it or not."""
    fields = line.split("|")
    position = field - 1 if fields[0] == "MSH" else field
    fields += [""] * (position + 1 - len(fields))
    if position == 0 or (fields[0] == "MSH" and position == 1):
        return line
    components = fields[position].split("^") if keeping else []
    components += [""] * (component - len(components))
    components[component - 1] += content
    fields[position] = "^".join(components)
    return "|".join(fields)
