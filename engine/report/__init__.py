"""Reports as one HTML file each: what a replay told and why, and what another set of rules would change."""

from engine.report.comparison import Sides, render_comparison
from engine.report.gathering import Gathered
from engine.report.names import patient_names
from engine.report.page import Titles, render_report

__all__ = ["Gathered", "Sides", "Titles", "patient_names", "render_comparison", "render_report"]
