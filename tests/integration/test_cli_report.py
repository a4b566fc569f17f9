"""``azawatch replay --report``: one file that explains itself, and nobody is named in it unasked."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.integration.installation import MESSAGES, ROSTER
from tests.integration.terminal import Terminal


class Page(HTMLParser):
    """The ids, links, pictures and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("href", "src") and value:
                self.links.append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


def reported(terminal: Terminal, *arguments: str | Path) -> str:
    """The report of the sample day."""
    file = terminal.folder / "report.html"
    terminal.type("replay", MESSAGES, "--roster", ROSTER, "--report", file, "--lenient", *arguments)
    return file.read_text(encoding="utf-8")


@pytest.fixture
def html(terminal: Terminal) -> str:
    return reported(terminal)


def test_it_tells_what_came_in_and_what_was_told(html: str) -> None:
    """Counts, senders, codes, held messages with their reasons, and every alert with its picture."""
    page = Page(html)

    for word in (
        "STEVLIS|STEVENS",
        "ORU^R01",
        "no-patient-identifier",
        "NL-ALAT2",
        "a02-alt-ast-500",
        "1742-6",
        "iso8859-1",
        "Time to resolution",
        "The numbers of this picture",
    ):
        assert word in page.text, word
    assert page.tags.count("svg") >= 20


def test_it_needs_nothing_from_anywhere(html: str) -> None:
    """No script, no network: it can be filed, mailed and opened on a closed machine."""
    page = Page(html)

    assert "script" not in page.tags
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"(https?:)?//", re.sub(r"<!doctype.*?>", "", html))


def test_patients_are_numbered_unless_asked_otherwise(terminal: Terminal, html: str) -> None:
    """A report may leave the hospital; with --identify the nurse finds the patient."""
    assert "H0041714" not in html
    assert "patient 1" in html

    assert "H0041714 STEVENS" in reported(terminal, "--identify")


def test_two_reports_are_byte_identical(terminal: Terminal, html: str) -> None:
    """An archive answers the same on Monday and on Friday."""
    assert reported(terminal) == html
