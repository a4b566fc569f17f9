"""Every setting, its type and its default."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from engine.addresses import each_host
from engine.settings.values import listening, not_a_flag, pairs, split

PREFIX = "AZAWATCH_"
SECRETS = ("amqp_url", "store_url", "site_key")
"""Settings that may come from a file of their own: ``amqp_url_file``, ``AZAWATCH_AMQP_URL_FILE``."""

SQLITE = "sqlite:///"
MINIMUM_SITE_KEY = 32

LARGEST_MESSAGE = 536_870_912
"""Bytes; RabbitMQ takes no larger ones, however it is set."""

A_LIFE = 36_500
"""Days; whoever writes more has written another number than was meant."""

A_MONTH = 43_200
"""Minutes."""

_PACKAGE = Path(__file__).resolve().parent.parent


def _knowledge(name: str) -> Path:
    """A part of the shipped knowledge: beside the package in a checkout, inside it when installed."""
    installed = _PACKAGE / "_knowledge" / name
    return installed if installed.exists() else _PACKAGE.parent / name


def default_rules_folder() -> Path:
    """The rules that this version of the engine was tested with."""
    return _knowledge("rules")


def default_mappings_folder() -> Path:
    """The code, unit and drug tables that this version of the engine was tested with."""
    return _knowledge("mappings")


def default_sources_file() -> Path:
    """The list of the documents that rules may cite."""
    return _knowledge("docs/sources.md")


def _amqp_url(value: SecretStr) -> SecretStr:
    try:
        hosts = [urlsplit(address) for address in each_host(value.get_secret_value())]
        usable = all(one.scheme in ("amqp", "amqps") and one.hostname and one.port != 0 for one in hosts)
    except ValueError:  # its text quotes the address, and so perhaps the password
        usable = False
    if not usable:
        raise ValueError(
            "not an AMQP address: write amqp://user:password@host:5672/%2F (or amqps://; the nodes of a "
            "cluster as host:5672,host:5672), with / : @ # % of user and password as %2F %3A %40 %23 %25"
        )
    return value


def _store_url(value: SecretStr) -> SecretStr:
    address = value.get_secret_value()
    try:
        parts = urlsplit(address)
        if parts.scheme == "postgresql":
            usable = bool(parts.hostname and parts.path.strip("/")) and parts.port != 0
        else:
            file = address.removeprefix(SQLITE)
            usable = address != file and bool(file.strip("/")) and "?" not in file
    except ValueError:  # its text quotes the address, and so perhaps the password
        usable = False
    if not usable:
        raise ValueError(
            "not the address of a database: write sqlite:///azawatch.db (relative), "
            "sqlite:////var/lib/azawatch/azawatch.db (absolute) or postgresql://user:password@host/database, "
            "with / : @ # % of user and password as %2F %3A %40 %23 %25"
        )
    return value


def _site_key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if key and len(key) < MINIMUM_SITE_KEY:
        raise ValueError(f"too short to hide anything: at least {MINIMUM_SITE_KEY} characters")
    return value


Count = Annotated[int, BeforeValidator(not_a_flag), Field(ge=1)]
CountOrZero = Annotated[int, BeforeValidator(not_a_flag), Field(ge=0)]
Seconds = Annotated[float, BeforeValidator(not_a_flag), Field(gt=0)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Names = Annotated[tuple[Name, ...], NoDecode, BeforeValidator(split), Field(min_length=1)]
Formats = Annotated[
    tuple[Literal["hl7_r40", "hl7_r01", "event_json", "pager_text"], ...],
    NoDecode,
    BeforeValidator(split),
    Field(min_length=1),
]


Minutes = Annotated[dict[Name, Annotated[CountOrZero, Field(le=A_MONTH)]], NoDecode, BeforeValidator(pairs)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Topology(_Section):
    """Names of queues and exchanges on the broker; ``quarantine`` names both an exchange and its queue.

    ``spread``: the feed exchange divides messages among the inbound queues, by a hash of the routing key.
    """

    inbound: Names = ("azawatch.inbound",)
    ack: Name = "azawatch.ack"
    alerts_exchange: Name = "azawatch.alerts"
    alerts_queue: Name = "azawatch.alerts.out"
    quarantine: Name = "azawatch.quarantine"
    spread: bool = False

    @model_validator(mode="after")
    def _each_of_its_own(self) -> Self:
        """An engine that reads the queue of the alerts takes them away from whoever pages."""
        queues = (*self.inbound, self.ack, self.alerts_queue, self.quarantine)
        twice = {name for name in queues if queues.count(name) > 1}
        if self.alerts_exchange == self.quarantine:
            twice.add(self.quarantine)
        if twice:
            raise ValueError(f"one name for two things: {', '.join(sorted(twice))}")
        return self


class Flow(_Section):
    """How much is taken in and sent out at a time.

    ``prefetch``: messages on the way to us and not yet acknowledged; ``batch_max_messages``: of what waits,
    as many in one transaction; ``publish_window``: alerts sent and not yet confirmed, which is also the most
    copies that a crash can cause; ``processing_ids``: MSH-11 that are taken in; ``max_message_bytes``:
    anything longer is quarantined; ``batch_timeout_s``: a batch that is not done by then ends the process,
    whose messages are then taken in one by one, each read within 15 s and 3 s for each MB, and decided with
    as much processor time; ``shutdown_timeout_s``: how long a stop may wait for confirms.
    """

    prefetch: Annotated[Count, Field(le=65_535)] = 300
    batch_max_messages: Annotated[Count, Field(le=10_000)] = 50
    publish_window: Annotated[Count, Field(le=65_535)] = 200
    processing_ids: Names = ("P",)
    max_message_bytes: Annotated[Count, Field(le=LARGEST_MESSAGE)] = 10_000_000
    batch_timeout_s: Annotated[Seconds, Field(le=3600)] = 60.0
    shutdown_timeout_s: Annotated[Seconds, Field(le=3600)] = 20.0


class HL7Header(_Section):
    """MSH of the messages that we send: MSH-3 (component 1 and, as ISO OID, 2), -4, -5 and -6."""

    sending_application: Name = "AZAWATCH"
    sending_application_oid: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


class R40(_Section):
    """Variants of the ``hl7_r40`` format.

    ``structure``: ``ORU_R40`` is sent as version 2.6 (IHE PCD-04), ``ORU_R01`` as 2.8; ``profile_oid`` is
    the OID in MSH-21, which differs between alert managers.
    """

    structure: Literal["ORU_R40", "ORU_R01"] = "ORU_R40"
    profile_oid: Name = "1.3.6.1.4.1.19376.1.6.4.4"


class Alerts(_Section):
    """What is published about an alert: one message per format."""

    formats: Formats = ("hl7_r40",)
    hl7: HL7Header = HL7Header()
    r40: R40 = R40()


class History(_Section):
    """``lookback_days``: how long results of people who are not on therapy are kept; 0 keeps none.

    ``assumed_ranges``: where a laboratory prints no reference range, the published one of
    ``reference_ranges.csv`` stands in, and every alert that rests on it says so.
    """

    lookback_days: Annotated[CountOrZero, Field(le=A_LIFE)] = 180
    assumed_ranges: bool = False


class Exposure(_Section):
    """``days_after_stop``: results collected this long after the last dose are still judged."""

    days_after_stop: Annotated[CountOrZero, Field(le=A_LIFE)] = 90


class BaselineWindow(_Section):
    """``window_days``: how long before the start or restart a value may count towards the baseline."""

    window_days: Annotated[Count, Field(le=A_LIFE)] = 365


class Sweep(_Section):
    """``every_minutes``: how often time is judged: tests that are overdue, alerts that nobody takes on."""

    every_minutes: Annotated[Count, Field(le=1440)] = 10


class CatchingUp(_Section):
    """``after_hours``: what messages tell that were sent so long ago is held back while such messages come.

    It is told when the feed is no longer behind, and after ``hold_minutes`` at the latest; 0 hours: never
    held back.
    """

    after_hours: Annotated[CountOrZero, Field(le=8760)] = 12
    hold_minutes: Annotated[Count, Field(le=60)] = 10


class SecondReader(_Section):
    """``every_messages``: of so many messages one is read by python-hl7 too and compared; 0: none.

    At least one a minute is, where any come.
    """

    every_messages: CountOrZero = 1000


class Escalation(_Section):
    """After how many minutes an alert that nobody has acknowledged is told again; 0 never."""

    critical_minutes: Annotated[CountOrZero, Field(le=A_MONTH)] = 0
    urgent_minutes: Annotated[CountOrZero, Field(le=A_MONTH)] = 0


class Monitor(_Section):
    """``address``: where health and metrics are served, without a password; empty: nowhere.

    ``hung_seconds``: a loop that has not come round for so long is hung; waiting for a broker takes up to 40.
    ``outbox_seconds``: a message that should be out for so long is late.
    """

    address: Annotated[str, AfterValidator(listening)] = ""
    hung_seconds: Annotated[Seconds, Field(ge=60, le=3600)] = 120.0
    outbox_seconds: Annotated[Seconds, Field(le=86_400)] = 300.0


class Feeds(_Section):
    """Senders of results that are silent for longer than usual.

    ``silent_minutes``: by site of ``mappings/sites.yaml``, or ``APPLICATION|FACILITY`` of a sender that is in
    none, how long it may be silent; 0: for ever. What is usual of the others is learnt from themselves;
    ``least_minutes``: less than this is never too long; 0 learns nothing.
    """

    silent_minutes: Minutes = Field(default_factory=dict)
    least_minutes: Annotated[CountOrZero, Field(le=A_MONTH)] = 60


class Heartbeat(_Section):
    """``every_minutes``: how often a test alert goes the whole way; 0 never."""

    every_minutes: Annotated[CountOrZero, Field(le=1440)] = 0


class Log(_Section):
    """``level``: from which level on lines are written; ``format``: JSON, or for reading at a terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Settings(BaseSettings):
    """All settings of one process, frozen. Build it with :func:`load`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    amqp_url: Annotated[SecretStr, AfterValidator(_amqp_url)] = SecretStr(
        "amqp://guest:guest@localhost:5672/%2F"
    )
    amqp_url_file: Path | None = None
    store_url: Annotated[SecretStr, AfterValidator(_store_url)] = SecretStr("sqlite:///azawatch.db")
    store_url_file: Path | None = None
    site_key: Annotated[SecretStr, AfterValidator(_site_key)] = SecretStr("")
    site_key_file: Path | None = None
    rules: Path = Field(default_factory=default_rules_folder)
    mappings: Path = Field(default_factory=default_mappings_folder)
    protocol: Name = "strictest"
    protocol_by_indication: bool = False
    topology: Topology = Topology()
    flow: Flow = Flow()
    alerts: Alerts = Alerts()
    history: History = History()
    exposure: Exposure = Exposure()
    baseline: BaselineWindow = BaselineWindow()
    sweep: Sweep = Sweep()
    catching_up: CatchingUp = CatchingUp()
    second_reader: SecondReader = SecondReader()
    escalation: Escalation = Escalation()
    monitor: Monitor = Monitor()
    feeds: Feeds = Feeds()
    heartbeat: Heartbeat = Heartbeat()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only: ``load`` lays the sources over each other, to know where each value is from."""
        return (init_settings,)

    @property
    def store_address(self) -> str:
        """The database, with the password that opens it."""
        return self.store_url.get_secret_value()

    @property
    def store_file(self) -> Path | None:
        """The database file that ``store_url`` names; None where it names a server."""
        file = self.store_address.removeprefix(SQLITE)
        return Path(file) if file != self.store_address else None

    def redacted(self) -> dict[str, str]:
        """Every setting by its dotted name, as text without secrets, for ``azawatch doctor``."""
        return {name: _shown(value) for name, value in _leaves(self)}


def names() -> list[tuple[str, ...]]:
    """Every setting as its path: ``("flow", "prefetch")``."""
    return list(_paths(Settings))


def _paths(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Section):
            yield from _paths(field.annotation, (*above, name))
        else:
            yield (*above, name)


def _leaves(model: BaseModel, above: str = "") -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, _Section):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        if value.get_secret_value().startswith(SQLITE):
            return value.get_secret_value()
        address = urlsplit(value.get_secret_value())
        if not address.hostname:
            return "***" if value.get_secret_value() else ""
        user = f"{address.username}:***@" if address.username else ""
        hosts = address.netloc.rpartition("@")[2]
        return urlunsplit((address.scheme, user + hosts, address.path, "", ""))
    if isinstance(value, dict):
        return ", ".join(f"{name}={number}" for name, number in value.items())
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)
