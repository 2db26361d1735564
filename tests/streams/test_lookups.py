"""Looking up topics and kept events: one connection for all, and nothing that goes wrong stays in the way."""

from __future__ import annotations

import asyncio
import gc
import random

import pytest
from aiokafka.errors import KafkaError

from infra.stack.ports import free_port
from schemas.codec import encode_event
from schemas.partitions import partition_of
from streams.log import TopicMissing
from streams.lookups import Lookups
from tests.streams.events import DEPARTMENTS, request
from tests.streams.line import PARTITIONS, Line

EVENTS = [request(number, DEPARTMENTS[0]) for number in range(20)]
MINE = partition_of(EVENTS[0].key.encode(), PARTITIONS)


def test_what_is_kept_and_what_is_missing(line: Line) -> None:
    line.send(EVENTS)
    topic = line.names.card_events

    async def look() -> None:
        lookups = Lookups(line.kafka)
        for offset in (0, 7, 19, 3):
            first, end, found = await lookups.at(topic, MINE, offset)
            assert (first, end) == (0, 20)
            assert found is not None
            assert (found.offset, found.value) == (offset, encode_event(EVENTS[offset]))
        for offset in (-1, 20, 10**9):
            assert await lookups.at(topic, MINE, offset) == (0, 20, None)
        assert await lookups.at(topic, 1 - MINE, 0) == (0, 0, None)
        used = lookups._consumer
        many = await asyncio.gather(*(lookups.at(topic, MINE, n % 20) for n in range(40)))
        assert [found and found.offset for _, _, found in many] == [n % 20 for n in range(40)]
        assert lookups._consumer is used
        assert used is not None and not used.assignment(), "it goes on to fetch"

        await lookups.require(line.names.needed)
        assert await lookups.missing({topic, "not-there"}) == {"not-there"}
        with pytest.raises(TopicMissing, match="there is no topic not-there"):
            await lookups.require({topic, "not-there"})
        await lookups.close()

    asyncio.run(look())


# One that is given up while aiokafka connects leaves its half-made connection to the garbage collector.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*AIOKafkaConnection:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("seed", range(4))
def test_a_look_up_that_is_given_up_disturbs_no_other(line: Line, seed: int) -> None:
    """As a take-over is when the partition goes to another worker."""
    line.send(EVENTS)
    rng = random.Random(seed)

    async def look() -> None:
        lookups = Lookups(line.kafka)
        for offset in range(20):
            given_up = asyncio.create_task(lookups.at(line.names.card_events, MINE, rng.randrange(20)))
            await asyncio.sleep(rng.random() * 0.01)
            given_up.cancel()
            _, _, found = await lookups.at(line.names.card_events, MINE, offset)
            assert found is not None and found.offset == offset
        await lookups.close()

    asyncio.run(look())
    gc.collect()  # here, not in the middle of another test


def test_nobody_answers() -> None:
    async def look() -> None:
        lookups = Lookups(f"127.0.0.1:{free_port(set())}")
        for _ in range(2):
            with pytest.raises(KafkaError):
                await lookups.missing({"any"})
        await lookups.close()

    asyncio.run(look())
