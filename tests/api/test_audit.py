"""What people and keys change, and what they are refused, is told: who, from where, before and after."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import psycopg
import pytest

from api.access.keys import KEY_SCOPES, Scope, create_key, revoke_key
from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.people import PASSWORD, browser, member, sign_in
from tests.api.support import wait_until


def records(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get("/v1/audit", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["records"]
    return found


def told(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    """The newest record of these filters, as soon as there is one."""
    found: dict[str, Any] = wait_until(lambda: records(client, **asked))[0]
    return found


def test_a_sign_in_is_told_with_its_place_and_request(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    with browser(server) as client:
        wrong = client.post("/v1/sessions", json={"email": email, "password": "not this one, surely"})
        right = client.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    done = told(admin, actor=email, outcome="done")
    assert done["request_id"] == right.headers["x-request-id"]
    assert (done["action"], done["role"], done["address"]) == ("sign_in", "employee", "127.0.0.1")
    refused = told(admin, actor=email, outcome="refused")
    assert refused["request_id"] == wrong.headers["x-request-id"]
    assert (refused["action"], refused["reason"]) == ("sign_in", "wrong_credentials")


def test_a_change_of_a_webhook_is_told_with_what_it_was_and_is(admin: httpx.Client) -> None:
    made = admin.post(
        "/v1/webhooks", json={"url": "https://hooks.example.com/a"}, headers={"Idempotency-Key": "one"}
    )
    assert made.status_code == 201, made.text
    where = f"/v1/webhooks/{made.json()['endpoint_id']}"
    changed = admin.patch(where, json={"description": "ERP"})
    assert changed.status_code == 200, changed.text
    assert admin.delete(where).status_code == 204
    removed, change, creation = records(admin, resource=where)
    assert creation["action"] == "create_endpoint"
    assert creation["before"] is None and creation["after"]["url"] == "https://hooks.example.com/a"
    assert "whsec_" not in json.dumps([creation, change, removed])
    assert (change["before"]["description"], change["after"]["description"]) == ("", "ERP")
    assert change["request_id"] == changed.headers["x-request-id"]
    assert removed["before"]["description"] == "ERP" and removed["after"] is None


def test_what_is_decided_in_the_log_is_told_with_its_position(
    server: str, settings: ApiSettings, admin: httpx.Client, engineering: str, organization: str
) -> None:
    answer = admin.post(
        "/v1/cards",
        json={"department_id": "engineering", "card_id": "card_told"},
        headers={"Idempotency-Key": "card"},
    )
    assert answer.status_code == 201, answer.text
    record = told(admin, action="create_card")
    assert record["position"] == answer.headers["spendlog-position"]
    assert record["role"] == "org_admin"


@pytest.mark.parametrize(
    ("role", "method", "path", "reason"),
    [
        (Role.EMPLOYEE, "GET", "/v1/audit", "insufficient_scope"),
        (Role.EMPLOYEE, "GET", "/v1/transactions", "out_of_reach"),
        (Role.AUDITOR, "POST", "/v1/webhooks", "insufficient_scope"),
        (Role.FINANCE_MANAGER, "GET", "/v1/departments/sales", "out_of_reach"),
        (Role.AUDITOR, "GET", "/v1/organizations/org-other/policies", "no_such_resource"),
    ],
)
def test_what_a_person_was_refused_is_told(
    server: str,
    settings: ApiSettings,
    admin: httpx.Client,
    organization: str,
    role: Role,
    method: str,
    path: str,
    reason: str,
) -> None:
    departments = ("engineering",) if role is Role.FINANCE_MANAGER else ()
    email = member(settings.postgres, organization, role, departments=departments)
    with sign_in(server, email) as client:
        answer = client.request(method, path, headers={"Idempotency-Key": "x"})
    assert answer.json()["code"] == reason
    record = told(admin, actor=email, outcome="refused")
    assert (record["reason"], record["resource"], record["role"]) == (reason, path, role.value)
    assert record["request_id"] == answer.headers["x-request-id"]


def test_what_another_site_tries_in_his_name_is_told(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    with sign_in(server, email) as client:
        client.delete("/v1/sessions/current", headers={"Sec-Fetch-Site": "cross-site"})
    assert told(admin, actor=email, outcome="refused")["reason"] == "foreign_origin"


def test_a_refusal_that_comes_again_and_again_is_not_a_record_each(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    secret, key = create_key(
        settings.postgres, organization_id=organization, name="poor", scopes=[Scope.CARDS_READ]
    )
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
        for _ in range(20):
            assert client.get("/v1/audit").status_code == 403
        assert client.get("/v1/webhooks").status_code == 403
    assert records(admin, actor=key.id, action="list_endpoints")

    def counted() -> bool:
        times: list[int] = [one["times"] for one in records(admin, actor=key.id, action="list_audit")]
        return sum(times) == 20

    wait_until(counted, 60)
    assert len(records(admin, actor=key.id, action="list_audit")) < 10


def test_the_use_of_a_revoked_key_is_told_and_of_an_unknown_one_is_nobodys(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    secret, key = create_key(settings.postgres, organization_id=organization, name="old", scopes=KEY_SCOPES)
    revoke_key(settings.postgres, key=key.id)
    for used in (f"sl_aaaaaaaaaa_{'x' * 43}", secret):
        headers = {"Authorization": f"Bearer {used}"}
        assert httpx.get(f"{server}/v1/cards", headers=headers, timeout=60).status_code == 401
    record = told(admin, outcome="refused")
    assert (record["actor_id"], record["reason"], record["action"]) == (
        key.id,
        "invalid_api_key",
        "list_all_cards",
    )
    assert len(records(admin, outcome="refused")) == 1


def test_authorizations_of_keys_are_not_told_one_by_one(
    client: httpx.Client, submit: Any, engineering: str, admin: httpx.Client
) -> None:
    submitted = submit("told-1")
    assert submitted.status_code == 200, submitted.text
    card = {"department_id": "engineering", "card_id": "card_by_key"}
    answer = client.post("/v1/cards", json=card, headers={"Idempotency-Key": "later"})
    assert told(admin, action="create_card")["position"] == answer.headers["spendlog-position"]
    actions = [record["action"] for record in records(admin)]
    assert actions.count("create_card") == 1
    assert not any("authorization" in action or "event" in action for action in actions), actions


def test_nobody_sees_what_another_organization_did(
    server: str, settings: ApiSettings, admin: httpx.Client
) -> None:
    other = member(settings.postgres, "org-audit-elsewhere", Role.ORG_ADMIN)
    with sign_in(server, other) as elsewhere:
        assert {record["actor"] for record in records(elsewhere, actor=other)} == {other}
    assert records(admin, actor=other) == []


def test_pages_neither_skip_nor_double_while_records_come_in(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)

    def come_in() -> None:
        with sign_in(server, email):
            pass

    for _ in range(4):
        come_in()
    seen: list[int] = []
    path = "/v1/audit?limit=2"
    while path:
        answer = admin.get(path)
        seen += [record["seq"] for record in answer.json()["records"]]
        path = answer.links.get("next", {}).get("url", "")
        come_in()
    assert seen == list(range(seen[0], 0, -1))


def test_an_export_has_every_record_and_no_formula(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    create_key(
        settings.postgres, organization_id=organization, name="x", scopes=KEY_SCOPES, actor="=HYPERLINK(1)"
    )
    evil, _ = create_key(
        settings.postgres, organization_id=organization, name="x", scopes=[Scope.CARDS_READ], actor="=1+1"
    )
    httpx.get(f"{server}/v1/audit", headers={"Authorization": f"Bearer {evil}"}, timeout=60)
    told(admin, actor="=1+1")
    lines = admin.get("/v1/audit/export").text.splitlines()
    assert [json.loads(line) for line in lines] == records(admin)
    sheet = admin.get("/v1/audit/export", params={"format": "csv", "actor": "=1+1"})
    assert sheet.headers["content-disposition"].endswith('.csv"')
    header, row = list(csv.reader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
    assert dict(zip(header, row, strict=True))["actor"] == "'=1+1"


@pytest.mark.parametrize(
    "query",
    ["after=zzz", "since=yesterday", "outcome=maybe", "actr=x", "limit=0", "actor=%00", "since=2026-01-01"],
)
def test_a_wrong_filter_is_named(admin: httpx.Client, query: str) -> None:
    answer = admin.get(f"/v1/audit?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(f"query.{query.partition('=')[0]}")


_CHANGES = [
    "UPDATE audit_record SET actor = 'nobody'",
    "DELETE FROM audit_record WHERE false",
    "TRUNCATE audit_record",
]


@pytest.mark.parametrize("role", ["spendlog_api", "spendlog_auditor"])
@pytest.mark.parametrize(
    "change",
    [
        *_CHANGES,
        "INSERT INTO audit_record (organization_id, seq) VALUES ('x', 1)",
        "UPDATE audit_head SET seq = 0",
        "DELETE FROM audit_head",
    ],
)
def test_no_role_changes_the_audit_log(settings: ApiSettings, role: str, change: str) -> None:
    options = f"-c role={role} -c spendlog.organization=x"
    with (
        psycopg.connect(settings.postgres, options=options) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(change.encode())


@pytest.mark.parametrize("change", _CHANGES)
def test_even_the_owner_does_not_change_the_audit_log(settings: ApiSettings, change: str) -> None:
    with psycopg.connect(settings.postgres, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            connection.execute(change.encode())
