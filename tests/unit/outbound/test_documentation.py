"""The examples that receivers build against are what the engine sends.

After a change on purpose, ``python -m tests.unit.outbound.test_documentation`` writes them anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.model.alert import AlertEvent
from engine.outbound import Format, render
from tests.unit.outbound.events import OPTIONS, OVERDUE, RETRACTION, START

PAGE = Path(__file__).parents[3] / "docs" / "alert-formats.md"
EXAMPLES = {
    "hl7_r40 start": (START, Format.HL7_R40),
    "hl7_r40 retraction": (RETRACTION, Format.HL7_R40),
    "hl7_r40 overdue": (OVERDUE, Format.HL7_R40),
    "hl7_r01 start": (START, Format.HL7_R01),
    "event_json start": (START, Format.EVENT_JSON),
    "pager_text start": (START, Format.PAGER_TEXT),
}
BLOCK = re.compile(r"(?P<head><!-- example: (?P<name>[^\n]+) -->\n```\w+\n)(?P<text>.*?)\n```", re.DOTALL)


def example(event: AlertEvent, form: Format) -> str:
    """What the page shows: a segment a line, JSON indented."""
    text = render(event, form, OPTIONS).body.decode()
    if form is Format.EVENT_JSON:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text.replace("\r", "\n").rstrip("\n")


def shown() -> dict[str, str]:
    return {block["name"]: block["text"] for block in BLOCK.finditer(PAGE.read_text())}


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_an_example_is_what_is_sent(name: str) -> None:
    """Somebody who builds a receiver from the page builds it right."""
    assert shown()[name] == example(*EXAMPLES[name])


def test_every_format_has_an_example_and_none_is_left_over() -> None:
    """The page keeps up with the formats."""
    assert set(shown()) == set(EXAMPLES)
    assert {form for _, form in EXAMPLES.values()} == set(Format)


def test_every_key_of_the_json_is_explained() -> None:
    """No key is sent that the page does not name."""
    text = PAGE.read_text()
    alert = json.loads(render(START, Format.EVENT_JSON, OPTIONS).body)
    keys = {*alert, *alert["patient"], *alert["evidence"][0], *alert["not_fired"][0]}

    assert {key for key in keys if f"`{key}`" not in text} == set()


def _write() -> None:
    def written(block: re.Match[str]) -> str:
        return f"{block['head']}{example(*EXAMPLES[block['name']])}\n```"

    PAGE.write_text(BLOCK.sub(written, PAGE.read_text()))


if __name__ == "__main__":
    _write()
