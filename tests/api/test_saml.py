"""Who comes by SAML is whom a signed assertion names, for us, for this try, now and once."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from lxml import etree

from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.people import COOKIE, browser, member, person, sign_in
from tests.api.saml_provider import ENTITY, SAML, Answer, SamlRequest, keys, posted, read_request
from tests.api.single_sign_on import Try, attributes_of_try, session_of, trusting

EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
ORGANIZATION, BOB = "org-saml", "bob@saml.example"
ROLES = {"claim": "groups", "rules": [{"value": "auditors", "role": "auditor"}]}


@pytest.fixture(scope="module")
def server(settings: ApiSettings) -> Iterator[str]:
    with trusting(settings) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def admin(server: str, settings: ApiSettings) -> Iterator[httpx.Client]:
    with sign_in(server, member(settings.postgres, ORGANIZATION, Role.ORG_ADMIN)) as client:
        yield client


def body(**members: Any) -> dict[str, Any]:
    return {
        "name": "Shibboleth",
        "protocol": "saml",
        "issuer": ENTITY,
        "sign_on_url": "https://login.techcorp.example/sso",
        "certificates": [keys("techcorp")[1]],
        **members,
    }


@pytest.fixture(scope="module")
def used(admin: httpx.Client, settings: ApiSettings) -> str:
    """A provider by which Bob gets in."""
    member(settings.postgres, ORGANIZATION, Role.EMPLOYEE, email=BOB)
    made = admin.post("/v1/identity-providers", json=body(), headers={"Idempotency-Key": "saml"})
    assert made.status_code == 201, made.text
    found = made.json()
    assert found["callback"] == f"{found['entity_id']}/acs"
    return str(found["provider_id"])


class SamlTry(Try):
    """A browser that signs in by SAML."""

    @property
    def request(self) -> SamlRequest:
        return read_request(self.url)

    def post(self, response: str, *, state: str | None = None, cookie: str | None = None) -> httpx.Response:
        headers = {
            "Cookie": f"__Host-spendlog-sign-on={self.cookie if cookie is None else cookie}",
            "Origin": "https://login.techcorp.example",
            "Sec-Fetch-Site": "cross-site",
        }
        told = {"SAMLResponse": response, "RelayState": self.request.state if state is None else state}
        with httpx.Client(base_url=self.server, timeout=60) as client:
            return client.post(f"/sign-in/sso/{self.provider_id}/acs", data=told, headers=headers)


def left(server: str, used: str, **query: Any) -> SamlTry:
    made = SamlTry(server, used)
    made.leave(**query)
    return made


def refused(answer: httpx.Response, words: str, status: int = 502) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.text, answer.text
    assert f"{COOKIE}=" not in str(answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize("whole", [False, True], ids=["assertion", "response"])
def test_whom_a_signed_assertion_names_is_signed_in(
    server: str, admin: httpx.Client, used: str, whole: bool
) -> None:
    tried = left(server, used, following="/cards")
    assert tried.url.startswith("https://login.techcorp.example/sso?")
    answer = Answer(tried.request, "bob-1", {"mail": [BOB.upper()]})
    come = tried.post(posted(answer.signed(whole=whole)))
    assert come.status_code == 200 and "url=/cards" in come.text, come.text
    with session_of(server, come) as client:
        assert client.get("/v1/sessions/current").json()["email"] == BOB
        assert client.get("/v1/sessions").json()["sessions"][0]["method"] == "saml"


def test_an_address_may_be_the_name_and_groups_give_roles(
    server: str, admin: httpx.Client, used: str, settings: ApiSettings
) -> None:
    eve = member(settings.postgres, ORGANIZATION, Role.EMPLOYEE)
    where = f"/v1/identity-providers/{used}"
    assert admin.patch(where, json={"mapping": {"roles": ROLES}}).status_code == 200
    try:
        for groups, status in ((["staff", "auditors"], 200), (["staff"], 403), ([], 403)):
            tried = left(server, used)
            answer = Answer(tried.request, eve, {"groups": groups}, {"format": EMAIL})
            assert tried.post(posted(answer.signed())).status_code == status
        assert person(admin, eve)["role"] == "auditor"
    finally:
        assert admin.patch(where, json={"mapping": {}}).status_code == 200


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"audience": "https://spend.example.com/other"}, "AudienceMismatch"),
        ({"recipient": "https://spend.example.com/acs"}, "another recipient"),
        ({"answers": "_of-another-request"}, "InResponseTo"),
        ({"answers": ""}, "InResponseTo"),
        ({"issuer": "https://evil.example"}, "IssuerMismatch"),
        ({"until": -300}, "NotOnOrAfter"),
        ({"until": 86_400}, "NotOnOrAfter"),
        ({"conditions": -300}, "ResponseExpired"),
        ({"from": 600}, "ResponseTooEarly"),
        ({"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}, "bearer"),
    ],
    ids=str,
)
def test_an_assertion_that_is_not_for_this_try_lets_nobody_in(
    server: str, used: str, told: dict[str, Any], words: str
) -> None:
    tried = left(server, used)
    refused(tried.post(posted(Answer(tried.request, "bob-1", {"mail": [BOB]}, told).signed())), words)


def unsigned(answer: Answer) -> etree._Element:
    return answer.response()


def changed(answer: Answer) -> etree._Element:
    response = answer.signed()
    next(response.iter(f"{{{SAML}}}NameID")).text = "ada"
    return response


def of_another_key(answer: Answer) -> etree._Element:
    return answer.signed("evil")


def by_sha1(answer: Answer) -> etree._Element:
    return answer.signed(sha1=True)


def wrapped_before(answer: Answer) -> etree._Element:
    """The signed assertion stays, and a forged one comes first."""
    response = answer.signed()
    good = response.find(f"{{{SAML}}}Assertion")
    response.insert(response.index(good), _forged(good))
    return response


def wrapped_after(answer: Answer) -> etree._Element:
    response = answer.signed()
    response.append(_forged(response.find(f"{{{SAML}}}Assertion")))
    return response


def wrapped_inside(answer: Answer) -> etree._Element:
    """The signed one is hidden inside of the forged one, which takes its place."""
    response = answer.signed()
    good = response.find(f"{{{SAML}}}Assertion")
    forged = _forged(good)
    response.replace(good, forged)
    forged.append(good)
    return response


def wrapped_in_the_signature(answer: Answer) -> etree._Element:
    """The signed one stands in an Object of the signature, which the forged one keeps."""
    response = answer.signed()
    good = response.find(f"{{{SAML}}}Assertion")
    forged = copy.deepcopy(good)
    forged.set("ID", "_forged")
    next(forged.iter(f"{{{SAML}}}NameID")).text = "ada"
    signature = forged.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    held = etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object")
    hidden = copy.deepcopy(good)
    hidden.remove(hidden.find("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    held.append(hidden)
    response.replace(good, forged)
    return response


def same_id_twice(answer: Answer) -> etree._Element:
    response = answer.signed()
    good = response.find(f"{{{SAML}}}Assertion")
    forged = _forged(good)
    forged.set("ID", good.get("ID"))
    response.insert(0, forged)
    return response


def cut_by_a_comment(answer: Answer) -> etree._Element:
    """`ada<!---->.evil` must not be read as `ada`."""
    response = answer.signed()
    name = next(response.iter(f"{{{SAML}}}NameID"))
    text, name.text = name.text or "", (name.text or "")[:3]
    comment = etree.Comment("x")
    comment.tail = text[3:]
    name.append(comment)
    return response


def _forged(good: etree._Element) -> etree._Element:
    forged = copy.deepcopy(good)
    forged.set("ID", "_forged")
    next(forged.iter(f"{{{SAML}}}NameID")).text = "ada"
    signature = forged.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    forged.remove(signature)
    return forged


@pytest.mark.parametrize(
    "forge",
    [
        *(unsigned, changed, of_another_key, by_sha1, wrapped_before, wrapped_after, wrapped_inside),
        *(wrapped_in_the_signature, same_id_twice, cut_by_a_comment),
    ],
    ids=lambda forge: forge.__name__,
)
def test_what_is_not_signed_as_it_stands_lets_nobody_in(server: str, used: str, forge: Any) -> None:
    """The signed assertion is Bob's, and the forged one names Ada."""
    tried = left(server, used)
    come = tried.post(posted(forge(Answer(tried.request, "bob-1", {"mail": [BOB]}))))
    refused(come, "did not say who you are")


