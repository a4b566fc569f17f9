"""ADT^A40, A18 and A34: which number goes, and whose it becomes."""

from __future__ import annotations

import pytest

from engine.errors import ContentError
from engine.identity import MergeInstruction, merges
from engine.model.disposition import Reason
from engine.model.person import Identifier
from tests.unit.identity.segments import SITE, segments

NEW = Identifier("STEVENS", "NEW", "MR")
OLD = Identifier("STEVENS", "OLD", "MR")
ENTERPRISE = Identifier("ENT", "900", "PI")


def merged(pid3: str, mrg1: str) -> tuple[MergeInstruction, ...]:
    return merges(
        segments("EVN|A40|20260312", f"PID|1||{pid3}||TESTCASE", "PD1|1", f"MRG|{mrg1}", "PV1|1"), SITE
    )


def pairs(pid3: str, mrg1: str) -> list[tuple[str, str]]:
    (instruction,) = merged(pid3, mrg1)
    return [(new.value, old.value) for new, old in instruction.pairs]


def test_ids_pair_up_by_authority_and_type() -> None:
    """The hospital number goes to the hospital number, whatever stands first; the rest is untouched."""
    assert merged("900^^^ENT^PI~NEW^^^STEVENS^MR", "OLD^^^STV^MR") == (
        MergeInstruction((NEW, ENTERPRISE), (OLD,), ((NEW, OLD),)),
    )


def test_several_ids_are_retired_at_once() -> None:
    """Both numbers of the retired record lead to the survivor."""
    assert pairs("NEW^^^STEVENS^MR~900^^^ENT^PI", "901^^^ENT^PI~OLD^^^STEVENS^MR") == [
        ("900", "901"),
        ("NEW", "OLD"),
    ]


def test_a_bare_old_number_finds_its_partner_within_its_authority() -> None:
    """Senders that never fill CX-4 and CX-5 of MRG-1 are still understood."""
    assert pairs("900^^^ENT^PI~NEW^^^STEVENS^MR", "OLD") == [("NEW", "OLD")]


def test_equally_many_ids_pair_up_by_position() -> None:
    """The standard's default, where authorities are of no help."""
    assert pairs("A^^^ONE^MR~B^^^TWO^MR", "C^^^THREE^MR~D^^^FOUR^MR") == [("A", "C"), ("B", "D")]


def test_a_bare_old_number_without_any_partner_is_refused() -> None:
    """A number of our default authority is not merged into one of several foreign ones by guesswork."""
    with pytest.raises(ContentError) as refused:
        merged("900^^^ENT^PI~A^^^ONE^MR", "OLD")

    assert (refused.value.reason, refused.value.location) == (Reason.MERGE_UNPAIRED, "MRG[1]-1")
    assert "OLD" not in str(refused.value)


def test_the_old_number_listed_among_the_new_ones_is_not_paired_with_itself() -> None:
    """Many senders put every number the patient ever had into PID-3."""
    assert pairs("OLD^^^STEVENS^MR~NEW^^^STEVENS^MR", "OLD^^^STEVENS^MR") == [("NEW", "OLD")]


def test_a_merge_into_itself_does_nothing() -> None:
    """A resent merge whose survivor is the retired number is no instruction."""
    assert merged("OLD^^^STEVENS^MR", "OLD^^^STEVENS^MR") == ()


def test_a40_repeats() -> None:
    """Every PID with its own MRG is taken."""
    found = merges(
        segments(
            "PID|1||NEW^^^STEVENS^MR",
            "MRG|OLD^^^STEVENS^MR",
            "PID|2||X^^^STEVENS^MR",
            "PD1|1",
            "MRG|Y^^^STEVENS^MR",
        ),
        SITE,
    )

    assert [[(new.value, old.value) for new, old in each.pairs] for each in found] == [
        [("NEW", "OLD")],
        [("X", "Y")],
    ]


def test_a_merge_of_accounts_is_none_of_ours() -> None:
    """An account merged under one patient changes no patient."""
    assert merged("NEW^^^STEVENS^MR", "123^^^STEVENS^AN") == ()


@pytest.mark.parametrize("mrg1", ["", '""', "UNKNOWN^^^STEVENS^MR", "0000"])
def test_a_merge_without_a_usable_old_number_is_refused(mrg1: str) -> None:
    """Somebody has to look at it: results of the old number would be watched by nobody."""
    with pytest.raises(ContentError) as refused:
        merged("NEW^^^STEVENS^MR", mrg1)

    assert refused.value.reason == Reason.MERGE_UNPAIRED


def test_a_merge_into_nobody_is_refused() -> None:
    """PID-3 has no usable id."""
    with pytest.raises(ContentError) as refused:
        merged("1^^^STEVENS^AN", "OLD^^^STEVENS^MR")

    assert (refused.value.reason, refused.value.location) == (Reason.NO_PATIENT_IDENTIFIER, "PID[1]-3")


@pytest.mark.parametrize("lines", [("PID|1||NEW^^^STEVENS^MR",), ("MRG|OLD^^^STEVENS^MR",)])
def test_half_a_merge_is_refused(lines: tuple[str, ...]) -> None:
    """A PID without MRG, or an MRG without PID, cannot be carried out."""
    with pytest.raises(ContentError) as refused:
        merges(segments(*lines), SITE)

    assert refused.value.reason == Reason.MERGE_UNPAIRED
