"""Whatever id the log takes, the API can be asked for it, and what it says of it leads back to it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from confluent_kafka import Producer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.http.paths import decoded, normalized, segment
from infra.commands.show import app
from schemas.codec import encode_event
from schemas.events import AuthorizationRequested, Merchant
from schemas.money import PositiveMoney
from schemas.partitions import PARTITIONER
from schemas.topics import CARD_EVENTS
from tests.api.books import Books, Organization, usd
from tests.api.support import wait_until

IDS = [
    "2026/11/0001",
    "INV 12/2026",
    "/",
    "//",
    "/a/",
    "a/events",
    "events",
    "..",
    ".",
    "../admin",
    "a/../b",
    "a b",
    " a ",
    "a+b",
    "a%2Fb",
    "100%",
    "%",
    "%zz",
    "a#b",
    "a?b=c&d",
    "a;b",
    "a,b",
    "a=b&c",
    "a:b@c",
    "a\\b",
    '"quoted"',
    "<b>",
    "{authorization_id}",
    "[red]",
    "~tilde~",
    "Ärzte/Öl",
    "日本/語",
    "😀",
    "no\N{NO-BREAK SPACE}break",
    "zero\N{ZERO WIDTH SPACE}width",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "x" * 128,
    "ä/" * 64,
]


@pytest.fixture(scope="module")
def company(books: Books) -> Any:
    """One for all ids: payments over Kafka, cards, budgets and requests over REST."""
    with books.organization() as company:
        company.start()
        _produce(company, books.settings.kafka)
        for number, name in enumerate(IDS):
            company.done("card.set", card={"card_id": name})
            more = {"amount": usd(100), "ends_at": "2099-01-01T00:00:00Z", "reason": "why not"}
            last = company.done("increase.requested", f"more-{number}", request_id=name, **more)
        company.read(company.path("/cards"), last["position"], limit=1)
        yield company


def _produce(company: Organization, kafka: str) -> None:
    producer = Producer({"bootstrap.servers": kafka, "partitioner": PARTITIONER})
    for name in IDS:
        event = AuthorizationRequested(
            event_id=f"ids-{uuid.uuid4().hex}",
            organization_id=company.id,
            department_id="engineering",
            occurred_at=datetime.now(UTC),
            authorization_id=name,
            card_id=name,
            amount=PositiveMoney(100, "USD"),
            merchant=Merchant(name="Shop"),
        )
        producer.produce(CARD_EVENTS.name, key=event.key, value=encode_event(event))
    assert producer.flush(20) == 0
    wait_until(lambda: company.client.get(f"/v1/authorizations/{segment(IDS[-1])}").status_code == 200, 60.0)


@pytest.mark.parametrize("name", IDS)
def test_every_route_finds_an_id_of_any_text(company: Organization, name: str) -> None:
    def read(path: str) -> Any:
        answer = company.client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    one = segment(name)
    assert read(f"/v1/authorizations/{one}")["authorization_id"] == name
    assert read(f"/v1/authorizations/{one}?department_id=engineering")["card_id"] == name
    if name not in (".", ".."):  # which clients take for a step, unless they are encoded
        assert read(f"/v1/authorizations/{quote(name, safe='')}")["authorization_id"] == name
    assert read(company.path(f"/cards/{one}"))["card_id"] == name
    assert read(company.path(f"/increase-requests/{one}"))["request_id"] == name
    # Lists go on after it.
    following = read(company.path(f"/cards?limit=1&after={quote(name, safe='')}"))["cards"]
    assert all(card["card_id"] != name for card in following)


@pytest.mark.parametrize("name", IDS)
def test_events_may_name_an_id_of_any_text(company: Organization, name: str) -> None:
    part = company.done("authorization.incremented", authorization_id=name, card_id=name, amount=usd(10))
    assert part["outcome"] == "approved"
    settled = company.done(
        "clearing.presented", authorization_id=name, card_id=name, amount=usd(110), merchant={"name": "Shop"}
    )
    assert settled["outcome"] == "accepted"
    opened = company.done(
        "dispute.opened", authorization_id=name, amount=usd(110), dispute_id=name, provisional_credit=False
    )
    assert opened["outcome"] == "accepted"


@pytest.mark.parametrize("name", IDS)
def test_a_location_leads_to_its_payment(company: Organization, name: str) -> None:
    mine = f"{name[:100]}*"
    body = {
        "department_id": "engineering",
        "card_id": "card",
        "authorization_id": mine,
        "amount": usd(1),
        "merchant": {"name": "Shop"},
    }
    for _ in range(20):
        headers = {"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=0"}
        answer = company.client.post("/v1/authorizations", json=body, headers=headers)
        if answer.status_code == 202:  # 200: it was decided before it could be told that it is not
            break
        body["authorization_id"] = mine = f"{mine}*"
    found = company.client.get(answer.headers["location"], headers={"Prefer": "wait=2"})
    assert (found.status_code, found.json()["authorization_id"]) == (200, mine)


@pytest.mark.parametrize("name", ["2026/11/0001", "..", "a b", "[red]", "-x", "日本/語"])
def test_the_command_shows_it(
    books: Books, company: Organization, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name not in IDS:
        company.done(
            "authorization.requested",
            authorization_id=name,
            card_id="c",
            amount=usd(1),
            merchant={"name": "Shop"},
        )
        wait_until(lambda: company.client.get(f"/v1/authorizations/{segment(name)}").status_code == 200)
    monkeypatch.setenv("SPENDLOG_POSTGRES", books.settings.postgres)
    arguments = ["authorization", f"{company.id}/engineering/{name}", "--json"]
    result = wait_until(lambda: (ran := CliRunner().invoke(app, arguments)).exit_code == 0 and ran)
    assert f'"authorization_id": {_json(name)}' in result.stdout


def _json(text: str) -> str:
    return f'"{text}"'


def test_budgets_of_cards_and_teams_have_paths(company: Organization) -> None:
    for number, name in enumerate(("a/b", "R&D / new?", "ä#1")):
        budget_id = f"team:{name}"
        told = company.done("budget.set", f"team-{number}", budget_id=budget_id, name="Team", limit=usd(100))
        found = company.read(company.path(f"/budgets/{segment(budget_id)}"), told["position"])
        assert found["budget_id"] == budget_id


@pytest.mark.parametrize(
    "path", ["/v1/authorizations/%FF", "/v1/authorizations/a%C3", "/v1/authorizations/%ED%A0%80"]
)
def test_bytes_that_are_no_text_are_told_so(company: Organization, path: str) -> None:
    answer = company.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_path")


def test_nul_is_in_no_id(company: Organization) -> None:
    answer = company.client.get("/v1/authorizations/a%00b")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_authorization")


def test_what_need_not_be_encoded_may_be(company: Organization) -> None:
    answer = company.client.get("/v1/%61uthorizations/2026%2f11%2F0001")
    assert answer.json()["authorization_id"] == "2026/11/0001"


ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=128)


@given(ANY)
def test_a_segment_is_one_and_comes_back(text: str) -> None:
    one = segment(text)
    assert one.isascii()
    assert not set(one) & set("/?# ")
    assert one not in (".", "..")
    assert decoded({"id": one}) == {"id": text}
    assert decoded({"id": normalized(one.encode())}) == {"id": text}


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=128)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=PLAIN)
def test_any_id_comes_back_over_http(company: Organization, name: str) -> None:
    body = {
        "department_id": "engineering",
        "card_id": "card",
        "authorization_id": name,
        "amount": usd(1),
        "merchant": {"name": "Shop"},
    }
    answer = company.client.post(
        "/v1/authorizations", json=body, headers={"Idempotency-Key": uuid.uuid4().hex}
    )
    assert answer.status_code in (200, 409), answer.text
    headers = {"Spendlog-Position": answer.headers["spendlog-position"]}
    found: httpx.Response = company.client.get(f"/v1/authorizations/{segment(name)}", headers=headers)
    assert (found.status_code, found.json()["authorization_id"]) == (200, name)
