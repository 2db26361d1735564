"""Who comes by an identity provider is who it says, and here alone; what is not good lets nobody in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.people import COOKIE, accepted, browser, invited, member, person, sign_in
from tests.api.single_sign_on import (
    Provider,
    Try,
    added,
    attributes_of_try,
    came,
    proved,
    provider,
    session_of,
    trusting,
)
from tests.api.support import wait_until

__all__ = ["provider"]


@pytest.fixture(scope="module")
def server(settings: ApiSettings) -> Iterator[str]:
    with trusting(settings) as base_url:
        yield base_url


@pytest.fixture(autouse=True)
def honest(provider: Provider) -> None:
    provider.lies()


@pytest.fixture
def email(settings: ApiSettings, organization: str) -> str:
    return member(settings.postgres, organization, Role.EMPLOYEE, email=f"bob@{organization}.example")


def refused(answer: httpx.Response, status: int, words: str) -> None:
    """On a page that says why, without a session."""
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert COOKIE + "=" not in str(answer.headers.get_list("set-cookie")).replace(f"{COOKIE}-sign-on=", "")


# -- who gets in


def test_a_member_comes_by_his_verified_address_and_then_by_his_subject(
    server: str, provider: Provider, admin: httpx.Client, email: str
) -> None:
    used = added(admin, provider)
    provider.knows("bob-1", email=email.upper())
    answer = came(server, used, "bob-1", following="/cards?status=frozen")
    assert answer.status_code == 200 and 'content="0; url=/cards?status=frozen"' in answer.text
    with session_of(server, answer) as client:
        me = client.get("/v1/sessions/current").json()
        assert (me["email"], me["role"]) == (email, "employee")
        (session,) = client.get("/v1/sessions").json()["sessions"]
        assert session["method"] == "oidc" and session["authenticated_at"]
    seen = provider.seen()
    assert seen["authorization"].startswith("Basic ") and "client_secret" not in seen["form"]
    assert seen["asked"]["code_challenge_method"] == "S256" and seen["asked"]["nonce"]
    # His address changes at the provider; he is still he.
    provider.knows("bob-1", email="robert@elsewhere.example", email_verified=False)
    with session_of(server, came(server, used, "bob-1")) as client:
        assert client.get("/v1/sessions/current").json()["email"] == email
    assert admin.get(f"/v1/identity-providers/{used}").json()["people"] == 1
    told = admin.get("/v1/audit", params={"actor": email}).json()["records"]
    assert {"come_back"} == {record["action"] for record in told}


def test_who_is_invited_comes_in_by_the_provider_without_a_password(
    server: str, provider: Provider, admin: httpx.Client, organization: str
) -> None:
    used, email = added(admin, provider), f"dora@{organization}.example"
    token = invited(admin, email, role="auditor").json()["token"]
    provider.knows("dora", email=email)
    with session_of(server, came(server, used, "dora")) as client:
        assert client.get("/v1/sessions/current").json()["role"] == "auditor"
    assert not person(admin, email)["password"]
    assert accepted(server, token).json()["code"] == "invalid_link"


def test_an_address_that_is_given_to_somebody_new_opens_nothing_of_the_old_one(
    server: str, provider: Provider, admin: httpx.Client, email: str
) -> None:
    used = added(admin, provider)
    for sub in ("bob-old", "bob-new"):
        provider.knows(sub, email=email)
    assert came(server, used, "bob-old").status_code == 200
    refused(came(server, used, "bob-new"), 403, "that of another account")
    assert admin.delete(f"/v1/people/{person(admin, email)['person_id']}/identities").status_code == 204
    assert came(server, used, "bob-new").status_code == 200
    refused(came(server, used, "bob-old"), 403, "that of another account")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email_verified": False}, "verified your e-mail address"),
        ({"email_verified": None}, "verified your e-mail address"),
        ({"email_verified": "yes"}, "verified your e-mail address"),
        ({"email": None}, "verified your e-mail address"),
        ({"email": "a@b@c.example"}, "verified your e-mail address"),
        ({"email": ["bob@x.example"]}, "verified your e-mail address"),
        ({"email": "stranger@good.example"}, "Nobody has invited"),
        ({"email": "bob@evil.example"}, "may not sign in people of evil.example"),
        ({"email": "bob@good.example.evil.example"}, "may not sign in people of"),
        ({"email": "bob@sub.good.example"}, "may not sign in people of"),
    ],
)
def test_who_is_nobody_here_does_not_get_in(
    server: str,
    settings: ApiSettings,
    provider: Provider,
    admin: httpx.Client,
    organization: str,
    claims: dict[str, Any],
    words: str,
) -> None:
    used = added(admin, provider, domains=["good.example"])
    proved(settings.postgres, organization, "good.example")
    told = {"email": "bob@good.example", **claims}
    provider.knows("nobody", **{name: value for name, value in told.items() if value is not None})
    provider.lies(claims={name: None for name, value in told.items() if value is None})
    refused(came(server, used, "nobody"), 403, words)

    def told_so() -> bool:
        records = admin.get("/v1/audit", params={"outcome": "refused"}).json()["records"]
        return any(record["reason"] == "not_let_in" for record in records)

    wait_until(told_so, 60)


def test_a_provider_speaks_for_its_own_organization_alone(
    server: str, settings: ApiSettings, provider: Provider, admin: httpx.Client, organization: str
) -> None:
    """Whose admin runs an evil provider, becomes nobody of another organization, and takes nobody from it."""
    victim = member(settings.postgres, f"{organization}-b", Role.ORG_ADMIN)
    used = added(admin, provider)
    provider.knows("evil", email=victim)
    refused(came(server, used, "evil"), 403, "Nobody has invited")
    invited(admin, victim, role="employee")
    refused(came(server, used, "evil"), 403, "Another organization knows you")
    with psycopg.connect(settings.postgres) as connection:
        found = connection.execute(
            "SELECT organization_id FROM membership JOIN person USING (person_id) WHERE email = %s", [victim]
        ).fetchall()
    assert found == [(f"{organization}-b",)]


# -- what cannot be believed


@pytest.mark.parametrize(
    ("lies", "words"),
    [
        ({"claims": {"nonce": "another"}}, "nonce"),
        ({"claims": {"nonce": None}}, "nonce"),
        ({"claims": {"nonce": ""}}, "nonce"),
        ({"claims": {"iss": "https://evil.example"}}, "iss"),
        ({"claims": {"iss": None}}, "iss"),
        ({"claims": {"aud": "somebody-else"}}, "aud"),
        ({"claims": {"aud": None}}, "aud"),
        ({"claims": {"aud": []}}, "aud"),
        ({"claims": {"aud": ["spendlog", "somebody-else"]}}, "azp"),
        ({"claims": {"azp": "somebody-else"}}, "azp"),
        ({"claims": {"exp": int(time.time()) - 300}}, "expired"),
        ({"claims": {"exp": None}}, "exp"),
        ({"claims": {"exp": "tomorrow"}}, "exp"),
        ({"claims": {"iat": int(time.time()) + 3_600}}, "in the future"),
        ({"claims": {"iat": None}}, "iat"),
        ({"claims": {"nbf": int(time.time()) + 3_600}}, "not yet valid"),
        ({"claims": {"sub": None}}, "sub"),
        ({"claims": {"sub": ""}}, "sub"),
        ({"claims": {"sub": "x" * 256}}, "sub"),
        ({"claims": {"sub": 7}}, "sub"),
        ({"claims": {"at_hash": "of-another-token"}}, "at_hash"),
        ({"sign": "other"}, "ignature"),
        ({"sign": "none"}, "ID token is not good"),
        ({"sign": "hs256"}, "ID token is not good"),
        ({"sign": "cut"}, "ignature"),
        ({"sign": "swapped"}, "ignature"),
        ({"sign": "no token"}, "ID token is not good"),
    ],
)
def test_an_id_token_that_is_not_good_lets_nobody_in(
    server: str, provider: Provider, trusted: str, lies: dict[str, Any], words: str
) -> None:
    provider.lies(**lies)
    refused(came(server, trusted, "trusted"), 502, words)


@pytest.fixture(scope="module")
def trusted(server: str, settings: ApiSettings, provider: Provider) -> str:
    """A provider by which `trusted` gets in, while it tells the truth."""
    organization = "org-trusted"
    email = member(settings.postgres, organization, Role.EMPLOYEE, email="trusted@trusted.example")
    with sign_in(server, member(settings.postgres, organization, Role.ORG_ADMIN)) as admin:
        used = added(admin, provider)
    provider.lies()
    provider.knows("trusted", email=email)
    assert came(server, used, "trusted").status_code == 200
    return used


def test_the_browser_that_left_comes_back_once(server: str, provider: Provider, trusted: str) -> None:
    left = Try(server, trusted).leave().allow("trusted")
    other = Try(server, trusted).leave().allow("trusted")
    refused(left.come_back(cookie=other.cookie), 401, "began in another browser")
    refused(left.come_back(), 401, "was used")  # the try is used up by whoever comes with its state
    assert other.come_back().status_code == 200
    refused(other.come_back(), 401, "was used")
    third = Try(server, trusted).leave().allow("trusted")
    for members in ({"state": "guessed"}, {"state": ""}, {"state": other.members["state"]}):
        refused(third.come_back(**members), 401, "began in another browser")
    refused(Try(server, trusted).leave().allow("trusted").come_back(cookie=""), 401, "another browser")


def test_the_cookie_of_a_try_comes_back_from_another_site(server: str, trusted: str) -> None:
    assert attributes_of_try(server, trusted) == {"HttpOnly", "Path=/", "SameSite=lax", "Secure"}


def test_a_code_is_good_for_its_own_try_alone(server: str, provider: Provider, trusted: str) -> None:
    first, second = (Try(server, trusted).leave().allow("trusted") for _ in range(2))
    refused(second.come_back(code=first.members["code"]), 502, "verifier")
    assert first.come_back().status_code == 200
    third = Try(server, trusted).leave().allow("trusted")
    refused(third.come_back(code=first.members["code"]), 502, "refused the code")
    refused(Try(server, trusted).leave().allow("trusted").come_back(code="guessed"), 502, "refused the code")


def test_the_answer_of_one_provider_is_not_taken_for_anothers(
    server: str, settings: ApiSettings, provider: Provider, trusted: str, admin: httpx.Client
) -> None:
    other = added(admin, provider)
    left = Try(server, trusted).leave().allow("trusted")
    left.answer = left.answer.replace(trusted, other)
    refused(left.come_back(), 401, "began in another browser")
    mixed = Try(server, trusted).leave().allow("trusted")
    refused(mixed.come_back(iss="https://evil.example"), 502, "another issuer")


def test_who_is_let_in_nowhere_is_told_so(server: str, provider: Provider, trusted: str) -> None:
    left = Try(server, trusted).leave()
    denied = httpx.post(left.url, data={"action": "deny"}, timeout=60)
    left.answer = denied.headers["location"]
    state = parse_state(left.url)
    answer = left.come_back(state=state)
    refused(answer, 502, "let nobody in")
    with browser(server) as client:
        assert client.get("/sign-in/sso/idp_unknown").status_code == 404


def parse_state(url: str) -> str:
    return url.partition("state=")[2].partition("&")[0]


def test_who_must_prove_it_again_has_just_signed_in_there(
    server: str, provider: Provider, trusted: str
) -> None:
    provider.lies(auth_time=5)
    left = Try(server, trusted).leave(again=True)
    assert "prompt=login" in left.url and "max_age=0" in left.url
    assert left.allow("trusted").come_back().status_code == 200
    provider.lies(auth_time=3_600)
    refused(Try(server, trusted).leave(again=True).allow("trusted").come_back(), 502, "just signed in")
    provider.lies(claims={"auth_time": None})
    refused(Try(server, trusted).leave(again=True).allow("trusted").come_back(), 502, "auth_time")


def test_a_session_is_as_recent_as_the_providers_own(
    server: str, provider: Provider, admin: httpx.Client, organization: str, settings: ApiSettings
) -> None:
    """Who signed in there an hour ago has not said his password in the last 15 minutes."""
    email = member(settings.postgres, organization, Role.ORG_ADMIN)
    used = added(admin, provider)
    provider.knows("ada", email=email)
    for age, status in ((3_600, 403), (5, 201)):
        provider.lies(auth_time=age)
        with session_of(server, came(server, used, "ada")) as client:
            assert invited(client, f"x{age}@{organization}.example").status_code == status
