"""A domain is whose its DNS says; until then nobody is found or linked by its addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.name_server import Zone, name_server
from tests.api.people import browser, member, sign_in
from tests.api.single_sign_on import Provider, added, came, provider, trusting
from tests.api.support import free_port

__all__ = ["provider"]


@pytest.fixture(scope="module")
def zone() -> Iterator[Zone]:
    with name_server() as found:
        yield found


@pytest.fixture(scope="module")
def server(settings: ApiSettings, zone: Zone) -> Iterator[str]:
    with trusting(settings, api_name_servers=(zone.address,)) as base_url:
        yield base_url


@pytest.fixture(autouse=True)
def empty(zone: Zone) -> None:
    zone.texts.clear()
    zone.aliases.clear()
    zone.fails = False


@pytest.fixture
def domain(organization: str) -> str:
    return f"{organization}.example"


def verify(admin: httpx.Client, domain: str) -> tuple[int, str]:
    answer = admin.post(f"/v1/domains/{domain}/verifications")
    return answer.status_code, answer.json().get("code", "")


@pytest.fixture
def record(admin: httpx.Client, domain: str) -> tuple[str, str]:
    """Name and text that the claimed domain is to have."""
    claimed = admin.put(f"/v1/domains/{domain}")
    assert claimed.status_code == 200, claimed.text
    return claimed.json()["record_name"], claimed.json()["record_text"]


def test_a_domain_is_claimed_proved_and_released(
    admin: httpx.Client, zone: Zone, domain: str, record: tuple[str, str]
) -> None:
    name, text = record
    assert name == f"_spendlog.{domain}" and text.startswith("spendlog-domain=") and len(text) > 40
    assert admin.put(f"/v1/domains/{domain.upper()}").json()["record_text"] == text
    zone.texts[name] = [["v=spf1 -all"]]
    refused = admin.post(f"/v1/domains/{domain}/verifications").json()
    assert refused["code"] == "domain_not_proved" and "v=spf1 -all" in refused["detail"]
    zone.texts[name].append([text])
    proved = admin.post(f"/v1/domains/{domain}/verifications").json()
    assert proved["proved_at"]
    assert admin.get("/v1/domains").json()["domains"] == [proved]
    told = admin.get("/v1/audit", params={"resource": f"/v1/domains/{domain}"}).json()["records"]
    assert [one["after"]["status"] for one in told if one["outcome"] == "done"] == ["proved", "claimed"]
    assert admin.delete(f"/v1/domains/{domain}").status_code == 204
    assert verify(admin, domain) == (404, "unknown_domain")
    assert admin.put(f"/v1/domains/{domain}").json()["record_text"] != text


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (lambda text: [[text]], 200),
        (lambda text: [[text[:20], text[20:]]], 200),  # one record of two strings
        (lambda text: [[f" {text} "]], 200),
        (lambda text: [["x" * 250] for _ in range(30)] + [[text]], 200),  # beyond UDP: asked once more by TCP
        (lambda text: [], 409),
        (lambda text: [[text.upper()]], 409),
        (lambda text: [[text[:-1]]], 409),
        (lambda text: [[text + "x"]], 409),
        (lambda text: [[text[:20]], [text[20:]]], 409),  # two records
        (lambda text: [["spendlog-domain="]], 409),
        (lambda text: [["\udc80".encode(errors="surrogateescape").decode("latin-1")]], 409),
    ],
)
def test_the_record_says_it_as_it_was_told(
    admin: httpx.Client,
    zone: Zone,
    domain: str,
    record: tuple[str, str],
    said: Callable[[str], list[list[str]]],
    status: int,
) -> None:
    name, text = record
    zone.texts[name] = said(text)
    assert verify(admin, domain)[0] == status


def test_a_record_may_stand_behind_an_alias_and_nowhere_else(
    admin: httpx.Client, zone: Zone, domain: str, record: tuple[str, str]
) -> None:
    name, text = record
    for place in (domain, f"www.{domain}", f"_spendlog.www.{domain}"):
        zone.texts[place] = [[text]]
        assert verify(admin, domain) == (409, "domain_not_proved")
    zone.texts["proofs.elsewhere.example"] = [[text]]
    zone.aliases[name] = "proofs.elsewhere.example"
    assert verify(admin, domain)[0] == 200


def test_another_organizations_text_proves_nothing(
    server: str, settings: ApiSettings, organization: str, admin: httpx.Client, zone: Zone, domain: str,
    record: tuple[str, str],
) -> None:  # fmt: skip
    with sign_in(server, member(settings.postgres, f"{organization}-b", Role.ORG_ADMIN)) as other:
        name = other.put(f"/v1/domains/{domain}").json()["record_name"]
        zone.texts[name] = [[record[1]]]
        assert verify(other, domain) == (409, "domain_not_proved")
        assert verify(admin, domain)[0] == 200
        assert [one["proved_at"] for one in other.get("/v1/domains").json()["domains"]] == [None]


def test_name_servers_that_fail_or_are_away_are_told(
    admin: httpx.Client, zone: Zone, domain: str, record: tuple[str, str], settings: ApiSettings
) -> None:
    zone.fails = True
    assert verify(admin, domain) == (502, "name_servers_fault")
    with trusting(settings, api_name_servers=(f"127.0.0.1:{free_port()}",)) as lonely:
        admin.base_url = httpx.URL(lonely)
        assert verify(admin, domain) == (502, "name_servers_fault")


@pytest.mark.parametrize(
    "name", ["techcorp", "-x.com", "x..com", "a@techcorp.com", "techcorp.com.", "x" * 254]
)
def test_what_is_no_domain_is_named(admin: httpx.Client, name: str) -> None:
    answer = admin.put(f"/v1/domains/{name}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "path.domain"


def test_people_are_found_and_linked_by_a_domain_once_it_is_proved(
    server: str, settings: ApiSettings, provider: Provider, admin: httpx.Client, organization: str,
    zone: Zone, domain: str, record: tuple[str, str],
) -> None:  # fmt: skip
    provider.lies()
    member(settings.postgres, organization, Role.EMPLOYEE, email=f"bob@{domain}")
    provider.knows(f"bob-{organization}", email=f"bob@{domain}")
    used = added(admin, provider, domains=[domain])

    def offered() -> bool:
        with browser(server) as client:
            return used in client.get("/sign-in/sso", params={"who": f"bob@{domain}"}).text

    where = f"/v1/identity-providers/{used}"
    assert admin.get(where).json()["unproved"] == [domain] and not offered()
    refused = came(server, used, f"bob-{organization}")
    assert refused.status_code == 403 and "is not proved" in refused.text
    zone.texts[record[0]] = [[record[1]]]
    assert verify(admin, domain)[0] == 200
    assert admin.get(where).json()["unproved"] == [] and offered()
    assert came(server, used, f"bob-{organization}").status_code == 200
    assert admin.delete(f"/v1/domains/{domain}").status_code == 204
    assert not offered()
    assert came(server, used, f"bob-{organization}").status_code == 200  # by his subject: he is linked
