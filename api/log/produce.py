"""The one thing the API writes: events on the card events topic. The only producer of this room."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.codec import encode_event
from schemas.events import Event
from schemas.kafka import librdkafka
from schemas.partitions import PARTITIONER
from schemas.topics import CARD_EVENTS

log = structlog.get_logger(__name__)
# librdkafka writes every refused connection; what matters of them is logged here, once.
quiet = logging.getLogger("spendlog.librdkafka")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False

PROBE_TIMEOUT_S = 0.5
PROBE_TIMEOUT_S_MAX = 8.0
PROBE_PATIENCE = 4  # times as long as the last answer took: a broker that is busy is not away
PROBE_EVERY_S = 5.0  # while all is well: a broker that hangs without closing its connections shows itself
PROBE_AGAIN_S = 0.5  # while Kafka is away


@dataclass(frozen=True, slots=True)
class WrittenEvent:
    """Kafka has the event. `offset` None: it has, but an earlier try of the same send carried it."""

    partition: int
    offset: int | None


class LogAway(Exception):
    """Kafka cannot be reached. The event was not handed over: nothing happened and nothing will."""


class DeliveryUncertain(Exception):
    """No acknowledgement came in time. The event may be in the log or may not."""


class EventLog(Protocol):
    """Where events go. `append` gives a future WrittenEvent, or one that fails: DeliveryUncertain."""

    @property
    def away(self) -> str | None:
        """Why nothing can be written now; None when it can."""
        ...

    def append(self, event: Event) -> asyncio.Future[WrittenEvent]:
        """Raises LogAway where it is certain that nothing was written."""
        ...


class KafkaEventLog:
    """Idempotent producer: retries inside one send neither double nor reorder what one process wrote.

    Two threads: one hands acknowledgements to the event loop, one asks whether the brokers answer. The
    second is why a dead Kafka is refused with a plain 503 instead of an uncertain delivery for each call.
    That its question is answered late proves nothing: Kafka is away when it does not answer AND does not take
    what is sent, or cannot be connected to.
    """

    def __init__(self, servers: str, *, delivery_timeout_s: float, patience: float = 1.0) -> None:
        """`patience`: its first question to the brokers may take so many times as long."""
        self._probe_s = PROBE_TIMEOUT_S * patience
        self._config: dict[str, Any] = {
            **librdkafka(servers),
            "client.id": "spendlog-api",
            "partitioner": PARTITIONER,  # librdkafka's own default would open a second budget
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0,
            # An event must not reach the log after its caller was told what is known of it.
            "message.timeout.ms": round(delivery_timeout_s * 1000),
            "socket.timeout.ms": max(1000, round(delivery_timeout_s * 1000)),
            "socket.nagle.disable": True,
            "socket.keepalive.enable": True,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "queue.buffering.max.messages": 50_000,
        }
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._probe_now = threading.Event()
        self._away: str | None = "not asked yet"
        self._failing = False  # since the last sign of life
        self._delivered: list[tuple[asyncio.Future[WrittenEvent], WrittenEvent | KafkaError]] = []
        self._producer = self._new_producer()
        self._threads = [
            threading.Thread(target=self._serve_acknowledgements, name="event-acks", daemon=True),
            threading.Thread(target=self._probe, name="kafka-probe", daemon=True),
        ]

    @property
    def away(self) -> str | None:
        return self._away

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def append(self, event: Event) -> asyncio.Future[WrittenEvent]:
        if self._away is not None:
            raise LogAway(self._away)
        future: asyncio.Future[WrittenEvent] = self._loop.create_future()
        try:
            self._producer.produce(
                CARD_EVENTS.name,
                key=event.key,
                value=encode_event(event),
                on_delivery=partial(self._on_delivery, future),
            )
        except BufferError:
            raise LogAway("the queue of events that wait for Kafka is full") from None
        except KafkaException as error:
            self._probe_now.set()
            raise LogAway(error.args[0].str()) from None
        return future

    def _on_delivery(
        self, future: asyncio.Future[WrittenEvent], error: KafkaError | None, message: Message
    ) -> None:
        if error is not None:
            self._delivered.append((future, error))
            self._failing = True
            self._probe_now.set()
            return
        self._failing = False
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        known = offset if offset is not None and offset >= 0 else None
        self._delivered.append((future, WrittenEvent(partition, known)))

    def _serve_acknowledgements(self) -> None:
        # One wake-up of the event loop for all acknowledgements that came together.
        while not self._stop.is_set():
            self._producer.poll(0.1)
            if self._delivered:
                delivered, self._delivered = self._delivered, []
                call_on_loop(self._loop, partial(_resolve, delivered))

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            # Its state is lost, for example because the broker forgot its id; a new producer has none.
            log.error("kafka_producer_fatal", error=error.str())
            self._producer = self._new_producer()
        # One broker's closed connection says little: its others, or it again, may answer.
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._failing = True
        self._probe_now.set()

    def _new_producer(self) -> Producer:
        return Producer({**self._config, "error_cb": self._on_error}, logger=quiet)

    def _probe(self) -> None:
        timeout_s = self._probe_s
        while not self._stop.is_set():
            # Before the question: an error that comes while it is asked is asked about again.
            self._probe_now.clear()
            asked = time.monotonic()
            away = topic_away(self._producer, CARD_EVENTS.name, timeout_s)
            took_s = time.monotonic() - asked
            if away is None:
                self._failing = False
                timeout_s = max(self._probe_s, PROBE_PATIENCE * took_s)
            elif took_s >= timeout_s:  # no answer
                timeout_s *= 2
                if self._away is None and not self._failing:
                    away = None  # slow, for all that is known
            timeout_s = min(timeout_s, max(self._probe_s, PROBE_TIMEOUT_S_MAX))
            if away != self._away:
                log.log(logging.INFO if away is None else logging.ERROR, "kafka", away=away)
                self._away = away
            if self._away is None:
                self._probe_now.wait(PROBE_EVERY_S)
            else:
                self._stop.wait(PROBE_AGAIN_S)

    def close(self, timeout_s: float = 2.0) -> None:
        """Sends what is queued, within the bound, and ends the threads. Blocks."""
        self._producer.flush(timeout_s)
        self._stop.set()
        self._probe_now.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout_s)


def topic_away(client: Any, topic: str, timeout_s: float) -> str | None:
    """Why `topic` cannot be used now, asked of its brokers within `timeout_s`; None when it can."""
    try:
        found = client.list_topics(topic, timeout=timeout_s).topics[topic]
    except KafkaException:
        return "no broker answers"
    if found.error is not None:
        return f"{topic}: {found.error.str()}"
    if any(partition.leader < 0 for partition in found.partitions.values()):
        return f"{topic}: a partition has no leader"
    return None


def _resolve(delivered: list[tuple[asyncio.Future[WrittenEvent], WrittenEvent | KafkaError]]) -> None:
    for future, result in delivered:
        if future.done():
            continue
        if isinstance(result, WrittenEvent):
            future.set_result(result)
        else:
            future.set_exception(DeliveryUncertain(result.str()))
            future.exception()  # its request may be gone: then nobody else asks for it


def call_on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """`call` from another thread, if the loop still turns."""
    # RuntimeError: the loop has ended, and every request with it.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
