"""From bytes to text: what MSH-18 declares, what is true, and what is said when they differ."""

from __future__ import annotations

import pytest

from engine.errors import ContentError
from engine.hl7 import parse

NAME = "Müller"


def body(declared: str, name: bytes) -> bytes:
    head = f"MSH|^~\\&|LAB^1|NORTH^2|||20260105||ORU^R01|1|P|2.5||||||{declared}\rPID|1||A1||"
    return head.encode() + name


@pytest.mark.parametrize(
    ("declared", "codec", "name"),
    [
        ("8859/1", "iso8859-1", NAME),
        ("8859/2", "iso8859-2", "Dvořák"),
        ("8859/5", "iso8859-5", "Иванов"),
        ("8859/7", "iso8859-7", "Παπαδ"),
        ("8859/15", "iso8859-15", "Cœur"),
        ("ISO-8859-1", "iso8859-1", NAME),
        ("ISO8859/15", "iso8859-15", NAME),
        ("UNICODE UTF-8", "utf-8", NAME),
        ("UNICODE", "utf-8", NAME),
        ("UTF-8", "utf-8", NAME),
        ("utf8", "utf-8", NAME),
        ("UNICODE UTF-8~8859/1", "utf-8", NAME),
        ("8859/1^extra", "iso8859-1", NAME),
        ("GB 18030-2000", "gb18030", "王小明"),
        ("KS X 1001", "euc_kr", "김철수"),
        ("BIG-5", "big5", "王小明"),
        ("ISO IR87", "iso2022_jp_ext", "山田"),
        ("ISO IR159", "iso2022_jp_ext", "山田"),
        ("ISO IR14", "shift_jis", "ヤマダ"),
        ("WINDOWS-1252", "cp1252", "Müller–Lüd"),
    ],
)
def test_the_declared_charset_is_used(declared: str, codec: str, name: str) -> None:
    """A name is read in every charset of table 0211, and under the wrong names that senders use."""
    message = parse(body(declared, name.encode(codec)))
    assert (name, codec, ()) == (message.segments[1].text(5), message.charset, message.warnings)


@pytest.mark.parametrize(
    ("declared", "encoded", "charset", "warnings"),
    [
        ("", NAME.encode(), "utf-8", ()),
        ("", NAME.encode("cp1252"), "cp1252", ("charset_guessed",)),
        ("ASCII", NAME.encode(), "utf-8", ("charset_mismatch",)),
        ("ASCII", NAME.encode("cp1252"), "cp1252", ("charset_mismatch",)),
        ("ISO IR6", NAME.encode(), "utf-8", ("charset_mismatch",)),
        ("8859", NAME.encode("cp1252"), "cp1252", ("charset_unknown", "charset_guessed")),
        ("KLINGON", NAME.encode(), "utf-8", ("charset_unknown",)),
    ],
)
def test_an_undeclared_charset_is_utf_8_or_that_of_the_site(
    declared: str, encoded: bytes, charset: str, warnings: tuple[str, ...]
) -> None:
    """Umlauts of a sender that declares nothing, or ASCII untruly, are read, and it is said how."""
    message = parse(body(declared, encoded))
    assert (NAME, charset, warnings) == (message.segments[1].text(5), message.charset, message.warnings)


def test_the_default_charset_depends_on_the_sender() -> None:
    """Two laboratories on one queue may have different defaults."""
    asked = []

    def default(application: str, facility: str) -> str:
        asked.append((application, facility))
        return "iso8859-5"

    assert "Иванов" == parse(body("", "Иванов".encode("iso8859-5")), default).segments[1].text(5)
    assert [("LAB", "NORTH")] == asked


@pytest.mark.parametrize(
    ("declared", "encoded", "default"),
    [
        ("UNICODE UTF-8", NAME.encode("cp1252"), "cp1252"),
        ("ISO IR87", NAME.encode(), "cp1252"),
        ("UNICODE UTF-16", NAME.encode(), "cp1252"),
        ("", b"\x81", "cp1252"),
        ("", b"\xff", "no-such-codec"),
        ("", b"\xff", "rot13"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(declared: str, encoded: bytes, default: str) -> None:
    """Nothing is replaced by question marks: two patients could become one."""
    with pytest.raises(ContentError) as caught:
        parse(body(declared, encoded), default)
    assert ("charset", "MSH[1]-18") == (caught.value.reason, caught.value.location)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("declared", "charset", "warnings"),
    [
        ("", "ascii", ()),
        ("ASCII", "ascii", ()),
        ("8859/1", "iso8859-1", ()),
        ("KLINGON", "ascii", ("charset_unknown",)),
        ("UNICODE UTF-16", "ascii", ("charset_mismatch",)),
    ],
)
def test_ascii_is_readable_whatever_is_declared(
    declared: str, charset: str, warnings: tuple[str, ...]
) -> None:
    """Most messages have no special character, and a wrong declaration then harms nobody."""
    message = parse(body(declared, b"MUELLER"))
    assert ("MUELLER", charset, warnings) == (message.segments[1].text(5), message.charset, message.warnings)


def test_separators_inside_japanese_characters_do_not_split() -> None:
    """Bytes are decoded before they are split: in Shift JIS the second byte of a character may be | or ^."""
    name = "ポソ表"  # second bytes 7C, 5C
    assert b"|" in name.encode("shift_jis")
    assert name == parse(body("SHIFT_JIS", name.encode("shift_jis"))).segments[1].text(5)


def test_the_declaration_is_found_behind_japanese_characters() -> None:
    """A facility whose name holds the byte of the separator does not hide what MSH-18 declares."""
    text = "MSH|^~\\&|ポ|ソ|||20260105||ORU^R01|1|P|2.5||||||SHIFT_JIS|x|y\rPID|1||ポ"
    message = parse(text.encode("shift_jis"))
    assert ("ポ", "ORU", "shift_jis", "ポ") == (
        message.sending_application,
        message.type,
        message.charset,
        message.segments[1].text(3),
    )


def test_a_byte_order_mark_outweighs_the_declaration() -> None:
    """A file saved with a UTF-8 mark is UTF-8, whatever the message says."""
    mark = b"\xef\xbb\xbf"
    assert () == parse(mark + body("", NAME.encode())).warnings
    message = parse(mark + body("8859/1", NAME.encode()))
    assert (NAME, ("charset_mismatch",)) == (message.segments[1].text(5), message.warnings)
    assert "8859/1" == parse(mark + body("8859/1", b"A")).header.text(18)
    assert NAME == parse(mark + body("8859/1", NAME.encode("latin-1"))).segments[1].text(5)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_characters_are_recognised_by_their_bytes(codec: str) -> None:
    """UTF-16 and UTF-32 cannot declare themselves in a header that is itself in them."""
    assert NAME == parse(body("UNICODE UTF-16", NAME.encode()).decode().encode(codec)).segments[1].text(5)
