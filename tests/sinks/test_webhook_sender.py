"""The sender against receivers of strangers: one round after the other, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
import pytest

from sinks.webhooks.deliveries import Deliveries, open_pool
from sinks.webhooks.post import Poster
from sinks.webhooks.sender import RETRIES_S, Sender
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query
from tests.sinks.receiver import Event, receiver, slow
from tests.sinks.webhook_books import (
    ORGANIZATION,
    add_endpoint,
    deliveries,
    lives,
    new_secret,
    queue,
    statuses,
    webhook_store,
)


def fill(database: str, payments: int = 4) -> None:
    log = DecisionLog()
    lives(log, payments)
    with webhook_store(database) as store:
        queue(store, log)


def with_sender(
    database: str, work: Callable[[Sender], Coroutine[Any, Any, None]], *, pause_after_s: float = 3600.0
) -> None:
    async def run() -> None:
        pool, poster = open_pool(database, "-c role=spendlog_webhooks"), Poster(local=True)
        await pool.open(wait=True)
        try:
            await work(Sender(Deliveries(pool), poster, pause_after_s=pause_after_s))
        finally:
            await poster.aclose()
            await pool.close()

    asyncio.run(run())


def send(database: str, *endpoints: str, **bounds: float) -> None:
    async def work(sender: Sender) -> None:
        async with asyncio.TaskGroup() as group:
            for endpoint in endpoints:
                group.create_task(sender.send(ORGANIZATION, endpoint))

    with_sender(database, work, **bounds)


def set_endpoint(database: str, change: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"UPDATE webhook_endpoint SET {change}".encode())


def due_now(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE webhook_delivery SET due_at = now() WHERE status = 'pending'")
        connection.execute("UPDATE webhook_endpoint SET rests_until = NULL")


def test_every_delivery_is_verified_and_each_payment_in_its_order(database: str) -> None:
    with receiver(new_secret()) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        fill(database, payments=20)
        send(database, "one")
    assert stranger.forged == []
    assert len(stranger.events) == len(stranger.ids()) == 81
    for number in range(20):
        life = [
            event["type"]
            for event in stranger.events
            if event["data"].get("authorization_id") == f"pay-0-{number}"
        ]
        assert life == [
            "authorization.approved", "authorization.incremented", "clearing.posted", "refund.posted",
        ]  # fmt: skip
    assert statuses(database, "one") == {"delivered": 81}
    assert query(database, "SELECT count(*), min(status_code), max(number) FROM webhook_attempt") == [
        (81, 204, 1)
    ]


def test_what_one_payment_cannot_have_taken_holds_up_no_other(database: str) -> None:
    def answers(event: Event) -> int:
        return 500 if event["data"].get("authorization_id") == "pay-0-1" else 204

    with receiver(new_secret(), answers) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        fill(database)
        send(database, "one")
        assert statuses(database, "one") == {"delivered": 13, "pending": 4}
        # Its first delivery is tried again later, and those that follow it wait for that.
        tried = query(
            database,
            "SELECT event_type, attempts, extract(epoch FROM due_at - now())::float8 FROM webhook_delivery"
            " WHERE status = 'pending' ORDER BY ordinal",
        )
        assert [(name, attempts) for name, attempts, _ in tried] == [
            ("authorization.approved", 1), ("authorization.incremented", 0), ("clearing.posted", 0),
            ("refund.posted", 0),
        ]  # fmt: skip
        assert 0 < tried[0][2] <= RETRIES_S[0] * 1.1
        due_now(database)
        stranger.answers = lambda event: 200
        send(database, "one")
        assert statuses(database, "one") == {"delivered": 17}
        attempts = query(
            database,
            "SELECT number, status_code, error, answer FROM webhook_attempt a JOIN webhook_delivery d"
            " USING (organization_id, endpoint_id, event_id) WHERE d.attempts = 2 ORDER BY number",
        )
        assert attempts == [(1, 500, "answered 500", "status 500"), (2, 200, None, "status 200")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (400, "answered 400"),
        (404, "answered 404"),
        (503, "answered 503"),
        ((302, {"Location": "https://elsewhere.example.com/"}), "redirects are not followed"),
        ((308, {"Location": "/other"}), "redirects are not followed"),
    ],
)
def test_an_answer_that_is_no_success_is_told_and_tried_again(
    database: str, answer: int | tuple[int, dict[str, str]], said: str
) -> None:
    with receiver(new_secret(), lambda event: answer) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret, types=["budget.*"])
        fill(database)
        send(database, "one")
        assert stranger.requests == 1
    assert deliveries(database, "one") == [("budget.changed", "pending", 1)]
    ((error,),) = query(database, "SELECT error FROM webhook_attempt")
    assert said in error


def test_a_receiver_says_when_to_come_back(database: str) -> None:
    with receiver(new_secret(), lambda event: (429, {"Retry-After": "7200"})) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret, types=["budget.*"])
        fill(database)
        send(database, "one")
    ((wait_s,),) = query(database, "SELECT extract(epoch FROM due_at - now())::float8 FROM webhook_delivery")
    assert 7_100 < wait_s <= 7_200


def test_a_delivery_is_given_up_after_its_time_and_frees_what_follows_it(database: str) -> None:
    def answers(event: Event) -> int:
        return 500 if event["type"] == "authorization.approved" else 204

    with receiver(new_secret(), answers) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        fill(database, payments=1)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE webhook_delivery SET gives_up_at = now() + interval '1 s'")
        send(database, "one")
    assert deliveries(database, "one") == [
        ("budget.changed", "delivered", 1), ("authorization.approved", "failed", 1),
        ("authorization.incremented", "delivered", 1), ("clearing.posted", "delivered", 1),
        ("refund.posted", "delivered", 1),
    ]  # fmt: skip


def test_an_endpoint_that_is_away_rests_and_is_tried_with_one(database: str) -> None:
    secret = new_secret()
    with receiver(secret) as stranger:
        url = stranger.url
    add_endpoint(database, "one", url, secret=secret)  # nobody listens there any more
    fill(database, payments=30)
    send(database, "one")
    ((failures, rest_s),) = query(
        database, "SELECT failures, extract(epoch FROM rests_until - now())::float8 FROM webhook_endpoint"
    )
    ((tried,),) = query(database, "SELECT count(*) FROM webhook_attempt")
    assert 5 <= failures == tried <= 13  # of 31 that were due: those that were under way when it was clear
    assert 0 < rest_s <= 60
    send(database, "one")  # it rests
    assert query(database, "SELECT count(*) FROM webhook_attempt") == [(tried,)]
    due_now(database)
    send(database, "one")
    assert query(database, "SELECT count(*) FROM webhook_attempt") == [(tried + 1,)]


def test_410_pauses_an_endpoint_at_once(database: str) -> None:
    with receiver(new_secret(), lambda event: 410) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        fill(database)
        send(database, "one")
        seen = stranger.requests
        due_now(database)
        send(database, "one")
        assert stranger.requests == seen
    assert query(database, "SELECT status, paused_reason FROM webhook_endpoint") == [
        ("paused", "it answered 410 Gone")
    ]


def test_an_endpoint_that_fails_for_long_is_paused_and_says_why(database: str) -> None:
    with receiver(new_secret(), lambda event: 500) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        fill(database)
        send(database, "one", pause_after_s=3600)
        assert query(database, "SELECT status FROM webhook_endpoint") == [("active",)]
        set_endpoint(database, "failing_since = now() - interval '2 hours'")
        due_now(database)
        send(database, "one", pause_after_s=3600)
    ((status, why),) = query(database, "SELECT status, paused_reason FROM webhook_endpoint")
    assert status == "paused"
    assert why == "it has taken nothing for 2 hours; the last try: answered 500"


def test_one_success_ends_the_failing(database: str) -> None:
    with receiver(new_secret()) as stranger:
        add_endpoint(database, "one", stranger.url, secret=stranger.secret)
        set_endpoint(database, "failing_since = now() - interval '80 hours', failures = 9")
        fill(database)
        send(database, "one")
    assert query(database, "SELECT status, failures, failing_since FROM webhook_endpoint") == [
        ("active", 0, None)
    ]


def test_a_dead_and_a_slow_endpoint_hold_up_no_other(database: str) -> None:
    with receiver(new_secret(), slow(0.4)) as sluggish, receiver(new_secret()) as quick:
        add_endpoint(database, "dead", "http://127.0.0.1:9/", secret=new_secret())
        add_endpoint(database, "slow", sluggish.url, secret=sluggish.secret)
        add_endpoint(database, "live", quick.url, secret=quick.secret)
        fill(database, payments=10)
        done_s: dict[str, float] = {}

        async def work(sender: Sender) -> None:
            started_s = time.monotonic()

            async def one(endpoint: str) -> None:
                await sender.send(ORGANIZATION, endpoint)
                done_s[endpoint] = time.monotonic() - started_s

            async with asyncio.TaskGroup() as group:
                for endpoint in ("dead", "slow", "live"):
                    group.create_task(one(endpoint))

        with_sender(database, work)
        assert statuses(database, "live") == {"delivered": 41}
        # 41 answers of 0.4 s, eight at a time: the live one is through long before.
        assert done_s["live"] < done_s["slow"]
    assert "delivered" not in statuses(database, "dead")


def test_while_two_secrets_overlap_receivers_with_either_verify(database: str) -> None:
    old, new = new_secret(), new_secret()
    with receiver(old) as late, receiver(new) as early:
        for name, stranger in (("late", late), ("early", early)):
            add_endpoint(database, name, stranger.url, secret=old)
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("UPDATE webhook_secret SET expires_at = now() + interval '1 h'")
                connection.execute(
                    "INSERT INTO webhook_secret (organization_id, endpoint_id, secret) VALUES (%s, %s, %s)",
                    (ORGANIZATION, name, new),
                )
        fill(database, payments=1)
        send(database, "late", "early")
        assert late.forged == early.forged == [] and len(late.events) == len(early.events) == 5
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE webhook_secret SET expires_at = now() WHERE expires_at IS NOT NULL")
            connection.execute("UPDATE webhook_delivery SET status = 'pending', ended_at = NULL")
        send(database, "late", "early")
        assert late.forged and len(late.events) == 5
        assert early.forged == [] and len(early.events) == 10
