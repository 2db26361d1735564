"""The page of single sign-on does what the routes do, for who may, and shows what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.name_server import Zone, name_server
from tests.api.people import COOKIE, member, sign_in
from tests.api.single_sign_on import LEFT, Provider, Try, provider, trusting

__all__ = ["provider"]
HERE = "/single-sign-on"


@pytest.fixture(scope="module")
def zone() -> Iterator[Zone]:
    with name_server() as found:
        yield found


@pytest.fixture(scope="module")
def server(settings: ApiSettings, zone: Zone) -> Iterator[str]:
    with trusting(settings, api_name_servers=(zone.address,)) as base_url:
        yield base_url


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


def add(admin: httpx.Client, issuer: str, **told: str) -> httpx.Response:
    form = {"name": "Keycloak", "issuer": issuer, "client_id": "spendlog", "client_secret": "s3cr3t", **told}
    return admin.post(f"{HERE}/new", data={"key": "k" + issuer[-6:], **form})


def test_a_provider_is_added_tried_while_it_is_off_turned_on_and_removed(
    server: str, settings: ApiSettings, provider: Provider, admin: httpx.Client, organization: str
) -> None:
    provider.lies()
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    provider.knows(f"eve-{organization}", email=email)
    assert "By SAML 2.0 instead" in admin.get(f"{HERE}/new").text
    assert "BEGIN CERTIFICATE" not in admin.get(f"{HERE}/new?protocol=saml").text
    wrong = add(admin, "http://localhost:1")
    assert wrong.status_code == 422 and "no OpenID Connect issuer that answers" in wrong.text
    assert "s3cr3t" not in wrong.text and 'value="Keycloak"' in wrong.text
    made = add(admin, provider.issuer)
    assert made.status_code == 303, made.text
    place = made.headers["location"].partition("?")[0]
    used = place.rpartition("/")[2]
    shown = admin.get(place)
    assert shown.status_code == 200 and f"/sign-in/sso/{used}/callback" in shown.text
    assert "s3cr3t" not in shown.text and "Turn it on" in shown.text
    # Off, it lets nobody in; an Org Admin tries it all the same, and nobody is signed in by that.
    with httpx.Client(base_url=server, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60) as client:
        assert client.get(f"/sign-in/sso/{used}").status_code == 404
    left = admin.get(f"{place}/trial")
    assert left.status_code == 303, left.text
    line = next(one for one in left.headers.get_list("set-cookie") if one.startswith(f"{LEFT}="))
    tried = Try(server, used, left.headers["location"], line.partition("=")[2].partition(";")[0])
    told = tried.allow(f"eve-{organization}").come_back()
    assert told.status_code == 200 and f"{COOKIE}=" not in str(told.headers.get_list("set-cookie")).replace(
        f"{COOKIE}-sign-on=", ""
    )
    assert email in told.text and "would let this person in" in told.text and "email_verified" in told.text
    assert admin.get(f"/v1/identity-providers/{used}").json()["people"] == 0
    stale = {"tag": hidden(shown, "tag"), "act": "on"}
    assert admin.post(place, data=stale).status_code == 303
    again = admin.post(place, data={**stale, "act": "off"})
    assert again.status_code == 412 and "It was changed since" in again.text
    assert Try(server, used).leave().allow(f"eve-{organization}").come_back().status_code == 200
    gone = admin.post(place, data={"tag": hidden(admin.get(place), "tag"), "act": "remove"})
    assert gone.status_code == 303 and admin.get(place).status_code == 404


def test_a_domain_is_claimed_looked_for_and_released(
    admin: httpx.Client, zone: Zone, organization: str
) -> None:
    domain = f"{organization}.example"

    def act(what: str, name: str = domain) -> httpx.Response:
        return admin.post(f"{HERE}/domains", data={"domain": name, "act": what})

    assert act("claim", "no domain").status_code == 422
    assert act("claim").status_code == 303
    shown = admin.get(HERE).text
    text = re.search(r"spendlog-domain=[\w-]+", shown)
    assert text and f"_spendlog.{domain}" in shown and "Not proved" in shown
    assert act("prove").status_code == 409
    zone.texts[f"_spendlog.{domain}"] = [[text[0]]]
    assert act("prove").status_code == 303 and "Not proved" not in admin.get(HERE).text
    assert act("release").status_code == 303 and domain not in admin.get(HERE).text
    assert act("release").status_code == 404


def test_two_who_sit_at_the_policy_do_not_undo_each_other(admin: httpx.Client) -> None:
    tag = hidden(admin.get(HERE), "tag")
    refused = admin.post(f"{HERE}/policy", data={"tag": tag, "second_factor": "on"})
    assert refused.status_code == 409 and "of your own first" in refused.text
    assert admin.post(f"{HERE}/policy", data={"tag": tag}).status_code == 303
    late = admin.post(f"{HERE}/policy", data={"tag": tag})
    assert late.status_code == 412 and "It was changed since" in late.text


def test_who_may_only_read_is_offered_nothing_and_others_see_nothing(
    server: str, settings: ApiSettings, organization: str
) -> None:
    with sign_in(server, member(settings.postgres, organization, Role.AUDITOR)) as auditor:
        shown = auditor.get(HERE)
        assert shown.status_code == 200 and "<form" not in shown.text.partition("<main")[2]
        assert auditor.get(f"{HERE}/idp_x/trial").status_code == 403
        for path in ("/policy", "/domains", "/new", "/idp_x"):
            answer = auditor.post(HERE + path, data={"tag": "x", "act": "on", "key": "k"})
            assert answer.status_code == 403, path
    with sign_in(server, member(settings.postgres, organization, Role.EMPLOYEE)) as employee:
        assert employee.get(HERE).status_code == 403
