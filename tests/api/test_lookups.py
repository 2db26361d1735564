"""Reading what the views hold, at or after a position."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from api.api_settings import ApiSettings
from schemas.authorizations import Authorization, Status
from schemas.decisions import Contribution, Score
from schemas.events import Merchant
from schemas.reasons import Reason, ReasonCode
from schemas.topics import CARD_EVENTS, DECISIONS
from tests.api.conftest import budget_path
from tests.api.decider import Decider
from tests.api.support import Views, wait_until
from tests.patience import HUNG_S, WAITED_S

PARTITION = 2  # of the rows below; no event of these tests goes there


@pytest.fixture(scope="module", autouse=True)
def long_log(settings: ApiSettings, decider: Decider) -> None:
    """The positions of the rows below are within the log: one beyond its end is told so instead."""
    producer = Producer({"bootstrap.servers": settings.kafka})
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": "tests-lookups"})
    for partition in (PARTITION, 3):
        for _ in range(110):
            producer.produce(CARD_EVENTS.name, b"no event", partition=partition)
    assert producer.flush(20) == 0

    def end(partition: int) -> int:
        return consumer.get_watermark_offsets(TopicPartition(DECISIONS.name, partition), timeout=60)[1]

    wait_until(lambda: end(PARTITION) >= 110 and end(3) >= 110, 60.0)
    consumer.close()
    time.sleep(0.5)  # until the API's own reader knows it


def declined(organization: str, authorization_id: str = "auth_1", seq: int = 41) -> Authorization:
    return Authorization(
        organization_id=organization,
        department_id="engineering",
        authorization_id=authorization_id,
        status=Status.DECLINED,
        currency="USD",
        partition=PARTITION,
        seq=seq,
        decided_seq=seq,
        card_id="card_ada",
        cardholder="Ada",
        merchant=Merchant("Apple", "5732", "US"),
        occurred_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        updated_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        requested=4_800_000,
        reasons=(
            Reason(
                code=ReasonCode.BUDGET_EXCEEDED,
                subject="Engineering",
                currency="USD",
                limit=5_000_000,
                posted=100_000,
                held=500_000,
                requested=4_800_000,
            ),
        ),
        score=Score(
            0.93, "half-space-trees", "1", True, (Contribution("amount_vs_card", 8.0, 0.7, "8 × usual"),)
        ),
    )


@pytest.mark.parametrize("store", ["redis", "postgresql"])
@pytest.mark.parametrize("query", ["", "?department_id=engineering"])
def test_an_authorization_is_shown_from_either_view(
    client: httpx.Client, views: Views, organization: str, store: str, query: str
) -> None:
    views.redis.flushall()
    (views.to_status if store == "redis" else views.to_ledger)(declined(organization))
    answer = client.get(f"/v1/authorizations/auth_1{query}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["status"], body["response_code"], body["flagged"]) == ("declined", "61", True)
    assert body["requested"] == {"minor": 4_800_000, "currency": "USD"}
    assert body["reasons"][0]["message"].startswith(
        "Department 'Engineering' budget exceeded. Limit: $50,000"
    )
    assert body["reasons"][0]["available"] == {"minor": 4_400_000, "currency": "USD"}
    assert body["score"]["reasons"] == [
        {"feature": "amount_vs_card", "value": 8.0, "weight": 0.7, "words": "8 × usual"}
    ]
    assert body["merchant"] == {"name": "Apple", "mcc": "5732", "country": "US", "id": None}
    assert body["occurred_at"] == "2026-03-01T12:00:00Z"
    assert answer.headers["spendlog-position"] == body["position"] == "2:41"


def test_redis_answers_before_postgresql(client: httpx.Client, views: Views, organization: str) -> None:
    views.to_ledger(declined(organization, seq=41))
    views.to_status(declined(organization, seq=42))
    assert client.get("/v1/authorizations/auth_1").json()["position"] == "2:42"
    views.redis.flushall()
    assert client.get("/v1/authorizations/auth_1").json()["position"] == "2:41"


@pytest.mark.parametrize(
    "path", ["nowhere", "auth_1?department_id=marketing", "%00", "auth_1%20", "%E2%82%AC", "a" * 128]
)
def test_what_does_not_exist_is_404(client: httpx.Client, views: Views, organization: str, path: str) -> None:
    views.to_ledger(declined(organization))
    answer = client.get(f"/v1/authorizations/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_authorization")


def test_another_organizations_authorization_is_404(client: httpx.Client, views: Views) -> None:
    views.to_ledger(declined("someone-else", "auth_theirs"))
    views.to_status(declined("someone-else", "auth_theirs"))
    assert client.get("/v1/authorizations/auth_theirs").status_code == 404


@pytest.mark.parametrize("sent", ["header", "query"])
def test_a_position_that_is_reached_is_answered(
    client: httpx.Client, views: Views, organization: str, sent: str
) -> None:
    views.to_status(declined(organization))
    views.status_at(PARTITION, 42)
    headers = {"Spendlog-Position": "2:41"} if sent == "header" else {}
    params = {"position": "2:41"} if sent == "query" else {}
    assert client.get("/v1/authorizations/auth_1", headers=headers, params=params).status_code == 200


def test_a_position_is_waited_for(client: httpx.Client, views: Views, organization: str) -> None:
    views.redis.flushall()
    views.ledger_at(PARTITION, 90)

    def catch_up() -> None:
        time.sleep(0.3)
        views.to_ledger(declined(organization, seq=95))
        views.ledger_at(PARTITION, 96)

    thread = threading.Thread(target=catch_up)
    thread.start()
    started = time.monotonic()
    answer = client.get("/v1/authorizations/auth_1", headers={"Spendlog-Position": "2:95"})
    thread.join()
    assert (answer.status_code, answer.json()["position"]) == (200, "2:95")
    assert WAITED_S < time.monotonic() - started < HUNG_S


def test_a_position_that_is_not_reached_is_said_with_where_the_views_are(
    client: httpx.Client, views: Views, organization: str
) -> None:
    views.redis.flushall()
    views.ledger_at(PARTITION, 100)
    views.to_ledger(declined(organization))
    started = time.monotonic()
    answer = client.get(
        "/v1/authorizations/auth_1", headers={"Spendlog-Position": "2:100", "Prefer": "wait=1"}
    )
    assert WAITED_S < time.monotonic() - started < HUNG_S
    body = answer.json()
    assert (answer.status_code, body["code"]) == (503, "view_behind_position")
    assert body["views"] == {"redis": None, "postgresql": "2:99"}
    assert answer.headers["retry-after"] == "1"


def test_what_is_not_there_at_a_reached_position_is_404_at_once(client: httpx.Client, views: Views) -> None:
    views.ledger_at(PARTITION, 100)
    started = time.monotonic()
    assert client.get("/v1/authorizations/none", headers={"Spendlog-Position": "2:5"}).status_code == 404
    assert time.monotonic() - started < HUNG_S


def test_prefer_wait_follows_a_location(client: httpx.Client, views: Views, organization: str) -> None:
    timer = threading.Timer(0.3, views.to_ledger, [declined(organization, "auth_late")])
    timer.start()
    answer = client.get("/v1/authorizations/auth_late", headers={"Prefer": "wait=2"})
    timer.join()
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=2")


@pytest.mark.parametrize("position", ["", "x", "1", "1:", "-1:2", "1:2:3", "1:99999999999999999999", "1.0:2"])
def test_a_malformed_position_is_400(client: httpx.Client, organization: str, position: str) -> None:
    for path in ("/v1/authorizations/auth_1", budget_path(organization)):
        answer = client.get(path, headers={"Spendlog-Position": position})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_position")


def test_a_budget_shows_the_month_of_its_own_time_zone(
    client: httpx.Client, views: Views, organization: str
) -> None:
    period = datetime.now(ZoneInfo("America/New_York")).strftime("%Y-%m")
    views.budget(organization, "engineering", 5_000_000, seq=7)
    views.period(organization, "engineering", period, (5_000_000, 100_000, 600_000), seq=9)
    answer = client.get(budget_path(organization))
    assert answer.json() == {
        "organization_id": organization,
        "department_id": "engineering",
        "budget_id": "department",
        "level": "department",
        "subject": None,
        "name": "Engineering",
        "time_zone": "America/New_York",
        "currency": "USD",
        "calendar": {
            "period": "month",
            "time_zone": "America/New_York",
            "start_day": 1,
            "start_month": 1,
        },
        "period": period,
        "limit": {"minor": 5_000_000, "currency": "USD"},
        "tolerance": {"minor": 0, "currency": "USD"},
        "posted": {"minor": 100_000, "currency": "USD"},
        "held": {"minor": 600_000, "currency": "USD"},
        "available": {"minor": 4_300_000, "currency": "USD"},
        "removed": False,
        "changed_by": None,
        "changed_at": None,
        "position": "0:9",
    }
    assert answer.headers["spendlog-position"] == "0:9"


def test_a_past_month_keeps_its_limit_and_may_be_overspent(
    client: httpx.Client, views: Views, organization: str
) -> None:
    views.budget(organization, "engineering", 5_000_000, seq=7)
    views.period(organization, "engineering", "2025-11", (1_000, 1_500, 0), seq=3)
    body = client.get(budget_path(organization), params={"period": "2025-11"}).json()
    assert (body["limit"]["minor"], body["available"]["minor"], body["position"]) == (1_000, -500, "0:7")
    empty = client.get(budget_path(organization), params={"period": "2025-10"}).json()
    assert (empty["limit"]["minor"], empty["posted"]["minor"]) == (5_000_000, 0)


def test_a_budget_is_read_at_a_position(client: httpx.Client, views: Views, organization: str) -> None:
    views.budget(organization, "engineering", 5_000_000, seq=7, partition=3)
    views.ledger_at(3, 8)
    headers = {"Prefer": "wait=0"}
    path = budget_path(organization)
    assert client.get(path, headers=headers | {"Spendlog-Position": "3:7"}).status_code == 200
    behind = client.get(path, headers=headers | {"Spendlog-Position": "3:8"})
    assert (behind.status_code, behind.json()["views"]) == (503, {"postgresql": "3:7"})


def test_an_unknown_department_has_no_budget(client: httpx.Client, organization: str) -> None:
    answer = client.get(budget_path(organization, "nowhere"))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_department")
    assert client.get(budget_path("someone-else")).json()["code"] == "no_such_resource"
