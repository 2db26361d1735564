"""Keys are made and ended over the API, and none can do more than whoever made it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from api.access.keys import KEY_SCOPES, Scope
from api.access.keys import create_key as make_key
from api.api_settings import ApiSettings
from tests.api.support import wait_until
from tests.patience import HUNG_S


def made(client: httpx.Client, *scopes: str, key: str = "k", **more: Any) -> httpx.Response:
    body = {"name": "Processor", "scopes": list(scopes or ["cards:read"]), **more}
    return client.post("/v1/keys", json=body, headers={"Idempotency-Key": key})


def status(server: str, secret: str, path: str = "/v1/cards") -> int:
    return httpx.get(f"{server}{path}", headers={"Authorization": f"Bearer {secret}"}, timeout=60).status_code


def test_a_key_is_shown_once_and_kept_as_its_hash(
    server: str, settings: ApiSettings, admin: httpx.Client
) -> None:
    first = made(admin)
    assert first.status_code == 201, first.text
    secret, key_id = first.json()["secret"], first.json()["key_id"]
    assert status(server, secret) == 200
    again = made(admin)
    assert again.json()["secret"] is None and again.headers["idempotency-replayed"] == "true"
    assert made(admin, "ledger:read").json()["code"] == "idempotency_key_reused"
    everywhere = (
        admin.get("/v1/keys").text + admin.get(f"/v1/keys/{key_id}").text + admin.get("/v1/audit").text
    )
    with psycopg.connect(settings.postgres) as connection:
        everywhere += str(connection.execute("SELECT api_key::text FROM api_key").fetchall())
    assert secret not in everywhere and secret[14:] not in everywhere
    wait_until(lambda: admin.get(f"/v1/keys/{key_id}").json()["last_used_at"])


@pytest.mark.parametrize("scope", ["people:write", "keys:write", "ledger:correct", "account", "system:read"])
def test_nobody_gives_a_key_more_than_he_has(
    server: str, settings: ApiSettings, organization: str, scope: str
) -> None:
    secret, _ = make_key(
        settings.postgres,
        organization_id=organization,
        name="keys",
        scopes=[*([Scope.KEYS_WRITE] if scope != "keys:write" else []), Scope.CARDS_READ, Scope.KEYS_READ],
    )
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as key:
        answer = made(key, "cards:read", scope)
        assert answer.status_code == 403
        assert answer.json()["code"] == ("insufficient_scope" if scope == "keys:write" else "above_own_role")


@pytest.mark.parametrize("scope", ["account", "system:read", "system:write"])
def test_not_even_an_admin_gives_a_key_what_is_for_people(admin: httpx.Client, scope: str) -> None:
    assert made(admin, scope).json()["code"] == "above_own_role"


def test_a_key_that_may_approve_acts_in_the_name_of_who_made_it(admin: httpx.Client) -> None:
    """Else an admin approves his own request by a key of his."""
    me = admin.get("/v1/sessions/current").json()["email"]
    assert made(admin, "budgets:request", "budgets:approve", key="a").json()["actor"] == me
    other = made(admin, "budgets:request", key="b").json()
    assert other["actor"] == other["key_id"]


def test_of_a_rotated_key_both_are_good_until_the_overlap_ends(
    server: str, settings: ApiSettings, admin: httpx.Client
) -> None:
    old = made(admin, "cards:read", "ledger:read").json()
    where = f"/v1/keys/{old['key_id']}/rotations"

    def rotate(key: str, overlap_s: int = 3600) -> httpx.Response:
        return admin.post(where, json={"overlap_s": overlap_s}, headers={"Idempotency-Key": key})

    new = rotate("r")
    assert new.status_code == 201, new.text
    assert {name: new.json()[name] for name in ("name", "actor", "scopes", "expires_at")} == {
        name: old[name] for name in ("name", "actor", "scopes", "expires_at")
    }
    assert (status(server, old["secret"]), status(server, new.json()["secret"])) == (200, 200)
    assert rotate("r").json()["secret"] is None
    assert rotate("other").json()["code"] == "already_rotated"
    listed = admin.get(f"/v1/keys/{old['key_id']}").json()
    assert listed["replaced_by"] == new.json()["key_id"]
    ends = datetime.fromisoformat(listed["expires_at"])
    assert timedelta(minutes=55) < ends - datetime.now(UTC) < timedelta(minutes=61)
    with psycopg.connect(settings.postgres) as connection:
        connection.execute("UPDATE api_key SET expires_at = now() WHERE id = %s", [old["key_id"]])
    wait_until(lambda: status(server, old["secret"]) == 401, 60.0)
    assert status(server, new.json()["secret"]) == 200


def test_without_overlap_the_key_before_ends_at_once(server: str, admin: httpx.Client) -> None:
    old = made(admin).json()
    assert status(server, old["secret"]) == 200
    new = admin.post(
        f"/v1/keys/{old['key_id']}/rotations", json={"overlap_s": 0}, headers={"Idempotency-Key": "r"}
    ).json()
    assert (status(server, old["secret"]), status(server, new["secret"])) == (401, 200)


def test_a_rotation_gives_nobody_more_than_he_has(
    server: str, settings: ApiSettings, organization: str
) -> None:
    strong, key = make_key(settings.postgres, organization_id=organization, name="strong", scopes=KEY_SCOPES)
    weak, _ = make_key(
        settings.postgres, organization_id=organization, name="weak", scopes=[Scope.KEYS_WRITE]
    )
    answer = httpx.post(
        f"{server}/v1/keys/{key.id}/rotations",
        json={},
        headers={"Authorization": f"Bearer {weak}", "Idempotency-Key": "r"},
        timeout=60,
    )
    assert answer.json()["code"] == "above_own_role"
    assert status(server, strong) == 200


def test_a_revoked_key_ends_here_at_once(server: str, admin: httpx.Client) -> None:
    key = made(admin).json()
    where = f"/v1/keys/{key['key_id']}"
    assert status(server, key["secret"]) == 200
    started = time.monotonic()
    assert [admin.delete(where).status_code for _ in range(2)] == [204, 204]
    assert status(server, key["secret"]) == 401
    assert time.monotonic() - started < HUNG_S
    told = admin.get("/v1/audit", params={"resource": where}).json()["records"]
    assert [one["action"] for one in told] == ["revoke_key", "create_key"]
    assert "sl_" not in json.dumps([one["before"] for one in told] + [one["after"] for one in told])
    assert (
        admin.post(f"{where}/rotations", json={}, headers={"Idempotency-Key": "r"}).json()["code"]
        == "key_ended"
    )


@pytest.mark.parametrize(
    ("expires_at", "good"),
    [
        (datetime.now(UTC) + timedelta(days=1), True),
        (datetime.now(UTC) - timedelta(seconds=1), False),
        (datetime(1990, 1, 1, tzinfo=UTC), False),
    ],
)
def test_a_key_that_ends_in_the_past_is_not_made(
    admin: httpx.Client, expires_at: datetime, good: bool
) -> None:
    answer = made(admin, expires_at=expires_at.isoformat())
    assert answer.status_code == (201 if good else 422)
    if not good:
        assert answer.json()["errors"][0]["field"] == "body.expires_at"


def test_keys_are_listed_in_pages_and_by_whether_they_are_good(admin: httpx.Client) -> None:
    ids = [made(admin, key=f"k{n}").json()["key_id"] for n in range(5)]
    admin.delete(f"/v1/keys/{ids[0]}")
    seen: list[str] = []
    path = "/v1/keys?limit=2"
    while path:
        answer = admin.get(path)
        seen += [one["key_id"] for one in answer.json()["keys"]]
        path = answer.links.get("next", {}).get("url", "")
    assert seen == ids[::-1]
    ended = admin.get("/v1/keys", params={"active": False}).json()["keys"]
    assert [one["key_id"] for one in ended] == ids[:1]


def test_a_key_of_another_organization_is_not_there(
    settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    _, foreign = make_key(settings.postgres, organization_id=f"{organization}-b", name="x", scopes=KEY_SCOPES)
    where = f"/v1/keys/{foreign.id}"
    for answer in (
        admin.get(where),
        admin.delete(where),
        admin.post(f"{where}/rotations", json={}, headers={"Idempotency-Key": "r"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_key")
