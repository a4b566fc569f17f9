"""What is said of a tube in a message of its own says the same as beside the values of that tube."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scenario.timeline import ANNA, Scenario
from tests.scenario.wire import message, obx, stamp

# Hypothesis counts the reading of the rules against the first example.
CHECKS = [HealthCheck.too_slow]
VALUES = {
    "alt": ("30", "610"),
    "ast": ("30", "650"),
    "wbc": ("1.9", "6.0"),
    "platelets": ("20", "200"),
    "inr": ("1.0", "2.1"),
    "sodium": ("140",),
}
INDEX = "OBX|1|{0}|HIX^Haemolysis index^L||{1}||{2}|{3}|||F"
INDICES = (
    ("ST", "3+", "", ""),
    ("ST", "none", "", ""),
    ("NM", "30", "0-50", ""),
    ("NM", "90", "0-50", ""),
    ("NM", "90", "", "H"),
    ("NM", "90", "", ""),
)
COMMENTS = ("Sample haemolysed", "No haemolysis", "Specimen clotted", "fasting")

parts = st.one_of(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.sampled_from(VALUES[name]).map(lambda value: (obx(name, value).segment(1),))
    ),
    st.sampled_from(INDICES).map(lambda index: (INDEX.format(*index),)),
    st.tuples(st.just(obx("sodium", "141").segment(1)), st.sampled_from(COMMENTS).map("NTE|1|L|{}".format)),
)


def told(messages: list[list[tuple[str, ...]]]) -> list[tuple[object, ...]]:
    """The open alerts after these messages of one tube, each with its words and labels."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    at = stamp(day.now)
    request = f"OBR|1||O1|LFT^Liver tests^L|||{at}|||||||||||||||{at}|||F"
    for observations in messages:
        lines = [line for observation in observations for line in observation]
        segments = [ANNA.segment(), request, *lines, "SPM|1|T1||119364003^Serum^SCT"]
        day.send(message("ORU^R01", day.control(), at, segments))
    return sorted(
        (each.family, each.subject, each.current.rule_id, each.current.message, each.current.labels)
        for each in day.open_alerts()
    )


def key_of(part: tuple[str, ...]) -> str:
    return part[0].split("|")[3]


@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS, derandomize=True)
@given(st.lists(parts, min_size=2, max_size=6, unique_by=key_of).flatmap(st.permutations))
def test_one_observation_a_message_tells_what_one_message_tells(observations: list[tuple[str, ...]]) -> None:
    """The same notices, the same labels, whichever comes first."""
    assert told([[each] for each in observations]) == told([observations])
