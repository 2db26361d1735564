"""Endpoints and deliveries through the API; the sink and the sender are tests/sinks'."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from api.access.keys import Scope, create_key
from api.api_settings import ApiSettings

URL = "https://hooks.example.com/spendlog"
BOTH = [Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE]


class Hooks:
    """A company's webhooks, by a key that may do both."""

    def __init__(self, client: httpx.Client, postgres: str, organization: str) -> None:
        self.client = client
        self.postgres = postgres
        self.organization = organization

    def create(self, key: str = "hook", **members: Any) -> httpx.Response:
        body = {"url": URL, **members}
        return self.client.post("/v1/webhooks", json=body, headers={"Idempotency-Key": key})

    def made(self, key: str = "hook", **members: Any) -> dict[str, Any]:
        answer = self.create(key, **members)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(f"/v1/webhooks/{path}", json=body, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"/v1/webhooks/{path}".rstrip("/"), params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deliver(self, endpoint: str, number: int, **members: Any) -> str:
        """As sink and sender write it. Returns the event's id."""
        row = {
            "event_type": "card.frozen", "status": "delivered", "department_id": "engineering",
            "created_at": f"2026-03-01T12:00:{number:02d}Z",
        } | members  # fmt: skip
        event = f"evt_0_{number}_0"
        ended = None if row["status"] == "pending" else row["created_at"]
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO webhook_delivery (organization_id, endpoint_id, event_id, lane, body, attempts,"
                " event_type, status, department_id, created_at, ended_at)"
                " VALUES (%s, %s, %s, 'lane', '{\"a\": 1}', 1, %s, %s, %s, %s, %s)",
                [self.organization, endpoint, event, *row.values(), ended],
            )
            connection.execute(
                "INSERT INTO webhook_attempt VALUES (%s, %s, %s, 1, now(), 12, 500, 'answered 500', 'no')",
                [self.organization, endpoint, event],
            )
        return event


@pytest.fixture
def hooks(server: str, settings: ApiSettings, organization: str) -> Iterator[Hooks]:
    secret, _ = create_key(settings.postgres, organization_id=organization, name="hooks", scopes=BOTH)
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=server, headers=headers, timeout=60) as client:
        yield Hooks(client, settings.postgres, organization)


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def test_an_endpoint_is_made_and_its_secret_is_shown_once(hooks: Hooks) -> None:
    answer = hooks.create(event_types=["card.*", "card.*"], department_ids=["sales"], description="ERP")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    expected = {
        "url": URL, "description": "ERP", "event_types": ["card.*"], "department_ids": ["sales"],
        "status": "active", "paused_reason": None, "failing_since": None, "waiting": 0,
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected
    shown = hooks.get(made["endpoint_id"])
    assert "secret" not in shown
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert hooks.get("") == {"endpoints": [shown]}


def test_a_repeat_makes_no_second_one_and_does_not_show_the_secret_again(hooks: Hooks) -> None:
    first = hooks.made()
    again = hooks.create()
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json() == {**first, "secret": None}
    assert refused(hooks.create(description="other")) == (422, "idempotency_key_reused")
    assert len(hooks.get("")["endpoints"]) == 1


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"url": "http://hooks.example.com/"}, "body.url"),
        ({"url": "https://127.0.0.1/"}, "body.url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "body.url"),
        ({"url": "https://169.254.169.254/latest"}, "body.url"),
        ({"url": "https://localhost/"}, "body.url"),
        ({"url": "https://u:p@hooks.example.com/"}, "body.url"),
        ({"url": "https://hooks.example.com/" + "a" * 2_000}, "body.url"),
        ({"url": ""}, "body.url"),
        ({"url": 7}, "body.url"),
        ({"url": URL, "event_types": ["card.lost"]}, "body.event_types"),
        ({"url": URL, "event_types": ["*"]}, "body.event_types"),
        ({"url": URL, "event_types": ["card.frozen"] * 101}, "body.event_types"),
        ({"url": URL, "department_ids": ["a b"]}, "body.department_ids.0"),
        ({"url": URL, "description": "a" * 201}, "body.description"),
        ({"url": URL, "description": "a\0b"}, "body.description"),
        ({"url": URL, "colour": "red"}, "body.colour"),
        ({}, "body.url"),
    ],
)
def test_what_is_no_endpoint_is_refused_by_its_member(
    hooks: Hooks, members: dict[str, Any], field: str
) -> None:
    answer = hooks.client.post("/v1/webhooks", json=members, headers={"Idempotency-Key": "bad"})
    assert refused(answer) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert hooks.get("")["endpoints"] == []


