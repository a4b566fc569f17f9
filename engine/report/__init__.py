"""A replay as one HTML file: what came in, what was told, and why, with a picture of every alert."""

from engine.report.gathering import Gathered
from engine.report.page import Titles, patient_names, render_report

__all__ = ["Gathered", "Titles", "patient_names", "render_report"]
