"""Records `kafka_classes.txt.gz` anew, after a change of version: ``python -m infra.stack.pin_classes``.

What a broker has loaded by the time it has been written to, in a transaction too, and read by a group.
"""

import gzip
import tempfile
import threading
from pathlib import Path

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.processes.child import start
from infra.stack.classes import LIST
from infra.stack.kafka import Kafka
from infra.stack.tcp_ports import free_port
from infra.stack_settings import load_settings

_WAIT_S = 120.0


def record() -> bytes:
    """The list, as the runtime writes it when it ends."""
    with tempfile.TemporaryDirectory() as name:
        folder, taken, settings = Path(name), set[int](), load_settings()
        ports = (free_port(taken), free_port(taken))
        service = Kafka(folder / "kafka", ports, settings.cache, settings.maven)
        launch = service.prepare(lambda _state: None, threading.Event(), folder / "log")
        names = folder / "classes"
        command = [launch.command[0], f"-XX:DumpLoadedClassList={names}", *launch.command[1:]]
        broker = start("kafka", command, log=folder / "log", env=launch.env)
        try:
            broker.wait_ready(service.answers, _WAIT_S, cancelled=threading.Event())
            _use(service.url())
        finally:
            broker.terminate(timeout_s=_WAIT_S)
        return names.read_bytes()


def _use(kafka: str) -> None:
    where: dict[str, str | int | float | bool] = {"bootstrap.servers": kafka}
    admin = AdminClient(where)
    admin.create_topics([NewTopic("used", 1, 1)])["used"].result(_WAIT_S)
    for how in ({"compression.type": "lz4"}, {"transactional.id": "t"}):
        producer = Producer({**where, "enable.idempotence": True, **how})
        if "transactional.id" in how:
            producer.init_transactions(_WAIT_S)
            producer.begin_transaction()
        producer.produce("used", b"value", b"key")
        producer.flush(_WAIT_S)
        if "transactional.id" in how:
            producer.commit_transaction(_WAIT_S)
    consumer = Consumer(
        {**where, "group.id": "g", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    consumer.subscribe(["used"])
    assert len(consumer.consume(2, _WAIT_S)) == 2
    consumer.commit(asynchronous=False)
    consumer.close()
    admin.delete_topics(["used"])["used"].result(_WAIT_S)


if __name__ == "__main__":
    LIST.write_bytes(gzip.compress(record(), mtime=0))
