"""What one writer has used up is no other's, also where Redis does not answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.asking.idempotency import USED_UP_MAX, IdempotencyMemory
from api.metrics import Metrics
from api.stores.redis import Redis


@pytest.mark.parametrize("away", [False, True])
def test_of_those_who_have_seen_the_same_one_is_let_through(stack: Any, away: bool) -> None:
    asyncio.run(_look("redis://127.0.0.1:1/0" if away else stack.redis, 2 * USED_UP_MAX if away else 10))


async def _look(address: str, others: int) -> None:
    redis = Redis(address, Metrics(), connections_max=2)
    memory = IdempotencyMemory(redis)
    what = f"card {id(memory)} 1:2"
    assert [await memory.once(what, event) for event in ("a", "b", "a", "c")] == [True, False, True, False]
    await memory.again(what)
    assert [await memory.once(what, event) for event in ("c", "a")] == [True, False]
    for number in range(others):
        assert await memory.once(f"{what} {number}", "a")
    await redis.close()
