"""People are invited, changed and removed by those who may, and never beyond what those are themselves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from api.access.keys import Scope, create_key
from api.access.roles import TABLE, Role
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
from tests.api.support import wait_until


@pytest.fixture
def ada(settings: ApiSettings, organization: str) -> str:
    return member(settings.postgres, organization, Role.ORG_ADMIN)


@pytest.fixture
def admin(server: str, ada: str) -> Iterator[httpx.Client]:
    with sign_in(server, ada) as client:
        yield client


# -- roles


@pytest.mark.parametrize("role", ["org_admin", "finance_manager", "auditor"])
def test_nobody_gives_a_role_above_his_own(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, role: str
) -> None:
    """A key that may change people, and little else."""
    secret, _ = create_key(
        settings.postgres,
        organization_id=organization,
        name="provisioning",
        scopes=[Scope.PEOPLE_READ, Scope.PEOPLE_WRITE, *(TABLE[Role.EMPLOYEE].keys() - {Scope.ACCOUNT})],
    )
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    where = f"/v1/people/{person(admin, email)['person_id']}"
    top = f"/v1/people/{admin.get('/v1/sessions/current').json()['person_id']}"
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as key:
        assert invited(key, f"e@{organization}.example").status_code == 201
        for answer in (
            invited(key, f"x@{organization}.example", role=role),
            key.patch(where, json={"role": role}),
            key.patch(top, json={"role": "employee"}),
            key.patch(top, json={"departments": ["sales"]}),
            key.delete(top),
            key.post(f"{top}/password-resets"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "above_own_role")
        assert key.patch(where, json={"departments": ["sales"]}).status_code == 200
    assert person(admin, email)["role"] == "employee"


@pytest.mark.parametrize("role", ["system_admin"])
def test_there_is_no_system_admin_in_an_organization(
    settings: ApiSettings, admin: httpx.Client, organization: str, role: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    where = f"/v1/people/{person(admin, email)['person_id']}"
    for answer in (
        invited(admin, f"s@{organization}.example", role=role),
        admin.patch(where, json={"role": role}),
    ):
        assert answer.status_code in (403, 422)


def test_a_change_of_role_holds_at_once_and_is_told_with_before_and_after(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    with sign_in(server, email) as client:
        assert client.get("/v1/people").status_code == 403
        where = f"/v1/people/{person(admin, email)['person_id']}"
        changed = admin.patch(where, json={"role": "auditor"})
        assert changed.status_code == 200 and changed.json()["role"] == "auditor"
        assert client.get("/v1/people").status_code == 200
    (record, *_) = admin.get("/v1/audit", params={"resource": where}).json()["records"]
    assert (record["before"]["role"], record["after"]["role"]) == ("employee", "auditor")
    assert record["request_id"] == changed.headers["x-request-id"]


def test_a_change_of_what_was_changed_since_is_refused(
    settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    where = f"/v1/people/{person(admin, email)['person_id']}"
    tag = admin.get(where).headers["etag"]
    assert admin.patch(where, json={"departments": ["sales"]}, headers={"If-Match": tag}).status_code == 200
    again = admin.patch(where, json={"departments": []}, headers={"If-Match": tag})
    assert (again.status_code, again.json()["code"]) == (412, "precondition_failed")
    assert admin.delete(where, headers={"If-Match": tag}).status_code == 412
    assert person(admin, email)["departments"] == ["sales"]


def test_the_last_org_admin_is_neither_demoted_nor_removed(admin: httpx.Client, ada: str) -> None:
    where = f"/v1/people/{person(admin, ada)['person_id']}"
    for answer in (admin.patch(where, json={"role": "auditor"}), admin.delete(where)):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_org_admin")
    assert person(admin, ada)["role"] == "org_admin"


@pytest.mark.parametrize("act", ["demote", "remove", "one of each"])
def test_of_two_admins_who_end_each_other_at_one_moment_one_is_left(
    server: str, settings: ApiSettings, organization: str, act: str
) -> None:
    emails = [member(settings.postgres, organization, Role.ORG_ADMIN) for _ in range(2)]
    with (
        sign_in(server, emails[0]) as one,
        sign_in(server, emails[1]) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        ids = [person(one, email)["person_id"] for email in emails]
        for _ in range(10):

            def end(client: httpx.Client, target: str, how: str) -> int:
                where = f"/v1/people/{target}"
                return (
                    client.patch(where, json={"role": "auditor"}) if how == "demote" else client.delete(where)
                ).status_code

            hows = ("demote", "remove") if act == "one of each" else (act, act)
            found = list(pool.map(end, (one, other), reversed(ids), hows))
            with psycopg.connect(settings.postgres, autocommit=True) as connection:
                left = connection.execute(
                    "SELECT count(*) FROM membership WHERE organization_id = %s AND role = 'org_admin'",
                    [organization],
                ).fetchone()
                assert left == (1,), found
                for email, id_ in zip(emails, ids, strict=True):
                    connection.execute(
                        "INSERT INTO membership (organization_id, person_id, role, employee_id)"
                        " VALUES (%s, %s, 'org_admin', %s)"
                        " ON CONFLICT (organization_id, person_id) DO UPDATE SET role = 'org_admin'",
                        [organization, id_, email],
                    )
            if 401 in found or "remove" in hows:
                return  # his session went with him
            wait_until(
                lambda: all(
                    client.get("/v1/sessions/current").json()["role"] == "org_admin"
                    for client in (one, other)
                )
            )


def test_who_is_removed_is_out_and_what_he_offered_is_withdrawn(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.ORG_ADMIN)
    with sign_in(server, email) as leaving:
        back_door = invited(leaving, f"back@{organization}.example", role="org_admin").json()["token"]
        assert admin.delete(f"/v1/people/{person(admin, email)['person_id']}").status_code == 204
        assert leaving.get("/v1/sessions/current").status_code == 401
    assert accepted(server, back_door).json()["code"] == "invalid_link"
    with browser(server) as client:
        answer = client.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    assert answer.json()["code"] == "no_membership"


def test_people_of_another_organization_are_not_there(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    stranger = member(settings.postgres, f"{organization}-b", Role.ORG_ADMIN)
    with sign_in(server, stranger) as other:
        foreign = other.get("/v1/sessions/current").json()
    where = f"/v1/people/{foreign['person_id']}"
    for answer in (
        admin.get(where),
        admin.patch(where, json={"role": "employee"}),
        admin.delete(where),
        admin.get(f"{where}/sessions"),
        admin.delete(f"{where}/sessions"),
        admin.delete(f"{where}/sessions/{foreign['session_id']}"),
        admin.post(f"{where}/password-resets"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_person")


# -- what is worth an attack on a session


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/invitations"),
        ("DELETE", "/v1/invitations/inv_x"),
        ("PATCH", "/v1/people/usr_x"),
        ("DELETE", "/v1/people/usr_x"),
        ("DELETE", "/v1/people/usr_x/sessions"),
        ("POST", "/v1/people/usr_x/password-resets"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/keys/key_x/rotations"),
        ("DELETE", "/v1/keys/key_x"),
        ("POST", "/v1/webhooks"),
        ("PATCH", "/v1/webhooks/whe_x"),
        ("POST", "/v1/webhooks/whe_x/secrets"),
        ("DELETE", "/v1/webhooks/whe_x"),
    ],
)
def test_it_asks_for_a_password_that_was_given_lately(
    settings: ApiSettings, admin: httpx.Client, ada: str, method: str, path: str
) -> None:
    with psycopg.connect(settings.postgres) as connection:
        connection.execute(
            "UPDATE person_session SET authenticated_at = now() - interval '16 minutes' WHERE person_id ="
            " (SELECT person_id FROM person WHERE email = %s)",
            [ada],
        )

    def code() -> str:
        body: dict[str, Any] | None = None if method == "DELETE" else {}
        answer = admin.request(method, path, headers={"Idempotency-Key": "x"}, json=body)
        return str(answer.json()["code"])

    wait_until(lambda: code() == "authentication_too_old")
    said = admin.post("/v1/sessions/current/authentication", json={"password": PASSWORD})
    assert said.status_code == 204
    admin.headers["Cookie"] = f"{COOKIE}={token_of(said)}"
    admin.cookies.clear()
    assert code() not in ("authentication_too_old", "session_ended")


# -- passwords


def test_a_reset_link_sets_a_password_once_and_ends_all_sessions(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    made = admin.post(f"/v1/people/{person(admin, email)['person_id']}/password-resets")
    assert made.status_code == 201, made.text
    body = {"token": made.json()["token"], "password": NEW_PASSWORD}
    with sign_in(server, email) as client:
        weak = client.post("/v1/password-resets/uses", json={**body, "password": "password1234"})
        assert weak.status_code == 422
        assert client.post("/v1/password-resets/uses", json=body).status_code == 204
        assert client.get("/v1/sessions/current").status_code == 401
        assert client.post("/v1/password-resets/uses", json=body).status_code == 401
    with browser(server) as client:
        for password, status in ((PASSWORD, 401), (NEW_PASSWORD, 201)):
            answer = client.post("/v1/sessions", json={"email": email, "password": password})
            assert answer.status_code == status


def test_ones_own_password_is_changed_with_the_one_before_and_other_sessions_end(
    server: str, settings: ApiSettings, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    with sign_in(server, email) as here, sign_in(server, email) as there:
        body = {"password": PASSWORD, "new_password": NEW_PASSWORD}
        wrong = here.put("/v1/account/password", json={**body, "password": NEW_PASSWORD})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_credentials")
        weak = here.put("/v1/account/password", json={**body, "new_password": email})
        assert weak.status_code == 422
        assert here.put("/v1/account/password", json=body).status_code == 204
        assert here.get("/v1/sessions/current").status_code == 200
        assert there.get("/v1/sessions/current").status_code == 401


# -- sessions of others


def test_an_admin_ends_somebodys_sessions_one_and_all(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    where = f"/v1/people/{person(admin, email)['person_id']}/sessions"
    with sign_in(server, email) as first, sign_in(server, email) as second, sign_in(server, email) as third:
        listed = admin.get(where).json()["sessions"]
        assert len(listed) == 3 and not any(one["current"] for one in listed)
        mine = first.get("/v1/sessions/current").json()["session_id"]
        assert admin.delete(f"{where}/{mine}").status_code == 204
        assert admin.delete(f"{where}/{mine}").status_code == 404
        assert (
            first.get("/v1/sessions/current").status_code,
            second.get("/v1/sessions/current").status_code,
        ) == (
            401,
            200,
        )
        assert admin.delete(where).status_code == 204
        assert {one.get("/v1/sessions/current").status_code for one in (second, third)} == {401}


def test_pages_of_people_neither_skip_nor_double_while_people_come(
    settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    emails = {member(settings.postgres, organization, Role.EMPLOYEE) for _ in range(5)}
    seen: list[str] = []
    path = "/v1/people?limit=2"
    while path:
        answer = admin.get(path)
        seen += [one["email"] for one in answer.json()["people"]]
        path = answer.links.get("next", {}).get("url", "")
        member(settings.postgres, organization, Role.EMPLOYEE, email=f"aa-{len(seen)}@example.com")
    assert len(seen) == len(set(seen)) and emails <= set(seen)
