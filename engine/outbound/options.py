"""What a site chooses about the alerts it receives; everything has a working default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engine.model.finding import Severity

R40Structure = Literal["ORU_R40", "ORU_R01"]
"""Which of the two definitions of ORU^R40 the receiver validates by; they are never mixed.

``ORU_R40``: version 2.6 with that structure name, as IHE ACM PCD-04 pre-adopted the event.
``ORU_R01``: version 2.8 with that structure name, as HL7 itself published it.
"""


@dataclass(frozen=True, slots=True)
class Code:
    """An identifier and its name in the ISO/IEEE 11073 nomenclature (coding system MDC)."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class R40Codes:
    """The codes of an alert and its facets; vendors differ in them (68480-68485 or 68164-68168)."""

    alarm: Code = Code("196616", "MDC_EVT_ALARM")
    high: Code = Code("196648", "MDC_EVT_HI")
    low: Code = Code("196670", "MDC_EVT_LO")
    source: Code = Code("68480", "MDC_ATTR_ALERT_SOURCE")
    phase: Code = Code("68481", "MDC_ATTR_EVENT_PHASE")
    state: Code = Code("68482", "MDC_ATTR_ALARM_STATE")
    inactivation: Code = Code("68483", "MDC_ATTR_ALARM_INACTIVATION_STATE")
    priority: Code = Code("68484", "MDC_ATTR_ALARM_PRIORITY")
    type: Code = Code("68485", "MDC_ATTR_ALERT_TYPE")


@dataclass(frozen=True, slots=True)
class Priorities:
    """The IHE ACM priority (PH high, PM medium, PL low, PN none) of each severity."""

    critical: str = "PH"
    urgent: str = "PM"
    review: str = "PL"
    info: str = "PN"

    def of(self, severity: Severity) -> str:
        """The priority of ``severity``."""
        return {
            Severity.CRITICAL: self.critical,
            Severity.URGENT: self.urgent,
            Severity.REVIEW: self.review,
            Severity.INFO: self.info,
        }[severity]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How alerts are addressed and worded for one receiver.

    ``sending_oid`` names this installation in MSH-3 and in the identifiers of alerts; without it they
    carry the application name only. ``profile_id``, ``profile_namespace`` and ``profile_oid`` are MSH-21
    of the R40 format. ``pager_ascii`` spells pager text in ASCII, for gateways that know nothing else.
    """

    sending_application: str = "AZAWATCH"
    sending_oid: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    profile_id: str = "IHE_PCD_ACM_001"
    profile_namespace: str = "IHE PCD"
    profile_oid: str = "1.3.6.1.4.1.19376.1.6.4.4"
    r40_structure: R40Structure = "ORU_R40"
    r40_codes: R40Codes = field(default_factory=R40Codes)
    priorities: Priorities = field(default_factory=Priorities)
    pager_ascii: bool = False
