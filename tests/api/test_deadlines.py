"""`on_timeout: decline`: what a caller is told stays true, whatever comes later."""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.asking.deadline import SUFFIX, Deadlines, Missed, ToldMemory
from api.asking.submit import Answered, Pending
from api.http.preferences import IdempotencyKey
from api.metrics import Metrics
from api.stores.redis import Redis
from schemas.decisions import Decision
from schemas.events import AuthorizationRequested, Merchant
from schemas.money import PositiveMoney
from schemas.reasons import Outcome
from tests.api.books import Books, Organization, rows, usd
from tests.api.decider import Decider
from tests.api.support import metric, serving, wait_ready, wait_until
from tests.patience import HUNG_S

AMOUNT = 60_000
NOW = datetime(2026, 11, 21, tzinfo=UTC)
REQUEST = AuthorizationRequested(
    event_id=f"race-{uuid.uuid4().hex}",
    organization_id="org",
    department_id="engineering",
    occurred_at=NOW,
    authorization_id="A1",
    card_id="card_ada",
    amount=PositiveMoney(1, "USD"),
    merchant=Merchant("Blue Bottle Coffee"),
)


@pytest.fixture(autouse=True)
def engineering(company: Organization) -> str:
    return company.start()


def ask(company: Organization, key: str, minor: int = AMOUNT, **members: Any) -> httpx.Response:
    body = {
        "department_id": "engineering",
        "card_id": "card_ada",
        "amount": usd(minor),
        "merchant": {"name": "Blue Bottle Coffee"},
        "on_timeout": "decline",
        **members,
    }
    headers = {"Idempotency-Key": key, "Prefer": "wait=1"}
    while True:
        answer = company.client.post("/v1/authorizations", json=body, headers=headers)
        if answer.status_code != 503 or answer.json()["code"] != "too_late":  # a moment of the machine
            return answer


def held(company: Organization) -> int:
    """What the department holds after all that was sent so far."""
    position = company.done("clock.ticked")["position"]
    minor: int = company.read(company.path("/budget"), position)["held"]["minor"]
    return minor


