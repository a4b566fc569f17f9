"""What an archive holds that nobody has mapped, and what it may be."""

from engine.survey.judging import IGNORE, SuggestedCode, SuggestedRow, judge
from engine.survey.reading import FEW, MOST_PERSONS, SenderSurvey, Survey

__all__ = [
    "FEW",
    "IGNORE",
    "MOST_PERSONS",
    "SenderSurvey",
    "SuggestedCode",
    "SuggestedRow",
    "Survey",
    "judge",
]
