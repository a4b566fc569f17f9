"""Archives: what comes out of files and folders, compressed and damaged ones, and what is told."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from engine.errors import ConfigError, Defect
from engine.transports.archive import ArchiveMessage, read_archive
from engine.transports.unpacking import Limits

ONE = b"MSH|^~\\&|LAB|H|||20260101||ORU^R01|1|P|2.5\rPID|1||X\r"
TWO = b"MSH|^~\\&|LAB|H|||20260101||ORU^R01|2|P|2.5\rPID|1||Y\r"
THREE = b"MSH|^~\\&|LAB|H|||20260101||ORU^R01|3|P|2.5\rPID|1||Z\r"


def read(*paths: Path | str, limits: Limits | None = None) -> tuple[list[ArchiveMessage], list[Defect]]:
    """All messages and all defects below ``paths``."""
    defects: list[Defect] = []
    return list(read_archive(paths, defects.append, limits)), defects


def numbers(messages: list[ArchiveMessage]) -> list[bytes]:
    """The control ids of messages."""
    return [message.body.split(b"|")[9] for message in messages]


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip file with these members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_messages_of_one_file_are_told_apart_by_their_number(tmp_path: Path) -> None:
    """A reason for quarantine points to the file and the message in it."""
    path = tmp_path / "day.hl7"
    path.write_bytes(ONE + TWO)

    messages, defects = read(path)

    assert [message.source for message in messages] == [f"{path}#1", f"{path}#2"]
    assert [message.body for message in messages] == [ONE.rstrip(), TWO.rstrip()]
    assert defects == []


def test_a_folder_is_read_in_sorted_order_without_hidden_files(tmp_path: Path) -> None:
    """Replaying a folder twice, on two machines, reads the same messages in the same order."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "first.txt").write_bytes(TWO)
    (tmp_path / "a.hl7").write_bytes(ONE)
    (tmp_path / "c").write_bytes(THREE)
    (tmp_path / ".hidden").write_bytes(ONE)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "object").write_bytes(ONE)

    messages, defects = read(tmp_path)

    assert numbers(messages) == [b"1", b"2", b"3"]
    assert defects == []


