"""What the engine tells about itself to those who watch it: health, metrics, and the service manager.

Nothing here decides anything, and nothing of a patient is known here: labels are dispositions, reasons,
severities, queues of the settings and names of sites.
"""

from engine.monitor.monitor import Limits, Monitor
from engine.monitor.vitals import PartState, Vitals

__all__ = ["Limits", "Monitor", "PartState", "Vitals"]
