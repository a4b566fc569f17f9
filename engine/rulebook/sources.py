"""The list of sources (docs/sources.md): which document, section and quotation a rule may cite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.rulebook.rule import Source
from engine.rulebook.syntax import near


@dataclass(frozen=True, slots=True)
class SourceBook:
    """Documents by title, their sections by title, the quotations that stand under each section."""

    documents: Mapping[str, Mapping[str, tuple[str, ...]]]

    def faults(self, source: Source) -> Iterator[tuple[str, str, str]]:
        """What does not resolve: the key of the source at fault, a message and a hint."""
        sections = self.documents.get(source.document)
        if sections is None:
            message = f'document "{source.document}" is not in docs/sources.md'
            yield "document", message, near(source.document, self.documents)
        elif source.section not in sections:
            message = f'section "{source.section}" is not in docs/sources.md under that document'
            yield "section", message, near(source.section, sections)
        elif source.quote and not any(source.quote in quoted for quoted in sections[source.section]):
            message = f'"{source.quote}" is not quoted in docs/sources.md'
            yield "quote", message, "quote word for word, and add the quotation under that section"


def read_sources(text: str) -> SourceBook:
    """The book of a Markdown text: ``## document``, ``### section``, ``> quotation`` lines."""
    documents: dict[str, dict[str, tuple[str, ...]]] = {}
    sections: dict[str, tuple[str, ...]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            sections, section = documents.setdefault(line[3:].strip(), {}), ""
        elif line.startswith("### "):
            section = line[4:].strip()
            sections.setdefault(section, ())
        elif line.startswith("> ") and section:
            sections[section] += (line[2:].strip(),)
    return SourceBook(documents)
