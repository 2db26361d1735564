"""Who acts: the holder of a key, whichever key it is at the time, and nobody whom a body names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from api.access.keys import Scope, create_key, list_keys, revoke_key
from tests.api.books import Books, Organization, usd
from tests.api.conftest import budget_body
from tests.api.support import wait_until

MARIA, BO = "maria@example.com", "employee-4711"
ENDS = "2099-01-01T00:00:00Z"
MORE: dict[str, Any] = {"amount": usd(500), "ends_at": ENDS}


class Desk:
    """A company whose policy needs Maria, then Bo; anybody of it may get keys."""

    def __init__(self, books: Books, company: Organization, keys: ExitStack) -> None:
        self.company = company
        self.books = books
        self._keys = keys
        company.start(limit=1_000)
        self.levels([MARIA], [BO])

    def levels(self, *approvers: list[str]) -> None:
        levels = [{"name": f"level-{n}", "approvers": names} for n, names in enumerate(approvers)]
        self.company.done("policy.drafted", policy={"approvals": levels}, activate=True)

    def key_of(self, actor: str, *scopes: Scope) -> Organization:
        """One more key."""
        person = self.books.person(self.company.id, [*scopes] or None, actor)
        return self._keys.enter_context(person)

    def ask(self, request_id: str, **members: Any) -> dict[str, Any]:
        return self.company.done("increase.requested", request_id=request_id, **MORE, **members)

    def look(self, request_id: str, position: str) -> dict[str, Any]:
        return self.company.read(self.company.path(f"/increase-requests/{request_id}"), position)

    def limit(self, position: str) -> Any:
        return self.company.read(self.company.path("/budget"), position)["limit"]


@pytest.fixture
def desk(books: Books, company: Organization) -> Iterator[Desk]:
    with ExitStack() as keys:
        yield Desk(books, company, keys)


def refused(answer: httpx.Response, code: str, words: str) -> bool:
    body = answer.json()
    return (answer.status_code, body["code"]) == (422, code) and words in body["detail"]


def may_not(answer: httpx.Response, words: str) -> bool:
    return refused(answer, "may_not_approve", words)


def test_a_key_that_replaces_another_one_is_still_the_same_approver(desk: Desk) -> None:
    old, new = desk.key_of(MARIA), desk.key_of(MARIA)
    desk.ask("inc_1")
    first = old.done("increase.approved", request_id="inc_1")
    assert first["actor"] == MARIA
    assert may_not(new.send("increase.approved", "again", request_id="inc_1"), "approved it before")
    desk.ask("inc_2")
    [retired] = [key for key in list_keys(desk.books.settings.postgres) if _is(key.prefix, old)]
    revoke_key(desk.books.settings.postgres, key=retired.id)
    wait_until(lambda: old.client.get(old.path("/budget")).status_code == 401, 60.0)
    assert new.done("increase.approved", request_id="inc_2")["actor"] == MARIA
    last = desk.key_of(BO).done("increase.approved", request_id="inc_1")
    assert desk.look("inc_1", last["position"])["approved_by"] == [MARIA, BO]
    assert desk.limit(last["position"]) == usd(1_500)


def _is(prefix: str, who: Organization) -> bool:
    return who.client.headers["authorization"].startswith(f"Bearer {prefix}_")


def test_who_asked_does_not_become_another_by_another_key(desk: Desk) -> None:
    desk.levels([])
    asking, approving = desk.key_of(MARIA, Scope.BUDGETS_REQUEST), desk.key_of(MARIA, Scope.BUDGETS_APPROVE)
    asked = asking.done("increase.requested", request_id="inc_1", **MORE)
    assert desk.look("inc_1", asked["position"])["asked_by"] == MARIA
    assert may_not(approving.send("increase.approved", "own", request_id="inc_1"), f"{MARIA} has asked")
    position = desk.key_of(BO).done("increase.approved", request_id="inc_1")["position"]
    assert desk.limit(position) == usd(1_500)


def test_nobody_acts_in_another_s_name(desk: Desk) -> None:
    desk.ask("inc_1")
    nobody = desk.key_of("mallory@example.com")
    for members in ({"actor": MARIA}, {"actor": None}):
        answer = nobody.send("increase.approved", "name", request_id="inc_1", **members)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.actor")
    budget = nobody.client.put(
        nobody.path("/budget"), json={**budget_body(), "actor": MARIA}, headers={"Idempotency-Key": "b"}
    )
    assert (budget.status_code, budget.json()["errors"][0]["field"]) == (422, "body.actor")
    answer = nobody.send("increase.approved", "own", request_id="inc_1")
    assert may_not(answer, f"mallory@example.com is none of {MARIA}")
    set_ = nobody.client.put(
        nobody.path("/budget"), json=budget_body(), headers={"Idempotency-Key": "set"}
    ).json()
    assert desk.look("inc_1", set_["position"])["approved_by"] == []


def test_a_name_of_another_company_is_another_person(desk: Desk, books: Books) -> None:
    desk.ask("inc_1")
    with books.organization() as other, books.person(other.id, actor=MARIA) as namesake:
        body = {"type": "increase.approved", "department_id": "engineering", "request_id": "inc_1"}
        answer = namesake.client.post("/v1/events", json=body, headers={"Idempotency-Key": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_department")


def test_who_tries_again_with_a_newer_key_gets_the_first_answer(desk: Desk, books: Books) -> None:
    desk.ask("inc_1")
    first = desk.key_of(MARIA).send("increase.approved", "once", request_id="inc_1")
    for _ in range(2):
        again = desk.key_of(MARIA).send("increase.approved", "once", request_id="inc_1")
        assert again.json()["position"] == first.json()["position"]
        assert again.headers["idempotency-replayed"] == "true"
        books.forget()  # also where nothing but the log remembers


# -- who is needed later, and who may end a request


def test_who_alone_may_approve_a_later_level_is_kept_for_it(desk: Desk) -> None:
    desk.levels([], [MARIA])
    maria, bo = desk.key_of(MARIA), desk.key_of(BO)
    desk.ask("inc_1")
    needed = f"{MARIA} is needed for level 2 of 2, which nobody else could approve"
    assert may_not(maria.send("increase.approved", "early", request_id="inc_1"), needed)
    bo.done("increase.approved", request_id="inc_1")
    position = maria.done("increase.approved", request_id="inc_1")["position"]
    assert desk.limit(position) == usd(1_500)
    assert may_not(maria.send("increase.requested", "hers", request_id="inc_2", **MORE), needed)
    unknown = desk.company.client.get(desk.company.path("/increase-requests/inc_2"))
    assert unknown.status_code == 404


def test_a_policy_that_different_people_could_not_approve_says_so(desk: Desk) -> None:
    levels = [{"name": "lead", "approvers": [MARIA]}, {"name": "cfo", "above": 9, "approvers": [MARIA]}]
    answer = desk.company.send("policy.drafted", "bad", policy={"approvals": levels})
    words = f"approvals[1].approvers: 'lead' and 'cfo' need 2 people, but name only {MARIA}"
    assert refused(answer, "invalid_policy", words)


def test_who_asked_takes_it_back_without_the_right_to_approve(desk: Desk) -> None:
    asking = desk.key_of("jo", Scope.BUDGETS_REQUEST, Scope.BUDGETS_READ)
    asked = asking.done("increase.requested", request_id="inc_1", reason="the conference", **MORE)
    found = desk.look("inc_1", asked["position"])
    assert (found["reason"], found["refusal_reason"]) == ("the conference", None)
    stranger = desk.key_of("ed", Scope.BUDGETS_REQUEST)
    assert may_not(stranger.send("increase.refused", "not-his", request_id="inc_1"), "ed is none of")
    position = asking.done("increase.refused", request_id="inc_1", reason="it rains")["position"]
    found = desk.look("inc_1", position)
    assert (found["status"], found["refused_by"], found["refusal_reason"]) == ("refused", "jo", "it rains")
    assert asking.send("increase.approved", "own", request_id="inc_1").status_code == 403


def test_a_level_refuses_with_the_right_to_approve_alone(desk: Desk) -> None:
    desk.ask("inc_1", reason="the conference")
    maria = desk.key_of(MARIA, Scope.BUDGETS_APPROVE)
    position = maria.done("increase.refused", request_id="inc_1", reason="next quarter")["position"]
    found = desk.look("inc_1", position)
    assert (found["reason"], found["refusal_reason"]) == ("the conference", "next quarter")
    assert (found["refused_by"], found["closed_at"] is not None) == (MARIA, True)
    listed = desk.company.read(desk.company.path("/increase-requests"), position, status="refused")
    assert listed["requests"] == [found]


def test_a_key_without_a_name_is_its_own_actor(books: Books) -> None:
    _, key = create_key(books.settings.postgres, organization_id="org-unnamed", name="one")
    assert key.actor == key.id
