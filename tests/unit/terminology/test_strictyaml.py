"""YAML without surprises: text stays text, lines are kept, clever features are refused."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError
from engine.strictyaml import Reader, Scalar, Sequence, Table, load


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, "f.yaml")
    return [str(defect) for defect in caught.value.defects]


def test_every_scalar_is_text() -> None:
    """Norway stays no, dates stay dates as written, and numbers keep their zeros."""
    root = load("a: no\nb: 2026-03-01\nc: 5.0\nd: 1_000\ne: ~\nf: 0x10\ng:\n", "f.yaml")

    assert isinstance(root, Table)
    texts = {key: node.text for key, node in root.entries.items() if isinstance(node, Scalar)}
    assert texts == {
        "a": "no",
        "b": "2026-03-01",
        "c": "5.0",
        "d": "1_000",
        "e": "~",
        "f": "0x10",
        "g": "",
    }


def test_nodes_know_their_lines() -> None:
    """A defect found later can still say where."""
    root = load("a: 1\n\nb:\n  - x\n  - y: ''\n", "f.yaml")

    assert isinstance(root, Table)
    assert root.line_of("b") == 3
    assert root.line_of("absent") == 1
    items = root.entries["b"]
    assert isinstance(items, Sequence)
    assert [item.line for item in items.items] == [4, 5]
    inner = items.items[1]
    assert isinstance(inner, Table)
    assert inner.entries["y"] == Scalar("", 5, quoted=True)


def test_an_empty_document_is_an_empty_table() -> None:
    """A file of comments is not a crash."""
    assert load("# nothing\n", "f.yaml") == Table({}, 1)


def test_all_duplicate_keys_are_found() -> None:
    """YAML would silently keep the last."""
    found = complaints("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n")

    assert found == [
        'f.yaml:2: duplicate key "a" (first used on line 1; keep one of them)',
        'f.yaml:5: duplicate key "c" (first used on line 4; keep one of them)',
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x 1\n", 'f.yaml:1: anchor "&x"'),
        ("a: &x 1\nb: *x\n", 'f.yaml:2: alias "*x"'),
        ("a: !!int 1\n", "f.yaml:1: tag"),
        ("a: !b 1\n", 'f.yaml:1: tag "!b"'),
        ("<<: {a: 1}\n", 'f.yaml:1: merge key "<<"'),
        ("a: 1\n---\nb: 2\n", "f.yaml:3: a second YAML document"),
        ("[1, 2]: x\n", "f.yaml:1: a key must be plain text"),
        ("a: b: c\n", "f.yaml:1: not valid YAML"),
        ("a:\n\t- b\n", "indent with spaces, not tabs"),
        ("a: [1\n", "not valid YAML"),
        ("a: \x00\n", "save the file as UTF-8 text"),
        ("a: &x [*x]\n", "alias"),
    ],
)
def test_what_is_not_plain_is_refused(text: str, complaint: str) -> None:
    """A reader of the file should see every value where it counts."""
    assert any(complaint in line for line in complaints(text))


def test_nested_aliases_do_not_exhaust_memory() -> None:
    """Ten levels of ten aliases are refused before they are followed."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]

    assert any("alias" in line for line in complaints("\n".join(lines)))


def test_the_reader_collects_defects_and_goes_on() -> None:
    """An author gets all mistakes of a file at once."""
    root = load("a: [x]\nb: y\nc: maybe\nd: ''\nf: [[1]]\ng: []\n", "f.yaml")
    reader = Reader("f.yaml")
    table = reader.table(root, "top")
    reader.only_keys(table, ("a", "b", "c", "d", "f", "g"), "top")
    reader.only_keys(table, ("a", "b", "c", "d", "f"), "top")
    results = [
        reader.text(table, "a", "top"),
        reader.text(table, "d", "top", required=True),
        reader.text(table, "e", "top", required=True, default="z"),
        reader.texts(table, "b", "top"),
        reader.texts(table, "e", "top", required=True),
        reader.texts(table, "f", "top"),
        reader.texts(table, "g", "top", required=True),
        reader.boolean(table, "c", "top", default=True),
        reader.boolean(table, "e", "top", default=True),
        reader.table(table.entries["b"], "b"),
    ]

    assert results == ["", "", "z", (), (), (), (), False, True, Table({}, 2)]
    with pytest.raises(ConfigError) as caught:
        reader.finish()
    assert [(defect.line, defect.message) for defect in caught.value.defects] == [
        (1, '"a" in top must be one text'),
        (1, 'top has no "e"'),
        (1, 'top has no "e"'),
        (2, '"b" in top must be a list'),
        (2, "b must be a table of keys and values"),
        (3, '"c" in top is "maybe"'),
        (4, '"d" in top is empty'),
        (5, '"f" in top must hold plain texts'),
        (6, '"g" in top is empty'),
        (6, 'unknown key "g" in top'),
    ]


def test_finish_is_silent_when_all_is_well() -> None:
    """Nothing to report, nothing raised."""
    Reader("f.yaml").finish()
