"""How the whole system stands: its services, and each partition with workers and sinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import psycopg
import redis
from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from psycopg.rows import class_row

from api.log.standing import LOOK_BACK_S, Reports, StatusReader, silent
from api.stores.jobs import QueueStanding
from infra import dead_letters
from infra.errors import SpendlogError
from schemas.kafka import librdkafka
from schemas.standing import OPTIONAL, PARTS, Part, Report
from schemas.topics import CARD_EVENTS, STATUS, TOPICS

TIMEOUT_S = 5.0

State = Literal["working", "taking_over", "standing_still", "silent", "unknown"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """`why`: why it is away; None: it answers."""

    name: str
    why: str | None


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition of one part.

    `lag`: of a worker, offsets not decided yet; of a sink, decisions not stored yet, as of a few seconds ago.
    `progress_s`: seconds since a decision was last made or stored. `told_s`: since its process said so.
    `void`: records of replaced owners that its process has passed over.
    """

    part: Part
    partition: int
    state: State
    process: str | None = None
    position: int | None = None
    lag: int | None = None
    progress_s: int | None = None
    told_s: int | None = None
    since: datetime | None = None
    why: str | None = None
    remedy: str | None = None
    void: int = 0


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """`missing_topics`: of the registry. `dead_letters` None: nobody could look.

    `queues`: of jobs, those that have any.
    """

    services: list[ServiceStatus]
    missing_topics: list[str]
    partitions: list[PartitionStatus]
    dead_letters: int | None
    queues: list[QueueStanding]

    @property
    def well(self) -> bool:
        """Whether all is there and answers, and every partition is worked on, or being taken over,
        and somebody does jobs."""
        return (
            not self.missing_topics
            and all(service.why is None for service in self.services)
            and all(one.state in ("working", "taking_over") for one in self.partitions)
            and not any(queue.is_stuck for queue in self.queues)
        )


def system_status(kafka: str, postgres: str | None, redis_url: str | None, prefix: str = "") -> SystemStatus:
    """Ask everybody, each `TIMEOUT_S` at most. A service without an address is left out.

    `prefix`: of the topics' names.
    """
    services = []
    missing: list[str] = []
    partitions: list[PartitionStatus] = []
    letters = None
    queues: list[QueueStanding] = []
    admin = AdminClient({**librdkafka(kafka), "log_level": 0})
    try:
        missing = _missing(admin, prefix)
        partitions = judge(_told(kafka, prefix, missing), _ends(admin, prefix, missing), datetime.now(UTC))
        services.append(ServiceStatus("Kafka", None))
    except KafkaException as error:
        services.append(ServiceStatus("Kafka", error.args[0].str()))
    else:
        with suppress(SpendlogError):
            letters = sum(1 for _ in dead_letters.read(kafka, prefix))
    if postgres is not None:
        services.append(ServiceStatus("PostgreSQL", _why_away(lambda: _ask_postgres(postgres))))
        with suppress(psycopg.Error):  # away, which is told, or without tables
            queues = job_queues(postgres)
    if redis_url is not None:
        services.append(ServiceStatus("Redis", _why_away(lambda: _ask_redis(redis_url))))
    return SystemStatus(services, missing, partitions, letters, queues)


def _missing(admin: AdminClient, prefix: str) -> list[str]:
    """The topics of the registry that are not there."""
    there = admin.list_topics(timeout=TIMEOUT_S).topics
    for name, found in there.items():
        if name.startswith(prefix) and found.error is not None:
            raise KafkaException(found.error)  # being made just now
    return [prefix + topic.name for topic in TOPICS if prefix + topic.name not in there]


def _ends(admin: AdminClient, prefix: str, missing: Sequence[str]) -> dict[int, int]:
    """Where the card events end; none without that topic."""
    name = prefix + CARD_EVENTS.name
    if name in missing:
        return {}
    partitions = admin.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions
    answers = admin.list_offsets(
        {TopicPartition(name, partition): OffsetSpec.latest() for partition in partitions},  # type: ignore[no-untyped-call]
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=TIMEOUT_S,
    )
    return {tp.partition: answer.result().offset for tp, answer in answers.items()}


def _told(kafka: str, prefix: str, missing: Sequence[str]) -> Reports:
    """What workers and sinks told lately; nothing without that topic."""
    name = prefix + STATUS.name
    if name in missing:
        return {}
    reader = StatusReader(kafka, name)
    try:
        return reader.read(LOOK_BACK_S, TIMEOUT_S)
    finally:
        reader.close()


def judge(told: Reports, ends: Mapping[int, int], now: datetime) -> list[PartitionStatus]:
    """Each part's partitions, given what was told and the ends of the card events."""
    found = []
    told_parts = {part for part, _ in told}
    for part in PARTS:
        if part in OPTIONAL and part not in told_parts:
            continue
        for partition in sorted(ends or {of for _, of in told}):
            report = told.get((part, partition))
            if report is None:
                never = f"no {_who(part)} has told of it in the last {LOOK_BACK_S / 60:.0f} minutes"
                remedy = f"start `{_command(part)}`"
                found.append(PartitionStatus(part, partition, "unknown", why=never, remedy=remedy))
            else:
                found.append(_judged(report, ends.get(partition), told.get(("worker", partition)), now))
    return found


def _judged(report: Report, end: int | None, worker: Report | None, now: datetime) -> PartitionStatus:
    gone = silent(report, now)
    state: State = report.state if gone is None else "silent"
    told = gone or report
    if report.part == "worker":
        lag = _behind(end, report.position)
    else:
        lag = _behind(worker.seq if worker else None, report.seq)
    return PartitionStatus(
        report.part,
        report.partition,
        state,
        report.process,
        report.position,
        lag,
        _age_s(report.progress, now),
        _age_s(report.at, now),
        told.since,
        told.why,
        told.remedy,
        report.void,
    )


def _behind(end: int | None, at: int | None) -> int | None:
    """Never negative: the two were asked for at different moments."""
    return None if end is None or at is None else max(0, end - at)


def _who(part: Part) -> str:
    return "worker" if part == "worker" else f"{part} sink"


def _command(part: Part) -> str:
    return "spendlog worker" if part == "worker" else f"spendlog sink {part}"


def _age_s(at: datetime | None, now: datetime) -> int | None:
    return None if at is None else max(0, round((now - at).total_seconds()))


def _why_away(ask: Callable[[], object]) -> str | None:
    try:
        ask()
    except (psycopg.Error, redis.RedisError, OSError) as error:
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return None


def _ask_postgres(url: str) -> None:
    with psycopg.connect(url, connect_timeout=round(TIMEOUT_S)) as connection:
        connection.execute("SELECT 1")


def _ask_redis(url: str) -> None:
    with redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S) as client:
        client.ping()


def job_queues(url: str) -> list[QueueStanding]:
    """Raises psycopg.Error."""
    with (
        psycopg.connect(url, connect_timeout=round(TIMEOUT_S)) as connection,
        connection.cursor(row_factory=class_row(QueueStanding)) as cursor,
    ):
        return cursor.execute("SELECT * FROM job_queues()").fetchall()
