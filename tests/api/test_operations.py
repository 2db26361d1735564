"""Health, readiness, metrics and the description of the API."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from msgspec.structs import replace

from api.api_settings import ApiSettings
from api.app import create_app
from api.http.reference import page
from api.log.standing import FRESH_S
from schemas.settings import SettingError, read_settings
from schemas.standing import Report, encode_report
from tests.api.conftest import Submit
from tests.api.support import serving, wait_ready

pytestmark = pytest.mark.usefixtures("decider")


def test_a_process_with_all_services_is_ready(server: str) -> None:
    assert httpx.get(f"{server}/healthz", timeout=60).json() == {"status": "ok"}
    answer = httpx.get(f"{server}/readyz", timeout=60)
    up = {"state": "up", "detail": None}
    assert answer.json() == {
        "status": "ready",
        "kafka": up,
        "decisions": up,
        "postgresql": up,
        "redis": up,
        "standing_still": [],
    }


@pytest.fixture
def status_topic(settings: ApiSettings) -> Iterator[str]:
    """Of its own: what is told here would be silence, and so a standstill, for all tests that follow."""
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    topic = f"status-{uuid.uuid4().hex[:8]}"
    admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(60)
    yield topic
    admin.delete_topics([topic])[topic].result(60)


def test_a_partition_that_stands_still_is_told_with_what_to_do(
    settings: ApiSettings, status_topic: str
) -> None:
    """As a worker tells it; silence is told, too, and what others write is not."""
    with serving(settings.model_copy(update={"status_topic": status_topic})) as base_url:
        wait_ready(base_url)
        tell_and_ask(base_url, settings.kafka, status_topic)


def tell_and_ask(server: str, kafka: str, topic: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    since = now - timedelta(hours=1)
    fine = Report("worker", 0, "w1", "working", now, 7)
    still = Report("ledger", 1, "s1", "standing_still", now, since=since, why="a gap at 7", remedy="mend it")
    producer = Producer({"bootstrap.servers": kafka})

    def tell(*values: bytes) -> None:
        for value in values:
            producer.produce(topic, value, "key", partition=1)
        assert producer.flush(10) == 0

    def readiness() -> Any:
        time.sleep(FRESH_S)
        answer = httpx.get(f"{server}/readyz", timeout=60)
        assert answer.status_code == 200
        return answer.json()

    old = replace(still, partition=2, at=now - timedelta(minutes=5))
    tell(*map(encode_report, (fine, still, old)), b"a note of somebody", b"")
    found = readiness()
    assert found["status"] == "degraded"
    assert found["standing_still"] == [
        {
            "part": "ledger",
            "partition": 1,
            "since": since.isoformat().replace("+00:00", "Z"),
            "why": "a gap at 7",
            "what_to_do": "mend it",
        },
        {
            "part": "ledger",
            "partition": 2,
            "since": old.at.isoformat().replace("+00:00", "Z"),
            "why": found["standing_still"][1]["why"],
            "what_to_do": "look at that process and its log, or start `spendlog sink ledger` anywhere",
        },
    ]
    assert found["standing_still"][1]["why"].startswith("its process s1 has said nothing for 30")
    working = replace(still, state="working", since=None, why=None, remedy=None)
    tell(encode_report(replace(working, partition=2, at=datetime.now(UTC))))
    tell(encode_report(working))
    assert readiness()["status"] == "ready"


@pytest.mark.usefixtures("engineering")
def test_metrics_count_by_route_template(server: str, submit: Submit, client: httpx.Client) -> None:
    submit("counted")
    client.get("/v1/authorizations/some-secret-id")
    client.get("/nowhere-to-be-found")
    text = httpx.get(f"{server}/metrics", timeout=60).text
    assert 'spendlog_api_requests_total{method="POST",route="/v1/authorizations",status="200"}' in text
    assert 'route="/v1/authorizations/{authorization_id}",status="404"' in text
    assert 'route="unknown",status="404"' in text
    assert "spendlog_api_decision_wait_seconds_bucket" in text
    assert "spendlog_api_waiters 0.0" in text
    assert "spendlog_api_tail_lag_records" in text
    assert "spendlog_api_tail_up 1.0" in text
    assert "some-secret-id" not in text
    assert "nowhere-to-be-found" not in text


def test_the_description_is_complete(settings: ApiSettings) -> None:
    described = create_app(settings).openapi()
    json.dumps(described)
    assert "HTTPValidationError" not in described["components"]["schemas"]
    for reference in _references(described):
        assert reference.rpartition("/")[2] in described["components"]["schemas"], reference
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            if path.startswith("/v1"):
                answers = operation["responses"]
                if {"apiKey": []} in operation["security"]:
                    assert {"400", "401", "403", "422", "500", "503"} <= answers.keys(), (method, path)
                    assert "404" in answers or "{" not in path, (method, path)
                assert {"500", "503"} <= answers.keys(), (method, path)
                assert "401" in answers or not operation["security"], (method, path)
                for status, answer in answers.items():
                    if status >= "400":
                        assert list(answer["content"]) == ["application/problem+json"]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []


def test_the_reference_page_needs_nothing_from_elsewhere(server: str) -> None:
    page = httpx.get(f"{server}/docs", timeout=60)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"""(src|href)\s*=\s*["']?https?:|url\(|@import""", page.text)
    assert "<script" not in page.text
    for operation in (
        "Ask for an authorization",
        "Look up an authorization",
        "Look at a budget",
        "Set a department&#x27;s budget",
        "Send an event",
        "Look at the policy in force",
        "Set a policy for the whole company",
        "List what is in force in each department",
        "Look at a card",
        "Look at a department&#x27;s balances",
        "Look at the trial balance",
    ):
        assert operation in page.text
    assert httpx.get(f"{server}/openapi.json", timeout=60).json()["info"]["title"] == "spendlog"


def test_the_reference_page_shows_markup_as_text() -> None:
    info = {"title": "<script>x</script>", "version": "1", "description": "`<b>` & **<i>**"}
    shown = page({"info": info, "paths": {}})
    assert "<script>" not in shown
    assert "<code>&lt;b&gt;</code> &amp; <b>&lt;i&gt;</b>" in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPENDLOG_KAFKA", "no port"),
        ("SPENDLOG_POSTGRES", "mysql://x/y"),
        ("SPENDLOG_REDIS", ""),
        ("SPENDLOG_API_WAIT_S_MAX", "3"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, settings: ApiSettings, name: str, value: str
) -> None:
    for other in ("kafka", "postgres", "redis"):
        monkeypatch.setenv(f"SPENDLOG_{other.upper()}", getattr(settings, other))
    assert read_settings(ApiSettings).kafka == settings.kafka
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        read_settings(ApiSettings)
    assert str(caught.value).startswith(f"setting {name} is ")
    assert "\n" not in str(caught.value)
    assert settings.postgres not in str(caught.value)
