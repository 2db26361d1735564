"""How each partition stands with the workers and the sinks, by what they tell in `spend.status.v1`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from msgspec.structs import replace

from schemas.kafka import librdkafka
from schemas.standing import Part, Report, decode_report
from schemas.topics import STATUS

FRESH_S = 2.0  # readiness is asked by many; the reports themselves are up to 5 s old
ASK_S_MAX = 1.5
# Who was last heard longer ago is as good as never seen; the topic keeps an hour.
LOOK_BACK_S = 900.0
_BATCH_RECORDS = 1_000

Reports = dict[tuple[Part, int], Report]


def silent(report: Report, now: datetime) -> Report | None:
    """What to tell instead of the last word of a process that has been silent too long; None: it lives."""
    silent_s = report.silent_s(now)
    if silent_s is None:
        return None
    said = f"its process {report.process} has said nothing for {silent_s:.0f} s"
    command = "spendlog worker" if report.part == "worker" else f"spendlog sink {report.part}"
    return replace(
        report,
        state="standing_still",
        since=report.at,
        why=said if report.why is None else f"{said}; before: {report.why}",
        remedy=f"look at that process and its log, or start `{command}` anywhere",
    )


class StatusReader:
    """Reads what was told lately. Not for several threads at a time."""

    def __init__(self, servers: str, topic: str = STATUS.name) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                **librdkafka(servers),
                "client.id": "spendlog-status",
                "group.id": "spendlog-status",  # required by the client; `assign` joins no group
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "latest",
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )

    def read(self, since_s: float, timeout_s: float) -> Reports:
        """The latest report of each part and partition within `since_s` seconds, in at most `timeout_s`.

        Raises:
            KafkaException: no answer, or no such topic.
        """
        deadline_s = time.monotonic() + timeout_s
        reports: Reports = {}
        starts = self._starts(since_s, deadline_s)
        self._consumer.assign(starts)
        unread = {place.partition for place in starts}
        try:
            while unread and (left_s := deadline_s - time.monotonic()) > 0:
                for message in self._consumer.consume(_BATCH_RECORDS, min(left_s, 0.05)):
                    error = message.error()
                    if error is None:
                        report = decode_report(message.value())
                        if report is not None:
                            reports[report.part, report.partition] = report
                    elif error.code() == KafkaError._PARTITION_EOF:
                        unread.discard(message.partition())
                    else:
                        raise KafkaException(error)
        finally:
            self._consumer.unassign()
        if unread:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return reports

    def _starts(self, since_s: float, deadline_s: float) -> list[TopicPartition]:
        topic = self._consumer.list_topics(self._topic, timeout=_left_s(deadline_s)).topics[self._topic]
        if topic.error is not None:
            raise KafkaException(topic.error)
        since_ms = round((time.time() - since_s) * 1000)
        wanted: list[Any] = [
            TopicPartition(self._topic, partition, since_ms) for partition in topic.partitions
        ]
        return list(self._consumer.offsets_for_times(wanted, timeout=_left_s(deadline_s)))

    def close(self) -> None:
        self._consumer.close()


def _left_s(deadline_s: float) -> float:
    """Not 0, which these clients take for no bound or for no time at all."""
    return max(0.01, deadline_s - time.monotonic())


class Standings:
    """The same for one API process: read at most every `FRESH_S`, in another thread than the event loop's."""

    def __init__(self, servers: str, topic: str, patience: float = 1.0) -> None:
        """`patience`: brokers are waited for so many times as long."""
        self._servers = servers
        self._topic = topic
        self._ask_s_max = ASK_S_MAX * patience
        self._reader: StatusReader | None = None
        self._asking = asyncio.Lock()
        self._asked_s = -FRESH_S
        self._found: list[Report] = []

    async def standing_still(self) -> list[Report]:
        """Those that say so, and those of which nobody tells any more. As last read, while Kafka is away:
        who cannot be heard then is not silent."""
        return [report for report in await self.reports() if report.state == "standing_still"]

    async def reports(self) -> list[Report]:
        """The latest of each part and partition; of one that is silent, that it stands still."""
        async with self._asking:
            if time.monotonic() - self._asked_s >= FRESH_S:
                self._found = await asyncio.to_thread(self._read)
                self._asked_s = time.monotonic()
        return self._found

    async def close(self) -> None:
        async with self._asking:
            reader, self._reader = self._reader, None
            self._asked_s, self._found = float("inf"), []  # who still asks opens nothing
            if reader is not None:
                await asyncio.to_thread(reader.close)

    def _read(self) -> list[Report]:
        try:
            if self._reader is None:
                self._reader = StatusReader(self._servers, self._topic)
            reports = self._reader.read(LOOK_BACK_S, self._ask_s_max)
        except KafkaException:
            return self._found
        now = datetime.now(UTC)
        return [silent(report, now) or report for _, report in sorted(reports.items())]
