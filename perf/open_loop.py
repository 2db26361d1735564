"""How long a requester waits for an answer: ours and row locks behind the same thin API.

Requests leave at their intended times, whatever became of those before (no coordinated omission), and each
wait counts from its intended time. Every value is kept, so percentiles are exact: no histogram is needed.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple

from perf.front import framed, split
from perf.harness import Session
from perf.kafka import BenchFailed
from perf.ours import durable
from perf.percentiles import percentile
from perf.results import OpenLoop, OpenLoopAt
from perf.rivals import row_locks
from perf.rounds import Durability
from perf.workload import HOT, Mix, events, opening
from schemas.codec import encode_event

# The first seconds of a rate are not counted: connections and caches of this run, not of a service.
WARM_UP_S = 2.0
# And so many requests before, for a worker that has just been started.
WARM_UP, WARM = 5_000, Mix(prefix="warm", seed=3)
DRAIN_TIMEOUT_S = 10.0
CLIENT_TIMEOUT_S = 60.0
# Where both sides wait for the disk, one rate: the row locks' own limit is some hundreds a second there.
DISK_RATES = (500,)
_PORT = re.compile(r"^port=(\d+)", re.MULTILINE)

#: Yields the port of a front whose backend is ready, and ends all of it.
Side = Callable[[Durability], AbstractContextManager[int]]


class TimedRequest(NamedTuple):
    """One request, in seconds of one clock. `answered_s` None: not before the end."""

    due_s: float
    answered_s: float | None


class Offered(NamedTuple):
    """What a client tells. `late_s`: how far the sender itself fell behind; `end_s`: when it gave up."""

    waits: list[TimedRequest]
    late_s: float
    end_s: float


def run(session: Session) -> OpenLoop:
    """Each rate on both sides, which begin in turn."""
    rounds: list[tuple[Durability, int]] = [
        *(("memory", rate) for rate in session.scale.open_loop_rates),
        *(("disk", rate) for rate in session.scale.open_loop_rates if rate in DISK_RATES),
    ]
    at: list[OpenLoopAt] = []
    with row_locks.server(session.rivals_folder() / "open-loop") as server:
        sides: list[tuple[str, Side]] = [
            ("spendlog", lambda durability: _ours(session, durability)),
            ("row locks", lambda durability: _row_locks(session, server, durability)),
        ]
        for number, (durability, rate) in enumerate(rounds):
            for name, side in sides if number % 2 else reversed(sides):
                session.say(f"{name}: {rate:,} requests/s, {durability}")
                with side(durability) as port:
                    offered = offer(port, rate, session.scale.open_loop_s)
                at.append(judged(name, durability, rate, offered))
    return OpenLoop(at)


@contextmanager
def _ours(session: Session, durability: Durability) -> Iterator[int]:
    topic_set = session.fresh_topics("front", 1)
    kafka, names = session.endpoints.kafka, topic_set.names
    with durable(session, durability, topic_set):
        worker = topic_set.worker(SPENDLOG_SCORING="false")
        topic_set.wait_decided(topic_set.fill(chain(opening(HOT), events(WARM_UP, WARM))))
        with front(session, "kafka", kafka, names.card_events, names.decisions) as port:
            yield port
        session.end(worker)
    topic_set.drop()


@contextmanager
def _row_locks(session: Session, server: row_locks.RowLockServer, durability: Durability) -> Iterator[int]:
    server.reset()
    with front(session, "postgres", server.conninfo, "on" if durability == "disk" else "off") as port:
        yield port
    server.check()


@contextmanager
def front(session: Session, *arguments: str) -> Iterator[int]:
    """The thin API (perf.front) with this backend; yields its port, and ends it."""
    child = session.start("front", (sys.executable, "-m", "perf.front", *arguments), {})
    session.wait(lambda: _PORT.search(child.output()) is not None, "the thin API")
    found = _PORT.search(child.output())
    assert found is not None
    yield int(found[1])
    session.end(child)


def offer(port: int, rate: int, for_s: float) -> Offered:
    """Sends `rate` requests a second from a process of its own.

    Raises:
        BenchFailed: the client failed.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_client, args=(theirs, port, rate, for_s), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(CLIENT_TIMEOUT_S + for_s):
            raise BenchFailed("an open-loop client did not end")
        told = ours.recv()
    except EOFError:
        raise BenchFailed("an open-loop client died") from None
    finally:
        process.join(5.0)
        if process.is_alive():
            process.kill()
    assert isinstance(told, Offered)
    return told


def _client(connection: Connection, port: int, rate: int, for_s: float) -> None:
    planned = plan(rate, int(rate * (WARM_UP_S + for_s)))
    answered: dict[str, float] = {}
    with socket.create_connection(("127.0.0.1", port), CLIENT_TIMEOUT_S) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_read, args=(stream, answered), daemon=True).start()
        start_s, late_s = time.monotonic() + 0.1, 0.0
        for n, (_, frame) in enumerate(planned):
            due_s = start_s + n / rate
            left_s = due_s - time.monotonic()
            if left_s > 0:
                time.sleep(left_s)
            late_s = max(late_s, time.monotonic() - due_s)
            stream.sendall(frame)
        end_s = time.monotonic() + DRAIN_TIMEOUT_S
        while len(answered) < len(planned) and time.monotonic() < end_s:
            time.sleep(0.005)
        end_s = time.monotonic()
    waits = [
        TimedRequest(start_s + n / rate, answered.get(event_id)) for n, (event_id, _) in enumerate(planned)
    ]
    connection.send(Offered(waits[int(rate * WARM_UP_S) :], late_s, end_s))


def _read(stream: socket.socket, answered: dict[str, float]) -> None:
    data = b""
    with suppress(OSError):  # the client has closed it
        while more := stream.recv(1 << 16):
            now_s = time.monotonic()
            frames, data = split(data + more)
            for frame in frames:
                answered.setdefault(frame.partition(b" ")[0].decode(), now_s)


def plan(seed: int, count: int) -> list[tuple[str, bytes]]:
    """Event ids and frames, made beforehand. No repeats: one id, one answer."""
    mix = Mix(seed=seed, prefix=f"o{seed}")
    found: dict[str, bytes] = {}
    for event in events(2 * count, mix):
        found.setdefault(event.event_id, framed(encode_event(event)))
        if len(found) == count:
            break
    return list(found.items())


def judged(side: str, durability: Durability, rate: int, offered: Offered) -> OpenLoopAt:
    """Percentiles of the waits. One that was not answered waited until the end, at least.

    A percentile stands only where at least one value lies beyond it.
    """
    waits_ms = sorted(
        ((offered.end_s if wait.answered_s is None else wait.answered_s) - wait.due_s) * 1000
        for wait in offered.waits
    )
    count = len(waits_ms)
    return OpenLoopAt(
        side=side,
        durability=durability,
        rate=rate,
        requests=count,
        unanswered=sum(wait.answered_s is None for wait in offered.waits),
        late_ms=offered.late_s * 1000,
        p50_ms=percentile(waits_ms, 0.5),
        p90_ms=percentile(waits_ms, 0.9),
        p99_ms=percentile(waits_ms, 0.99) if count >= 100 else None,
        p999_ms=percentile(waits_ms, 0.999) if count >= 1_000 else None,
        max_ms=waits_ms[-1],
    )
