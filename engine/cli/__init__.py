"""The command line: ``azawatch``, also ``python -m engine``."""

from engine.garbage import look_seldom

look_seldom()  # before the rest is loaded

from engine.cli.main import main  # noqa: E402

__all__ = ["main"]
