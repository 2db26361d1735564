"""In test mode a newcomer plays a card's whole life in six calls, naming nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.access.keys import EVERYDAY_SCOPES, Scope
from tests.api.books import Books, Organization, usd
from tests.api.support import serving, wait_ready


def simulate(company: Organization, kind: str, key: str, **body: Any) -> httpx.Response:
    return company.client.post(f"/v1/simulations/{kind}", json=body, headers={"Idempotency-Key": key})


def done(company: Organization, kind: str, key: str | None = None, **body: Any) -> dict[str, Any]:
    answer = simulate(company, kind, key or kind, **body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    company.read("/v1/transactions", found["position"])
    return found


def test_a_whole_life_in_six_calls(company: Organization) -> None:
    company.start()
    asked = done(company, "authorizations")
    assert (asked["outcome"], asked["approved"]) == ("approved", usd(4_250))
    done(company, "increments")
    done(company, "clearings")
    done(company, "refunds", amount=usd(1_000))
    disputed = done(company, "disputes")
    shown = company.read(f"/v1/transactions/{asked['authorization_id']}", disputed["position"])
    assert (shown["status"], shown["settled"], shown["refunded"], shown["disputed"]) == (
        *("disputed", usd(4_675)),
        *(usd(1_000), usd(3_675)),
    )
    assert [message["type"] for message in shown["messages"]] == [
        "authorization.requested",
        "authorization.incremented",
        "clearing.presented",
        "refund.presented",
        "dispute.opened",
    ]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("reversals", "reversed"), ("expiries", "expired"), ("network_timeouts", "reversed")],
)
def test_a_hold_ends(company: Organization, kind: str, status: str) -> None:
    company.start()
    asked = done(company, "authorizations", amount=usd(900), card_id="card_ada")
    ended = done(company, kind)
    shown = company.read(f"/v1/transactions/{asked['authorization_id']}", ended["position"])
    assert (shown["status"], shown["held"], shown["card_id"]) == (status, usd(0), "card_ada")
    nothing = simulate(company, kind, "again")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "unknown_authorization")


def test_a_repeat_is_about_the_same_purchase_though_another_is_the_latest_by_now(
    company: Organization,
) -> None:
    company.start()
    first = done(company, "authorizations", "one")
    cleared = done(company, "clearings", "clear")
    done(company, "authorizations", "two")
    again = simulate(company, "clearings", "clear")
    assert again.json() == cleared
    assert again.headers["idempotency-replayed"] == "true"
    assert cleared["authorization_id"] == first["authorization_id"]
    other = simulate(company, "clearings", "clear", amount=usd(1))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_purchase_that_is_named(company: Organization) -> None:
    company.start()
    first = done(company, "authorizations", "one")
    done(company, "authorizations", "two")
    name = first["authorization_id"]
    assert done(company, "clearings", authorization_id=name, amount=usd(4_000))["amount"] == usd(4_000)
    settled = simulate(company, "clearings", "again", authorization_id=name)
    assert (settled.status_code, settled.json()["errors"][0]["field"]) == (422, "body.amount")
    unknown = simulate(company, "clearings", "unknown", authorization_id="nobody's")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_authorization")
    late = simulate(company, "expiries", "amount", authorization_id=name, amount=usd(1))
    assert (late.status_code, late.json()["errors"][0]["code"]) == (422, "extra_forbidden")


def test_without_a_department_it_says_what_to_do(company: Organization) -> None:
    answer = simulate(company, "authorizations", "one")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_department")
    assert f"PUT /v1/organizations/{company.id}/departments/NAME/budget" in answer.json()["detail"]


def test_a_key_in_live_mode_may_not_unless_its_organization_is_in_test_mode(books: Books) -> None:
    with books.organization([*EVERYDAY_SCOPES]) as live:
        live.start()
        answer = simulate(live, "authorizations", "one")
        assert (answer.status_code, answer.json()["code"]) == (403, "live_mode")
        settings = books.settings.model_copy(update={"api_test_organizations": frozenset({live.id})})
        with serving(settings) as base_url:
            wait_ready(base_url)
            headers = {"Authorization": live.client.headers["authorization"]}
            with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
                assert simulate(Organization(live.id, client), "authorizations", "one").status_code == 200
    with books.organization([Scope.CARDS_WRITE]) as other:
        assert simulate(other, "authorizations", "one").json()["code"] == "insufficient_scope"
