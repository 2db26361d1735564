"""What open overviews cost those who submit: `python -m perf.overviews [--pages 200] [--rounds 5]`.

Half of the authorizations that the API can carry, in an open loop, with and without 200 open overviews of one
organization, each of which is sent what moves. The rounds take turns, so that what else the machine does
meets both; what counts is the median of the ratios of their p99. Everything runs on one machine, and so do
the browsers' ends of the streams, in a process of their own that only reads.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

import httpx
import uvloop

from api.access.keys import create_key
from api.access.membership import add_member, sign_in_link
from api.access.roles import Role
from infra.running.commands import API
from infra.stack.tcp_ports import free_port
from perf.cpu import TreeMeter
from perf.harness import QUICK, Session, session
from perf.overload import ORGANIZATION, HttpClients, departments_of, is_ready, takes
from perf.percentiles import median, percentile

#: Asked of the median of the ratios.
RATIO_MAX = 1.10
PAGES, ROUNDS, SECONDS = 200, 5, 10.0
#: A round after pages were opened or shut begins a little later.
SETTLE_S = 2.0
OPEN_TIMEOUT_S = 120.0


class OverviewTurn(NamedTuple):
    """One round: milliseconds of the answers, processor µs of the API for each, tellings that came."""

    p50_ms: float
    p99_ms: float
    api_us: float
    told: int


@contextmanager
def open_overviews(base_url: str, cookie: str, pages: int) -> Iterator[Connection]:
    """Streams as open overviews have them, read by a process of its own; `True` sent to it asks how many
    events came since it was last asked."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_watch, args=(theirs, base_url, cookie, pages), daemon=True)
    process.start()
    try:
        if not ours.poll(OPEN_TIMEOUT_S):
            raise SystemExit("the pages were not opened")
        ours.recv()
        yield ours
    finally:
        process.terminate()
        process.join(10.0)


def _watch(connection: Connection, base_url: str, cookie: str, pages: int) -> None:
    uvloop.run(_streams(connection, base_url, cookie, pages))


async def _streams(connection: Connection, base_url: str, cookie: str, pages: int) -> None:
    url = httpx.URL(base_url)
    head = f"GET /live?of=overview HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()
    counts = [0]

    async def read(reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(1 << 16):
            counts[0] += chunk.count(b"event: ")

    reading, writers = [], []  # a writer that nobody has any more closes its stream
    for _ in range(pages):
        while True:  # a busy server refuses some at first; a browser asks again
            reader, writer = await asyncio.open_connection(url.host, url.port, limit=1 << 20)
            writer.write(head)
            if b" 200 " in await reader.readuntil(b"\r\n\r\n"):
                break
            writer.close()
            await asyncio.sleep(0.05)
        writers.append(writer)
        reading.append(asyncio.create_task(read(reader)))
    connection.send(len(reading))
    while await asyncio.to_thread(connection.recv):
        connection.send(counts[0])
        counts[0] = 0
    for each in writers:
        each.close()


def signed_in(base_url: str, postgres: str) -> str:
    """The cookie of an Org Admin of the organization that the load is for."""
    email = "overviews@example.com"
    add_member(
        postgres, organization_id=ORGANIZATION, email=email, role=Role.ORG_ADMIN, name="O", departments=()
    )
    token = sign_in_link(postgres, email=email, organization_id=ORGANIZATION)
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(f"{base_url}/sign-in", data={"link": token}, headers=own, timeout=30)
    assert answer.status_code == 303, answer.text
    return answer.headers["set-cookie"].partition(";")[0]


async def turn(
    clients: HttpClients, rate: float, seconds: float, api: TreeMeter, watching: Connection | None
) -> OverviewTurn:
    if watching is not None:
        watching.send(True)
        watching.recv()
    gc.collect()
    gc.disable()  # the sender must not pause
    outcome = await clients.open_loop(rate, seconds)
    spent = api.spent({}).each_us(max(1, len(outcome.answers)))["api"]
    gc.enable()
    told = 0
    if watching is not None:
        watching.send(True)
        told = await asyncio.to_thread(watching.recv)
    times = outcome.times(200)
    return OverviewTurn(1e3 * percentile(times, 0.5), 1e3 * percentile(times, 0.99), spent, told)


def run(running: Session, *, pages: int, rounds: int, seconds: float) -> str:
    """The table of all rounds."""
    topic_set = running.own_names()
    running.sinks()
    port = free_port(set())
    base_url = f"http://127.0.0.1:{port}"
    env = running.endpoints.environment() | {
        "SPENDLOG_API_URL": base_url,
        "SPENDLOG_API_CONNECTIONS_PER_ADDRESS_MAX": str(pages + 1_000),
    }
    api = running.start("api", (*API, "--port", str(port)), env)
    topic_set.worker()
    running.wait(lambda: is_ready(base_url), "the API")
    secret, _ = create_key(running.endpoints.postgres, organization_id=ORGANIZATION, name="overviews")
    running.wait(lambda: takes(base_url, secret), "the worker")
    departments = departments_of(base_url, secret, ORGANIZATION, 20)
    cookie = signed_in(base_url, running.endpoints.postgres)

    async def load() -> str:
        clients = HttpClients(base_url, secret, departments, f"k{time.time_ns():x}")
        await clients.closed_loop(3)  # caches and connections
        capacity = await clients.closed_loop(6)
        rate = len(capacity.times(200)) / capacity.seconds / 2
        lines = [f"half of what it can carry: {rate:.0f}/s"]
        ratios = []
        for number in range(rounds + 1):
            found: dict[bool, OverviewTurn] = {}
            for watched in (bool(number % 2), not number % 2):
                await asyncio.sleep(SETTLE_S)
                meter = TreeMeter({"api": api.pid})
                if watched:
                    with open_overviews(base_url, cookie, pages) as watching:
                        await asyncio.sleep(SETTLE_S)
                        meter = TreeMeter({"api": api.pid})
                        found[True] = await turn(clients, rate, seconds, meter, watching)
                else:
                    found[False] = await turn(clients, rate, seconds, meter, None)
            if number:  # the first pair only warms up
                ratios.append(found[True].p99_ms / found[False].p99_ms)
                lines.append(_line(found[False], found[True]))
                running.say(lines[-1])
        clients.close()
        middle = median(ratios)
        late = "" if middle <= RATIO_MAX else "  above the bound"
        lines.append(
            f"p99 with {pages} open overviews / without: median {middle:.2f} of {RATIO_MAX:.2f}{late}"
        )
        return "\n".join(lines)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load())


def _line(alone: OverviewTurn, watched: OverviewTurn) -> str:
    return (
        f"p50 {alone.p50_ms:6.1f} -> {watched.p50_ms:6.1f} ms   p99 {alone.p99_ms:6.1f} -> "
        f"{watched.p99_ms:6.1f} ms ({watched.p99_ms / alone.p99_ms:.2f})   API {alone.api_us:.0f} -> "
        f"{watched.api_us:.0f} us an answer   {watched.told} parts sent"
    )


def main() -> None:
    words = argparse.ArgumentParser(description="what open overviews cost those who submit")
    words.add_argument("--pages", type=int, default=PAGES)
    words.add_argument("--rounds", type=int, default=ROUNDS)
    words.add_argument("--seconds", type=float, default=SECONDS, help="of a round")
    given = words.parse_args()
    with session(QUICK, lambda text: print(text, flush=True)) as running:
        print(run(running, pages=given.pages, rounds=given.rounds, seconds=given.seconds))


if __name__ == "__main__":
    main()
