"""Redis (Valkey) with a Lua script: one server thread, so no lock; requests pipelined on one connection.

Money in Lua is a double: exact below 2^53 minor units only. The answers are not a log: there is no order to
read again, and a month's keys are kept until somebody deletes them. In the class `disk` each loop of the
server ends with an fsync (appendfsync always), which the requests that are under way share.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from infra.processes.child import Child
from perf.client import TimedWindow, timed
from perf.comparison import REDIS
from perf.contestant import Contestant
from perf.kafka import BenchFailed
from perf.rivals.servers import valkey
from perf.rounds import Durability, Round
from perf.workload import HOT, LIMIT_MINOR, department, events
from schemas.events import AuthorizationRequested

SCRIPT = (Path(__file__).with_name("lua") / "decide.lua").read_bytes()
# Requests under way: as many as 64 clients would have, and as many as pay.
UNDER_WAY = (64, 1_000)
RATE_MAX = 100_000
READ_BYTES = 1 << 20
SOCKET_TIMEOUT_S = 30.0
BUDGET = "budget:bench/" + department(0)


@dataclass(frozen=True)
class RedisServer:
    url: str
    server: Child

    def reset(self, durability: Durability) -> str:
        """Empty but for the budget, kept on disk as the class says. Returns the script's digest."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
            client.config_set("appendfsync", "always" if durability == "disk" else "no")
            client.config_set("appendonly", "yes")
            _wait_rewritten(client)
            client.hset(BUDGET, mapping={"currency": "USD", "limit": LIMIT_MINOR})
            return str(client.script_load(SCRIPT))


def _wait_rewritten(client: Any) -> None:
    """Turning the file on writes it anew in a child, which must not share the processor with a round."""
    for _ in range(600):
        told = client.info("persistence")
        if not told["aof_rewrite_in_progress"] and not told.get("aof_rewrite_scheduled"):
            return
        time.sleep(0.05)
    raise BenchFailed("Valkey did not finish writing its file anew")


@contextmanager
def server(folder: Path) -> Iterator[RedisServer]:
    with valkey(folder) as (url, child):
        yield RedisServer(url, child)


def contestants(server: RedisServer) -> list[Contestant]:
    return [
        Contestant(
            f"Redis script, {count:,} under way",
            REDIS,
            partial(_play, server, count),
            "EVALSHA, pipelined on one connection; money is a double; no log of decisions",
        )
        for count in UNDER_WAY
    ]


def _play(server: RedisServer, count: int, durability: Durability, for_s: float) -> Round:
    digest = server.reset(durability)
    roots = {"Valkey": server.server.pid}
    half = max(1, count // 2)
    return timed(load, for_s, roots, server.url, count, half, _chunks(int(RATE_MAX * for_s), half, digest))


def load(
    connection: Connection, for_s: float, url: str, under_way: int, half: int, made: list[bytes]
) -> None:
    """Sends and reads in halves of what may be under way, so that the server always has some."""
    chunks = iter(made)
    with _connected(url) as stream:
        window = TimedWindow(for_s, connection)
        waiting, left = 0, True
        while True:
            while left and waiting + half <= under_way:
                chunk = next(chunks, None)
                left = chunk is not None
                if chunk is not None:
                    stream.sendall(chunk)
                    waiting += half
            if not waiting or not window.add(_answers(stream, half)):
                return window.tell()
            waiting -= half


@lru_cache
def _chunks(count: int, half: int, digest: str) -> list[bytes]:
    made = [
        command(event, digest) for event in events(count, HOT) if isinstance(event, AuthorizationRequested)
    ]
    return [b"".join(made[at : at + half]) for at in range(0, len(made) - half + 1, half)]


def words(event: AuthorizationRequested, digest: str) -> list[str]:
    """EVALSHA with its keys and arguments. The client knows the period, as it knows the department."""
    merchant, where = event.merchant, event.key
    content = "|".join(
        (
            event.authorization_id,
            event.card_id,
            event.cardholder or "",
            merchant.name,
            merchant.mcc or "",
            merchant.country or "",
            str(event.amount.minor),
            event.amount.currency,
        )
    )
    keys = [f"budget:{where}", f"e:{where}:{event.event_id}", f"a:{where}:{event.authorization_id}"]
    period = f"{event.occurred_at:%Y-%m}"
    return ["EVALSHA", digest, "3", *keys, str(event.amount.minor), event.amount.currency, period, content]


def command(event: AuthorizationRequested, digest: str) -> bytes:
    """As bytes of the protocol."""
    parts = [word.encode() for word in words(event, digest)]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


@contextmanager
def _connected(url: str) -> Iterator[socket.socket]:
    where = urlsplit(url)
    with socket.create_connection((str(where.hostname), int(where.port or 0)), SOCKET_TIMEOUT_S) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(b"AUTH %b\r\n" % str(where.password).encode())
        if stream.recv(64) != b"+OK\r\n":
            raise BenchFailed("Valkey did not let the client in")
        yield stream


def _answers(stream: socket.socket, count: int) -> int:
    """Reads `count` answers. Each begins with `*5`, and no text in it does."""
    seen, tail = 0, b""
    while True:
        data = tail + stream.recv(READ_BYTES)
        if data.startswith(b"-") or b"\r\n-" in data:
            raise BenchFailed(f"Valkey refused: {data[:200]!r}")
        seen += data.count(b"*5\r\n")
        # A header may be cut at the end of what was read; the last answer ends with `:0` or `:1`.
        tail = data[-3:] if not data.endswith(b"*5\r\n") else b""
        if seen >= count and data.endswith((b":0\r\n", b":1\r\n")):
            return seen
