"""The thin API behind which both sides answer: a frame for each request, a frame for each answer.

`python -m perf.front kafka BROKERS REQUESTS DECISIONS` or `python -m perf.front postgres CONNINFO on|off`; it
listens on a free port of 127.0.0.1 and prints it. A frame is its length in four bytes and the bytes: of a
card event as it is on the topic; of an answer, the event's id, a space, and the outcome. No HTTP: what the
API costs is the same for both, and little.
"""

from __future__ import annotations

import asyncio
import signal
import struct
import sys
import threading
from collections import deque
from typing import Any, Protocol, cast

import psycopg
import uvloop
from confluent_kafka import TopicPartition
from psycopg import pq

from perf.kafka import BenchFailed, Ends, new_consumer, new_producer
from perf.rivals.batches import row
from perf.rivals.row_locks import prepare_both
from schemas.claims import claim_in
from schemas.codec import decode_decision, decode_event
from schemas.events import AuthorizationRequested

LENGTH = struct.Struct(">I")
# What a processor's client would use: the next request leaves 1 ms later at most.
LINGER_MS = 1
# One row, so more connections would only wait for each other; requests follow each other without a pause.
CONNECTIONS = 1


class Backend(Protocol):
    """Decides an event some time, and calls `answer(event id, outcome)` on the loop."""

    def submit(self, event: AuthorizationRequested, value: bytes) -> None: ...


class Front(asyncio.Protocol):
    """One client's connection; answers go back on it in the order in which they come."""

    def __init__(self) -> None:
        self.backend: Backend | None = None
        self._transport: asyncio.Transport | None = None
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._data = b""

    def data_received(self, data: bytes) -> None:
        assert self.backend is not None
        frames, self._data = split(self._data + data)
        for frame in frames:
            event = decode_event(frame)
            if not isinstance(event, AuthorizationRequested):
                raise BenchFailed(f"not a request: {event}")
            self.backend.submit(event, frame)

    def answer(self, event_id: str, outcome: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framed(f"{event_id} {outcome}".encode()))


def framed(value: bytes) -> bytes:
    return LENGTH.pack(len(value)) + value


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole frames in `data`, and what is left of one that is not whole."""
    frames: list[bytes] = []
    at = 0
    while at + LENGTH.size <= len(data):
        end = at + LENGTH.size + LENGTH.unpack_from(data, at)[0]
        if end > len(data):
            break
        frames.append(data[at + LENGTH.size : end])
        at = end
    return frames, data[at:]


class KafkaBackend:
    """Ours: produces the event, and answers when its decision can be read."""

    def __init__(self, front: Front, kafka: str, requests: str, decisions: str) -> None:
        self._answer, self._topic = front.answer, requests
        self._loop = asyncio.get_running_loop()
        self._producer = new_producer(kafka, LINGER_MS)
        self._consumer = new_consumer(kafka, **{"fetch.wait.max.ms": 500, "fetch.min.bytes": 1})
        self._consumer.assign([TopicPartition(decisions, 0, Ends(kafka, decisions, 1).now()[0])])
        threading.Thread(target=self._read, daemon=True).start()

    def submit(self, event: AuthorizationRequested, value: bytes) -> None:
        self._producer.produce(self._topic, value, event.key.encode(), 0)
        self._producer.poll(0)

    def _read(self) -> None:
        while True:
            found = [*self._consumer.consume(1, 1.0), *self._consumer.consume(10_000, 0)]
            values = [cast(bytes, message.value()) for message in found if not message.error()]
            decided = [decode_decision(value) for value in values if claim_in(value) is None]
            if decided:
                told = [(one.event_id or "", one.outcome.value) for one in decided]
                self._loop.call_soon_threadsafe(self._tell, told)

    def _tell(self, told: list[tuple[str, str]]) -> None:
        for event_id, outcome in told:
            self._answer(event_id, outcome)


class PostgresBackend:
    """Row locks: one statement a request, each a transaction of its own, pipelined on one connection."""

    def __init__(self, front: Front, conninfo: str, synced: str) -> None:
        self._answer = front.answer
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._pg: Any = self._connection.pgconn
        self._connection.execute(f"SET synchronous_commit = {synced}".encode())
        prepare_both(self._connection)
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._waiting: deque[tuple[str, list[bytes]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pg.socket, self._readable)

    def submit(self, event: AuthorizationRequested, value: bytes) -> None:
        self._send(b"statement", event.event_id, parameters(event))

    def _send(self, name: bytes, event_id: str, values: list[bytes]) -> None:
        self._waiting.append((event_id, values))
        self._pg.send_query_prepared(name, values)
        self._pg.pipeline_sync()
        self._flush()

    def _flush(self) -> None:
        if self._pg.flush():
            self._loop.add_writer(self._pg.socket, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._pg.socket)
        self._flush()

    def _readable(self) -> None:
        self._pg.consume_input()
        while self._waiting and not self._pg.is_busy():
            result = self._pg.get_result()
            if result is None or result.status == pq.ExecStatus.PIPELINE_SYNC:
                continue
            if result.status != pq.ExecStatus.TUPLES_OK:
                raise BenchFailed(result.error_message.decode())
            event_id, values = self._waiting.popleft()
            if result.ntuples:
                self._answer(event_id, result.get_value(0, 0).decode())
            else:
                self._send(b"function", event_id, values)


def parameters(event: AuthorizationRequested) -> list[bytes]:
    """Of both variants, in text format."""
    event_id, *rest = row(event)
    texts = [event_id, event.organization_id, event.department_id, *rest]
    return [text.encode() for text in texts]


BACKENDS: dict[str, Any] = {"kafka": KafkaBackend, "postgres": PostgresBackend}


async def serve(kind: str, *arguments: str) -> None:
    """Until SIGTERM."""
    front, stopped = Front(), asyncio.Event()
    front.backend = BACKENDS[kind](front, *arguments)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.set_exception_handler(lambda _, told: sys.exit(f"front: {told}"))
    server = await loop.create_server(lambda: front, "127.0.0.1", 0)
    sys.stdout.write(f"port={server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))
