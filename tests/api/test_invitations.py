"""Who is invited comes in once as what he was invited, and nobody as somebody else."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
import pytest

from api.access.keys import KEY_SCOPES, create_key
from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.people import (
    COOKIE,
    NEW_PASSWORD,
    PASSWORD,
    accepted,
    browser,
    invited,
    member,
    person,
    sign_in,
    token_of,
)


def test_who_is_invited_comes_in_once_as_what_he_was_invited(
    server: str, admin: httpx.Client, organization: str
) -> None:
    email = f"dora@{organization}.example"
    made = invited(admin, email.upper(), role="finance_manager", departments=["sales"], name="Dora Klein")
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    assert made.json()["path"].endswith(token) and not made.json()["mailed"]
    assert admin.get("/v1/people").json()["people"][-1]["email"] != email
    come = accepted(server, token)
    assert come.status_code == 201, come.text
    assert (come.json()["role"], come.json()["departments"]) == ("finance_manager", ["sales"])
    assert COOKIE in come.headers["set-cookie"]
    assert (person(admin, email)["name"], person(admin, email)["employee"]) == ("Dora Klein", email)
    assert accepted(server, token).json()["code"] == "invalid_link"
    (listed,) = admin.get("/v1/invitations").json()["invitations"]
    assert listed["status"] == "accepted" and "token" not in listed
    with browser(server) as client:
        assert client.post("/v1/sessions", json={"email": email, "password": NEW_PASSWORD}).status_code == 201


def test_a_repeat_of_an_invitation_shows_its_link_no_more(admin: httpx.Client, organization: str) -> None:
    first, again = (invited(admin, f"e@{organization}.example") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["token"] is None and again.json()["invitation_id"] == first.json()["invitation_id"]


def test_an_invitation_that_was_withdrawn_replaced_or_has_expired_opens_nothing(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    def made(name: str, key: str = "i") -> dict[str, Any]:
        answer: dict[str, Any] = invited(admin, f"{name}@{organization}.example", key).json()
        return answer

    withdrawn, replaced, expired = made("w"), made("r"), made("x")
    assert admin.delete(f"/v1/invitations/{withdrawn['invitation_id']}").status_code == 204
    assert admin.delete(f"/v1/invitations/{withdrawn['invitation_id']}").status_code == 404
    replacing = made("r", "second")
    with psycopg.connect(settings.postgres) as connection:
        connection.execute(
            "UPDATE invitation SET expires_at = now() WHERE invitation_id = %s", [expired["invitation_id"]]
        )
    for one in (withdrawn, replaced, expired):
        answer = accepted(server, one["token"])
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_link")
    assert [
        one["invitation_id"]
        for one in admin.get("/v1/invitations", params={"status": "open"}).json()["invitations"]
    ] == [replacing["invitation_id"]]
    assert accepted(server, replacing["token"]).status_code == 201


def test_a_weak_password_does_not_use_the_invitation_up(
    server: str, admin: httpx.Client, organization: str
) -> None:
    token = invited(admin, f"v@{organization}.example").json()["token"]
    answer = accepted(server, token, "password1234")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "weak_password")
    assert accepted(server, token).status_code == 201


def test_who_has_a_password_elsewhere_keeps_it(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, f"{organization}-b", Role.AUDITOR)
    token = invited(admin, email).json()["token"]
    assert accepted(server, token, NEW_PASSWORD).json()["code"] == "wrong_credentials"
    assert accepted(server, token, PASSWORD).status_code == 201
    with sign_in(server, email, organization_id=f"{organization}-b") as client:
        assert client.get("/v1/sessions/current").json()["role"] == "auditor"


def test_an_admin_cannot_become_somebody_of_another_organization_by_inviting_him(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    """He has the link in his hands. Whom another one knows without a password accepts from his session."""
    elsewhere = f"{organization}-b"
    email = member(settings.postgres, elsewhere, Role.ORG_ADMIN)
    with psycopg.connect(settings.postgres) as connection:
        connection.execute("UPDATE person SET password_hash = NULL WHERE email = %s", [email])
    token = invited(admin, email).json()["token"]
    assert accepted(server, token).json()["code"] == "sign_in_first"
    answer = admin.post("/v1/invitations/acceptances", json={"token": token, "password": NEW_PASSWORD})
    assert answer.json()["code"] == "sign_in_first"
    with browser(server) as client:
        body = {"email": email, "password": NEW_PASSWORD}
        assert client.post("/v1/sessions", json=body).status_code == 401


def test_a_reset_link_does_not_reach_into_another_organization(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, f"{organization}-b", Role.ORG_ADMIN)
    token = invited(admin, email).json()["token"]
    assert accepted(server, token, PASSWORD).status_code == 201
    answer = admin.post(f"/v1/people/{person(admin, email)['person_id']}/password-resets")
    assert (answer.status_code, answer.json()["code"]) == (409, "member_elsewhere")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "no address"},
        {"email": "a@b@c"},
        {"email": "@b.example"},
        {"email": "a b@c.example"},
        {"email": "a@"},
        {"role": "king"},
        {"departments": ["a/b"]},
        {"departments": "sales"},
        {"employee": ""},
        {"name": "\u0000"},
        {"nme": "Dora"},
    ],
)
def test_what_nobody_can_be_is_named(admin: httpx.Client, organization: str, body: dict[str, Any]) -> None:
    answer = admin.post(
        "/v1/invitations",
        json={"email": f"z@{organization}.example", "role": "employee", **body},
        headers={"Idempotency-Key": "z"},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(f"body.{next(iter(body))}")


def test_a_key_with_every_scope_may_do_what_an_admin_may(
    server: str, settings: ApiSettings, organization: str
) -> None:
    secret, _ = create_key(settings.postgres, organization_id=organization, name="all", scopes=KEY_SCOPES)
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as key:
        made = invited(key, f"first@{organization}.example", role="org_admin")
        assert made.status_code == 201, made.text
    answer = accepted(server, made.json()["token"])
    assert answer.json()["role"] == "org_admin"
    assert token_of(answer)
