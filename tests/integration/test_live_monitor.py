"""What somebody who watches a running engine sees: probes, metrics, and nothing of a patient."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from engine.monitor.metrics import LINKS
from tests.integration.installation import (
    INBOUND,
    MESSAGES,
    ROOT,
    Installation,
    RunningEngine,
    day_files,
    wait_until,
)
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker


def ask(address: str, path: str) -> tuple[int, str]:
    """Status and body of one page."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def address_of(engine: RunningEngine) -> str:
    return str(engine.wait_for("monitor listening")["detail"])


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def parts(body: str) -> dict[str, Any]:
    return {name: part["state"] for name, part in json.loads(body)["parts"].items()}


def personal() -> set[str]:
    """Names, numbers, birth dates and results of the patients of the sample day, as they are sent."""
    found = set()
    for file in day_files():
        text = file.read_bytes().decode("latin-1")
        for line in re.split(r"[\r\n]+", text):
            fields = line.split("|")
            if fields[0] == "PID":
                found |= set(re.split(r"[\^~&]", "^".join((*fields[3:4], *fields[5:6], *fields[7:8]))))
            if fields[0] == "OBX" and len(fields) > 5 and fields[2] == "NM" and "." in fields[5]:
                found.add(fields[5])
    return {word for word in found if len(word) > 3} - {"NORTH", "STEVENS", "RIVERSIDE", "2026"}


@pytest.fixture
def watched(site: Installation) -> tuple[Installation, RunningEngine]:
    """A running engine that serves health and metrics."""
    site.settings["MONITOR__ADDRESS"] = "127.0.0.1:0"
    return site, site.start()


def test_metrics_agree_with_the_ledger_and_name_no_patient(
    watched: tuple[Installation, RunningEngine],
) -> None:
    """A sample day: what Prometheus scrapes is what the store says, and holds no word of a patient."""
    site, engine = watched
    address = address_of(engine)
    site.send(MESSAGES)
    site.wait_until_done(len(day_files()))
    wait_until(
        lambda: ("azawatch_inbound_ready_messages", INBOUND) in samples(ask(address, "/metrics")[1]),
        "the broker has told the depth of the queue",
    )
    status, text = ask(address, "/metrics")
    found = samples(text)
    store = site.store()

    assert status == 200
    assert {
        (key[1], key[2]): int(value) for key, value in found.items() if key[0] == "azawatch_messages_total"
    } == {(how, why): count for how, why, count in store.disposition_counts()}
    told = Counter((event.severity.value, event.phase.value) for event in store.alert_events())
    counted = {
        (key[2], key[1]): int(value)
        for key, value in found.items()
        if key[0] == "azawatch_alert_events_total" and value
    }
    assert counted == told
    held = Counter(row.message["reason"] for row in store.quarantined(state="held"))
    assert {
        key[1]: int(value) for key, value in found.items() if key[0] == "azawatch_quarantine_held_messages"
    } == held
    assert found["azawatch_outbox_messages",] == found["azawatch_outbox_oldest_seconds",] == 0
    assert found["azawatch_inbound_ready_messages", INBOUND] == 0
    assert found["azawatch_batch_commit_seconds_count",] == found["azawatch_batch_decide_seconds_count",] > 0
    assert {found["azawatch_broker_connected", link] for link in LINKS} == {1}
    assert found["azawatch_store_up",] == 1
    assert {key[1] for key in found if key[0] == "azawatch_newest_message_age_seconds"} <= set(
        yaml.safe_load((ROOT / "mappings/sites.yaml").read_text("utf-8"))
    )
    words = set(re.split(r'[\s",{}=]+', text))
    assert len(personal()) > 100
    assert words & personal() == set()
    assert len(text.splitlines()) < 400


def test_a_broker_that_goes_away_is_told_until_it_is_back(
    watched: tuple[Installation, RunningEngine], broker: PrivateBroker
) -> None:
    """Ready only while both connections stand; alive all the time; what was lost is counted."""
    _, engine = watched
    address = address_of(engine)
    engine.wait_for("engine ready")
    assert ask(address, "/health/ready")[0] == 200
    broker.shut_down()
    try:
        wait_until(
            lambda: (
                {"inbound": "lost", "outbound": "lost"}.items()
                <= parts(ask(address, "/health/ready")[1]).items()
            ),
            "both connections are told to be lost",
        )
        assert ask(address, "/health/ready")[0] == 503
        assert ask(address, "/health/live")[0] == 200
        found = samples(ask(address, "/metrics")[1])
        assert {found["azawatch_broker_connected", link] for link in LINKS} == {0}
    finally:
        broker.start()
    wait_until(lambda: ask(address, "/health/ready")[0] == 200, "ready again")

    status, body = ask(address, "/health/ready")
    assert parts(body)["inbound"] == parts(body)["outbound"] == "open"
    assert {samples(ask(address, "/metrics")[1])["azawatch_broker_lost_total", link] for link in LINKS} == {1}
    assert status == 200
    assert ask(address, "/")[0] == 404
    assert engine.terminate() == 0