def test_there_are_20_at_most(hooks: Hooks) -> None:
    for number in range(20):
        hooks.made(f"hook-{number}")
    assert refused(hooks.create("one-more")) == (409, "too_many_endpoints")
    assert hooks.create("hook-7").status_code == 201  # a repeat is no new one


def test_another_organizations_endpoint_is_not_there(
    hooks: Hooks, server: str, settings: ApiSettings
) -> None:
    endpoint = hooks.made()["endpoint_id"]
    event = hooks.deliver(endpoint, 1)
    secret, _ = create_key(settings.postgres, organization_id="org-strangers", name="s", scopes=BOTH)
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}
    span = {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    with httpx.Client(base_url=f"{server}/v1/webhooks/", headers=headers, timeout=60) as strange:
        answers = [
            strange.get(endpoint), strange.patch(endpoint, json={}), strange.delete(endpoint),
            strange.post(f"{endpoint}/secrets", json={}), strange.post(f"{endpoint}/test-events"),
            strange.get(f"{endpoint}/deliveries"), strange.get(f"{endpoint}/deliveries/{event}"),
            strange.post(f"{endpoint}/deliveries/{event}/replay"),
            strange.post(f"{endpoint}/replays", json=span),
        ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [404] * 9
    assert hooks.get(endpoint)["status"] == "active"


def test_a_change_holds_only_for_what_was_seen(hooks: Hooks) -> None:
    endpoint = hooks.made()["endpoint_id"]
    path = f"/v1/webhooks/{endpoint}"
    tag = hooks.client.get(path).headers["ETag"]
    changed = hooks.client.patch(path, json={"event_types": ["budget.*"]}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["event_types"]) == (200, ["budget.*"])
    assert changed.json()["url"] == URL
    for method in ("PATCH", "DELETE"):
        late = hooks.client.request(
            method, path, json={} if method == "PATCH" else None, headers={"If-Match": tag}
        )
        assert refused(late) == (412, "precondition_failed")
    assert refused(hooks.client.patch(path, json={"url": "https://10.0.0.1/"})) == (422, "invalid_request")
    gone = hooks.client.delete(path, headers={"If-Match": changed.headers["ETag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert refused(hooks.client.get(path)) == (404, "unknown_endpoint")


def test_a_paused_endpoint_begins_anew_when_it_is_set_active(hooks: Hooks) -> None:
    endpoint = hooks.made()["endpoint_id"]
    path = f"/v1/webhooks/{endpoint}"
    paused = hooks.client.patch(path, json={"status": "paused"}).json()
    assert (paused["status"], paused["paused_reason"]) == ("paused", "by request")
    with psycopg.connect(hooks.postgres, autocommit=True) as connection:
        connection.execute(
            "UPDATE webhook_endpoint SET failures = 7, failing_since = now(), paused_reason = 'it failed'"
            " WHERE endpoint_id = %s",
            [endpoint],
        )
        assert hooks.client.patch(path, json={"status": "paused"}).json()["paused_reason"] == "it failed"
        active = hooks.client.patch(path, json={"status": "active"}).json()
        assert (active["status"], active["paused_reason"], active["failing_since"]) == ("active", None, None)
        jobs = connection.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE lock = %s",
            [f"webhook:{hooks.organization}/{endpoint}"],
        ).fetchone()
    assert jobs == (1,)


def test_a_rotation_shows_the_new_secret_and_lets_the_old_one_overlap(hooks: Hooks) -> None:
    made = hooks.made()
    endpoint = made["endpoint_id"]
    rotated = hooks.post(f"{endpoint}/secrets", {"overlap_s": 3600}, "r1")
    assert rotated.status_code == 201, rotated.text
    assert rotated.json()["secret"] != made["secret"]
    ends = [secret["expires_at"] is None for secret in rotated.json()["secrets"]]
    assert ends == [True, False]
    assert refused(hooks.post(f"{endpoint}/secrets", {"overlap_s": 3600}, "r1")) == (409, "already_rotated")
    for number in range(4):
        last = hooks.post(f"{endpoint}/secrets", {}, f"more-{number}").json()
    assert len(last["secrets"]) == 3  # those before end at once
    none = hooks.post(f"{endpoint}/secrets", {"overlap_s": 0}, "at-once").json()
    assert len(none["secrets"]) <= 3 and none["secrets"][0]["expires_at"] is None
    assert refused(hooks.post(f"{endpoint}/secrets", {"overlap_s": -1}, "x")) == (422, "invalid_request")


def test_a_test_event_is_queued_once(hooks: Hooks) -> None:
    endpoint = hooks.made(event_types=["card.*"])["endpoint_id"]
    first, again = (hooks.post(f"{endpoint}/test-events", key="t1") for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    (delivery,) = hooks.get(f"{endpoint}/deliveries")["deliveries"]
    assert (delivery["event_id"], delivery["event_type"], delivery["status"]) == (
        first.json()["event_id"], "webhook.test", "pending",
    )  # fmt: skip
    shown = hooks.get(f"{endpoint}/deliveries/{delivery['event_id']}")
    assert shown["event"]["type"] == "webhook.test" and shown["event"]["id"] == delivery["event_id"]
    assert hooks.get(endpoint)["waiting"] == 1


def test_deliveries_are_listed_in_pages_by_filters(hooks: Hooks) -> None:
    endpoint = hooks.made()["endpoint_id"]
    for number in range(12):
        status = ("delivered", "failed", "dropped", "pending")[number % 4]
        kind = "card.frozen" if number % 2 else "clearing.posted"
        hooks.deliver(endpoint, number, status=status, event_type=kind)
    path, seen, after = f"{endpoint}/deliveries", [], None
    while True:
        page = hooks.get(path, limit=5, **({"after": after} if after else {}))
        seen += [one["event_id"] for one in page["deliveries"]]
        if after is None:
            hooks.deliver(endpoint, 50)  # comes in meanwhile: no row is skipped or doubled
        after = page["next"]
        if after is None:
            break
    assert seen == [f"evt_0_{number}_0" for number in reversed(range(12))]

    def count(**query: str) -> int:
        return len(hooks.get(path, **query)["deliveries"])

    assert count(status="failed") == 3 and count(event_type="clearing.posted") == 6
    assert count(status="failed", event_type="clearing.posted") == 0
    assert count(since="2026-03-01T12:00:10Z") == 3 and count(until="2026-03-01T12:00:02Z") == 2
    assert count(department_id="sales") == 0
    (one,) = hooks.get(path, since="2026-03-01T12:00:05Z", until="2026-03-01T12:00:06Z")["deliveries"]
    assert one["last_attempt"]["error"] == "answered 500" and one["due_at"] is None
    for query in ({"status": "lost"}, {"after": "nonsense"}, {"since": "yesterday"}, {"colour": "red"}):
        assert hooks.client.get(f"/v1/webhooks/{path}", params=query).status_code == 422


def test_one_delivery_and_a_span_are_sent_once_more(hooks: Hooks) -> None:
    endpoint = hooks.made()["endpoint_id"]
    events = [
        hooks.deliver(endpoint, number, status=("delivered", "failed", "dropped")[number % 3])
        for number in range(9)
    ]
    one = hooks.post(f"{endpoint}/deliveries/{events[0]}/replay")
    assert (one.status_code, one.json()) == (202, {"replayed": 1, "more": False})
    shown = hooks.get(f"{endpoint}/deliveries/{events[0]}")
    assert shown["status"] == "pending" and shown["gives_up_at"] and shown["attempt_log"][0]["answer"] == "no"
    span = {"since": "2026-03-01T12:00:00Z", "until": "2026-03-01T12:00:06Z"}
    assert hooks.post(f"{endpoint}/replays", span).json() == {"replayed": 4, "more": False}
    assert hooks.post(f"{endpoint}/replays", span).json() == {"replayed": 0, "more": False}
    assert hooks.post(f"{endpoint}/replays", {**span, "statuses": ["delivered"]}).json()["replayed"] == 1
    assert hooks.get(endpoint)["waiting"] == 6
    assert refused(hooks.post(f"{endpoint}/replays", {**span, "until": span["since"]})) == (
        422, "invalid_request",
    )  # fmt: skip
    assert refused(hooks.post(f"{endpoint}/deliveries/evt_9_9_9/replay")) == (404, "unknown_delivery")
