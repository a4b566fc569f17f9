"""Messages of 10 MB, and a burst: as many small messages as there is patience for."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

MIB = 1 << 20


def many_observations(count: int = 100_000) -> bytes:
    """One message of ``count`` OBX, 10 MB where there are 100,000, and an ALT that alerts at its very end."""
    lines = [*_head("MANY", "MANY1")]
    lines += [
        f"OBX|{number}|NM|X{number % 50}^invented analyte number {number % 50} of a very long profile^L||"
        f"{number % 97}|U/L|10-90||||F"
        for number in range(1, count)
    ]
    lines.append(f"OBX|{count}|NM|1742-6^ALT^LN||900|U/L|10-40||||F")
    return ("\r".join(lines) + "\r").encode()


def with_document(size: int = 9 * MIB) -> bytes:
    """One message with a PDF of about ``size`` bytes in an OBX, and an ALT that alerts behind it."""
    pdf = b"%PDF-1.4\n" + random.Random(1).randbytes(size * 3 // 4)
    lines = [
        *_head("DOCUMENT", "DOCUMENT1"),
        f"OBX|1|ED|PDF^report^L||^application^pdf^Base64^{base64.b64encode(pdf).decode()}||||||F",
        "OBX|2|NM|1742-6^ALT^LN||800|U/L|10-40||||F",
    ]
    return ("\r".join(lines) + "\r").encode()


def burst(count: int) -> Iterator[bytes]:
    """Small messages about as many patients as a tenth of them, none of whom takes anything."""
    for number in range(count):
        lines = [
            *_head(f"BURST{number % (count // 10)}", f"BURST{number}"),
            "OBX|1|NM|1742-6^ALT^LN||30|U/L|10-40||||F",
        ]
        yield ("\r".join(lines) + "\r").encode()


def _head(patient: str, control: str) -> tuple[str, ...]:
    return (
        rf"MSH|^~\&|NORTHLAB|NORTH|||20260312200000+0000||ORU^R01^ORU_R01|{control}|P|2.5.1",
        f"PID|1||{patient}^^^NORTH^MR||Invented^Ida||19800101|F",
        f"OBR|1||{control}|LFT|||20260312190000+0000",
    )


ROSTER = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n" + "".join(
    f"{patient},NORTH,start,2025-01-01,azathioprine,100,,\n" for patient in ("MANY", "DOCUMENT")
)
"""Those of the large messages take azathioprine."""
