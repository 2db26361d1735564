"""The limit: a process that reads the requests and writes the same bytes back, and decides nothing.

Run as a program, it is that process. What comes near to it is not limited by deciding.
"""

from __future__ import annotations

import signal
import sys

from confluent_kafka import TopicPartition

from perf.comparison import NO_WORK
from perf.contestant import Contestant
from perf.harness import Session
from perf.kafka import BenchFailed, new_consumer, new_producer
from perf.ours import IN_FLIGHT, behind_kafka
from perf.rounds import Durability, Round

LINGER_MS = 1


def contestants(session: Session) -> list[Contestant]:
    def play(durability: Durability, for_s: float) -> Round:
        return behind_kafka(session, "copier", durability, for_s, copier)

    conditions = f"{IN_FLIGHT:,} requests under way; librdkafka on both sides; decides nothing"
    return [Contestant("no work: copies the bytes", NO_WORK, play, conditions, ("memory",))]


def copier(kafka: str, source: str, target: str) -> tuple[str, ...]:
    """The command line of the process."""
    return (sys.executable, "-m", "perf.rivals.no_work", kafka, source, target)


def main(kafka: str, source: str, target: str) -> None:
    """Copies one partition until SIGTERM."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    consumer, producer = new_consumer(kafka, **{"fetch.min.bytes": 1}), new_producer(kafka, LINGER_MS)
    consumer.assign([TopicPartition(source, 0, 0)])
    while not stopping:
        for message in [*consumer.consume(1, 0.05), *consumer.consume(10_000, 0)]:
            if message.error() is not None:
                raise BenchFailed(str(message.error()))
            while True:
                try:
                    producer.produce(target, message.value(), message.key(), 0)
                    break
                except BufferError:
                    producer.poll(0.05)
        producer.poll(0)
    producer.flush(10.0)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
