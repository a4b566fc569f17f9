"""Changes that keep the shape of an input: whole lines, fields and words are moved, repeated and replaced.

Changed byte by byte, nearly every message loses its header and every rule its syntax, and what is behind
them is never reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from random import Random

_LEVELS = tuple(
    re.compile(separator)
    for separator in (
        rb"([\r\n]+)",  # segments, lines, rows
        rb"([|,]|: )",  # fields, cells, values
        rb"([~^&\\{}\[\];\" ])",  # repetitions, components, escapes, flow lists
        rb"([^0-9A-Za-z]+)",  # words and numbers
        rb"(.)",
    )
)
# fmt: off
_HOSTILE = (
    b"", b'""', b"0", b"-1", b"-0", b"1e999", b"NaN", b"Infinity", b"1_000", b"0x10", b"9" * 12, b"9" * 400,
    b"0." + b"0" * 15 + b"1", b"+.5", b"<", b">=<1", b"1-2-3", b"1:", b"=", b"5,3", b"10^9/L", b"*10*9/l",
    b"0000", b"00010101", b"9999", b"99991231235959.9999+1400", b"00010101000000+1400", b"20240230",
    b"2024-02-30",
    b"20241027013000", b"20240331023000", b"20231231235960", b"24:00", b"2024-W01-1", b"--02-29",
    b"\\", b"\\\\", b"\\X0D\\", b"\\X\\", b"\\XZZ\\", b"\\F\\\\S\\\\T\\\\R\\\\E\\", b"\\.sp+99999\\",
    b"\\M26212A\\", b"\\H\\",
    b"\0", b"\x0b", b"\x1c\r", b"\xef\xbb\xbf", b"\xff\xfe", b"\x85", b"\xe2\x80\xa8", b"\xed\xa0\x80",
    b"\x1b$B", b"\x1b(J",
    b"\xd9\xa3", b"\xc2\xb2", b"\xc5\xbf", b"\xce\xbc", b"\xc2\xb5", b"\xe2\x80\x8b", b"\xc4\xb0",
    b"\xf0\x9f\x92\x89",
    b"MSH|^~\\&|", b"\rMSH|^~\\&|A|B", b"FHS|^~\\&|", b"BTS|99999", b"~", b"^", b"&", b"|",
    b"UNICODE UTF-16", b"ISO IR87",
    b"&a ", b"*a", b"!!python/object:os.system ", b"<<: ", b"- ", b"? ", b"[", b"{", b"|", b">",
    b"%YAML 9.9", b"---\n", b"'", b"#",
)
# fmt: on
_LONGEST_PIECE = 200
_MOST_PIECES = 5000


class Mutator:
    """Takes an input to another one of at most so many bytes, as atheris asks for it.

    ``seeds`` give the pieces that are put in beside what is hostile by itself; ``bytewise`` is atheris' own
    mutator, which has a quarter of the turns.
    """

    def __init__(self, seeds: Iterable[bytes], bytewise: Callable[[bytes, int], bytes]) -> None:
        pieces = {piece for seed in seeds for level in _LEVELS[:3] for piece in level.split(seed)[::2]}
        short = sorted(piece for piece in pieces if 0 < len(piece) <= _LONGEST_PIECE)
        Random(0).shuffle(short)
        self._pieces = (*short[:_MOST_PIECES], b"")
        self._bytewise = bytewise

    def __call__(self, data: bytes, most: int, seed: int) -> bytes:
        """Never empty, which atheris does not take."""
        random = Random(seed)
        if random.random() < 0.25:
            return self._bytewise(data, most)
        for _ in range(random.choice((1, 1, 2, 4, 8))):
            data = self._changed(data[:most], random, most)
        return data[:most] or b"\n"

    def _changed(self, data: bytes, random: Random, most: int) -> bytes:
        begin = random.randrange(len(data) + 1)
        end = begin + random.choice((8, 64, 512, most))
        parts = random.choice(_LEVELS).split(data[begin:end])
        here, there = random.randrange(len(parts)), random.randrange(len(parts))
        change = random.randrange(7)
        if change == 0:
            del parts[here : here + random.choice((1, 2, 2, 4, 16))]
        elif change == 1:
            run = parts[here : here + random.choice((1, 2, 2, 6))]
            longest = max(1, most // (sum(map(len, run)) + 1))
            parts[here:here] = run * min(2 ** random.choice((0, 0, 0, 1, 2, 4, 8, 16)), longest)
        elif change == 2:
            parts[here], parts[there] = parts[there], parts[here]
        elif change == 3:
            parts[here] = random.choice(_HOSTILE)
        elif change == 4:
            parts.insert(here, random.choice(_HOSTILE))
        elif change == 5:
            parts[here] = random.choice(self._pieces)
        else:
            parts[here:here] = [random.choice(self._pieces), parts[there]]
        return data[:begin] + b"".join(parts) + data[end:]
