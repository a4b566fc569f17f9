"""``azawatch run``."""

from __future__ import annotations

from engine.cli.shared import ConfigOption, ProtocolOption, load_settings


def run(protocol: ProtocolOption = None, config: ConfigOption = None) -> None:
    """Run the engine until SIGTERM or Ctrl-C.

    Reads the inbound queues, writes decisions to the store, publishes alerts. It declares nothing on the
    broker: "azawatch topology apply" does that once, with an account that may. Stopping finishes the
    batch under way, commits, acknowledges and exits 0. Logs go to stderr, one JSON object a line.
    """
    from engine import app

    app.run(load_settings(config, protocol=protocol))
