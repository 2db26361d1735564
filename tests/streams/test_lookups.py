"""Looking up topics and kept events: one connection for all, and nothing that goes wrong stays in the way."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

import psutil
import pytest
from aiokafka.errors import KafkaError

from infra.stack.tcp_ports import free_port
from schemas.codec import encode_event
from schemas.partitions import partition_of
from streams.cluster import START_ENDS_S_MAX
from streams.kafka_log import KafkaLog
from streams.log import Entry, TopicMissing
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


def connections(kafka: str) -> int:
    """How many the broker has of this process."""
    at = (kafka.rpartition(":")[0], int(kafka.rpartition(":")[2]))
    mine = {one.laddr for one in psutil.Process().net_connections("tcp") if one.raddr == at}
    served = (one for one in psutil.net_connections("tcp") if one.laddr == at)
    return sum(1 for one in served if one.raddr in mine)


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is closed by the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def until_closed(kafka: str, before: int) -> None:
    """The broker hears of a closed connection a little later."""
    async with asyncio.timeout(10.0):
        while connections(kafka) > before:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.05)


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
        await until_closed(line.kafka, before)

    with uncollected():
        before = connections(line.kafka)
        asyncio.run(look())


async def replayed(line: Line, log: KafkaLog) -> None:
    async with aclosing(log.replay(0)) as read:
        async for _ in read:
            pass


async def read_snapshots(line: Line, log: KafkaLog) -> None:
    await log.snapshots()


async def opened(line: Line, log: KafkaLog) -> None:
    await log.open()


async def looked_up(line: Line, log: KafkaLog) -> None:
    await log.kept(3)


async def written(line: Line, log: KafkaLog) -> None:
    await log.open()
    await log.append([Entry(b"key", b"value", [])])


@pytest.mark.parametrize("step", [opened, replayed, read_snapshots, looked_up, written])
def test_a_take_over_that_is_given_up_leaves_no_connection(
    line: Line, step: Callable[[Line, KafkaLog], Awaitable[None]]
) -> None:
    """At whatever moment, in each of its steps that connects."""
    line.send(EVENTS)
    rng = random.Random(step.__name__)

    async def give_up() -> None:
        for number in range(30):
            log = KafkaLog(line.kafka, MINE, PARTITIONS, line.names)
            given_up = asyncio.ensure_future(step(line, log))
            await asyncio.sleep(rng.random() * 0.001 * number)
            given_up.cancel()
            await asyncio.wait({given_up})
            await log.close()
        await until_closed(line.kafka, before)

    with uncollected():
        before = connections(line.kafka)
        asyncio.run(give_up())


@pytest.mark.parametrize("step", [opened, looked_up, written])
def test_a_close_that_is_given_up_closes_all(
    line: Line, step: Callable[[Line, KafkaLog], Awaitable[None]]
) -> None:
    """At each of its turns of the event loop: nobody closes a second time."""
    line.send(EVENTS)

    async def give_up() -> None:
        for turns in range(1, 25):
            log = KafkaLog(line.kafka, MINE, PARTITIONS, line.names)
            await step(line, log)
            closing = asyncio.ensure_future(log.close())
            for _ in range(turns):
                await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait({closing})
        await until_closed(line.kafka, before)

    with uncollected():
        before = connections(line.kafka)
        asyncio.run(give_up())


def test_a_broker_that_hangs_does_not_hold_up_who_gives_up(mute_port: int) -> None:
    async def look() -> float:
        lookups = Lookups(f"127.0.0.1:{mute_port}")
        given_up = asyncio.create_task(lookups.missing({"any"}))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        given_up.cancel()
        await asyncio.wait({given_up})
        assert given_up.cancelled()
        return time.monotonic() - began

    assert asyncio.run(look()) < START_ENDS_S_MAX + 2.0


@pytest.fixture
def mute_port() -> Iterator[int]:
    """Connections are taken there, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_nobody_answers() -> None:
    async def look() -> None:
        lookups = Lookups(f"127.0.0.1:{free_port(set())}")
        for _ in range(2):
            with pytest.raises(KafkaError):
                await lookups.missing({"any"})
        await lookups.close()

    asyncio.run(look())
