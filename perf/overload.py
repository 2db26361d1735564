"""What the API does with more than it can carry: `python -m perf.overload [--ratio 2] [--seconds 60]`.

First as many requests as 64 connections bring, each as soon as the one before is answered: that is the
capacity. Then `ratio` times that, sent at their times whatever becomes of those before (an open loop).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from dataclasses import dataclass, field
from typing import cast

import httpx
import msgspec
import uvloop

from api.access.keys import create_key
from infra.running.commands import API
from infra.stack.tcp_ports import free_port
from perf.cpu import TreeMeter
from perf.harness import QUICK, Session, session
from perf.percentiles import percentile

ORGANIZATION = "overload"
CLOSED_CONNECTIONS = 64
CONNECTIONS_MAX = 400
_LIMIT = 10**14
_BODY = (
    b'{"department_id":"%b","card_id":"card_%d","amount":{"minor":%d,"currency":"USD"},'
    b'"merchant":{"name":"Blue Bottle Coffee","mcc":"5814","country":"US"}}'
)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`seconds`: from the last byte sent to the last byte read."""

    key: str
    status: int
    seconds: float
    retry_after: bool
    body: bytes

    @property
    def kind(self) -> str:
        """The status, and the code of a problem."""
        code = msgspec.json.decode(self.body).get("code")
        return str(self.status) if code is None else f"{self.status} {code}"


@dataclass
class LoadOutcome:
    """All answers of one load.

    `unsent`: no connection was free at their time; `lost`: without an answer; `late_s`: of the
    sender itself, at worst.
    """

    answers: list[HttpAnswer] = field(default_factory=list)
    unsent: int = 0
    late_s: float = 0.0
    lost: int = 0
    seconds: float = 0.0

    def times(self, status: int) -> list[float]:
        return sorted(answer.seconds for answer in self.answers if answer.status == status)

    def __str__(self) -> str:
        lines = [
            f"{len(self.answers)} answers in {self.seconds:.1f} s, {self.unsent} unsent, {self.lost} lost; "
            f"the sender was late by {self.late_s * 1000:.0f} ms at worst"
        ]
        kinds: dict[str, list[float]] = {}
        for answer in self.answers:
            kinds.setdefault(answer.kind, []).append(answer.seconds)
        for kind, times in sorted(kinds.items()):
            times.sort()
            p50, p99 = (percentile(times, share) * 1000 for share in (0.5, 0.99))
            figures = f"p50 {p50:6.1f}   p99 {p99:6.1f}   max {times[-1] * 1000:6.1f} ms"
            lines.append(f"  {kind:<24} {len(times) / self.seconds:7.1f}/s   {figures}")
        return "\n".join(lines)


