"""Settings: where they come from, and what a wrong one looks like to the person who wrote it."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.errors import ConfigError
from engine.settings import (
    Settings,
    default_mappings_folder,
    default_rules_folder,
    default_sources_file,
    load,
    site_key,
)
from engine.settings.fields import names

EXAMPLE = Path(__file__).parents[2] / "deploy" / "settings.example.toml"

FIVE_DEFECTS = """\
store_urls = "sqlite:///x.db"
# a comment
[flow]
prefetch = true
batch_max_messages = "some"
shutdown = 3
[topology]
inbound = ["a", ""]
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a settings file, and an environment without our variables."""
    for name in os.environ:
        if name.startswith("AZAWATCH_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = "azawatch.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def private(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = write(folder, text, "secret")
    file.chmod(mode)
    return file


def defects() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load()
    return [str(defect) for defect in caught.value.defects]


def test_defaults_stand_alone() -> None:
    """The engine starts on a laptop without a single setting."""
    settings = load()

    assert settings.amqp_url.get_secret_value() == "amqp://guest:guest@localhost:5672/%2F"
    assert settings.store_file == Path("azawatch.db")
    assert settings.topology.inbound == ("azawatch.inbound",)
    assert settings.rules == default_rules_folder()


def test_environment_wins_over_file_and_options_over_both(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator can override one value for one run without editing the file."""
    write(empty_folder, 'protocol = "file"\nrules = "file"\n[flow]\nprefetch = 10\npublish_window = 11\n')
    monkeypatch.setenv("AZAWATCH_FLOW__PREFETCH", "20")
    monkeypatch.setenv("AZAWATCH_PROTOCOL", "environment")
    monkeypatch.setenv("AZAWATCH_RULES", "environment")

    settings = load(overrides={"rules": Path("option"), "mappings": None})

    assert (settings.flow.prefetch, settings.flow.publish_window) == (20, 11)
    assert (settings.protocol, settings.rules) == ("environment", Path("option"))
    assert settings.mappings == default_mappings_folder()


