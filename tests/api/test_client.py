"""The Python client against the real API: in both its kinds, and when the API is killed, busy or away."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil
import pytest
from standardwebhooks.webhooks import Webhook

from api.access.keys import KEY_SCOPES, create_key
from api.client import (
    AsyncClient,
    ChangedSince,
    Client,
    Conflict,
    Declined,
    Invalid,
    KeyReused,
    Merchant,
    Money,
    NotAuthenticated,
    NotFound,
    NotGenuine,
    NotReached,
    RateLimited,
    Undecided,
    receive,
)
from infra.running.log import end_offsets
from schemas.topics import CARD_EVENTS
from tests.api.books import Books, Organization
from tests.api.decider import Decider
from tests.api.support import free_port, serving, wait_ready, wait_until
from tests.infra.support import environment

HOTEL = Merchant(name="Hotel Astoria", mcc="7011", country="DE")


@pytest.fixture
def client(books: Books, company: Organization) -> Iterator[Client]:
    company.start()
    with client_of(books, company, books.base_url) as client:
        yield client


def client_of(books: Books, company: Organization, url: str, **more: Any) -> Client:
    secret, _ = create_key(
        books.settings.postgres, organization_id=company.id, name="client", scopes=KEY_SCOPES
    )
    return Client(url, secret, **more)


def test_from_a_budget_to_a_declined_purchase(client: Client, company: Organization) -> None:
    budget = client.budgets.set(
        company.id, "marketing", name="Marketing", limit=Money(100_000, "USD"), idempotency_key="m1"
    )
    assert budget.limit == Money(100_000, "USD")
    card = client.cards.create(department_id="marketing", card_id="card_mia", employee="Mia")
    assert (card.status, card.employee) == ("active", "Mia")
    asked = client.simulations.authorization(
        department_id="marketing", card_id="card_mia", amount=Money(60_000, "USD"), merchant=HOTEL
    )
    assert asked.outcome == "approved"
    with pytest.raises(Declined) as declined:
        client.transactions.create(
            department_id="marketing", card_id="card_mia", amount=Money(70_000, "USD"), merchant=HOTEL
        )
    reason = declined.value.reasons[0]
    assert (reason.code, reason.rule) == ("budget_exceeded", "department")
    assert (reason.limit, reason.held) == (Money(100_000, "USD"), Money(60_000, "USD"))
    assert (reason.available, reason.requested) == (Money(40_000, "USD"), Money(70_000, "USD"))
    assert declined.value.would_pass is not None
    assert declined.value.would_pass.now == Money(40_000, "USD")
    bought = client.transactions.create.answer(
        department_id="marketing", card_id="card_mia", amount=Money(1, "USD"), merchant=HOTEL
    )
    assert (bought.status, bought.replayed, bought.body.status) == (201, False, "held")
    seen = client.transactions.read(bought.body.transaction_id, position=bought.position)
    assert seen.created_at is not None and seen.created_at.tzinfo is not None
    assert seen.merchant is not None and seen.merchant.key == "hotel astoria"


def test_problems_are_exceptions(client: Client, company: Organization, books: Books) -> None:
    with pytest.raises(NotFound) as unknown:
        client.cards.read("card_none")
    assert (unknown.value.code, unknown.value.status) == ("unknown_card", 404)
    assert unknown.value.request_id
    with pytest.raises(Invalid) as invalid:
        client.cards.create(department_id="engineering", last_four="4242-4242")
    assert [error.field for error in invalid.value.errors] == ["body.last_four"]
    first = client.cards.create.answer(department_id="engineering", card_id="card_a", idempotency_key="a")
    again = client.cards.create.answer(department_id="engineering", card_id="card_a", idempotency_key="a")
    assert (first.replayed, again.replayed, first.body) == (False, True, again.body)
    with pytest.raises(Conflict):
        client.cards.create(department_id="engineering", card_id="card_a")
    with pytest.raises(KeyReused):
        client.cards.create(department_id="engineering", card_id="card_b", idempotency_key="a")
    client.cards.freeze("card_a", department_id="engineering", if_match=first.etag)
    with pytest.raises(ChangedSince):
        client.cards.cancel("card_a", department_id="engineering", if_match=first.etag)
    with Client(books.base_url, "sl_wrong") as stranger, pytest.raises(NotAuthenticated):
        stranger.company.department("engineering")
    assert "sl_" not in repr(client)


def test_the_async_client_does_the_same(books: Books, company: Organization) -> None:
    company.start()
    secret, _ = create_key(
        books.settings.postgres, organization_id=company.id, name="async", scopes=KEY_SCOPES
    )

    async def play() -> None:
        async with AsyncClient(books.base_url, secret) as client:
            cards = []
            async with anyio.create_task_group() as group:

                async def create(n: int) -> None:
                    cards.append(await client.cards.create(department_id="engineering", card_id=f"card_{n}"))

                for n in range(7):
                    group.start_soon(create, n)
            last = max((card.position for card in cards), key=lambda at: int(at.split(":")[1]))
            listed = [card.card_id async for card in client.cards.list(limit=2, position=last)]
            assert listed == [f"card_{n}" for n in range(7)]
            with pytest.raises(Declined) as declined:
                await client.transactions.create(
                    department_id="engineering",
                    card_id="card_1",
                    amount=Money(5_000_001, "USD"),
                    merchant=HOTEL,
                )
            assert declined.value.reasons[0].available == Money(5_000_000, "USD")
            answer = await client.cards.read.answer("card_1")
            assert answer.etag == answer.body.position

    anyio.run(play)


def test_pages_neither_skip_nor_double_while_rows_come_in(client: Client) -> None:
    def create(name: str) -> str:
        return client.cards.create(department_id="engineering", card_id=name, idempotency_key=name).position

    names = [f"card_{n:02}" for n in range(1, 20, 2)]
    position = [create(name) for name in names][-1]
    seen = []
    for card in client.cards.list(limit=3, position=position):
        seen.append(card.card_id)
        here = int(card.card_id.removeprefix("card_"))
        for meanwhile in (here - 1, here + 5):  # one row before where it stands, and one after
            create(f"card_{meanwhile:02}")
    assert seen == sorted(set(seen))
    assert set(names) <= set(seen)


@contextmanager
def served_by_a_process(books: Books, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`spendlog serve`, which starts a killed API again at its port."""
    settings, port = books.settings, free_port()
    env = {
        "SPENDLOG_KAFKA": settings.kafka,
        "SPENDLOG_POSTGRES": settings.postgres,
        "SPENDLOG_REDIS": settings.redis,
    }
    command = [sys.executable, "-m", "infra.cli", "serve", "--port", str(port)]
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(env), stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url), 60)
        wait_ready(url, timeout_s=60)
        yield url, process
    finally:
        process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=60).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.faults
