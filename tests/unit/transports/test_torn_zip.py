"""A zip file that a copy or a full disk has cut off: what stands before the tear is read."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from engine.errors import Defect
from engine.transports.archive import read_archive

MESSAGE = "MSH|^~\\&|LAB|H|||20260101||ORU^R01|{}|P|2.5\rPID|1||X\rNTE|1||{}\r"
EACH = 50


class Pipe(io.RawIOBase):
    """Where a zip file is written that is sent on at once: sizes then stand behind the members."""

    def __init__(self) -> None:
        super().__init__()
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        block = bytes(data)  # type: ignore[call-overload]
        self.content += block
        return len(block)


def day(number: int) -> str:
    """A file of messages that do not compress to nothing."""
    chance = random.Random(number)
    return "".join(MESSAGE.format(number * EACH + each, chance.randbytes(40).hex()) for each in range(EACH))


def zipped(method: int, target: io.RawIOBase | io.BytesIO) -> None:
    """Three days, a folder, and what macOS adds."""
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("year/", b"")
        for number in range(3):
            archive.writestr(f"year/{number}.hl7", day(number))
            archive.writestr(f"__MACOSX/{number}", b"x")


def read(folder: Path, content: bytes) -> tuple[list[bytes], list[str]]:
    """Messages and defects."""
    file = folder / "year.zip"
    file.write_bytes(content)
    defects: list[Defect] = []
    bodies = [each.body for each in read_archive([file], defects.append)]
    return bodies, [str(each).removeprefix(folder.as_posix() + "/") for each in defects]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("sizes_behind", [False, True])
def test_what_stands_before_the_tear_is_read(tmp_path: Path, method: int, sizes_behind: bool) -> None:
    """No message is lost before the tear, none is half, and the user is told where the rest is missing."""
    pipe, plain = Pipe(), io.BytesIO()
    zipped(method, pipe if sizes_behind else plain)
    content = bytes(pipe.content) if sizes_behind else plain.getvalue()
    whole, _ = read(tmp_path, content)
    assert len(whole) == 3 * EACH
    if sizes_behind and method == zipfile.ZIP_STORED:
        bodies, (said,) = read(tmp_path, content[:-40])
        assert not bodies
        assert "year/ cannot be told apart from what follows without the index" in said
        return

    bodies, (said,) = read(tmp_path, content[:-40])
    assert bodies == whole
    assert said.startswith("year.zip: the zip file is incomplete beyond __MACOSX/2: its index at the end is")

    bodies, (member, said) = read(tmp_path, content[: len(content) // 2])
    assert EACH <= len(bodies) < 2 * EACH
    assert bodies == whole[: len(bodies)]
    assert member.startswith("year.zip/year/1.hl7: cannot be read beyond message ")
    assert said.startswith("year.zip: the zip file is incomplete beyond year/1.hl7: it ends too early")


def test_a_damaged_member_before_the_tear_is_named(tmp_path: Path) -> None:
    """A value that a disk has changed does not pass for a result, and the members behind are still read."""
    plain = io.BytesIO()
    zipped(zipfile.ZIP_STORED, plain)
    content = plain.getvalue()[:-40].replace(b"|60|P|", b"|99|P|")

    bodies, said = read(tmp_path, content)

    assert len(bodies) == 3 * EACH - 1  # the last message of the damaged file
    assert said[0] == "year.zip/year/1.hl7: cannot be read beyond message 49: its compressed data are damaged"


def test_an_encrypted_member_ends_it(tmp_path: Path) -> None:
    """Without the index nobody can tell where it ends; it is named."""
    plain = io.BytesIO()
    zipped(zipfile.ZIP_DEFLATED, plain)
    content = bytearray(plain.getvalue()[:-40])
    content[content.index(b"year/1.hl7") - 24] |= 1

    bodies, (said,) = read(tmp_path, bytes(content))

    assert len(bodies) == EACH
    assert "year/1.hl7 is encrypted" in said


def test_a_bomb_does_not_go_off_because_the_index_is_missing(tmp_path: Path) -> None:
    """The limits on what a file may unpack to hold for a torn one as well."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.hl7", day(0))
        archive.writestr("bomb.hl7", MESSAGE.format(1, "0" * 60_000_000))
    content = packed.getvalue()
    bodies, defects = read(tmp_path, content[: content.index(b"PK\x01\x02")])

    assert len(bodies) == EACH
    assert defects[0] == "year.zip/bomb.hl7: cannot be read: it unpacks to more than 1000 times its size"