@pytest.mark.parametrize("name", ["day.gz", "day.hl7"])
def test_gzip_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    """A compressed file is read whatever it is called, also one put together from several."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(ONE) + gzip.compress(TWO))

    assert numbers(read(path)[0]) == [b"1", b"2"]


def test_the_members_of_a_zip_file_are_named(tmp_path: Path) -> None:
    """Each message of a zip file says which member it was in; compressed members are unpacked too."""
    path = tmp_path / "year.zip"
    path.write_bytes(
        zipped(
            {
                "june/2.hl7.gz": gzip.compress(TWO),
                "june/1.hl7": ONE,
                "__MACOSX/june/1.hl7": b"\0\0",
                "june/.DS_Store": b"\0\0",
            }
        )
    )

    messages, defects = read(path)

    assert [message.source for message in messages] == [f"{path}/june/1.hl7#1", f"{path}/june/2.hl7.gz#1"]
    assert numbers(messages) == [b"1", b"2"]
    assert defects == []


@pytest.mark.parametrize(
    "content",
    [ONE + TWO, gzip.compress(ONE + TWO), zipped({"a": ONE, "b": TWO})],
    ids=["plain", "gzip", "zip"],
)
def test_standard_input_may_be_compressed(content: bytes) -> None:
    """``zcat``, ``cat`` and ``ssh`` all do: standard input is read as a file would be."""
    program = (
        "from engine.transports.archive import read_archive\n"
        "print([message.body.split(b'|')[9] for message in read_archive(['-'])])"
    )

    done = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True, check=True)

    assert done.stdout.strip() == b"[b'1', b'2']"


def test_a_path_that_does_not_exist_is_told_before_anything_is_read(tmp_path: Path) -> None:
    """A misspelt path is an error at once, not after an hour of replay."""
    (tmp_path / "there.hl7").write_bytes(ONE)

    with pytest.raises(ConfigError, match=r"gone\.hl7: no such file or folder"):
        read_archive([tmp_path / "there.hl7", tmp_path / "gone.hl7"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04rest", "the zip file is incomplete: it ends too early, the file is incomplete"),
        (zipped({"inner.zip": zipped({"a": ONE})}), "it is a zip file inside a zip file"),
    ],
    ids=["empty", "broken-zip", "zip-in-zip"],
)
def test_a_file_that_cannot_be_used_is_told_and_the_rest_is_read(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """One bad file in a folder of thousands costs that file only, and its name is told."""
    (tmp_path / "1.hl7").write_bytes(ONE)
    (tmp_path / "2.hl7").write_bytes(content)
    (tmp_path / "3.hl7").write_bytes(THREE)

    messages, defects = read(tmp_path)

    assert numbers(messages) == [b"1", b"3"]
    assert len(defects) == 1
    assert "2.hl7" in defects[0].file
    assert reason in defects[0].message


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_without_any_message_is_handed_on_whole(tmp_path: Path, packed: bool) -> None:
    """A letter among the results is one message for the quarantine: counted by name, not passed over."""
    prose = b"Dear colleague,\nplease find attached\n"
    (tmp_path / "2.hl7").write_bytes(gzip.compress(prose) if packed else prose)

    messages, defects = read(tmp_path)

    assert [message.body for message in messages] == [prose]
    assert defects == []


def test_without_a_listener_the_defects_are_raised_at_the_end(tmp_path: Path) -> None:
    """Nobody has to listen for defects in order not to miss them."""
    (tmp_path / "1").write_bytes(b"")
    (tmp_path / "2").write_bytes(ONE)
    found: list[ArchiveMessage] = []

    with pytest.raises(ConfigError, match="1: cannot be read: it is empty"):
        found.extend(read_archive([tmp_path]))

    assert numbers(found) == [b"1"]


def test_of_a_truncated_file_the_complete_messages_are_read(tmp_path: Path) -> None:
    """A copy that broke off: what is whole is used; a message cut in half, with 5 of 512, is not."""
    path = tmp_path / "cut.gz"
    noise = b"".join(b"NTE|1||%d\r" % (number * 7919) for number in range(3000))
    whole = gzip.compress(ONE + TWO + THREE + noise)
    path.write_bytes(whole[: len(whole) // 2])

    messages, defects = read(path)

    assert numbers(messages) == [b"1", b"2"]
    assert [defect.message for defect in defects] == [
        "cannot be read beyond message 2: it ends too early, the file is incomplete"
    ]


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    """A bit that flipped in one member of a zip file does not hide the others."""
    path = tmp_path / "year.zip"
    content = bytearray(zipped({"1.hl7": ONE, "2.hl7": TWO * 50, "3.hl7": THREE}))
    content[content.index(b"2.hl7") + 20] ^= 0xFF
    path.write_bytes(content)

    messages, defects = read(path)

    assert numbers(messages) == [b"1", b"3"]
    assert [defect.file for defect in defects] == [f"{path}/2.hl7"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_that_are_damaged_are_named_too(tmp_path: Path, method: int) -> None:
    """Whatever the library makes of the bytes, the file is named and the next one is read."""
    path, beside = tmp_path / "a.zip", tmp_path / "b.hl7"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("1.hl7", ONE * 50)
    content = bytearray(path.read_bytes())
    content[50:60] = b"\xff" * 10
    path.write_bytes(content)
    beside.write_bytes(TWO)

    defects: list[Defect] = []
    messages = list(read_archive([path, beside], defects.append))

    assert numbers(messages) == [b"2"]
    assert [defect.file for defect in defects] == [f"{path}/1.hl7"]


def test_a_member_whose_name_is_no_text_does_not_end_the_run(tmp_path: Path) -> None:
    """A name that is marked as UTF-8 and is none."""
    path, beside = tmp_path / "a.zip", tmp_path / "b.hl7"
    path.write_bytes(zipped({"\u00e4.hl7": ONE}).replace("\u00e4".encode(), b"\xff\xff"))
    beside.write_bytes(TWO)

    defects: list[Defect] = []
    messages = list(read_archive([path, beside], defects.append))

    assert numbers(messages) == [b"2"]
    assert [defect.message for defect in defects] == ["cannot be read: the zip file is damaged or incomplete"]


def test_a_batch_that_states_more_messages_than_it_holds_is_told(tmp_path: Path) -> None:
    """Messages lost on the way into the archive are noticed by the sender's own count."""
    path = tmp_path / "batch.hl7"
    path.write_bytes(b"BHS|^~\\&\r" + ONE + TWO + b"BTS|3\r")

    remarks: list[Defect] = []

    messages = list(read_archive([path], on_remark=remarks.append))

    assert numbers(messages) == [b"1", b"2"]
    assert [remark.message for remark in remarks] == ["batch trailer states 3 messages, 2 found"]


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda data: zipped({"bomb.hl7": data})], ids=["gzip", "zip"]
)
def test_a_decompression_bomb_is_refused(tmp_path: Path, pack: object) -> None:
    """A small file that unpacks to an absurd size is refused before it fills memory or a night."""
    assert callable(pack)
    bomb = tmp_path / "bomb"
    bomb.write_bytes(pack(ONE + b"\0" * 3_000_000))

    _, by_ratio = read(bomb, limits=Limits(ratio=100))
    _, by_size = read(bomb, limits=Limits(file_bytes=2_000_000))

    assert "unpacks to more than 100 times its size" in by_ratio[0].message
    assert "unpacks to more than 2 MB" in by_size[0].message


def test_a_large_file_is_read_in_stretches_without_losing_or_cutting_a_message(tmp_path: Path) -> None:
    """A year in one file is read with little memory, and every message is whole, whatever its line ends."""
    path = tmp_path / "year.hl7"
    bodies = [
        ONE.replace(b"|1|P", b"|%d|P" % number) + b"OBX|1|TX|MSHX||MSH|rest of it\r" * (number % 5)
        for number in range(500)
    ]
    path.write_bytes(b"".join(b"\x0b" + body + b"\x1c\r" for body in bodies))

    # a block is read at a time, so stretches are cut from what is more than one block
    messages, defects = read(path, limits=Limits(stretch_bytes=1))

    assert [message.body for message in messages] == [body.rstrip() for body in bodies]
    assert [message.source for message in messages][-1] == f"{path}#500"
    assert defects == []


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    """A file that vanished or may not be read is named, and the rest is read."""
    (tmp_path / "1.hl7").write_bytes(ONE)
    (tmp_path / "2.hl7").write_bytes(TWO)
    messages = read_archive([tmp_path / "1.hl7", tmp_path / "2.hl7"])
    (tmp_path / "2.hl7").unlink()

    with pytest.raises(ConfigError, match=r"2\.hl7: cannot be read: No such file"):
        list(messages)
