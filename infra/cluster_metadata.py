"""A cluster's metadata for commands: soon, and where there is none, why."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]

from infra.errors import SpendlogError
from schemas.kafka import librdkafka
from schemas.settings import masked

#: A cluster that is slow, or that elects its leaders just now.
SLOW_S_MAX: Final = 20.0
#: One that lets nobody in: nothing listens there, or it knows us not. It may be starting.
CLOSED_S_MAX: Final = 5.0
_TRY_S: Final = 0.5
_SAYS_LITTLE: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT})


def metadata(kafka: str, topic: str | None = None) -> ClusterMetadata:
    """What the cluster says of `topic`, or of all topics. `kafka`: an address as `kafka_address` reads it.

    Raises:
        SpendlogError: it does not answer; with the reason of the brokers, where they gave one.
    """
    why: dict[int, str] = {}
    options: dict[str, Any] = {**librdkafka(kafka), "log_level": 0, "error_cb": partial(_note, why)}
    admin = AdminClient(options)
    began_s = time.monotonic()
    while True:
        try:
            return admin.list_topics(topic, timeout=_TRY_S) if topic else admin.list_topics(timeout=_TRY_S)
        except KafkaException as error:
            admin.poll(0)
            passed_s = time.monotonic() - began_s
            if passed_s > (CLOSED_S_MAX if KafkaError._ALL_BROKERS_DOWN in why else SLOW_S_MAX):
                told = [text for code, text in why.items() if code not in _SAYS_LITTLE]
                said = told[-1] if told else error.args[0].str()
                raise SpendlogError(f"Kafka at {masked(kafka)} does not answer: {said}") from None
            time.sleep(_TRY_S / 5)


def _note(why: dict[int, str], error: KafkaError) -> None:
    """`why`: by code, the last one last; without whom, and after how long."""
    text = error.str().partition("bootstrap: ")[2] or error.str()
    why.pop(error.code(), None)
    why[error.code()] = text.partition(" (after ")[0]