def declined_91(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert (body["outcome"], body["response_code"]) == ("declined", "91")
    assert [reason["code"] for reason in body["reasons"]] == ["deadline_missed"]
    assert (body["approved"], body["position"]) == (usd(0), None)
    return body


def test_with_a_decision_in_time_it_is_answered_as_ever(company: Organization) -> None:
    first, again = ask(company, "quick"), ask(company, "quick")
    assert (first.status_code, first.json()["outcome"]) == (200, "approved")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert held(company) == AMOUNT


def test_without_one_it_is_declined_in_time_and_a_late_approval_is_undone(
    company: Organization, decider: Decider
) -> None:
    with decider.paused():
        started = time.monotonic()
        answer = ask(company, "slow", authorization_id="A1")
        assert time.monotonic() - started < HUNG_S
    declined_91(answer)
    assert answer.headers["preference-applied"] == "wait=1"
    assert held(company) == 0
    found = company.read("/v1/authorizations/A1")
    assert (found["status"], found["authorized"], found["held"]) == ("reversed", usd(AMOUNT), usd(0))
    assert found["reversed"] == usd(AMOUNT)


def test_the_longest_wait_ends_within_2_s(books: Books, company: Organization, decider: Decider) -> None:
    body = {
        "department_id": "engineering",
        "card_id": "card_ada",
        "amount": usd(1),
        "merchant": {"name": "Blue Bottle Coffee"},
        "on_timeout": "decline",
    }
    took_s: list[float] = []
    prompt = books.settings.model_copy(update={"api_patience": 1.0})
    with (
        serving(prompt) as base_url,
        httpx.Client(base_url=base_url, headers=company.client.headers, timeout=60) as client,
    ):
        wait_ready(base_url)
        with decider.paused():
            # A moment of the machine makes one late, a fault of ours each of them.
            while not took_s or (took_s[-1] >= 2.0 and len(took_s) < 10):
                headers = {"Idempotency-Key": f"long-{len(took_s)}"}
                started = time.monotonic()
                answer = client.post("/v1/authorizations", json=body, headers=headers)
                took_s.append(time.monotonic() - started)
    assert 1.0 < took_s[-1] < 2.0, took_s
    declined_91(answer)


@pytest.mark.parametrize("forgotten", [False, True], ids=["Redis remembers", "only the log remembers"])
def test_a_repeat_of_what_was_approved_too_late_is_declined_again(
    books: Books, company: Organization, decider: Decider, forgotten: bool
) -> None:
    with decider.paused():
        first = ask(company, "slow", authorization_id="A1")
    assert held(company) == 0
    if forgotten:
        books.forget()
    for _ in range(2):
        again = ask(company, "slow", authorization_id="A1")
        assert again.content == first.content
        assert again.headers["idempotency-replayed"] == "true"
    assert held(company) == 0


def test_a_repeat_while_no_decisions_are_made_is_declined_again(
    company: Organization, decider: Decider
) -> None:
    with decider.paused():
        first, again = ask(company, "slow"), ask(company, "slow")
    assert declined_91(again) == declined_91(first)
    assert again.headers["idempotency-replayed"] == "true"
    assert declined_91(ask(company, "slow")) == declined_91(first)
    assert held(company) == 0


def test_a_request_that_comes_after_its_reversal_is_declined_by_the_log_itself(
    books: Books, company: Organization
) -> None:
    company.done("authorization.reversed", authorization_id="A1", cause="timeout")
    answer = ask(company, "late", authorization_id="A1")
    declined_91(answer)
    assert "spendlog-position" in answer.headers
    books.forget()
    assert ask(company, "late", authorization_id="A1").content == answer.content


def test_a_repeat_of_what_was_approved_in_time_stays_approved(
    books: Books, company: Organization, decider: Decider
) -> None:
    first = ask(company, "known", authorization_id="A1")
    held(company)  # the views have it
    with decider.paused():
        unanswered = ask(company, "known", authorization_id="A1")
        books.forget()
        forgotten = ask(company, "known", authorization_id="A1")
    # No decision can be had now; what is held must not be undone.
    assert [unanswered.status_code, forgotten.status_code] == [202, 202]
    assert ask(company, "known", authorization_id="A1").content == first.content
    assert held(company) == AMOUNT


def test_a_repeat_that_nobody_can_vouch_for_is_left_open(
    books: Books, company: Organization, decider: Decider
) -> None:
    with decider.paused():
        first = ask(company, "slow", authorization_id="A1")
    with books.behind():
        company.done("clock.ticked")
        books.forget()
        unknown = ask(company, "slow", authorization_id="A1")
        assert unknown.status_code == 202
    wait_until(lambda: ask(company, "slow", authorization_id="A1").content == first.content)


@pytest.mark.parametrize("shown", [True, False], ids=["the views show the other", "they are behind"])
def test_another_request_with_the_same_authorization_stays_approved(
    books: Books, company: Organization, decider: Decider, shown: bool
) -> None:
    with nullcontext() if shown else books.behind():
        first = ask(company, "first", authorization_id="A1")
        if shown:
            assert held(company) == AMOUNT
        with decider.paused():
            second = ask(company, "second", authorization_id="A1")
    assert first.json()["outcome"] == "approved"
    declined_91(second)
    assert held(company) == AMOUNT
    found = company.read("/v1/authorizations/A1")
    assert (found["status"], found["held"], found["reversed"]) == ("approved", usd(AMOUNT), usd(0))
    # Both are told the same again, although the log has refused the second by now.
    assert ask(company, "first", authorization_id="A1").content == first.content
    assert declined_91(ask(company, "second", authorization_id="A1")) == declined_91(second)
    assert held(company) == AMOUNT


def test_a_timeout_before_its_request_leaves_the_authorization_to_another(
    books: Books, company: Organization
) -> None:
    late = IdempotencyKey("late").event_id(company.id) + SUFFIX
    company.done("authorization.reversed", authorization_id="A1", cause="timeout", request_id=late)
    late_answer = declined_91(ask(company, "late", authorization_id="A1"))
    other = ask(company, "other", authorization_id="A1")
    assert other.json()["outcome"] == "approved"
    assert held(company) == AMOUNT
    books.forget()
    assert declined_91(ask(company, "late", authorization_id="A1")) == late_answer
    assert ask(company, "other", authorization_id="A1").content == other.content
    assert held(company) == AMOUNT


def test_who_is_not_answered_can_take_back_that_request_and_no_other(
    company: Organization, decider: Decider
) -> None:
    with decider.paused():
        pending = ask(company, "slow", authorization_id="A1", on_timeout="pending")
        assert pending.status_code == 202
        body: dict[str, Any] = {"authorization_id": "A1", "cause": "timeout"}
        body["request_id"] = pending.json()["event_id"]
        at_once = {"Prefer": "wait=0"}
        assert company.send("authorization.reversed", "undo", headers=at_once, **body).status_code == 202
    wait_until(lambda: company.send("authorization.reversed", "undo", **body).status_code == 200)
    assert held(company) == 0
    refused = company.send(
        "authorization.reversed", "merchant", authorization_id="A1", request_id=body["request_id"]
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.request_id")


def test_an_event_id_is_no_card_number(company: Organization) -> None:
    body: dict[str, Any] = {"authorization_id": "A1", "cause": "timeout"}
    company.done("authorization.reversed", request_id="api-ff52528080216482915a4c08c2051b1c", **body)
    refused = company.send("authorization.reversed", "card", request_id="4111111111111111", **body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.request_id")


def test_a_merchants_reversal_is_no_timeout(books: Books, company: Organization) -> None:
    first = ask(company, "known", authorization_id="A1")
    company.done("authorization.reversed", authorization_id="A1")
    books.forget()
    assert ask(company, "known", authorization_id="A1").content == first.content


def test_callers_of_one_key_at_one_time_are_told_the_same(company: Organization, decider: Decider) -> None:
    def post(delay_s: float) -> httpx.Response:
        time.sleep(delay_s)
        return ask(company, "together", authorization_id="A1")

    with ThreadPoolExecutor(3) as pool:
        with decider.paused():
            asked = [pool.submit(post, delay_s) for delay_s in (0.0, 0.2, 0.4)]
            time.sleep(0.7)  # the first has missed its deadline, the others wait for their decisions
        answers = [future.result() for future in asked]
    bodies = [declined_91(answer) for answer in answers if answer.status_code == 200]
    assert bodies
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert held(company) == 0


def test_the_same_key_with_another_wish_is_another_request(
    books: Books, company: Organization, decider: Decider
) -> None:
    with decider.paused():
        declined_91(ask(company, "key"))
        assert ask(company, "key", on_timeout="pending").json()["code"] == "idempotency_key_reused"
    books.forget()
    assert ask(company, "key", on_timeout="pending").json()["code"] == "authorization_exists"
    assert held(company) == 0


def test_without_time_for_a_decision_it_is_refused(company: Organization) -> None:
    body = {
        "department_id": "engineering",
        "card_id": "card_ada",
        "amount": usd(1),
        "merchant": {"name": "x"},
        "on_timeout": "decline",
    }
    headers = {"Idempotency-Key": "now", "Prefer": "wait=0"}
    answer = company.client.post("/v1/authorizations", json=body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "header.prefer")


def test_the_reversal_is_in_the_log_once_however_often_it_is_told(
    books: Books, company: Organization, decider: Decider
) -> None:
    with decider.paused():
        for _ in range(3):
            declined_91(ask(company, "slow", authorization_id="A1"))
    assert held(company) == 0
    decided = rows(
        books,
        "SELECT event_type, outcome, duplicate_of IS NOT NULL FROM decision"
        " WHERE organization_id = %s AND authorization_id = 'A1' ORDER BY seq",
        company.id,
    )
    assert decided[:2] == [
        ("authorization.requested", "approved", False),
        ("authorization.reversed", "accepted", False),
    ]
    assert all(repeated for _, _, repeated in decided[2:])
    moved = rows(
        books,
        "SELECT kind, sum(amount)::bigint FROM transfer WHERE organization_id = %s GROUP BY kind ORDER BY 1",
        company.id,
    )
    assert moved == [("hold", AMOUNT), ("release", AMOUNT)]


class _Log:
    """Submissions as they come in the one moment that cannot be met by chance: see the test below."""

    def __init__(self) -> None:
        self.recording = asyncio.Event()
        self.told = asyncio.Event()

    async def submit(self, event: AuthorizationRequested, **_: Any) -> Answered | Pending:
        if not self.recording.is_set():
            return Pending(recorded=True)
        decision = Decision(
            partition=0,
            seq=5,
            source_offset=5,
            recorded_at=NOW,
            outcome=Outcome.APPROVED,
            amount=1,
            duplicate_of=4,
        )
        return Answered(decision)

    async def record(self, *_: Any, **__: Any) -> bool:
        """The first reversal is under way until somebody else was told something."""
        if not self.recording.is_set():
            self.recording.set()
            await self.told.wait()
        return True


class _Nothing:
    """Views that know of no timeout yet."""

    async def find(self, *_: Any, **__: Any) -> None:
        return None

    async def known(self, *_: Any, **__: Any) -> dict[str, bool]:
        return {"timed_out": False}


def test_what_the_first_caller_will_be_told_is_agreed_before_it_is_in_the_log(books: Books) -> None:
    async def race() -> list[Any]:
        metrics = Metrics()
        redis = Redis(books.settings.redis, metrics, connections_max=4)
        log, nothing = _Log(), _Nothing()
        deadlines = Deadlines(log, ToldMemory(redis), nothing, nothing, metrics)  # type: ignore[arg-type]
        since = asyncio.get_running_loop().time()
        first = asyncio.create_task(deadlines.submit(REQUEST, wait_s=1.5, since=since))
        await log.recording.wait()
        second = await deadlines.submit(REQUEST, wait_s=1.5, since=since)
        log.told.set()
        told = [await first, second]
        await redis.close()
        return told

    told = asyncio.run(race())
    assert told == [Missed(replayed=False), Missed(replayed=True)]


def test_missed_deadlines_are_counted(company: Organization, decider: Decider) -> None:
    def count() -> float:
        return metric(company.client, "spendlog_api_deadlines_missed_total")

    before = count()
    with decider.paused():
        ask(company, "slow")
    assert count() == before + 1
