"""A call that Redis lets wait costs its own caller an answer, and nobody else."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from api.metrics import Metrics
from api.stores.redis import Redis, RedisAway

KEY = "spendlog-test-never-filled"
WAITS = (
    ("BLPOP", KEY, 2),
    ("BZPOPMIN", KEY, 2),
    ("BLMOVE", KEY, f"{KEY}-too", "LEFT", "RIGHT", 2),
    ("XREAD", "BLOCK", 2_000, "STREAMS", KEY, "$"),
    ("WAIT", 3, 2_000),
)


async def waiting(words: tuple[Any, ...], client: Any) -> Any:
    return await client.execute_command(*words)


async def echo(number: int, client: Any) -> Any:
    return await client.echo(str(number))


@pytest.mark.parametrize("words", WAITS, ids=[words[0] for words in WAITS])
def test_whoever_asks_next_is_answered(stack: Any, words: tuple[Any, ...]) -> None:
    async def look() -> None:
        redis = Redis(stack.redis, Metrics(), connections_max=2)
        with pytest.raises(RedisAway, match="no answer within"):
            await redis.call(partial(waiting, words))
        for number in range(3):
            assert await redis.call(partial(echo, number)) == str(number).encode()
        await redis.close()

    asyncio.run(look())


def test_a_server_that_is_away_is_left_alone(stack: Any) -> None:
    """After the first who is turned away nobody waits, and all are told why."""
    asked = 0

    async def look() -> None:
        redis = Redis("redis://127.0.0.1:1/0", Metrics(), connections_max=2)

        async def ask(client: Any) -> Any:
            nonlocal asked
            asked += 1
            return await client.get(KEY)

        for _ in range(200):
            with pytest.raises(RedisAway, match="Connect"):
                await redis.call(ask)
            await asyncio.sleep(0.001)
        await redis.close()

    asyncio.run(look())
    assert asked < 100
