"""Card events to Kafka, from whoever is no processor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.codec import encode_event
from schemas.events import Event
from schemas.kafka import librdkafka
from schemas.partitions import PARTITIONER
from sinks.errors import Unavailable
from sinks.loop.kafka import CLOSE_TIMEOUT_S, DELIVERY_TIMEOUT_S, LIBRDKAFKA, warn_away


class EventProducer:
    """Writes card events. Idempotent: retries within one `send` neither double nor reorder."""

    def __init__(self, servers: str, topic: str, client: str) -> None:
        self._topic = topic
        self._producer = Producer(
            {
                **librdkafka(servers),
                "client.id": client,
                "partitioner": PARTITIONER,  # librdkafka's own default would open a second budget
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "message.timeout.ms": round(DELIVERY_TIMEOUT_S * 1000),
                "reconnect.backoff.max.ms": 2_000,
                "log_level": 4,
            },
            error_cb=self._on_error,
            logger=LIBRDKAFKA,
        )

    def send(self, events: Iterable[Event]) -> None:
        """Returns when Kafka has all of them.

        Raises:
            Unavailable: some may be missing; the same events may be sent again.
        """
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failed.append(error)

        try:
            for event in events:
                self._produce(event, delivered)
            waiting = self._producer.flush(DELIVERY_TIMEOUT_S + 1)
        except KafkaException as error:
            raise Unavailable(f"Kafka: {error.args[0].str()}") from error
        if failed or waiting:
            why = failed[0].str() if failed else "no acknowledgement"
            raise Unavailable(f"Kafka: {len(failed) + waiting} events not written: {why}")

    def _produce(self, event: Event, delivered: Any) -> None:
        for _ in range(2):
            try:
                self._producer.produce(
                    self._topic, key=event.key, value=encode_event(event), on_delivery=delivered
                )
                return
            except BufferError:
                self._producer.flush(DELIVERY_TIMEOUT_S)  # the queue is full: let some of it go
        raise Unavailable("Kafka: the queue of events that wait for it is full")

    def close(self) -> None:
        self._producer.flush(CLOSE_TIMEOUT_S)

    def _on_error(self, error: KafkaError) -> None:
        warn_away(error)