def test_a_kill_between_send_and_answer_has_one_effect(
    books: Books, company: Organization, decider: Decider, tmp_path: Path
) -> None:
    """Five calls are in the log and unanswered when the API dies: each is answered once, by the next one."""
    company.start()

    def written() -> int:
        return sum(end_offsets(books.settings.kafka, CARD_EVENTS.name).values())

    with (
        served_by_a_process(books, tmp_path) as (url, supervisor),
        client_of(books, company, url, deadline_s=90.0) as client,
        ThreadPoolExecutor() as pool,
    ):
        asked: dict[str, Any] = {
            "department_id": "engineering",
            "amount": Money(100_00, "USD"),
            "merchant": HOTEL,
        }
        with decider.paused():
            before = written()
            calls: list[Future[Any]] = [
                *(pool.submit(client.transactions.create, card_id=f"card_{n}", **asked) for n in (1, 2)),
                pool.submit(client.authorizations.request, card_id="card_3", **asked),
            ]
            made = pool.submit(client.cards.create, department_id="engineering", card_id="card_4")
            raised = pool.submit(
                client.increase_requests.create,
                department_id="engineering",
                request_id="more",
                amount=Money(1, "USD"),
                ends_at=datetime(2100, 1, 1, tzinfo=UTC),
            )
            wait_until(lambda: written() >= before + 5, 60)
            (api,) = psutil.Process(supervisor.pid).children()
            api.kill()
            api.wait(30)
        answered = [call.result(120) for call in calls]
        assert [one.outcome for one in answered] == ["approved"] * 3
        assert made.result(120).card_id == "card_4"
        assert raised.result(120).outcome == "accepted"
        position = client.events.send(
            {"type": "balance.inquired", "department_id": "engineering", "card_id": "card_1"}
        ).position
        held = client.budgets.read(company.id, "engineering", position=position).held
        assert held == Money(3 * 100_00, "USD")
        listed = list(client.transactions.list(limit=1, position=position))
        assert len(listed) == 3


