"""Commands on the broker and the installation: ``topology`` and ``doctor``."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from engine import __version__
from engine.addresses import weaknesses
from engine.cli.shared import DEFECT, ConfigOption, load_settings, say, store_of
from engine.errors import ConfigError, Defect, EngineError

if TYPE_CHECKING:
    from engine.feeds import KnownFeed
    from engine.settings import Settings
    from engine.transports.topology import Topology

topology = typer.Typer(no_args_is_help=True, help="Queues and exchanges on the broker: apply, show.")

AmqpOption = Annotated[
    str | None, typer.Option("--amqp", metavar="URL", help="Broker; default: AZAWATCH_AMQP_URL.")
]


def _topology(settings: Settings) -> Topology:
    from engine.transports.topology import Topology

    names = settings.topology
    return Topology.named(
        inbound=names.inbound,
        ack=names.ack,
        alerts_exchange=names.alerts_exchange,
        alerts_queue=names.alerts_queue,
        quarantine=names.quarantine,
        spread=names.spread,
    )


@topology.command("apply")
def apply_topology(amqp: AmqpOption = None, config: ConfigOption = None) -> None:
    """Declare every queue, exchange and binding; needs an account that may configure. Safe to repeat."""
    from engine.transports.topology import apply

    settings = load_settings(config, amqp_url=amqp)
    for line in apply(settings.amqp_url.get_secret_value(), _topology(settings)):
        say(line)


@topology.command("show")
def show_topology(config: ConfigOption = None) -> None:
    """What the engine needs on the broker, and why."""
    from engine.transports.topology import describe

    typer.echo(describe(_topology(load_settings(config))))


def doctor(amqp: AmqpOption = None, config: ConfigOption = None) -> None:
    """Check settings, knowledge, store and broker; say what is wrong and what to do about it.

    Exit 2 when anything is.
    """
    from engine import app
    from engine.duties import feed_options
    from engine.feeds import known_feeds
    from engine.model.alert import ALARMS
    from engine.shared_clock import SharedClock
    from engine.store import SCHEMA_VERSION
    from engine.transports.topology import verify

    settings = load_settings(config, amqp_url=amqp)
    typer.echo(f"azawatch {__version__}, Python {platform.python_version()}")
    for name, value in settings.redacted().items():
        typer.echo(f"  {name} = {value}")

    def knowledge() -> str:
        loaded = app.knowledge_of(settings)
        return f"{len(loaded.rulebook.in_force)} rules in force, revision {loaded.revision}"

    def store() -> str:
        opened = store_of(settings)
        stuck = opened.stuck()
        if stuck:
            raise ConfigError(
                Defect(
                    key,
                    0,
                    f"{count} not delivered: {error}",
                    "deploy/RUNBOOK.md: An alert cannot be delivered",
                )
                for key, error, count in stuck
            )
        verdict = opened.check()
        held = len(opened.quarantined(state="held"))
        depth = opened.outbox_depth()
        counts = f"{held} messages quarantined, {depth} to publish"
        watch = opened.watch()
        every = timedelta(minutes=settings.sweep.every_minutes)
        if watch is not None and watch.is_ahead(SharedClock(opened, app.now)(), every):
            said = f"time was judged up to {_minute(watch.clock)}, which has not come"
            help_ = "set the clock of this machine right; the engine then judges everybody again"
            raise ConfigError([Defect("store", 0, said, help_)])
        until = "time never judged" if watch is None else f"time judged up to {_minute(watch.clock)}"
        return f"schema {SCHEMA_VERSION}, integrity {verdict}, {counts}, {until}"

    def senders() -> str:
        with store_of(settings).technical(reading=True) as technical:
            known = known_feeds(technical, feed_options(settings), app.now())
        heard = sum(feed.last_at is not None for feed in known)
        return "\n".join((f"{heard} heard, {len(known) - heard} not heard yet", *map(_sender, known)))

    def alarms() -> str:
        with store_of(settings).technical(reading=True) as technical:
            found = [alert for kind in ALARMS for alert in technical.alerts(kind).values()]
        told = (f"  {alert.kind} since {_minute(alert.started_at)}: {alert.subject}" for alert in found)
        return "\n".join((f"{len(found)} open", *told))

    def connections() -> str:
        weak = weaknesses(settings.amqp_url.get_secret_value(), settings.store_address)
        return "; ".join(f"WARNING, {one}" for one in weak) or "protected, or on this machine"

    def broker() -> str:
        warnings = verify(settings.amqp_url.get_secret_value(), _topology(settings))
        return "; ".join(("everything the engine needs is there", *warnings))

    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("knowledge", knowledge),
        ("connections", connections),
        ("store", store),
        ("senders of results", senders),
        ("alarms", alarms),
        ("broker", broker),
    )
    sound = [_checked(name, check) for name, check in checks]
    if not all(sound):
        raise typer.Exit(DEFECT)


def _sender(feed: KnownFeed) -> str:
    last = "never heard" if feed.last_at is None else f"last heard {_minute(feed.last_at)}"
    if feed.allowed is not None:
        return (
            f"  {feed.name}: {last}; alarm after {feed.allowed // timedelta(minutes=1)} minutes, {feed.why}"
        )
    return f"  {feed.name}: {last}; not watched, {feed.why or 'it has no habit yet'}"


def _minute(at: datetime) -> str:
    return at.astimezone().isoformat(sep=" ", timespec="minutes")


def _checked(name: str, check: Callable[[], str]) -> bool:
    from engine.store import NoStoreError

    try:
        typer.echo(f"{name}: {check()}")
    except NoStoreError as error:  # as it should be before the first start
        typer.echo(f"{name}: {error}")
    except ConfigError as error:
        for defect in error.defects:
            typer.echo(f"{name}: {defect}")
        return False
    except EngineError as error:
        typer.echo(f"{name}: {error}")
        return False
    return True
