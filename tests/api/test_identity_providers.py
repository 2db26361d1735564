"""Org Admins set identity providers, what those make of people, and whether a password still lets in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from api.access.keys import KEY_SCOPES, Scope, create_key
from api.access.roles import Role
from api.access.sign_on.role_mapping import ClaimMapping
from api.api_settings import ApiSettings
from tests.api.people import PASSWORD, accepted, browser, invited, member, person, sign_in
from tests.api.single_sign_on import Provider, added, came, proved, provider, session_of, trusting

__all__ = ["provider"]

BODY = {"name": "Okta", "client_id": "spendlog"}
ROLES = {
    "claim": "groups",
    "rules": [
        {"value": "spend-admins", "role": "org_admin"},
        {"value": "spend-managers", "role": "finance_manager"},
        {"value": "staff", "role": "employee"},
    ],
}
DEPARTMENTS = {
    "claim": "org.unit",
    "rules": [
        {"value": "Sales EMEA", "department": "sales"},
        {"value": "Sales US", "department": "sales"},
        {"value": "R&D", "department": "engineering"},
    ],
}


@pytest.fixture(scope="module")
def server(settings: ApiSettings) -> Iterator[str]:
    with trusting(settings) as base_url:
        yield base_url


@pytest.fixture
def ada(settings: ApiSettings, organization: str) -> str:
    return member(settings.postgres, organization, Role.ORG_ADMIN)


@pytest.fixture
def admin(server: str, ada: str) -> Iterator[httpx.Client]:
    with sign_in(server, ada) as client:
        yield client


def id_of(admin: httpx.Client, email: str) -> str:
    return str(person(admin, email)["person_id"])


# -- as they are set


def test_a_provider_is_made_shown_changed_and_removed(
    settings: ApiSettings, admin: httpx.Client, provider: Provider, ada: str
) -> None:
    used = added(admin, provider, domains=["TechCorp.com", "techcorp.com"])
    where = f"/v1/identity-providers/{used}"
    shown = admin.get(where)
    told = shown.json()
    assert (told["domains"], told["mapped_by"], told["enabled"]) == (["techcorp.com"], ada, True)
    assert told["callback"].endswith(f"/sign-in/sso/{used}/callback")
    assert "s3cr3t" not in shown.text
    again = admin.post(
        "/v1/identity-providers",
        json={
            **BODY,
            "issuer": provider.issuer,
            "client_secret": "s3cr3t",
            "domains": ["TechCorp.com", "techcorp.com"],
        },
        headers={"Idempotency-Key": "idp"},
    )
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    stale = {"If-Match": shown.headers["etag"]}
    changed = admin.patch(where, json={"name": "Entra", "client_secret": "n3w"}, headers=stale)
    assert changed.status_code == 200 and changed.json()["name"] == "Entra", changed.text
    assert admin.patch(where, json={"name": "Okta"}, headers=stale).status_code == 412
    assert admin.delete(where, headers=stale).status_code == 412
    (record, *_) = admin.get("/v1/audit", params={"resource": where}).json()["records"]
    assert (record["before"]["name"], record["after"]["name"]) == ("Okta", "Entra")
    assert record["after"]["client_secret"] == "changed"
    with psycopg.connect(settings.postgres) as connection:
        stored = connection.execute("SELECT identity_provider::text FROM identity_provider").fetchall()
    assert "s3cr3t" not in str(stored) and "n3w" not in str(stored)
    assert admin.delete(where).status_code == 204
    assert admin.get(where).status_code == 404
    assert admin.get("/v1/identity-providers").json() == {"providers": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"issuer": "ftp://login.example.com"}, "body.issuer"),
        ({"issuer": "http://user:pw@localhost:1"}, "body.issuer"),
        ({"issuer": "http://localhost:1"}, "body.issuer"),  # nobody answers
        ({"issuer": "SELF/"}, "body.issuer"),  # not as its document says
        ({"issuer": "SELF/jwks"}, "body.issuer"),  # no such document
        ({"issuer": "https://login.example.com/#x"}, "body.issuer"),
        ({"domains": ["techcorp"]}, "body.domains.0"),
        ({"domains": ["a@techcorp.com"]}, "body.domains.0"),
        ({"domains": ["-x.com"]}, "body.domains.0"),
        ({"client_id": "a b"}, "body.client_id"),
        ({"client_secret": "sécret"}, "body.client_secret"),
        ({"mapping": {"roles": {**ROLES, "rules": []}}}, "body.mapping.roles.rules"),
        ({"mapping": {"roles": {**ROLES, "rules": [{"value": "x", "role": "system_admin"}]}}},
         "body.mapping.roles.rules.0.role"),
        ({"mapping": {"group": ROLES}}, "body.mapping.group"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_provider_is_named(
    admin: httpx.Client, provider: Provider, body: dict[str, Any], field: str
) -> None:
    asked = {**BODY, "issuer": provider.issuer, **body}
    asked["issuer"] = asked["issuer"].replace("SELF", provider.issuer)
    answer = admin.post("/v1/identity-providers", json=asked, headers={"Idempotency-Key": "bad"})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_without_the_switch_no_private_address_is_asked(
    settings: ApiSettings, organization: str, provider: Provider
) -> None:
    with (
        trusting(settings, api_sso_allow_local=False, api_sealing_keys=()) as guarded,
        sign_in(guarded, member(settings.postgres, organization, Role.ORG_ADMIN)) as admin,
    ):
        port = provider.issuer.rpartition(":")[2]
        for issuer in (
            *("http://example.com", f"https://localhost:{port}", f"https://127.0.0.1:{port}"),
            *("https://169.254.169.254", "https://10.0.0.1", "https://[::1]", "https://0x7f000001"),
        ):
            answer = admin.post(
                "/v1/identity-providers",
                json={**BODY, "issuer": issuer},
                headers={"Idempotency-Key": issuer},
            )
            assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "body.issuer", issuer
        answer = admin.post(
            "/v1/identity-providers",
            json={**BODY, "issuer": "https://login.example.com", "client_secret": "x"},
            headers={"Idempotency-Key": "secret"},
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "sealing_key_missing")


def test_who_may_not_do_all_sets_no_provider(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider
) -> None:
    """A provider can say that anybody comes: a key that changes people alone would make itself an admin."""
    used = added(admin, provider)
    scopes = [Scope.PEOPLE_READ, Scope.PEOPLE_WRITE]
    secret, _ = create_key(settings.postgres, organization_id=organization, name="provision", scopes=scopes)
    asked = {**BODY, "issuer": provider.issuer}
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as key:
        for answer in (
            key.post("/v1/identity-providers", json=asked, headers={"Idempotency-Key": "k"}),
            key.patch(f"/v1/identity-providers/{used}", json={"enabled": False}),
            key.delete(f"/v1/identity-providers/{used}"),
            key.put("/v1/sign-on-policy", json={"required": False}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "above_own_role")
    with sign_in(server, member(settings.postgres, f"{organization}-b", Role.ORG_ADMIN)) as stranger:
        for answer in (
            stranger.get(f"/v1/identity-providers/{used}"),
            stranger.patch(f"/v1/identity-providers/{used}", json={"enabled": False}),
            stranger.delete(f"/v1/identity-providers/{used}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_identity_provider")


def test_a_provider_that_is_turned_off_lets_nobody_in_and_ends_what_it_began(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    used = added(admin, provider)
    provider.knows("off", email=email)
    with session_of(server, came(server, used, "off")) as client:
        where = f"/v1/identity-providers/{used}"
        assert admin.patch(where, json={"enabled": False}).status_code == 200
        assert client.get("/v1/sessions/current").status_code == 401
        with browser(server) as again:
            assert again.get(f"/sign-in/sso/{used}").status_code == 404
            assert used not in again.get("/sign-in/sso", params={"who": organization}).text
        assert admin.patch(where, json={"enabled": True}).status_code == 200
    assert came(server, used, "off").status_code == 200


def test_a_sign_in_page_finds_providers_by_organization_and_by_domain(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider
) -> None:
    domain = f"{organization}.example"
    used = added(admin, provider, domains=[domain])
    proved(settings.postgres, organization, domain)
    with browser(server) as client:
        for who in (organization, f"bob@{domain}", f"BOB@{domain.upper()}", f" nobody@{domain} "):
            assert f"/sign-in/sso/{used}" in client.get("/sign-in/sso", params={"who": who}).text, who
        for who in ("", f"bob@sub.{domain}", domain, "bob@", "@", "a\x00b@c", "' OR 1=1 --", "x" * 200):
            answer = client.get("/sign-in/sso", params={"who": who})
            assert answer.status_code == 200 and "/sign-in/sso/idp_" not in answer.text, who


# -- what it makes of people


def test_roles_and_departments_follow_the_claims_at_each_sign_in(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    used = added(admin, provider, mapping={"roles": ROLES, "departments": DEPARTMENTS})

    def comes(groups: Any, unit: Any) -> httpx.Response:
        provider.knows("fay", email=email, groups=groups, org={"unit": unit})
        return came(server, used, "fay")

    with session_of(server, comes(["x", "spend-managers", "staff"], ["Sales US", "Sales EMEA"])) as client:
        me = client.get("/v1/sessions/current").json()
        assert (me["role"], me["departments"]) == ("finance_manager", ["sales"])
        assert comes("staff", "R&D").status_code == 200  # a text, and no list
        me = client.get("/v1/sessions/current").json()  # in the session that he had, too
        assert (me["role"], me["departments"]) == ("employee", ["engineering"])
    for groups, unit, words in (
        ([], "R&D", "names no group"),
        (["Staff"], "R&D", "names no group"),
        ({"staff": 1}, "R&D", "names no group"),
        (["spend-managers"], [], "names no department"),
        (["spend-managers"], "Sales", "names no department"),
    ):
        answer = comes(groups, unit)
        assert answer.status_code == 403 and words in answer.text, (groups, unit)
    assert person(admin, email)["role"] == "employee"
    (record, *_) = admin.get("/v1/audit", params={"actor": email}).json()["records"]
    assert record["action"] == "come_back"


def test_a_mapping_gives_no_more_than_who_set_it_may_give_now(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider, ada: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    used = added(admin, provider, mapping={"roles": ROLES})
    provider.knows("gus", email=email, groups=["spend-admins"])
    with sign_in(server, member(settings.postgres, organization, Role.ORG_ADMIN)) as other:
        assert other.patch(f"/v1/people/{id_of(other, ada)}", json={"role": "auditor"}).status_code == 200
        assert came(server, used, "gus").status_code == 200
        assert person(other, email)["role"] == "employee"
        where = f"/v1/identity-providers/{used}"
        saved = other.patch(where, json={"mapping": {"roles": ROLES}})
        assert saved.json()["mapped_by"] != ada
        assert came(server, used, "gus").status_code == 200
        assert person(other, email)["role"] == "org_admin"


def test_the_last_org_admin_stays_one_whatever_the_provider_says(
    server: str, admin: httpx.Client, provider: Provider, ada: str
) -> None:
    used = added(admin, provider, mapping={"roles": ROLES})
    provider.knows("ada", email=ada, groups=["staff"])
    with session_of(server, came(server, used, "ada")) as client:
        assert client.get("/v1/sessions/current").json()["role"] == "org_admin"


@pytest.mark.parametrize(
    ("claims", "claim", "values"),
    [
        ({"groups": ["a", "b"]}, "groups", {"a", "b"}),
        ({"groups": "a"}, "groups", {"a"}),
        ({"a": {"b": {"c": ["x"]}}}, "a.b.c", {"x"}),
        ({"https://x.example/roles": ["x"]}, "https://x.example/roles", {"x"}),
        ({"a.b": "flat", "a": {"b": "deep"}}, "a.b", {"flat"}),
        ({"a": "text"}, "a.b", set()),
        ({"groups": [1, None, {"a": 1}, "a"]}, "groups", {"a"}),
        ({}, "groups", set()),
    ],
)
def test_values_of_claims_are_found_as_providers_write_them(
    claims: dict[str, Any], claim: str, values: set[str]
) -> None:
    for value in ("a", "b", "x", "flat", "deep", "text"):
        rules = {"claim": claim, "rules": [{"value": value, "role": "auditor"}]}
        found = ClaimMapping.model_validate({"roles": rules}).role_of(claims)
        assert (found is Role.AUDITOR) == (value in values), value
    everybody = {"claim": claim, "rules": [{"value": "*", "department": "sales"}]}
    assert ClaimMapping.model_validate({"departments": everybody}).departments_of(claims) == ["sales"]


# -- whether passwords let in


def test_where_single_sign_on_is_required_one_password_lets_in_and_no_other(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider, ada: str
) -> None:
    bob = member(settings.postgres, organization, Role.EMPLOYEE)
    asked = {"required": True, "break_glass": id_of(admin, ada)}
    refused = admin.put("/v1/sign-on-policy", json=asked)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_identity_provider")
    used = added(admin, provider)
    for wrong in (None, id_of(admin, bob), "usr_nobody", "usr_\u0000"):
        answer = admin.put("/v1/sign-on-policy", json={"required": True, "break_glass": wrong})
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "body.break_glass"
    email = f"new@{organization}.example"
    token = invited(admin, email).json()["token"]
    with sign_in(server, bob) as session:
        assert admin.put("/v1/sign-on-policy", json=asked).json()["required"] is True
        assert session.get("/v1/sessions/current").status_code == 401  # it began with a password
    with browser(server) as client:
        answer = client.post("/v1/sessions", json={"email": bob, "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_on_required")
        wrong_one = client.post("/v1/sessions", json={"email": bob, "password": "wrong password"})
        assert wrong_one.json()["code"] == "wrong_credentials"
        shown = client.post("/sign-in", data={"email": bob, "password": PASSWORD})
        assert shown.status_code == 403 and f"/sign-in/sso/{used}?" in shown.text
        assert client.post("/v1/sessions", json={"email": ada, "password": PASSWORD}).status_code == 201
    assert f"/sign-in/sso/{used}?again=true" in admin.get("/confirm").text
    assert accepted(server, token).json()["code"] == "sign_on_required"
    for sub, address in (("bob", bob), ("new", email)):
        provider.knows(sub, email=address)
        with session_of(server, came(server, used, sub)) as client:
            assert client.get("/v1/sessions/current").json()["email"] == address
    for answer in (
        admin.delete(f"/v1/identity-providers/{used}"),
        admin.patch(f"/v1/identity-providers/{used}", json={"enabled": False}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "sign_on_is_required")
    assert admin.put("/v1/sign-on-policy", json={"required": False}).json()["break_glass"] is None
    with sign_in(server, bob):
        assert admin.delete(f"/v1/identity-providers/{used}").status_code == 204


def test_the_break_glass_admin_stays_what_he_is(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider, ada: str
) -> None:
    added(admin, provider)
    asked = {"required": True, "break_glass": id_of(admin, ada)}
    assert admin.put("/v1/sign-on-policy", json=asked).status_code == 200
    secret, _ = create_key(settings.postgres, organization_id=organization, name="all", scopes=KEY_SCOPES)
    member(settings.postgres, organization, Role.ORG_ADMIN)
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as key:
        where = f"/v1/people/{id_of(admin, ada)}"
        for answer in (key.patch(where, json={"role": "auditor"}), key.delete(where)):
            assert (answer.status_code, answer.json()["code"]) == (409, "break_glass")


def test_who_belongs_to_two_organizations_comes_into_the_other_by_password(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str, provider: Provider, ada: str
) -> None:
    bob = member(settings.postgres, organization, Role.EMPLOYEE)
    member(settings.postgres, f"{organization}-b", Role.AUDITOR, email=bob)
    added(admin, provider)
    asked = {"required": True, "break_glass": id_of(admin, ada)}
    assert admin.put("/v1/sign-on-policy", json=asked).status_code == 200
    with sign_in(server, bob) as client:
        assert client.get("/v1/sessions/current").json()["organization_id"] == f"{organization}-b"
    with browser(server) as client:
        body = {"email": bob, "password": PASSWORD, "organization_id": organization}
        assert client.post("/v1/sessions", json=body).json()["code"] == "sign_on_required"
