"""An organization may ask its people for a second factor: without one a session opens an account alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pyotp
import pytest

from api.access.keys import KEY_SCOPES, create_key
from api.access.roles import Role
from api.access.sign_on.strength import CLASSES, METHODS_ATTRIBUTE, two_factors, two_factors_of
from api.api_settings import ApiSettings
from tests.api.people import COOKIE, PASSWORD, browser, member, person, sign_in, token_of
from tests.api.saml_provider import Answer, posted
from tests.api.single_sign_on import Provider, Try, added, came, provider, session_of, trusting
from tests.api.test_saml import body, left
from tests.api.test_second_factor import WHERE, enrolled

__all__ = ["provider"]
POLICY = "/v1/sign-on-policy"


@pytest.fixture(scope="module")
def server(settings: ApiSettings) -> Iterator[str]:
    with trusting(settings) as base_url:
        yield base_url


@pytest.fixture(autouse=True)
def honest(provider: Provider) -> None:
    provider.lies()


@pytest.fixture
def asking(admin: httpx.Client) -> httpx.Client:
    """The Org Admin, whose organization asks for a second factor."""
    enrolled(admin)
    answer = admin.put(POLICY, json={"required": False, "second_factor": True})
    assert answer.status_code == 200 and answer.json()["second_factor"], answer.text
    return admin


def code(session: httpx.Client, path: str = "/v1/receipts", method: str = "GET") -> str:
    answer = session.request(method, path, headers={"Idempotency-Key": "x"})
    return "in" if answer.status_code < 400 else str(answer.json()["code"])


# -- who owes one


def test_without_one_a_session_opens_its_own_account_alone(
    server: str, settings: ApiSettings, asking: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.ORG_ADMIN)
    with sign_in(server, email) as session:
        for method, path in (
            *(
                ("GET", path)
                for path in ("/v1/people", "/v1/cards", "/v1/transactions", "/v1/audit", "/v1/keys")
            ),
            *(("POST", path) for path in ("/v1/keys", "/v1/webhooks", "/v1/events", "/v1/invitations")),
        ):
            assert code(session, path, method) == "second_factor_due", path
        assert session.get("/v1/sessions/current").json()["permissions"] == {"account": "own"}
        shown = session.get("/people")
        assert (shown.status_code, shown.headers["location"]) == (303, "/account")
        account = session.get("/account")
        assert "asks its people for a second factor" in account.text and "set one up here" in account.text
        totp, _ = enrolled(session)
        assert code(session, "/v1/people") == "in"
        assert session.get("/people").status_code == 200
    with browser(server) as client:
        again = client.post("/v1/sessions", json={"email": email, "password": PASSWORD, "code": totp.now()})
        client.headers["Cookie"] = f"{COOKIE}={token_of(again)}"
        client.cookies.clear()
        assert code(client, "/v1/people") == "in"


def test_a_session_that_began_before_has_to_be_begun_anew(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.FINANCE_MANAGER)
    with sign_in(server, email) as here, sign_in(server, email) as there:
        enrolled(here)
        enrolled(admin)
        assert code(there, "/v1/cards") == "in"
        assert admin.put(POLICY, json={"required": False, "second_factor": True}).status_code == 200
        assert (code(here, "/v1/cards"), code(there, "/v1/cards")) == ("in", "second_factor_due")
        assert "sign in with a code" in there.get("/account").text
        assert admin.put(POLICY, json={"required": False}).json()["second_factor"] is False
        assert code(there, "/v1/cards") == "in"


def test_other_organizations_and_keys_are_not_asked(
    server: str, settings: ApiSettings, asking: httpx.Client, organization: str
) -> None:
    secret, _ = create_key(settings.postgres, organization_id=organization, name="all", scopes=KEY_SCOPES)
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as key:
        assert key.get("/v1/people").status_code == 200
    with sign_in(server, member(settings.postgres, f"{organization}-b", Role.AUDITOR)) as other:
        assert code(other) == "in"


def test_who_asks_for_it_has_one_and_nobody_turns_his_own_off(
    server: str, settings: ApiSettings, admin: httpx.Client, organization: str
) -> None:
    asked = {"required": False, "second_factor": True}
    refused = admin.put(POLICY, json=asked)
    assert (refused.status_code, refused.json()["code"]) == (409, "second_factor_off")
    totp, codes = enrolled(admin)
    assert admin.put(POLICY, json=asked).status_code == 200
    kept = admin.post(f"{WHERE}/removal", json={"password": PASSWORD, "code": codes[0]})
    assert (kept.status_code, kept.json()["code"]) == (409, "second_factor_asked_for")
    assert admin.put(POLICY, json={"required": False}).status_code == 200
    gone = admin.post(f"{WHERE}/removal", json={"password": PASSWORD, "code": totp.now()})
    assert gone.status_code == 204, gone.text


def test_who_was_reset_owes_one_anew(
    server: str, settings: ApiSettings, asking: httpx.Client, organization: str
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    with sign_in(server, email) as session:
        enrolled(session)
        assert code(session) == "in"
        where = f"/v1/people/{person(asking, email)['person_id']}/second-factor"
        assert asking.delete(where).status_code == 204
        assert code(session) == "second_factor_due"


# -- who comes by a provider


@pytest.fixture
def used(asking: httpx.Client, provider: Provider) -> str:
    return added(asking, provider)


@pytest.mark.parametrize(
    ("claims", "asked"),
    [
        ({}, True),
        ({"amr": ["pwd"]}, True),
        ({"acr": "1"}, True),
        ({"amr": ["pwd", "otp"]}, False),
        ({"acr": "phr"}, False),
    ],
)
def test_who_comes_by_a_provider_is_asked_unless_it_says_that_there_were_two(
    server: str, settings: ApiSettings, provider: Provider, used: str, organization: str,
    asking: httpx.Client, claims: dict[str, Any], asked: bool,
) -> None:  # fmt: skip
    email = member(settings.postgres, organization, Role.FINANCE_MANAGER)
    with sign_in(server, email) as session:
        totp, codes = enrolled(session)
    provider.knows(f"fay-{organization}", email=email)
    provider.lies(claims=claims)
    answer = came(server, used, f"fay-{organization}", following="/cards")
    if not asked:
        with session_of(server, answer) as session:
            assert code(session) == "in"
        return
    gives_a_code(server, answer, totp, codes[0], "oidc")


def gives_a_code(
    server: str, answer: httpx.Response, totp: pyotp.TOTP, recovery_code: str, method: str
) -> None:
    """Who has come by a provider is no session yet: it begins with his code, and with nothing else."""
    assert answer.status_code == 401 and f"{COOKIE}=" not in str(answer.headers.get_list("set-cookie"))
    with browser(server) as client:
        wrong = client.post("/sign-in/sso/code", data={"waiting": waiting(answer), "code": "000000"})
        assert wrong.status_code == 401 and "The code is wrong" in wrong.text
        used_up = client.post("/sign-in/sso/code", data={"waiting": waiting(answer), "code": recovery_code})
        assert used_up.status_code == 401 and "sent twice" in used_up.text
        right = client.post("/sign-in/sso/code", data={"waiting": waiting(wrong), "code": totp.now()})
        assert (right.status_code, right.headers["location"]) == (303, "/cards")
    with session_of(server, right) as session:
        assert code(session) == "in"
        (newest, *_) = session.get("/v1/sessions").json()["sessions"]
        assert newest["method"] == method


def waiting(answer: httpx.Response) -> str:
    return answer.text.partition('name="waiting" value="')[2].partition('"')[0]


def test_who_has_none_and_no_password_sets_one_up_after_the_provider(
    server: str, settings: ApiSettings, provider: Provider, used: str, organization: str, asking: httpx.Client
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    provider.knows(f"new-{organization}", email=email)
    provider.lies(auth_time=3_600)
    with session_of(server, came(server, used, f"new-{organization}")) as session:
        assert code(session) == "second_factor_due"
        assert session.post(WHERE, json={}).json()["code"] == "authentication_too_old"
    provider.lies()
    with session_of(server, came(server, used, f"new-{organization}")) as session:
        offer = session.post(WHERE, json={}).json()
        totp = pyotp.TOTP(offer["secret"])
        assert session.put(WHERE, json={"code": totp.at(int(time.time()) - 30)}).status_code == 200
        assert code(session) == "in"
        made = session.post(f"{WHERE}/recovery-codes", json={"code": totp.now()})
        assert made.status_code == 201 and len(made.json()["recovery_codes"]) == 10
        assert session.post(f"{WHERE}/recovery-codes", json={"code": "000000"}).status_code == 401
    assert Try(server, used).leave().allow(f"new-{organization}").come_back().status_code == 401


# -- who comes by SAML


def class_of(text: str) -> dict[str, Any]:
    return {"context": f"<saml:AuthnContextClassRef>{text}</saml:AuthnContextClassRef>"}


UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
NO_CLASS = {"context": "<saml:AuthnContextDeclRef>urn:techcorp:two-factors</saml:AuthnContextDeclRef>"}


@pytest.mark.parametrize(
    ("told", "methods", "asked"),
    [
        ({"context": ""}, [], True),
        (NO_CLASS, [], True),
        (class_of(UNSPECIFIED), [], True),
        (
            class_of(""),
            ["http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password"],
            True,
        ),
        (class_of("https://refeds.org/profile/mfa"), [], False),
        (class_of(UNSPECIFIED), ["http://schemas.microsoft.com/claims/multipleauthn"], False),
    ],
    ids=["no context", "no class", "unspecified", "one method", "class", "method"],
)
def test_who_comes_by_saml_is_asked_unless_it_says_that_there_were_two(
    server: str, settings: ApiSettings, organization: str, asking: httpx.Client,
    told: dict[str, Any], methods: list[str], asked: bool,
) -> None:  # fmt: skip
    used = asking.post("/v1/identity-providers", json=body(), headers={"Idempotency-Key": "saml"}).json()
    email, newcomer = (member(settings.postgres, organization, Role.FINANCE_MANAGER) for _ in range(2))
    with sign_in(server, email) as session:
        totp, codes = enrolled(session)
    attributes = {METHODS_ATTRIBUTE: methods} if methods else {}

    def come(name: str) -> httpx.Response:
        tried = left(server, used["provider_id"], following="/cards")
        answer = Answer(tried.request, name, {"mail": [name], **attributes}, told)
        return tried.post(posted(answer.signed()))

    if asked:
        gives_a_code(server, come(email), totp, codes[0], "saml")
    else:
        with session_of(server, come(email)) as session:
            assert code(session) == "in"
    # Who has no authenticator is let in to set one up, and nowhere else.
    with session_of(server, come(newcomer)) as session:
        assert code(session, "/v1/cards") == ("second_factor_due" if asked else "in")
        if asked:
            assert session.get("/v1/sessions/current").json()["permissions"] == {"account": "own"}
            offer = session.post(WHERE, json={}).json()
            made = session.put(WHERE, json={"code": pyotp.TOTP(offer["secret"]).now()})
            assert made.status_code == 200, made.text
            assert code(session, "/v1/cards") == "in"


@pytest.mark.parametrize(
    ("claims", "two"),
    [
        ({"amr": ["mfa"]}, True),
        ({"amr": ["pwd", "mfa"]}, True),
        ({"amr": ["pwd", "sms"]}, True),
        ({"amr": ["pin", "hwk"]}, True),
        ({"amr": ["pwd", "face"]}, True),
        ({"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}, True),
        ({"acr": "https://refeds.org/profile/mfa", "amr": ["pwd"]}, True),
        ({"amr": []}, False),
        ({"amr": ["otp"]}, False),
        ({"amr": ["hwk", "otp"]}, False),
        ({"amr": ["pwd", "pin"]}, False),
        ({"amr": ["MFA"]}, False),
        ({"amr": "mfa"}, False),
        ({"amr": {"mfa": True}}, False),
        ({"amr": [["mfa"], None, 1]}, False),
        ({"acr": ["phr"]}, False),
        ({"acr": "0"}, False),
        ({"acr": None, "amr": None}, False),
        ({"mfa": True}, False),
    ],
)
def test_what_a_provider_says_of_its_factors(claims: dict[str, Any], two: bool) -> None:
    assert two_factors(claims) is two


def test_what_an_assertion_says_of_its_factors() -> None:
    assert all(two_factors_of([f"\n {one} "]) for one in CLASSES)
    one = ("", "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "multipleauthn", "X509")
    assert not two_factors_of([f"urn:oasis:names:tc:SAML:2.0:ac:classes:{name}" for name in one])
    assert not two_factors_of([])


# -- the policy is changed as it was seen


def test_a_change_of_the_policy_holds_only_for_what_was_seen(admin: httpx.Client) -> None:
    body = {"required": False}
    seen = admin.get(POLICY).headers["etag"]
    assert seen == '"unset"'
    assert admin.put(POLICY, json=body, headers={"If-Match": '"20260101T000000.000000"'}).status_code == 412
    first = admin.put(POLICY, json=body, headers={"If-Match": seen})
    assert first.status_code == 200 and first.headers["etag"] == admin.get(POLICY).headers["etag"] != seen
    late = admin.put(POLICY, json=body, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    second = admin.put(POLICY, json=body, headers={"If-Match": first.headers["etag"]})
    assert second.status_code == 200 and second.headers["etag"] != first.headers["etag"]
    assert admin.put(POLICY, json=body, headers={"If-Match": "*"}).status_code == 200
    assert admin.put(POLICY, json=body).status_code == 200
    assert admin.put(POLICY, json=body, headers={"If-Match": 'W/"x"'}).status_code == 412
