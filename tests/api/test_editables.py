"""What can be changed as a whole or in part tells its `ETag` and honours `If-Match`, or stands here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.api_settings import ApiSettings
from api.app import create_app
from api.client import ChangedSince, Client, Invalid, KeyReused, Money, NotFound
from tests.api.books import Books, Organization

#: What PUT or PATCH changes without `If-Match`, each with the reason.
WITHOUT = {
    "/v1/account/password": "asks for the password that it was",
    "/v1/account/second-factor": "asks for a code of the one that is enrolled",
    "/v1/cases/{case_id}/assignment": "is taken over at any time; the audit log has each change",
    "/v1/receipt-policies/{currency}": "is two numbers; the audit log has each change",
    "/v1/receipts/{receipt_id}/transaction": "says of which purchase it is, and can be taken off again",
    "/v1/report-schedules/{schedule_id}": "is said as a whole; the audit log has each change",
    "/v1/closed-periods/{period}": "a month is closed once and for all",
    "/v1/reconciliations": "a file is known by its digest: the same again changes nothing",
    "/v1/reconciliations/{file_id}/lines": "a line stays what it was when it first came",
    "/v1/reconciliations/{file_id}/matching": "may be asked for again at any time",
    "/v1/reconciliations/{file_id}/items/{n}/resolution": "an item is resolved once",
    "/v1/domains/{domain}": "is claimed once; again it stays as it is",
}
NO_GAMBLING = {"rules": [{"rule": "block", "rule_id": "g", "what": {"mcc_groups": ["gambling"]}}]}
HOLDS = {"hold_days": 9}


def edits(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, known in described["paths"].items():
        for method in ("put", "patch"):
            if method in known:
                yield path, method, known


def test_every_edit_is_conditional_or_has_a_reason(settings: ApiSettings) -> None:
    described = create_app(settings).openapi()
    found = {path for path, _, _ in edits(described)}
    assert set(WITHOUT) <= found
    for path, method, known in edits(described):
        if path in WITHOUT:
            continue
        asked = {told["name"] for told in known[method].get("parameters", [])}
        assert "if-match" in asked, f"{method} {path} takes no If-Match"
        assert "412" in known[method]["responses"], f"{method} {path} says nothing of 412"
        assert "ETag" in known[method]["responses"]["200"]["headers"], f"{method} {path} tells no ETag"
        assert "ETag" in known["get"]["responses"]["200"]["headers"], f"GET {path} tells no ETag"


@pytest.fixture
def client(books: Books, company: Organization) -> Iterator[Client]:
    company.start()
    key = company.client.headers["Authorization"].removeprefix("Bearer ")
    with Client(books.base_url, key) as client:
        yield client


def test_a_policy_is_set_by_whom_it_was_seen(client: Client, company: Organization) -> None:
    where = (company.id, "engineering")
    first = client.policies.set.answer(*where, policy=NO_GAMBLING)
    seen = client.policies.read.answer(*where, position=first.position)
    assert seen.etag == first.etag == first.body.position
    assert (seen.body.policy["rules"][0]["rule_id"], seen.body.version) == ("g", first.body.version)
    # Another's draft is no change of what is in force.
    client.events.send({"type": "policy.drafted", "department_id": "engineering", "policy": HOLDS})
    mine = client.policies.set.answer(*where, policy=HOLDS, if_match=seen.etag, idempotency_key="mine")
    assert mine.body.version == (first.body.version or 0) + 2
    with pytest.raises(ChangedSince) as late:
        client.policies.set(*where, policy=NO_GAMBLING, if_match=seen.etag)
    assert late.value.code == "precondition_failed"
    again = client.policies.set.answer(*where, policy=HOLDS, if_match=seen.etag, idempotency_key="mine")
    assert (again.replayed, again.body) == (True, mine.body)
    with pytest.raises(KeyReused):
        client.policies.set(*where, policy=NO_GAMBLING, idempotency_key="mine")
    back = client.policies.set.answer(*where, version=first.body.version, if_match=mine.etag)
    now = client.policies.read.answer(*where, position=back.position)
    assert (now.body.version, now.etag) == (first.body.version, back.etag)
    default = client.policies.set.answer(*where, version=0, if_match="*")
    assert client.policies.read(*where, position=default.position).version == 0


def test_of_several_who_have_seen_the_same_policy_one_is_let_through(
    client: Client, company: Organization
) -> None:
    where = (company.id, "engineering")
    first = client.policies.set.answer(*where, policy=NO_GAMBLING)
    client.policies.read(*where, position=first.position)
    done = []
    for days in range(1, 6):
        try:
            done.append(client.policies.set(*where, policy={"hold_days": days}, if_match=first.etag))
        except ChangedSince:
            continue
    assert len(done) == 1


def test_the_default_policy_has_a_tag_of_its_own(client: Client, company: Organization) -> None:
    client.budgets.set(company.id, "legal", name="Legal", limit=Money(1, "USD"))
    position = client.budgets.set.answer(
        company.id,
        "legal",
        name="Legal",
        limit=Money(2, "USD"),
    ).position
    seen = client.policies.read.answer(company.id, "legal", position=position)
    assert (seen.etag, seen.body.position) == ("default", None)
    client.policies.set(company.id, "legal", policy=HOLDS, if_match=seen.etag)
    with pytest.raises(ChangedSince):
        client.policies.set(company.id, "legal", policy=HOLDS, if_match="default")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"policy": {}, "version": 1}, "body"),
        ({"policy": {"rules": [{"rule": "block", "rule_id": "x", "what": {"mccs": ["58"]}}]}}, "body.policy"),
        ({"policy": {"hold_dayz": 1}}, "body.policy.hold_dayz"),
        ({"version": -1}, "body.version"),
        ({"version": "1"}, "body.version"),
        ({"policies": {}}, "body.policies"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    company: Organization, body: dict[str, Any], field: str
) -> None:
    answer = put(company, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].startswith(field)


def test_what_is_not_there_cannot_be_set(client: Client, company: Organization) -> None:
    with pytest.raises(NotFound):
        client.policies.set(company.id, "nowhere", policy=HOLDS)
    with pytest.raises(NotFound):
        client.policies.set(company.id, "nowhere", policy=HOLDS, if_match="3:1")
    with pytest.raises(NotFound):
        client.policies.set("another", "engineering", policy=HOLDS)
    with pytest.raises(Invalid) as unknown:
        client.policies.set(company.id, "engineering", version=77)
    assert unknown.value.code == "unknown_policy"
    assert put(company, {"policy": HOLDS}, **{"If-Match": "3:1"}).json()["code"] == "malformed_etag"


def put(company: Organization, body: dict[str, Any], **headers: str) -> httpx.Response:
    named = {"Idempotency-Key": uuid.uuid4().hex, **headers}
    return company.client.put(company.path("/policy"), json=body, headers=named)
