"""Words of the tests about one policy for the whole company."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.books import Books, Organization, rows, usd

BLOCK = {"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}}
POLICY: dict[str, Any] = {"rules": [BLOCK]}
OTHER: dict[str, Any] = {"rules": [BLOCK], "hold_days": 9}
CARD = "4111111111111111"
NAMES = ("engineering", "marketing", "sales")


def add(company: Organization, name: str) -> None:
    company.done("budget.set", department_id=name, name=name.capitalize(), limit=usd(1_000_000))


def path(company: Organization) -> str:
    return f"/v1/organizations/{company.id}/policies"


def apply(
    company: Organization,
    key: str,
    policy: dict[str, Any] = POLICY,
    *,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> httpx.Response:
    body = {"policy": policy, **members}
    return company.client.post(path(company), json=body, headers={"Idempotency-Key": key, **(headers or {})})


def listed(company: Organization, **params: Any) -> dict[str, Any]:
    answer = company.client.get(path(company), params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by_department(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    return {one["department_id"]: one for one in answer.json()["departments"]}


def drafted(books: Books, company: Organization) -> list[tuple[str, str, bool]]:
    """Every decision about a draft: department, outcome, whether it is a repeat; once the ledger has all."""
    return rows(
        books,
        "SELECT department_id, outcome, duplicate_of IS NOT NULL FROM decision"
        " WHERE organization_id = %s AND event_type = 'policy.drafted' ORDER BY partition, seq",
        company.id,
    )


def in_force(company: Organization, version: int) -> bool:
    return all(one["version"] == version for one in listed(company)["departments"])
