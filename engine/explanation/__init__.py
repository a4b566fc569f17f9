"""One message's whole path: what was read, what each code was taken for, what the rules said and why.

It holds patient data, for the person who asked.
"""

from engine.explanation.explain import explain
from engine.explanation.told import CodeTold, EventTold, Explanation, PersonTold, RuleTold, SegmentTold

__all__ = ["CodeTold", "EventTold", "Explanation", "PersonTold", "RuleTold", "SegmentTold", "explain"]
