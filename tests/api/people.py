"""People for tests: members of an organization with a password, and browsers of theirs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx
import psycopg

from api.access.passwords import _HASHER
from api.access.roles import OPERATORS, Role

PASSWORD = "plum kettle orbit harbour"
COOKIE = "__Host-spendlog"
NEW_PASSWORD = "nine violet anchors drifting"


@cache
def _hash() -> str:
    return _HASHER.hash(PASSWORD)


def member(
    postgres: str,
    organization: str,
    role: Role,
    *,
    email: str | None = None,
    departments: tuple[str, ...] = (),
    employee: str | None = None,
) -> str:
    """The e-mail address of a new member with PASSWORD."""
    email = email or f"{role.value}-{uuid.uuid4().hex[:8]}@example.com"
    with psycopg.connect(postgres, autocommit=True) as connection:
        row = connection.execute(
            "INSERT INTO person (person_id, email, name, password_hash, password_set_at)"
            " VALUES (%s, %s, %s, %s, now())"
            " ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING person_id",
            [f"usr_{uuid.uuid4().hex[:16]}", email, email.partition("@")[0], _hash()],
        ).fetchone()
        assert row is not None
        organization = OPERATORS if role is Role.SYSTEM_ADMIN else organization
        connection.execute(
            "INSERT INTO membership (organization_id, person_id, role, department_ids, employee_id)"
            " VALUES (%s, %s, %s, %s, %s)",
            [organization, row[0], role.value, list(departments), employee or email],
        )
    return email


def with_password(postgres: str, email: str) -> None:
    """Gives somebody PASSWORD."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            "UPDATE person SET password_hash = %s, password_set_at = now() WHERE email = %s", [_hash(), email]
        )


def browser(server: str) -> httpx.Client:
    """What a page of ours sends with a write."""
    return httpx.Client(base_url=server, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60)


@contextmanager
def sign_in(server: str, email: str, **more: Any) -> Iterator[httpx.Client]:
    """A browser in which `email` has signed in; the cookie is Secure, so it is handed over by hand."""
    with browser(server) as client:
        answer = client.post("/v1/sessions", json={"email": email, "password": PASSWORD, **more})
        assert answer.status_code == 201, answer.text
        client.headers["Cookie"] = f"{COOKIE}={token_of(answer)}"
        client.cookies.clear()
        yield client


def token_of(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


def person(client: httpx.Client, email: str) -> dict[str, Any]:
    (found,) = [one for one in client.get("/v1/people").json()["people"] if one["email"] == email]
    assert isinstance(found, dict)
    return found


def invited(client: httpx.Client, email: str, key: str = "i", **terms: Any) -> httpx.Response:
    return client.post(
        "/v1/invitations",
        json={"email": email, "role": "employee", **terms},
        headers={"Idempotency-Key": f"{key}-{email}"},
    )


def accepted(server: str, token: str, password: str = NEW_PASSWORD, **more: Any) -> httpx.Response:
    with browser(server) as client:
        return client.post("/v1/invitations/acceptances", json={"token": token, "password": password, **more})
