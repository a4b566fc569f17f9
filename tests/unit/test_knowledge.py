"""Reading rules and mappings together: all defects, and a revision that names the content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.knowledge import KnowledgeFolders, load_knowledge
from engine.settings import default_mappings_folder, default_rules_folder, default_sources_file


@pytest.fixture
def folders(tmp_path: Path) -> KnowledgeFolders:
    """A copy of the shipped knowledge."""
    shutil.copytree(default_rules_folder(), tmp_path / "rules")
    shutil.copytree(default_mappings_folder(), tmp_path / "mappings")
    return KnowledgeFolders(tmp_path / "rules", tmp_path / "mappings", default_sources_file())


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_the_revision_names_the_content(folders: KnowledgeFolders) -> None:
    """The same files give the same revision anywhere; one changed number gives another."""
    first = load_knowledge(folders, "strictest").revision
    assert load_knowledge(folders, "strictest").revision == first

    rule = folders.rules / "azathioprine" / "a02-alt-ast-500.yaml"
    edit(rule, "alt >= 500 U/L", "alt >= 501 U/L")

    assert load_knowledge(folders, "strictest").revision != first


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("switches.yaml", "default: literal", "default: split"),
        ("protocols/s2.yaml", "restart.stop: s2_5xbaseline_500", "restart.stop: strictest"),
    ],
)
def test_the_revision_covers_switches_and_protocols(
    folders: KnowledgeFolders, file: str, old: str, new: str
) -> None:
    """Whoever changes a choice decides otherwise about somebody, be it under another protocol."""
    first = load_knowledge(folders, "strictest").revision

    edit(folders.rules / file, old, new)

    assert load_knowledge(folders, "strictest").revision != first


def test_the_revision_covers_how_people_are_bound(folders: KnowledgeFolders) -> None:
    """The protocol of the site, and whether indications count."""
    revisions = {
        load_knowledge(folders, protocol, by_indication=by_indication).revision
        for protocol in ("strictest", "s2")
        for by_indication in (False, True)
    }

    assert len(revisions) == 4


def test_defects_of_both_folders_are_told_at_once(folders: KnowledgeFolders) -> None:
    """A defect in the mappings does not hide one in the rules."""
    edit(folders.rules / "azathioprine" / "a02-alt-ast-500.yaml", "severity: critical", "severity: terrible")
    with (folders.mappings / "units.csv").open("a", encoding="utf-8") as units:
        units.write("bogus,row\n")

    with pytest.raises(ConfigError) as caught:
        load_knowledge(folders, "strictest")

    files = [defect.file for defect in caught.value.defects]
    assert files == ["mappings/units.csv", "rules/azathioprine/a02-alt-ast-500.yaml"]


def test_an_unknown_protocol_is_named_with_those_there_are(folders: KnowledgeFolders) -> None:
    """A misspelt protocol stops the start instead of leaving no rule in force."""
    with pytest.raises(ConfigError, match="strictest"):
        load_knowledge(folders, "strictes")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The engine never runs without rules by mistake."""
    gone = KnowledgeFolders(tmp_path / "rules", tmp_path / "mappings", default_sources_file())

    with pytest.raises(ConfigError, match="no such folder"):
        load_knowledge(gone, "strictest")
