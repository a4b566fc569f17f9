"""The same engine over an archive, in one share or in several, at once or continued."""

from engine.replay.chunks import Chunk, Remarks, chunks_of
from engine.replay.plan import OneShare, Plan, SplitPlan
from engine.replay.run import Hands, Listener, OwnHands, Reached, Replay, Roster, replay
from engine.replay.scratch import scratch_folder
from engine.replay.share import Load, Share, Step, portable
from engine.replay.state import State, check_private, locked, made_private
from engine.replay.summary import ReplaySummary

__all__ = [
    "Chunk",
    "Hands",
    "Listener",
    "Load",
    "OneShare",
    "OwnHands",
    "Plan",
    "Reached",
    "Remarks",
    "Replay",
    "ReplaySummary",
    "Roster",
    "Share",
    "SplitPlan",
    "State",
    "Step",
    "check_private",
    "chunks_of",
    "locked",
    "made_private",
    "portable",
    "replay",
    "scratch_folder",
]