@pytest.mark.parametrize(
    "text",
    [
        *("", "not base64!", base64.b64encode(b"<a/>").decode(), base64.b64encode(b"\xff\xfe").decode()),
        base64.b64encode(
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
        ).decode(),
        base64.b64encode(
            b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>'
        ).decode(),
        base64.b64encode(b"<a>" * 5_000).decode(),
    ],
    ids=range(7),
)  # fmt: skip
def test_what_is_no_response_is_refused(server: str, used: str, text: str) -> None:
    refused(left(server, used).post(text), "did not say who you are")


def test_an_assertion_is_good_once_and_in_its_own_browser(server: str, used: str) -> None:
    tried, other = left(server, used), left(server, used)
    response = posted(Answer(tried.request, "bob-1", {"mail": [BOB]}).signed())
    assert tried.post(response).status_code == 200
    refused(tried.post(response), "was used", 401)
    refused(other.post(response), "InResponseTo")
    refused(left(server, used).post(response, cookie="another"), "another browser", 401)
    refused(left(server, used).post(response, state=""), "another browser", 401)


def test_the_cookie_of_a_try_comes_along_with_a_post(server: str, used: str) -> None:
    """It is worth nothing without the state that it belongs to."""
    assert attributes_of_try(server, used) == {"HttpOnly", "Path=/", "SameSite=none", "Secure"}


def test_who_must_prove_it_again_has_just_signed_in_there(server: str, used: str) -> None:
    for ago, status in ((-5, 200), (-3_600, 502)):
        tried = left(server, used, again=True)
        assert tried.request.force
        answer = Answer(tried.request, "bob-1", {"mail": [BOB]}, {"authenticated": ago})
        assert tried.post(posted(answer.signed())).status_code == status


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"certificates": None}, "body.certificates"),
        ({"certificates": ["no certificate"]}, "body.certificates.0"),
        ({"sign_on_url": None}, "body.sign_on_url"),
        ({"sign_on_url": "javascript:alert(1)"}, "body.sign_on_url"),
        ({"client_id": "spendlog"}, "body.client_id"),
        ({"client_secret": "x"}, "body.client_secret"),
        ({"protocol": "oidc"}, "body.sign_on_url"),
        ({"protocol": "ldap"}, "body.protocol"),
    ],
)
def test_what_cannot_be_such_a_provider_is_named(
    admin: httpx.Client, members: dict[str, Any], field: str
) -> None:
    answer = admin.post("/v1/identity-providers", json=body(**members), headers={"Idempotency-Key": "bad"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


def test_other_posts_of_other_sites_stay_refused(server: str) -> None:
    with browser(server) as client:
        for path in ("/sign-in", "/sign-in/code", "/forgotten"):
            headers = {"Sec-Fetch-Site": "cross-site"}
            assert client.post(path, data={"email": "a@b.example"}, headers=headers).status_code == 403
