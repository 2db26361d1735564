"""Refunds, disputes and single decisions, looked at."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.books import Books, Organization, usd


@pytest.fixture
def settled(company: Organization) -> str:
    """A purchase with three refunds and two disputes; the position of the last."""
    company.start()
    common: dict[str, Any] = {"authorization_id": "A1", "card_id": "card_ada"}
    company.done("authorization.requested", **common, amount=usd(9_000), merchant={"name": "Shop"})
    company.done("clearing.presented", **common, amount=usd(9_000))
    for number in (2, 3, 1):
        company.done("refund.presented", **common, amount=usd(100 * number), refund_id=f"R{number}")
    company.done("refund.reversed", refund_id="R2", amount=usd(50))
    for name in ("D1", "D2"):
        company.done("dispute.opened", dispute_id=name, authorization_id="A1", amount=usd(500))
    position: str = company.done("dispute.resolved", dispute_id="D2", outcome="won")["position"]
    return position


def test_refunds_are_listed_and_looked_at(company: Organization, settled: str) -> None:
    first = company.read("/v1/refunds", settled, limit=2)
    rest = company.read("/v1/refunds", limit=2, after=first["next"])
    assert [one["refund_id"] for one in (*first["refunds"], *rest["refunds"])] == ["R1", "R2", "R3"]
    assert rest["next"] is None
    one = company.read("/v1/refunds/R2")
    assert (one["amount"], one["undone"], one["authorization_id"]) == (usd(200), usd(50), "A1")
    assert company.client.get("/v1/refunds/none").json()["code"] == "unknown_refund"
    assert company.read("/v1/refunds", department_id="sales")["refunds"] == []


def test_disputes_are_listed_by_status_and_looked_at(company: Organization, settled: str) -> None:
    assert [one["dispute_id"] for one in company.read("/v1/disputes", settled)["disputes"]] == ["D1", "D2"]
    assert [one["dispute_id"] for one in company.read("/v1/disputes", status="won")["disputes"]] == ["D2"]
    one = company.read("/v1/disputes/D2")
    assert (one["status"], one["amount"], one["position"]) == ("won", usd(500), settled)
    assert company.client.get("/v1/disputes/none").json()["code"] == "unknown_dispute"
    assert company.client.get("/v1/disputes?status=lost_it").status_code == 422


def test_a_decision_is_told_whole_to_its_own_organization(
    books: Books, company: Organization, settled: str
) -> None:
    found = company.read(f"/v1/decisions/{settled}")
    assert (found["type"], found["outcome"], found["position"]) == ("dispute.resolved", "accepted", settled)
    assert found["balances"][0]["budget"] == "department"
    with books.organization() as other:
        assert other.client.get(f"/v1/decisions/{settled}").json()["code"] == "unknown_decision"
    wrong = company.client.get("/v1/decisions/first")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "malformed_position")
