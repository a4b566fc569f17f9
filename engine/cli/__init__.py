"""The command line: ``azawatch``, also ``python -m engine``."""

from engine.cli.main import main

__all__ = ["main"]
