"""Deployment files: what can be held true without a container engine or a booted systemd."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from engine.cli.main import app
from engine.settings import Settings
from engine.settings.fields import names

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VARIABLES = {"AZAWATCH_" + "__".join(name).upper() for name in names()} | {
    "AZAWATCH_CONFIG",
    "AZAWATCH_BROKER_PASSWORD",
}
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *DEPLOY.rglob("*.md"), *(ROOT / "docs").glob("*.md")]
)
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file with its merge keys resolved."""
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def command_of(words: list[str]) -> Any:
    """The command of azawatch that these words name; fails where there is none."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            break
        assert word in command.commands, f"azawatch has no command {' '.join(words)}"
        command = command.commands[word]
    return command


def test_compose_services_depend_on_services_and_volumes_that_exist(compose: dict[str, Any]) -> None:
    """The compose file has no loose ends."""
    assert set(compose["services"]) == {"rabbitmq", "topology", "engine"}
    for service in compose["services"].values():
        assert "image" in service
        for other, condition in service.get("depends_on", {}).items():
            assert other in compose["services"]
            assert condition["condition"] in {"service_healthy", "service_completed_successfully"}
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_compose_runs_commands_that_exist_and_keeps_the_state(compose: dict[str, Any]) -> None:
    """Topology is declared by one container before the engine starts in another, on a volume that stays."""
    services = compose["services"]
    for service in ("topology", "engine"):
        command_of(services[service]["command"])
        assert services[service]["read_only"] is True
        assert services[service]["cap_drop"] == ["ALL"]

    assert services["engine"]["depends_on"]["topology"]["condition"] == "service_completed_successfully"
    assert services["engine"]["volumes"] == ["state:/var/lib/azawatch"]
    assert int(services["engine"]["stop_grace_period"].rstrip("s")) > Settings().flow.shutdown_timeout_s


def test_image_copies_what_exists_and_does_not_run_as_root() -> None:
    """The image builds from the checkout, keeps its state on a volume and has an unprivileged user."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [source for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]]
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()

    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in allowed, f"{source} is kept out by Dockerfile.dockerignore"
    assert lines.index("USER azawatch") < lines.index('ENTRYPOINT ["azawatch"]')
    command_of(["doctor"])


def unit_settings() -> dict[str, list[str]]:
    """The settings of the systemd unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / "azawatch.service").read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_unit_starts_the_engine_without_privileges_and_waits_for_its_end() -> None:
    """The service account owns its state only, and a stop has time to commit."""
    unit = unit_settings()
    (start,) = unit["ExecStart"]
    words = shlex.split(start)

    assert words[0].endswith("/azawatch")
    assert words[2] in {option for each in command_of([words[1]]).params for option in each.opts}
    assert unit["User"] == ["azawatch"]
    assert (unit["NoNewPrivileges"], unit["ProtectSystem"]) == (["yes"], ["strict"])
    assert unit["LoadCredential"] == ["amqp_url:/etc/azawatch/amqp_url"]
    assert "AZAWATCH_AMQP_URL_FILE=%d/amqp_url" in unit["Environment"]
    assert float(unit["TimeoutStopSec"][0]) > Settings().flow.shutdown_timeout_s


def test_prometheus_rules_ask_for_metrics_and_entries_that_exist() -> None:
    """No rule is silent for ever because of a misspelt metric; each names what to do."""
    folder = DEPLOY / "prometheus"
    config = yaml.safe_load((folder / "prometheus.yml").read_text(encoding="utf-8"))
    (name,) = config["rule_files"]
    rules = yaml.safe_load((folder / name).read_text(encoding="utf-8"))["groups"][0]["rules"]
    runbook = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
    entries = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", runbook, re.MULTILINE)}
    documented = set(re.findall(r"`(azawatch_\w+)`", (ROOT / "docs/monitoring.md").read_text("utf-8")))

    for rule in rules:
        assert set(re.findall(r"azawatch_\w+", rule["expr"])) <= documented, rule["alert"]
        assert rule["annotations"]["runbook"].partition("#")[2] in entries, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}


def program(name: str, package: str) -> str:
    """Where a program is that checks what we deploy; without it the test is skipped, in CI it fails."""
    found = shutil.which(name)
    if found is None:
        told = f"{name} is not installed (Debian: {package})"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return found


def test_prometheus_rules_tell_of_each_fault_and_of_no_engine_that_is_well() -> None:
    """Prometheus itself reads the rules, and each speaks in its time, alone, and not before."""
    promtool = program("promtool", "prometheus")
    subprocess.run([promtool, "check", "config", DEPLOY / "prometheus/prometheus.yml"], check=True)
    tests = Path(__file__).with_name("prometheus_rules.yml")
    subprocess.run([promtool, "test", "rules", tests], check=True)
    rules = yaml.safe_load((DEPLOY / "prometheus/azawatch.rules.yml").read_text("utf-8"))["groups"][0][
        "rules"
    ]
    tried = set(re.findall(r'alertname="(\w+)"', tests.read_text("utf-8")))
    assert tried == {rule["alert"] for rule in rules}


def test_systemd_understands_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    """It has no word to say against it, and what it calls exposure is at most 2 of 10."""
    analyze = program("systemd-analyze", "systemd")
    unit = tmp_path / "azawatch.service"
    text = (DEPLOY / "systemd/azawatch.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/azawatch/bin/azawatch", "/bin/true"), encoding="utf-8")

    said = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    security = [analyze, "security", "--no-pager", "--offline=yes", "--threshold=20", str(unit)]
    subprocess.run(security, check=True)


@pytest.mark.parametrize("path", [*PAGES, *FILES], ids=name_of)
def test_named_settings_and_commands_exist(path: Path) -> None:
    """A page or file never tells to type a command, or to set a variable, that the engine does not have."""
    text = path.read_text(encoding="utf-8")

    assert set(re.findall(r"\bAZAWATCH_[A-Z_]*[A-Z]", text)) <= VARIABLES
    for words in re.findall(r"(?:`|\$ |/bin/)azawatch ((?:[a-z]+ ?)+)", text):
        command_of(words.split())