def test_429_is_waited_for_as_long_as_it_says(books: Books, company: Organization) -> None:
    company.start()
    limits = {"api_rate_limits": {company.id: "3/3 second"}}
    with (
        serving(books.settings.model_copy(update=limits)) as url,
        client_of(books, company, url, deadline_s=60.0) as client,
    ):
        begun_s = time.monotonic()
        for _ in range(4):
            client.company.department("engineering")
        assert time.monotonic() - begun_s >= 1.0  # the least that Retry-After can say
        limited = limited_one(client.within(0.9))  # less than it says: not waited for
        assert limited.retry_after_s is not None and limited.retry_after_s >= 1


def limited_one(client: Client) -> RateLimited:
    for _ in range(100):
        try:
            client.company.department("engineering")
        except RateLimited as limited:
            return limited
    raise AssertionError("a hundred requests within three a second")


def test_what_is_not_decided_is_asked_again_and_then_told_with_its_key(
    client: Client, decider: Decider
) -> None:
    with decider.paused():
        with pytest.raises(Undecided) as undecided:
            client.within(3.0).cards.create(department_id="engineering", card_id="card_late")
        at_once = time.monotonic()
        with pytest.raises(Undecided):
            client.cards.create(department_id="engineering", card_id="card_later", wait=0)
        assert time.monotonic() - at_once < 60
    assert undecided.value.key is not None
    made = client.cards.create.answer(
        department_id="engineering", card_id="card_late", idempotency_key=undecided.value.key
    )
    assert made.body.card_id == "card_late"


def test_nobody_there_says_so_within_the_deadline() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", "sl_x", deadline_s=0.5) as client:
        with pytest.raises(NotReached) as unreached:
            client.company.department("engineering")
        assert unreached.value.tries > 1
        with pytest.raises(NotReached):
            next(client.listen())
    with pytest.raises(ValueError, match="is no address"):
        Client("localhost:8080", "sl_x")


def test_the_feed_is_heard(client: Client) -> None:
    heard: list[str] = []
    listening = threading.Event()

    def listen() -> None:
        for event in client.listen(department_id="engineering"):
            listening.set()
            heard.append(event.data["event_type"])
            if "card.canceled" in heard:
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    for n in range(600):  # until it listens: what was decided before is not told
        client.cards.create(department_id="engineering", card_id=f"card_{n}")
        if listening.wait(0.1):
            break
    client.cards.cancel("card_0", department_id="engineering")
    thread.join(60)
    assert heard[0] == "card.set" and heard[-1] == "card.canceled"


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_webhook_is_received_when_it_is_genuine() -> None:
    now = datetime.now(UTC)
    told = {"id": "evt_0_1_0", "type": "card.frozen", "timestamp": now.isoformat(), "organization_id": "o"}
    body = json.dumps({**told, "data": {"card_id": "c"}, "new": 1})
    headers = {
        "Webhook-Id": "evt_0_1_0",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("evt_0_1_0", now, body),
    }
    event = receive(SECRET, headers, body.encode())
    assert (event.id, event.type, event.data, event.department_id) == (
        "evt_0_1_0",
        "card.frozen",
        {"card_id": "c"},
        None,
    )
    other = f"whsec_{uuid.uuid4().hex}"
    late = {**headers, "Webhook-Timestamp": str(int(now.timestamp()) - 400)}
    without = {name: value for name, value in headers.items() if name != "Webhook-Signature"}
    for secret, with_headers, content in (
        (other, headers, body.encode()),
        (SECRET, headers, body.encode() + b" "),
        (SECRET, late, body.encode()),
        (SECRET, without, body.encode()),
        (SECRET, headers, b"\xff"),
        (SECRET, {}, b""),
    ):
        with pytest.raises(NotGenuine):
            receive(secret, with_headers, content)


def test_it_needs_nothing_of_the_server() -> None:
    program = (
        "import sys, api.client; api.client.Client('http://x', 'k'); "
        "print(*sorted({name.split('.')[0] for name in sys.modules} & "
        "{'fastapi', 'pydantic', 'psycopg', 'redis', 'confluent_kafka', 'aiokafka', 'faust', 'river', "
        "'schemas', 'streams', 'sinks', 'infra', 'starlette'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