class _Connection(asyncio.Protocol):
    """One request at a time; its answer goes to `on_answer`. Raw, so that measuring costs little."""

    def __init__(self, clients: HttpClients) -> None:
        self._clients = clients
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._sent = 0.0
        self._key: str | None = None
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def send(self, key: str, request: bytes, done: asyncio.Future[None]) -> None:
        assert self._transport is not None
        self._key, self._done, self._data = key, done, b""
        self._transport.write(request)
        self._sent = time.monotonic()

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end or self._key is None:
            return
        head = head.lower() + b"\r\n"
        if len(body) < int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        seconds = time.monotonic() - self._sent
        answer = HttpAnswer(self._key, int(head[9:12]), seconds, b"\r\nretry-after: " in head, body)
        self._key = None
        self._end(answer, reusable=b"connection: close" not in head)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(None, reusable=False)

    def _end(self, answer: HttpAnswer | None, *, reusable: bool) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)
            self._clients.ended(self, answer, reusable=reusable)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class HttpClients:
    """Connections to one API that send authorization requests of `departments`."""

    def __init__(self, base_url: str, secret: str, departments: list[str], prefix: str) -> None:
        url = httpx.URL(base_url)
        assert url.port is not None
        self._at = (url.host, url.port)
        self._secret = secret
        self._departments = departments
        self._prefix = prefix
        self._idle: list[_Connection] = []
        self._open = 0
        self._number = 0
        self._outcome = LoadOutcome()

    async def closed_loop(self, seconds: float, connections: int = CLOSED_CONNECTIONS) -> LoadOutcome:
        """As many as `connections` bring that wait for each answer."""
        outcome, started = self._begin()

        async def one() -> None:
            while time.monotonic() < started + seconds:
                await self._send()

        await asyncio.gather(*(one() for _ in range(connections)))
        outcome.seconds = time.monotonic() - started
        return outcome

    async def open_loop(self, rate: float, seconds: float) -> LoadOutcome:
        """`rate` a second, each at its time, whatever becomes of those before."""
        outcome, started = self._begin()
        tasks: set[asyncio.Task[None]] = set()
        for number in range(round(rate * seconds)):
            left_s = started + number / rate - time.monotonic()
            if left_s > 0 or number % 10 == 0:
                await asyncio.sleep(max(0.0, left_s))
            outcome.late_s = max(outcome.late_s, -left_s)
            task = asyncio.create_task(self._send())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=10)
        outcome.lost += len(tasks)
        outcome.seconds = time.monotonic() - started
        return outcome

    def close(self) -> None:
        for connection in self._idle:
            connection.close()

    def ended(self, connection: _Connection, answer: HttpAnswer | None, *, reusable: bool) -> None:
        if answer is None:
            self._outcome.lost += 1
        else:
            self._outcome.answers.append(answer)
        if reusable:
            self._idle.append(connection)
        else:
            self._open -= 1
            connection.close()

    def _begin(self) -> tuple[LoadOutcome, float]:
        self._outcome = LoadOutcome()
        return self._outcome, time.monotonic()

    async def _send(self) -> None:
        self._number += 1
        key = f"{self._prefix}-{self._number}"
        request = self._request(key, self._departments[self._number % len(self._departments)])
        loop = asyncio.get_running_loop()
        if self._idle:
            connection = self._idle.pop()
        elif self._open >= CONNECTIONS_MAX:
            self._outcome.unsent += 1
            return
        else:
            self._open += 1
            try:
                _, connection = await loop.create_connection(lambda: _Connection(self), *self._at)
            except OSError:
                self._open -= 1
                self._outcome.lost += 1
                return
        done = loop.create_future()
        connection.send(key, request, done)
        await done

    def _request(self, key: str, department: str) -> bytes:
        body = _BODY % (department.encode(), self._number % 50, 100 + self._number % 1000)
        head = (
            f"POST /v1/authorizations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._secret}\r\n"
            f"Idempotency-Key: {key}\r\nPrefer: wait=2\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def departments_of(base_url: str, secret: str, organization: str, count: int) -> list[str]:
    """So many departments, each with a budget that is never used up."""
    names = [f"d{number}" for number in range(count)]
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {secret}"}, timeout=10) as client:
        for name in names:
            path = f"/v1/organizations/{organization}/departments/{name}/budget"
            body = {
                "name": name,
                "limit": {"minor": _LIMIT, "currency": "USD"},
                "time_zone": "UTC",
                "period": "month",
            }
            answer = client.put(path, json=body, headers={"Idempotency-Key": f"budget-{name}"})
            answer.raise_for_status()
    return names


def run(running: Session, *, ratio: float, seconds: float, rate: float | None) -> str:
    """The text of all that was measured. `rate`: instead of `ratio` times the capacity."""
    topic_set = running.own_names()
    running.sinks()
    port = free_port(set())
    base_url = f"http://127.0.0.1:{port}"
    env = running.endpoints.environment() | {"SPENDLOG_API_URL": base_url}
    api = running.start("api", (*API, "--port", str(port)), env)
    worker = topic_set.worker()
    running.wait(lambda: is_ready(base_url), "the API")
    secret, _ = create_key(running.endpoints.postgres, organization_id=ORGANIZATION, name="overload")
    running.wait(lambda: takes(base_url, secret), "the worker")
    departments = departments_of(base_url, secret, ORGANIZATION, 20)
    pids = {child.name: child.pid for child in running.supervisor.children}
    assert {api.name, worker.name} <= pids.keys()

    async def load() -> str:
        clients = HttpClients(base_url, secret, departments, f"k{time.time_ns():x}")
        await clients.closed_loop(3)  # caches and connections
        told = []
        load_rate = rate
        if load_rate is None:
            capacity = await clients.closed_loop(8)
            served = len(capacity.times(200)) / capacity.seconds
            told.append(f"capacity, {CLOSED_CONNECTIONS} connections: {served:.0f}/s\n{capacity}")
            load_rate = ratio * served
        gc.collect()
        gc.disable()  # the sender must not pause
        meter = TreeMeter({**pids, "kafka": running.broker_pid()})
        result = await clients.open_loop(load_rate, seconds)
        each = meter.spent({}).each_us(max(1, len(result.answers)))
        gc.enable()
        late = _late(base_url)
        clients.close()
        told.append(f"{load_rate:.0f}/s for {seconds:.0f} s\n{result}")
        told.append(late)
        told.append("processor time for each answer, us: " + _told(each))
        return "\n".join(told)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load())


def _late(base_url: str) -> str:
    names = ("spendlog_api_loop_late", "spendlog_api_writes_limit", "spendlog_api_refusals_total")
    lines = httpx.get(f"{base_url}/metrics").text.splitlines()
    return "\n".join(f"  {line}" for line in lines if line.startswith(names))


def _told(each: dict[str, float]) -> str:
    return ", ".join(f"{name} {us:.0f}" for name, us in each.items()) + f"; in all {sum(each.values()):.0f}"


def is_ready(base_url: str) -> bool:
    try:
        return bool(httpx.get(f"{base_url}/readyz", timeout=5).json()["status"] == "ready")
    except httpx.TransportError:
        return False


def takes(base_url: str, secret: str) -> bool:
    try:
        departments_of(base_url, secret, ORGANIZATION, 1)
    except httpx.HTTPError:
        return False
    return True


def main() -> None:
    words = argparse.ArgumentParser(description="what the API does with more than it can carry")
    words.add_argument("--ratio", type=float, default=2.0, help="of its capacity")
    words.add_argument("--rate", type=float, help="requests a second instead")
    words.add_argument("--seconds", type=float, default=60.0)
    given = words.parse_args()
    with session(QUICK, lambda text: print(text, flush=True)) as running:
        print(run(running, ratio=given.ratio, seconds=given.seconds, rate=given.rate))


if __name__ == "__main__":
    main()
