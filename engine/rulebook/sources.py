"""The list of sources (docs/sources.md): which document, section and quotation a rule may cite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.rulebook.rule import Source
from engine.rulebook.syntax import near
from engine.strictyaml import Reader, Sequence, Table

QUOTE_WORDS = 15


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


def read_citations(reader: Reader, table: Table, what: str, book: SourceBook) -> tuple[Source, ...]:
    """The list under ``sources``, at least one {document, section, quote}; each must stand in the book."""
    node = table.entries.get("sources")
    if not isinstance(node, Sequence) or not node.items:
        hint = "list at least one {document, section, quote}"
        reader.defect(table.line_of("sources"), f"{what} has no sources", hint)
        return ()
    return tuple(_citation(reader, reader.table(item, "a source"), book) for item in node.items)


def _citation(reader: Reader, table: Table, book: SourceBook) -> Source:
    reader.only_keys(table, ("document", "section", "quote"), "a source")
    document = reader.text(table, "document", "a source", required=True)
    section = reader.text(table, "section", "a source", required=True)
    quote = reader.text(table, "quote", "a source")
    source = Source(document, section, quote)
    words = len(quote.split())
    if words > QUOTE_WORDS:
        reader.defect(table.line_of("quote"), f"a quote of {words} words", f"at most {QUOTE_WORDS}")
    elif document and section:
        for key, message, hint in book.faults(source):
            reader.defect(table.line_of(key), message, hint)
    return source
