"""azawatch: an HL7 v2 lab-feed engine that watches patients on azathioprine or mercaptopurine."""

__version__ = "0.1.0"
