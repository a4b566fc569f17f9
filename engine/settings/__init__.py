"""Settings of one installation: a TOML file, the environment above it, checked as a whole at the start.

Every key of the file has an environment variable: ``flow.prefetch`` is ``AZAWATCH_FLOW__PREFETCH``.
``deploy/settings.example.toml`` lists them all with their defaults.
"""

from engine.settings.fields import (
    A_LIFE,
    Settings,
    default_mappings_folder,
    default_rules_folder,
    default_sources_file,
)
from engine.settings.loading import load
from engine.settings.secret import site_key

__all__ = [
    "A_LIFE",
    "Settings",
    "default_mappings_folder",
    "default_rules_folder",
    "default_sources_file",
    "load",
    "site_key",
]