def test_file_is_the_named_one_else_the_environments(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config is stronger than AZAWATCH_CONFIG, which is stronger than azawatch.toml of the folder."""
    write(empty_folder, 'protocol = "folder"')
    named = write(empty_folder, 'protocol = "named"', "named.toml")
    assert load().protocol == "folder"

    monkeypatch.setenv("AZAWATCH_CONFIG", str(write(empty_folder, 'protocol = "variable"', "variable.toml")))

    assert load().protocol == "variable"
    assert load(named).protocol == "named"


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several inbound queues can be given without knowing JSON."""
    monkeypatch.setenv("AZAWATCH_TOPOLOGY__INBOUND", "lab.oru, pharmacy.rde")
    monkeypatch.setenv("AZAWATCH_ALERTS__FORMATS", "hl7_r40,event_json")

    settings = load()

    assert settings.topology.inbound == ("lab.oru", "pharmacy.rde")
    assert settings.alerts.formats == ("hl7_r40", "event_json")


def test_every_defect_is_told_at_once_with_its_place(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody starts the engine five times to find five typing errors."""
    write(empty_folder, FIVE_DEFECTS)
    monkeypatch.setenv("AZAWATCH_LOG_LEVEL", "debug")
    monkeypatch.setenv("AZAWATCH_PREFETCH", "3")
    monkeypatch.setenv("AZAWATCH_ALERTS__FORMATS", "fax")

    formats, level, prefetch, *in_file = defects()

    assert formats.startswith("AZAWATCH_ALERTS__FORMATS: alerts.formats: Input should be 'hl7_r40', ")
    assert level == "AZAWATCH_LOG_LEVEL: unknown setting (did you mean AZAWATCH_LOG__LEVEL?)"
    assert prefetch == "AZAWATCH_PREFETCH: unknown setting (did you mean AZAWATCH_FLOW__PREFETCH?)"
    assert [defect.split(": Input should")[0] for defect in in_file] == [
        "azawatch.toml:1: store_urls: unknown setting (did you mean store_url?)",
        "azawatch.toml:4: flow.prefetch: a number is needed, not true or false",
        "azawatch.toml:5: flow.batch_max_messages",
        "azawatch.toml:6: flow.shutdown: unknown setting (did you mean flow.shutdown_timeout_s?)",
        "azawatch.toml:8: topology.inbound: String should have at least 1 character",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flow = 3", "azawatch.toml:1: flow: Input should be a valid dictionary or instance of Flow"),
        ("[flow]\nprefetch 3", "azawatch.toml:2: is not TOML: "),
        (
            "[flow]\nprefetch = 0",
            "azawatch.toml:2: flow.prefetch: Input should be greater than or equal to 1",
        ),
        ("[flow]\nprocessing_ids = []", "azawatch.toml:2: flow.processing_ids: "),
        ('store_url = "postgresql://db"', "azawatch.toml:1: store_url: not the address of a database: "),
        ('store_url = "mysql://db/x"', "azawatch.toml:1: store_url: not the address of a database: "),
        ('store_url = "sqlite://"', "azawatch.toml:1: store_url: not the address of a database: "),
        ('site_key = "short"', "azawatch.toml:1: site_key: too short to hide anything"),
        (
            '[topology]\ninbound = ["azawatch.alerts.out"]',
            "azawatch.toml:1: topology: one name for two things: azawatch.alerts.out",
        ),
        (
            '[topology]\ninbound = ["lab", "lab"]\nquarantine = "azawatch.alerts"',
            "azawatch.toml:1: topology: one name for two things: azawatch.alerts, lab",
        ),
        (
            "colour = 1",
            "azawatch.toml:1: colour: unknown setting (deploy/settings.example.toml lists them all)",
        ),
    ],
)
def test_unusable_value_is_refused(empty_folder: Path, text: str, expected: str) -> None:
    """A setting that cannot mean anything stops the start, with the line to look at."""
    write(empty_folder, text)

    assert defects()[0].startswith(expected)


@pytest.mark.parametrize(
    ("section", "setting", "most"),
    [
        ("flow", "prefetch", 65_535),
        ("flow", "batch_max_messages", 10_000),
        ("flow", "publish_window", 65_535),
        ("flow", "max_message_bytes", 536_870_912),
        ("flow", "shutdown_timeout_s", 3600),
        ("history", "lookback_days", 36_500),
        ("exposure", "days_after_stop", 36_500),
        ("baseline", "window_days", 36_500),
        ("sweep", "every_minutes", 1440),
        ("escalation", "critical_minutes", 43_200),
        ("escalation", "urgent_minutes", 43_200),
    ],
)
def test_a_number_too_large_to_be_meant_is_refused(
    empty_folder: Path, section: str, setting: str, most: int
) -> None:
    """A slip of the keyboard stops the start; it does not stop the feed, or time itself, later on."""
    write(empty_folder, f"[{section}]\n{setting} = {most}")
    assert load().redacted()[f"{section}.{setting}"].startswith(str(most))

    write(empty_folder, f"[{section}]\n{setting} = {most + 1}")
    assert defects() == [
        f"azawatch.toml:2: {section}.{setting}: Input should be less than or equal to {most}"
    ]


@pytest.mark.parametrize(
    "address",
    [
        "http://u:hunter2@host",
        "amqp://u:hunter2/x@host",
        "amqp://u:hunter2@[host",
        "amqp://u:hunter2@host,/lab",
        "amqp://u:hunter2@host,other:hunter2/lab",
        "amqp://",
        "hunter2",
    ],
)
def test_address_is_refused_without_quoting_its_password(empty_folder: Path, address: str) -> None:
    """The error text of a wrong broker address can be pasted into a ticket."""
    write(empty_folder, f'amqp_url = "{address}"')

    (defect,) = defects()

    assert defect.startswith("azawatch.toml:1: amqp_url: not an AMQP address")
    assert "hunter2" not in defect


def test_missing_and_unreadable_files_are_told(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named file that is not there is an error; settings are not silently the defaults."""
    monkeypatch.setenv("AZAWATCH_CONFIG", "absent.toml")
    assert defects() == [
        "absent.toml: cannot be read: No such file or directory (named by --config or AZAWATCH_CONFIG)"
    ]

    (empty_folder / "absent.toml").write_bytes(b"protocol = '\xff'")
    assert defects() == ["absent.toml: is not UTF-8 text"]


def test_variables_of_others_with_our_prefix_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Kubernetes a service named azawatch sets variables that look like ours."""
    for name in ("PORT", "SERVICE_HOST", "SERVICE_PORT", "PORT_9090_TCP_ADDR"):
        monkeypatch.setenv(f"AZAWATCH_{name}", "10.0.0.1")

    assert load() == Settings()


def test_section_in_one_variable_must_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A section name used as a variable is answered with how to write it."""
    monkeypatch.setenv("AZAWATCH_FLOW", "prefetch=3")

    assert defects() == [
        "environment: a variable of a whole section must be JSON (set its parts: AZAWATCH_FLOW__PREFETCH=300)"
    ]


def test_secret_is_read_from_its_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password can stay out of the environment and out of the settings file."""
    write(empty_folder, 'amqp_url = "amqp://file"')
    monkeypatch.setenv("AZAWATCH_AMQP_URL_FILE", str(private(empty_folder, "amqps://u:p@broker/lab\n")))

    assert load().amqp_url.get_secret_value() == "amqps://u:p@broker/lab"


@pytest.mark.parametrize(
    ("mode", "line", "expected"),
    [
        (0o644, "", "cannot be used: everybody on this machine can read it"),
        (0o600, 'amqp_url = "amqp://twice"', "amqp_url is given too (give the secret once)"),
    ],
)
def test_secret_file_must_be_private_and_the_only_source(
    empty_folder: Path, mode: int, line: str, expected: str
) -> None:
    """A secret that everybody can read, or that is given twice, is not accepted silently."""
    private(empty_folder, "amqp://u:p@broker", mode)
    write(empty_folder, f'amqp_url_file = "secret"\n{line}\n')

    (defect,) = defects()

    assert defect.startswith("azawatch.toml:1: ")
    assert expected in defect


def test_site_key_is_made_once_and_private(empty_folder: Path) -> None:
    """Log references of a patient stay the same over restarts, and nobody else can compute them."""
    settings = Settings(store_url=f"sqlite:///{empty_folder}/azawatch.db")

    first = site_key(settings)

    assert len(first) == 64
    assert first == site_key(settings)
    assert stat.S_IMODE((empty_folder / "azawatch.key").stat().st_mode) == 0o600
    assert [file.name for file in empty_folder.iterdir()] == ["azawatch.key"]


def test_site_key_of_the_settings_makes_no_file(empty_folder: Path) -> None:
    """A site that gives its own key finds no second one beside the database."""
    settings = Settings(store_url=f"sqlite:///{empty_folder}/azawatch.db", site_key="k" * 32)

    assert site_key(settings) == b"k" * 32
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("k" * 64, 0o644, "everybody on this machine can read it"),
        ("", 0o600, "the site key is incomplete"),
    ],
)
def test_unusable_site_key_stops_the_start(empty_folder: Path, text: str, mode: int, message: str) -> None:
    """A key that leaked or was cut is not used as if nothing had happened."""
    file = write(empty_folder, text, "azawatch.key")
    file.chmod(mode)

    with pytest.raises(ConfigError, match=message):
        site_key(Settings(store_url=f"sqlite:///{empty_folder}/azawatch.db"))


def test_missing_store_folder_is_told_with_the_site_key() -> None:
    """A wrong store folder is a sentence and not a traceback."""
    with pytest.raises(ConfigError, match="the site key is not usable: No such file or directory"):
        site_key(Settings(store_url="sqlite:///absent/azawatch.db"))


def test_settings_are_frozen() -> None:
    """What doctor showed at the start is in force until the end."""
    settings = load()

    with pytest.raises(ValidationError):
        settings.protocol = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.flow.prefetch = 1  # type: ignore[misc]


def test_redacted_view_shows_all_but_the_secrets() -> None:
    """The output of doctor can be sent to support."""
    settings = Settings(amqp_url="amqps://engine:hunter2@broker:5671/lab?x=hunter2", site_key="hunter2" * 8)

    shown = settings.redacted()

    assert "hunter2" not in f"{shown} {settings!r} {settings}"
    assert shown["amqp_url"] == "amqps://engine:***@broker:5671/lab"
    cluster = Settings(amqp_url="amqp://engine:hunt,er2@rabbit-1:5672,[::1]:5673,rabbit-3/lab").redacted()
    assert cluster["amqp_url"] == "amqp://engine:***@rabbit-1:5672,[::1]:5673,rabbit-3/lab"
    assert shown["site_key"] == "***"
    assert shown["topology.inbound"] == "azawatch.inbound"
    assert list(shown) == [".".join(name) for name in names()]


def test_example_file_lists_every_setting_with_its_default() -> None:
    """An administrator finds each setting, and its true default, in one file."""
    text = EXAMPLE.read_text(encoding="utf-8")
    commented = set(re.findall(r"^# (\w+) = ", text, re.MULTILINE))
    table = tomllib.loads(text)

    assert Settings(**table) == Settings()
    for name in names():
        section: object = table
        for part in name:
            section = section.get(part) if isinstance(section, dict) else None
        assert section is not None or name[0] in commented, f"{'.'.join(name)} is not in {EXAMPLE.name}"
    assert commented == {"amqp_url_file", "store_url_file", "site_key_file", "rules", "mappings"}


def test_shipped_knowledge_is_found_in_a_checkout() -> None:
    """Without a setting the engine uses the rules and mappings it came with."""
    assert default_rules_folder().name == "rules"
    assert default_mappings_folder().is_dir()
    assert default_sources_file().name == "sources.md"
