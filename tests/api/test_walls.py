"""The second wall: PostgreSQL itself shows the API's role the rows of one organization alone."""

from __future__ import annotations

import httpx
import psycopg
import pytest

from api.access.keys import KEY_SCOPES, create_key
from api.access.membership import (
    PeopleFault,
    add_member,
    list_members,
    remove_member,
    set_password,
    sign_in_link,
)
from api.access.roles import OPERATORS, Role
from api.api_settings import ApiSettings
from tests.api.people import browser


def test_every_table_of_tenants_has_its_wall_and_no_view_goes_around_it(settings: ApiSettings) -> None:
    with psycopg.connect(settings.postgres) as connection:
        open_tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE a.attname = 'organization_id' AND c.relkind IN ('r', 'p')"
            " AND c.relnamespace = 'public'::regnamespace"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ).fetchall()
        views = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
            " AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)"
        ).fetchall()
    assert (open_tables, views) == ([], [])


def test_a_statement_without_any_filter_sees_one_organization(settings: ApiSettings) -> None:
    """The application's filters switched off: the statement names no organization at all."""
    for organization in ("org-wall-a", "org-wall-b"):
        create_key(settings.postgres, organization_id=organization, name="wall", scopes=KEY_SCOPES)
    with psycopg.connect(settings.postgres, options="-c role=spendlog_api", autocommit=True) as connection:
        every = "SELECT DISTINCT organization_id FROM api_key"
        assert connection.execute(every).fetchall() == []
        connection.execute("SELECT set_config('spendlog.organization', 'org-wall-a', false)")
        assert connection.execute(every).fetchall() == [("org-wall-a",)]
        changed = connection.execute(
            "UPDATE api_key SET revoked_at = now() WHERE organization_id = 'org-wall-b'"
        )
        assert changed.rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO membership (organization_id, person_id, role, employee_id)"
                " VALUES ('org-wall-b', 'usr_x', 'org_admin', 'x')"
            )


def test_a_link_signs_in_once_and_membership_ends_what_it_began(
    server: str, settings: ApiSettings, organization: str
) -> None:
    email = f"dora@{organization}.example"
    add_member(settings.postgres, organization_id=organization, email=email, role=Role.AUDITOR)
    token = sign_in_link(settings.postgres, email=email)
    with browser(server) as client:
        answers = [client.post("/v1/sessions/links", json={"token": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 401]
    assert answers[0].json()["role"] == "auditor"
    set_password(settings.postgres, email=email, password="seven quiet lamps ascend")
    with httpx.Client(base_url=server, timeout=60) as client:
        body = {"email": email, "password": "seven quiet lamps ascend"}
        assert client.post("/v1/sessions", json=body).status_code == 201
        remove_member(settings.postgres, organization_id=organization, email=email)
        assert client.post("/v1/sessions", json=body).status_code == 403


def test_the_last_org_admin_stays(settings: ApiSettings, organization: str) -> None:
    def add(email: str, role: Role) -> None:
        add_member(settings.postgres, organization_id=organization, email=email, role=role)

    one, other = f"one@{organization}.example", f"other@{organization}.example"
    add(one, Role.ORG_ADMIN)
    for _ in range(2):
        with pytest.raises(PeopleFault, match="last Org Admin"):
            add(one, Role.EMPLOYEE)
        with pytest.raises(PeopleFault, match="last Org Admin"):
            remove_member(settings.postgres, organization_id=organization, email=one)
    add(other, Role.ORG_ADMIN)
    add(one, Role.EMPLOYEE)
    assert [(m.email, m.role) for m in list_members(settings.postgres, organization)] == [
        (one, Role.EMPLOYEE),
        (other, Role.ORG_ADMIN),
    ]


@pytest.mark.parametrize(
    ("organization", "email", "role"),
    [
        ("org-odd", "no address", Role.EMPLOYEE),
        ("org-odd", "a@b@c", Role.EMPLOYEE),
        ("a/b", "a@b.example", Role.EMPLOYEE),
        ("org-odd", "a@b.example", Role.SYSTEM_ADMIN),
        (OPERATORS, "a@b.example", Role.ORG_ADMIN),
    ],
)
def test_nobody_is_what_he_cannot_be(
    settings: ApiSettings, organization: str, email: str, role: Role
) -> None:
    with pytest.raises(PeopleFault):
        add_member(settings.postgres, organization_id=organization, email=email, role=role)
