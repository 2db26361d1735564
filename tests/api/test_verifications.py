"""Proofs of the books as each is told of them: nobody what was found of others."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from api.access.roles import OPERATORS, Role
from api.api_settings import ApiSettings
from tests.api.people import member, sign_in

CHECKS = [
    {"id": "O6", "claim": "rows are the fold", "checked": 900, "violations": 5, "of_system": 0},
    {"id": "O9", "claim": "the hash chain holds", "checked": 90, "violations": 1, "of_system": 1},
    {"id": "O16", "claim": "audit logs are whole", "checked": 9, "violations": 0, "of_system": 0},
]
PLACES = {"10": {"card_events": 7, "decisions": 8}, "2": {"card_events": 5, "decisions": 6}}
KEEP = """
INSERT INTO verification (started_at, took_ms, decisions, holds, places, checks)
VALUES (now(), 1234, 5678, %s, %s, %s) RETURNING verification_id
"""
FIND = "INSERT INTO verification_finding VALUES (%s, %s, %s, %s, %s)"


@pytest.fixture
def proof(settings: ApiSettings, organization: str) -> Iterator[int]:
    """Of `organization` one row is false, of another four, and a chain is broken; its number."""
    with psycopg.connect(settings.postgres, autocommit=True) as connection:
        row = connection.execute(KEEP, (False, Jsonb(PLACES), Jsonb(CHECKS))).fetchone()
        assert row is not None
        for of, check, violations, words in (
            (organization, "O6", 1, "budget sales is 1, not 2"),
            (f"{organization}-other", "O6", 4, "payroll of others"),
            (OPERATORS, "O9", 1, "partition 2 offset 7: another hash"),
        ):
            connection.execute(FIND, (row[0], of, check, violations, [words]))
        yield int(row[0])
        connection.execute("DELETE FROM verification WHERE verification_id = %s", [row[0]])


def test_who_runs_the_system_is_told_all_of_it(
    server: str, settings: ApiSettings, organization: str, proof: int
) -> None:
    with sign_in(server, member(settings.postgres, organization, Role.SYSTEM_ADMIN)) as operator:
        found = operator.get(f"/v1/verifications/{proof}").json()
        listed = operator.get("/v1/verifications", params={"limit": 1}).json()
    assert listed["verifications"][0] == found
    assert (found["holds"], found["decisions"], found["took_ms"]) == (False, 5678, 1234)
    assert [(one["partition"], one["decisions"]) for one in found["places"]] == [(2, 6), (10, 8)]
    rows, chain, audit = found["checks"]
    assert (rows["checked"], rows["violations"], chain["violations"], audit["holds"]) == (900, 5, 1, True)
    assert {one["organization_id"]: one["violations"] for one in rows["findings"]} == {
        organization: 1,
        f"{organization}-other": 4,
    }
    assert chain["findings"] == [
        {"organization_id": None, "violations": 1, "examples": ["partition 2 offset 7: another hash"]}
    ]


@pytest.mark.parametrize("role", [Role.ORG_ADMIN, Role.AUDITOR])
def test_others_are_told_what_concerns_their_organization(
    server: str, settings: ApiSettings, organization: str, proof: int, role: Role
) -> None:
    with sign_in(server, member(settings.postgres, organization, role)) as client:
        answer = client.get(f"/v1/verifications/{proof}")
        page = client.get(f"/verifications/{proof}")
    found = answer.json()
    assert (found["holds"], found["decisions"], found["places"]) == (False, None, [])
    rows, chain, audit = found["checks"]
    assert rows["findings"] == [
        {"organization_id": organization, "violations": 1, "examples": ["budget sales is 1, not 2"]}
    ]
    assert (rows["holds"], rows["violations"], rows["checked"]) == (False, 1, None)
    assert (chain["holds"], chain["violations"], chain["of_system"], chain["findings"]) == (False, 0, 1, [])
    assert audit["holds"] is True
    for text in (answer.text, page.text):
        assert "budget sales is 1, not 2" in text
        assert not [words for words in ("payroll", "another hash", "-other", "5678") if words in text]


def test_an_organization_of_which_nothing_was_found_is_told_that_the_books_hold(
    server: str, settings: ApiSettings, organization: str, proof: int
) -> None:
    with psycopg.connect(settings.postgres, autocommit=True) as connection:
        connection.execute("DELETE FROM verification_finding WHERE organization_id = %s", [OPERATORS])
        checks = [one | {"of_system": 0} for one in CHECKS]
        connection.execute("UPDATE verification SET checks = %s", [Jsonb(checks)])
    other = f"{organization}-third"
    with sign_in(server, member(settings.postgres, other, Role.AUDITOR)) as client:
        found = client.get(f"/v1/verifications/{proof}").json()
    assert found["holds"] is True
    assert all(one["holds"] and not one["findings"] for one in found["checks"])


def test_pages_go_on_and_what_is_not_there_is_not_found(
    admin: httpx.Client, settings: ApiSettings, proof: int
) -> None:
    with psycopg.connect(settings.postgres, autocommit=True) as connection:
        connection.execute(KEEP, (True, Jsonb({}), Jsonb([])))
        first = admin.get("/v1/verifications", params={"limit": 1})
        second = admin.get(first.links["next"]["url"])
        assert first.json()["verifications"][0]["holds"] is True
        assert second.json()["verifications"][0]["verification_id"] == proof
        connection.execute("DELETE FROM verification WHERE verification_id > %s", [proof])
    gone = admin.get(f"/v1/verifications/{proof + 1}")
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_verification")
    assert admin.get("/v1/verifications/none").status_code == 422
