"""One slow statement costs its own caller an answer; only a server that is away costs everybody one."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, LiteralString

import httpx
import psycopg
import pytest

from api.access.keys import create_key
from api.api_settings import ApiSettings
from api.stores.postgres import AGAIN_S, QUERY_TIMEOUT_S, Postgres, PostgresAway
from tests.api.conftest import budget_path
from tests.api.support import free_port

CONNECTIONS = 4
LOCKED: LiteralString = "SELECT count(*) AS count FROM slow_table"
# What a caller waits for at most, and what a loaded machine takes beyond.
ANSWER_S_MAX = QUERY_TIMEOUT_S + 1.0


@contextmanager
def locked(url: str, *statements: LiteralString) -> Iterator[None]:
    """Another session that holds what `statements` take."""
    with psycopg.connect(url) as session:
        for statement in statements:
            session.execute(statement)
        yield
        session.rollback()


@asynccontextmanager
async def opened(url: str, connections: int = CONNECTIONS) -> AsyncGenerator[Postgres, None]:
    postgres = Postgres(url, connections_max=connections)
    await postgres.open()
    try:
        yield postgres
    finally:
        await postgres.close()


async def answered(postgres: Postgres) -> bool:
    try:
        return await postgres.row("SELECT 1 AS one") == {"one": 1}
    except PostgresAway:
        return False


async def until_answered(postgres: Postgres) -> None:
    async with asyncio.timeout(20):
        while not await answered(postgres):  # noqa: ASYNC110  a server that comes back tells nobody
            await asyncio.sleep(0.05)


async def refusal(asked: Coroutine[Any, Any, Any]) -> tuple[str, float]:
    """What is said instead of an answer, and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(PostgresAway) as away:
        await asked
    return str(away.value), time.monotonic() - began


@pytest.fixture
def url(settings: ApiSettings) -> Iterator[str]:
    with psycopg.connect(settings.postgres, autocommit=True) as session:
        session.execute("CREATE TABLE slow_table (id int PRIMARY KEY)")
        session.execute("INSERT INTO slow_table VALUES (1)")
        yield settings.postgres
        session.execute("DROP TABLE slow_table")


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        (("LOCK TABLE slow_table IN ACCESS EXCLUSIVE MODE",), LOCKED),
        (("SELECT id FROM slow_table FOR UPDATE",), "SELECT id FROM slow_table FOR UPDATE"),
        (("INSERT INTO slow_table VALUES (2)",), "INSERT INTO slow_table VALUES (2) RETURNING id"),
        (("SELECT pg_advisory_lock(4711)",), "SELECT pg_advisory_lock(4711)"),
        ((), "SELECT pg_sleep(3)"),
        ((), "SELECT sum(a * b) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"),
    ],
    ids=["table", "row", "unique key", "advisory", "asleep", "busy"],
)
def test_reads_go_on_beside_a_slow_statement(
    url: str, held: tuple[LiteralString, ...], asked: LiteralString
) -> None:
    async def run() -> None:
        async with opened(url) as postgres:
            await until_answered(postgres)
            for _ in range(2):  # the second one after the first one was given up
                slow = asyncio.create_task(refusal(postgres.row(asked)))
                beside = []
                while not slow.done():
                    beside.append(await answered(postgres))
                    await asyncio.sleep(0.02)
                beside += [await answered(postgres) for _ in range(10)]
                said, seconds = await slow
                assert "longer than" in said or "no answer" in said
                assert seconds < ANSWER_S_MAX
                assert len(beside) > 10
                assert all(beside), f"{beside.count(False)} of {len(beside)} got no answer"

    with locked(url, *held):
        asyncio.run(run())


def test_reports_leave_connections_to_quick_looks(url: str) -> None:
    async def run() -> None:
        async with opened(url) as postgres:
            await until_answered(postgres)
            reports = [
                asyncio.create_task(refusal(postgres.row("SELECT pg_sleep(9)", timeout_s=2.0)))
                for _ in range(3 * CONNECTIONS)
            ]
            while not all(report.done() for report in reports):
                assert await answered(postgres)
                await asyncio.sleep(0.02)

    asyncio.run(run())


def test_connections_that_the_server_ends_are_made_anew(url: str) -> None:
    end: LiteralString = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'spendlog-api' AND query LIKE '%pg_sleep(0.4)%'"
    )

    async def run() -> None:
        async with (
            opened(url) as postgres,
            await psycopg.AsyncConnection.connect(url, autocommit=True) as other,
        ):
            await until_answered(postgres)
            cut = [asyncio.create_task(refusal(postgres.row("SELECT pg_sleep(0.4)"))) for _ in range(2)]
            await asyncio.sleep(0.2)
            await other.execute(end)
            await asyncio.gather(*cut)
            assert all([await answered(postgres) for _ in range(10)])

    asyncio.run(run())


@contextmanager
def mute() -> Iterator[int]:
    """A port on which connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def closed() -> Iterator[int]:
    yield free_port()


@pytest.mark.parametrize("port", [mute, closed])
def test_a_server_that_cannot_be_reached_is_told_at_once_after_a_while(
    port: Callable[[], Any],
) -> None:
    async def run(number: int) -> None:
        async with opened(f"postgresql://nobody@127.0.0.1:{number}/none") as postgres:
            first = await asyncio.gather(*(refusal(postgres.row("SELECT 1")) for _ in range(20)))
            assert max(seconds for _, seconds in first) < ANSWER_S_MAX
            await asyncio.sleep(QUERY_TIMEOUT_S)  # a ping begins before the first are given up
            for _ in range(10):
                said, seconds = await refusal(postgres.row("SELECT 1"))
                assert seconds < QUERY_TIMEOUT_S / 2, said
                await asyncio.sleep(AGAIN_S / 5)

    with port() as number:
        asyncio.run(run(number))


def test_a_locked_table_is_503_for_those_who_ask_for_it(
    settings: ApiSettings, client: httpx.Client, organization: str, engineering: str, server: str
) -> None:
    """And keys that nobody has used yet are looked up meanwhile."""
    new_keys = [
        create_key(settings.postgres, organization_id=organization, name=f"new {n}")[0] for n in range(5)
    ]
    with locked(settings.postgres, "LOCK TABLE budget IN ACCESS EXCLUSIVE MODE"):
        for secret in new_keys:
            slow = client.get(budget_path(organization))
            assert (slow.status_code, slow.json()["code"]) == (503, "views_unavailable")
            assert int(slow.headers["retry-after"]) > 0
            other = httpx.get(
                f"{server}/v1/authorizations/unknown",
                headers={"Authorization": f"Bearer {secret}"},
                timeout=60,
            )
            assert (other.status_code, other.json()["code"]) == (404, "unknown_authorization")
