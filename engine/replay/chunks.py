"""An archive cut into chunks: what is read, decided and written together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from engine.errors import Defect
from engine.transports.archive import ArchiveMessage

_MESSAGES_AT_MOST = 200
_BYTES_AT_MOST = 8_000_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages that follow each other, the first of them number ``first`` of the archive, from 0.

    ``remarks`` are oddities of the files, each with the number of messages that come before it; ``position``
    is how much of the input was read, in bytes.
    """

    number: int
    first: int
    messages: list[ArchiveMessage] = field(default_factory=list)
    remarks: list[tuple[int, Defect]] = field(default_factory=list)
    position: int = 0


class Remarks:
    """Oddities of the files that are read, kept until the messages before them have been told of."""

    def __init__(self) -> None:
        self.read = 0
        self._noted: list[tuple[int, Defect]] = []

    def note(self, remark: Defect) -> None:
        """One more, about the file that is being read."""
        self._noted.append((self.read, remark))

    def take(self) -> list[tuple[int, Defect]]:
        """Those that have come since."""
        noted, self._noted = self._noted, []
        return noted


def chunks_of(
    archive: Iterable[ArchiveMessage], remarks: Remarks, position: Callable[[], int]
) -> Iterator[Chunk]:
    """Cut an archive; ``position`` tells how much of the input was read so far. The last one may be empty."""
    chunk, size = Chunk(0, 0), 0
    for message in archive:
        remarks.read += 1
        chunk.messages.append(message)
        size += len(message.body)
        if len(chunk.messages) >= _MESSAGES_AT_MOST or size >= _BYTES_AT_MOST:
            yield _ended(chunk, remarks, position)
            chunk, size = Chunk(chunk.number + 1, remarks.read), 0
    yield _ended(chunk, remarks, position)


def _ended(chunk: Chunk, remarks: Remarks, position: Callable[[], int]) -> Chunk:
    return Chunk(chunk.number, chunk.first, chunk.messages, remarks.take(), position())
