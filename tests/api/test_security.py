"""Who may do what. A new route under /v1 must get a row here."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import APIRouter

from api.access.keys import (
    EVERYDAY_SCOPES,
    ApiKey,
    KeyNotCreated,
    Scope,
    create_key,
    digest,
    list_keys,
    revoke_key,
)
from api.access.security import KeyedRoute, Keyring
from api.app import create_app
from api.resources.events.scopes import SCOPES, scopes_of
from api.resources.messages.table import MESSAGES
from api.settings import ApiSettings
from api.stores.postgres import PostgresAway
from schemas.event import Event
from tests.api.conftest import budget_body, budget_path, payment_body
from tests.api.support import wait_until

ORGANIZATION = "org-scopes"
ORGANIZATION_PATH = "/v1/organizations/{organization_id}"
DEPARTMENT = f"{ORGANIZATION_PATH}/departments/{{department_id}}"
WEBHOOK = "/v1/webhooks/{endpoint_id}"
SIMULATIONS = (
    *("authorizations", "increments", "clearings", "reversals", "refunds", "disputes", "expiries"),
    "network_timeouts",
)


def _needed(event: type[Event]) -> Scope | tuple[Scope, ...]:
    first, *others = scopes_of(event)
    return (first, *others) if others else first


_SIMULATES = (Scope.SIMULATIONS_WRITE, Scope.AUTHORIZATIONS_WRITE)
ROUTES: list[tuple[str, str, Scope | tuple[Scope, ...], Any]] = [
    ("POST", "/v1/authorizations", Scope.AUTHORIZATIONS_WRITE, payment_body()),
    ("GET", "/v1/authorizations/{authorization_id}", Scope.AUTHORIZATIONS_READ, None),
    ("GET", budget_path("{organization_id}", "{department_id}"), Scope.BUDGETS_READ, None),
    ("PUT", budget_path("{organization_id}", "{department_id}"), Scope.BUDGETS_WRITE, budget_body()),
    ("GET", f"{DEPARTMENT}/budgets", Scope.BUDGETS_READ, None),
    ("GET", f"{DEPARTMENT}/budgets/{{budget_id}}", Scope.BUDGETS_READ, None),
    ("GET", f"{DEPARTMENT}/increase-requests", Scope.BUDGETS_READ, None),
    ("GET", f"{DEPARTMENT}/increase-requests/{{request_id}}", Scope.BUDGETS_READ, None),
    ("POST", f"{ORGANIZATION_PATH}/policies", Scope.POLICIES_WRITE, {"policy": {}}),
    ("GET", f"{ORGANIZATION_PATH}/policies", Scope.POLICIES_READ, None),
    ("GET", f"{DEPARTMENT}/policy", Scope.POLICIES_READ, None),
    ("GET", f"{DEPARTMENT}/policies", Scope.POLICIES_READ, None),
    ("GET", f"{DEPARTMENT}/cards", Scope.CARDS_READ, None),
    ("GET", f"{DEPARTMENT}/cards/{{card_id}}", Scope.CARDS_READ, None),
    ("GET", f"{DEPARTMENT}/balances", Scope.LEDGER_READ, None),
    ("GET", f"{DEPARTMENT}/accounts", Scope.LEDGER_READ, None),
    ("GET", f"{ORGANIZATION_PATH}/trial-balance", Scope.LEDGER_READ, None),
    ("GET", "/v1/feed", Scope.FEED_READ, None),
    ("POST", "/v1/webhooks", Scope.WEBHOOKS_WRITE, {"url": "https://hooks.example.com/"}),
    ("GET", "/v1/webhooks", Scope.WEBHOOKS_READ, None),
    ("GET", WEBHOOK, Scope.WEBHOOKS_READ, None),
    ("PATCH", WEBHOOK, Scope.WEBHOOKS_WRITE, {}),
    ("DELETE", WEBHOOK, Scope.WEBHOOKS_WRITE, None),
    ("POST", f"{WEBHOOK}/secrets", Scope.WEBHOOKS_WRITE, {}),
    ("POST", f"{WEBHOOK}/test-events", Scope.WEBHOOKS_WRITE, None),
    ("POST", f"{WEBHOOK}/replays", Scope.WEBHOOKS_WRITE, {}),
    ("GET", f"{WEBHOOK}/deliveries", Scope.WEBHOOKS_READ, None),
    ("GET", f"{WEBHOOK}/deliveries/{{event_id}}", Scope.WEBHOOKS_READ, None),
    ("POST", f"{WEBHOOK}/deliveries/{{event_id}}/replay", Scope.WEBHOOKS_WRITE, None),
    ("GET", "/v1/departments", Scope.BUDGETS_READ, None),
    ("GET", "/v1/departments/{department_id}", Scope.BUDGETS_READ, None),
    ("GET", "/v1/teams", Scope.CARDS_READ, None),
    ("GET", "/v1/employees", Scope.CARDS_READ, None),
    ("GET", "/v1/cards", Scope.CARDS_READ, None),
    ("GET", "/v1/cards/{card_id}", Scope.CARDS_READ, None),
    ("POST", "/v1/cards", Scope.CARDS_WRITE, {"department_id": "engineering"}),
    ("PUT", "/v1/cards/{card_id}", Scope.CARDS_WRITE, {"department_id": "engineering"}),
    *(
        ("POST", f"/v1/cards/{{card_id}}/{act}", Scope.CARDS_WRITE, None)
        for act in ("freeze", "unfreeze", "cancel")
    ),
    ("GET", "/v1/transactions", Scope.AUTHORIZATIONS_READ, None),
    ("GET", "/v1/transactions/{transaction_id}", Scope.AUTHORIZATIONS_READ, None),
    ("POST", "/v1/transactions", Scope.AUTHORIZATIONS_WRITE, payment_body()),
    *(("POST", message.path, _needed(message.event), {}) for message in MESSAGES),
    *(("POST", f"/v1/simulations/{kind}", _SIMULATES, {}) for kind in SIMULATIONS),
]
# Which scope it needs depends on the event that is sent: tests/api/test_events.py.
EVENTS = ("POST", "/v1/events")


def call(server: str, method: str, template: str, body: Any, **headers: str) -> httpx.Response:
    path = template.format(
        authorization_id="auth_1",
        organization_id=ORGANIZATION,
        department_id="engineering",
        budget_id="department",
        card_id="card_ada",
        request_id="inc_7",
        endpoint_id="whe_1",
        event_id="evt_3_1042_0",
        transaction_id="auth_1",
        refund_id="ref_1",
        dispute_id="dis_1",
    )
    # A feed has no end, unless it is asked to go on after what is no event.
    headers = {"Idempotency-Key": "scopes", "Prefer": "wait=0", "Last-Event-ID": "none", **headers}
    return httpx.request(method, server + path, json=body, headers=headers, timeout=10)


def test_every_route_under_v1_is_in_this_table(settings: ApiSettings) -> None:
    described = create_app(settings).openapi()["paths"]
    found = {
        (method.upper(), path): operation["x-required-scope"]
        for path, methods in described.items()
        for method, operation in methods.items()
        if path.startswith("/v1")
    }
    assert set(found.pop(EVENTS)) == set(SCOPES.values())
    assert found == {
        (method, path): scopes if isinstance(scopes, Scope) else [*scopes]
        for method, path, scopes, _ in ROUTES
    }


def test_a_key_that_nobody_thought_about_cannot_correct_books_approve_increases_or_set_a_cap(
    settings: ApiSettings,
) -> None:
    _, key = create_key(settings.postgres, organization_id="org-default", name="default")
    special = {"ledger:correct", "caps:write", "budgets:approve", "webhooks:write", "simulations:write"}
    assert key.scopes == set(EVERYDAY_SCOPES) == set(Scope) - special


def test_a_route_without_a_scope_cannot_be_made() -> None:
    async def open_to_all() -> None: ...

    router = APIRouter(route_class=KeyedRoute)
    with pytest.raises(TypeError, match="names no scope"):
        router.add_api_route("/v1/open", open_to_all)


@pytest.mark.parametrize(("method", "path", "scopes", "body"), ROUTES)
def test_a_route_opens_to_its_scope_and_to_no_other(
    server: str, settings: ApiSettings, method: str, path: str, scopes: Scope | tuple[Scope, ...], body: Any
) -> None:
    needed = (scopes,) if isinstance(scopes, Scope) else scopes
    others = [scope for scope in Scope if scope not in needed]
    secret, _ = create_key(settings.postgres, organization_id=ORGANIZATION, name="others", scopes=others)
    answer = call(server, method, path, body, Authorization=f"Bearer {secret}")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert f'scope="{" ".join(needed)}"' in answer.headers["www-authenticate"]
    for scope in needed:
        secret, _ = create_key(settings.postgres, organization_id=ORGANIZATION, name="one", scopes=[scope])
        answer = call(server, method, path, body, Authorization=f"Bearer {secret}")
        assert answer.status_code not in (401, 405)
        assert answer.json().get("code") not in ("insufficient_scope", "no_such_resource")


@pytest.mark.parametrize(("method", "path", "scope", "body"), ROUTES)
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
def test_without_a_valid_key_nothing_is_open(
    server: str, method: str, path: str, scope: Scope, body: Any, sent: str | None, code: str
) -> None:
    answer = call(server, method, path, body, **({} if sent is None else {"Authorization": sent}))
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_who_has_no_key_learns_nothing_about_his_body(server: str) -> None:
    assert httpx.post(f"{server}/v1/authorizations", content=b"{broken").status_code == 401


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
    wait_until(lambda: client.get(path).status_code == 401, 2)
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
        ("a/b", "ok", [*Scope]),
        ("", "ok", [*Scope]),
        ("a", "", [*Scope]),
        ("a", "ok", []),
        ("a", "ok", ["all"]),
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
