"""Who may do what. A new route under /v1 must get a row here."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import APIRouter

from api.access.keyring import Keyring
from api.access.keys import (
    EVERYDAY_SCOPES,
    KEY_SCOPES,
    PERSONAL_SCOPES,
    SPECIAL_SCOPES,
    ApiKey,
    KeyNotCreated,
    Scope,
    create_key,
    digest,
    list_keys,
    revoke_key,
)
from api.access.security import KeyedRoute
from api.api_settings import ApiSettings
from api.stores.postgres import PostgresAway
from tests.api.conftest import budget_body, budget_path
from tests.api.support import wait_until

ORGANIZATION = "org-scopes"


def test_a_key_that_nobody_thought_about_cannot_correct_books_approve_increases_or_set_a_cap(
    settings: ApiSettings,
) -> None:
    _, key = create_key(settings.postgres, organization_id="org-default", name="default")
    asked_for_by_name = {"ledger:correct", "caps:write", "budgets:approve", "people:write", "keys:write"}
    assert asked_for_by_name <= SPECIAL_SCOPES
    assert key.scopes == set(EVERYDAY_SCOPES) == set(Scope) - SPECIAL_SCOPES - PERSONAL_SCOPES


def test_a_route_without_a_scope_cannot_be_made() -> None:
    async def open_to_all() -> None: ...

    router = APIRouter(route_class=KeyedRoute)
    with pytest.raises(TypeError, match="names no scope"):
        router.add_api_route("/v1/open", open_to_all)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (None, "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Bearer wrong", "invalid_api_key"),
        ("Basic dXNlcjpwYXNz", "invalid_api_key"),
        (f"Bearer sl_{'a' * 10}_{'A' * 43}", "invalid_api_key"),
    ],
)
def test_without_a_valid_key_nothing_is_open(server: str, sent: str | None, code: str) -> None:
    headers = {} if sent is None else {"Authorization": sent}
    answer = httpx.get(server + budget_path(ORGANIZATION), headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_who_has_no_key_learns_nothing_about_his_body(server: str) -> None:
    assert httpx.post(f"{server}/v1/authorizations", content=b"{broken", timeout=60).status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_another_organizations_budget_is_404(client: httpx.Client, method: str) -> None:
    answer = client.request(
        method, budget_path("someone-else"), json=budget_body(), headers={"Idempotency-Key": "x"}
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_resource")


def test_a_revoked_key_ends_within_the_cache_time(
    settings: ApiSettings, client: httpx.Client, organization: str
) -> None:
    path = "/v1/authorizations/none"
    assert client.get(path).status_code == 404
    [key] = list_keys(settings.postgres, organization_id=organization)
    revoked = revoke_key(settings.postgres, key=key.prefix)
    assert revoked is not None
    assert revoked.revoked_at is not None
    wait_until(lambda: client.get(path).status_code == 401, 60.0)
    assert revoke_key(settings.postgres, key=key.id) == revoked
    assert revoke_key(settings.postgres, key="sl_unknown") is None


def test_a_key_is_stored_as_its_hash_only(settings: ApiSettings) -> None:
    secret, key = create_key(settings.postgres, organization_id="org-hash", name="one")
    assert secret.startswith(f"{key.prefix}_sl"[: len(key.prefix) + 1])
    assert len(secret.removeprefix(f"{key.prefix}_")) == 43  # 256 bits in base64url
    with psycopg.connect(settings.postgres) as connection:
        stored = connection.execute("SELECT * FROM api_key WHERE id = %s", [key.id]).fetchone()
    assert stored is not None
    assert digest(secret) in stored
    assert secret not in str(stored)
    assert [found.name for found in list_keys(settings.postgres, organization_id="org-hash")] == ["one"]


@pytest.mark.parametrize(
    ("organization", "name", "scopes"),
    [
        ("a/b", "ok", KEY_SCOPES),
        ("", "ok", KEY_SCOPES),
        ("a", "", KEY_SCOPES),
        ("a", "ok", []),
        ("a", "ok", ["all"]),
        ("a", "ok", ["account"]),
    ],
)
def test_a_key_with_bad_words_is_not_made(
    settings: ApiSettings, organization: str, name: str, scopes: list[str]
) -> None:
    with pytest.raises(KeyNotCreated):
        create_key(settings.postgres, organization_id=organization, name=name, scopes=scopes)


@pytest.mark.parametrize(
    ("actor", "said"),
    [
        ("", "1 to 200 printable"),
        ("x" * 201, "1 to 200 printable"),
        ("maria ", "no space at its ends"),
        ("ma\nria", "printable"),
        ("Jose\N{COMBINING ACUTE ACCENT}", "normal form C"),
        ("4111 1111 1111 1111", "card number"),
    ],
)
def test_an_actor_that_could_be_mistaken_is_not_taken(settings: ApiSettings, actor: str, said: str) -> None:
    with pytest.raises(KeyNotCreated, match=said):
        create_key(settings.postgres, organization_id="org-odd-actor", name="odd", actor=actor)
    assert list_keys(settings.postgres, organization_id="org-odd-actor") == []


class _Store:
    """A key table that can go away."""

    def __init__(self, row: dict[str, Any] | None) -> None:
        self.found = row
        self.away = False
        self.asked = 0

    async def row(self, *_: object) -> dict[str, Any] | None:
        self.asked += 1
        if self.away:
            raise PostgresAway("away")
        return self.found


def test_known_keys_outlive_the_key_table_for_a_bounded_time() -> None:
    now = 0.0
    row = {"id": "k", "organization_id": "o", "name": "n", "prefix": "sl_x", "scopes": ["budgets:read"]}
    row["actor"] = "k"
    store = _Store(row)
    keyring = Keyring(store, fresh_s=30, stale_s=900, clock=lambda: now)  # type: ignore[arg-type]

    def identify(secret: str = "one") -> ApiKey | None:
        return asyncio.run(keyring.identify(secret))

    assert identify() is not None
    store.away = True
    now = 29.0
    assert identify() is not None
    assert store.asked == 1  # within fresh_s nobody is asked
    now = 899.0
    assert identify() is not None
    with pytest.raises(PostgresAway):
        identify("not seen before")
    now = 901.0
    with pytest.raises(PostgresAway):
        identify()
    store.away, store.found = False, None
    assert identify() is None
