"""The topics in the cluster, compared with the registry (`schemas.topics`) and made to match it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from infra.cluster_metadata import metadata
from infra.errors import SpendlogError
from schemas.kafka import librdkafka
from schemas.topics import TOPICS, Topic

TIMEOUT_S = 20.0
PARTITIONS = 4


@dataclass(frozen=True)
class TopicDifference:
    """One thing that is not as the registry says. `found` None: the topic does not exist."""

    topic: str
    what: str
    wanted: str
    found: str | None
    fixable: bool = True

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.topic}: missing, wanted with {self.wanted}"
        return f"{self.topic}: {self.what} is {self.found}, wanted {self.wanted}"


def _admin(bootstrap: str) -> AdminClient:
    timeout_ms = int(TIMEOUT_S * 1000)
    return AdminClient({**librdkafka(bootstrap), "socket.timeout.ms": timeout_ms, "log_level": 0})


def _registry(prefix: str) -> list[Topic]:
    return [replace(topic, name=prefix + topic.name) for topic in TOPICS]


def diff(bootstrap: str, partitions: int = PARTITIONS, prefix: str = "") -> list[TopicDifference]:
    """What differs between the cluster and the registry.

    Raises:
        SpendlogError: the cluster does not answer.
    """
    existing = metadata(bootstrap).topics
    admin = _admin(bootstrap)
    differences = []
    for topic in _registry(prefix):
        wanted = topic.partitions or partitions
        found = existing.get(topic.name)
        if found is None:
            differences.append(TopicDifference(topic.name, "topic", f"{wanted} partitions", None))
            continue
        if len(found.partitions) != wanted:
            # Growing moves keys to other partitions: a department would have two budgets.
            differences.append(
                TopicDifference(
                    topic.name, "partitions", str(wanted), str(len(found.partitions)), fixable=False
                )
            )
        differences += _config_differences(admin, topic)
    return differences


def _config_differences(admin: AdminClient, topic: Topic) -> list[TopicDifference]:
    resource = ConfigResource(ResourceType.TOPIC, topic.name)
    found = admin.describe_configs([resource])[resource].result(timeout=TIMEOUT_S)
    return [
        TopicDifference(topic.name, name, value, str(found[name].value))
        for name, value in topic.config.items()
        if str(found[name].value) != value
    ]


def apply(
    bootstrap: str, partitions: int = PARTITIONS, replication: int = 1, prefix: str = ""
) -> list[TopicDifference]:
    """Make the cluster match the registry. Returns what was changed.

    Raises:
        SpendlogError: the cluster does not answer, or a topic has another number of partitions.
    """
    differences = diff(bootstrap, partitions, prefix)
    stuck = [difference for difference in differences if not difference.fixable]
    if stuck:
        raise SpendlogError(
            "; ".join(map(str, stuck)) + ". Partitions cannot change while departments live on them: "
            "make new topics and replay the card events into them"
        )
    admin = _admin(bootstrap)
    by_name = {topic.name: topic for topic in _registry(prefix)}
    missing = [by_name[difference.topic] for difference in differences if difference.found is None]
    _create(admin, missing, partitions, replication)
    _configure(admin, [difference for difference in differences if difference.found is not None])
    return differences


def _create(admin: AdminClient, topics: list[Topic], partitions: int, replication: int) -> None:
    wanted: list[Any] = [
        NewTopic(topic.name, topic.partitions or partitions, replication, config=topic.config)
        for topic in topics
    ]
    if wanted:
        for future in admin.create_topics(wanted, operation_timeout=TIMEOUT_S).values():
            future.result(timeout=TIMEOUT_S)


def _configure(admin: AdminClient, differences: list[TopicDifference]) -> None:
    for difference in differences:
        entry = ConfigEntry(
            difference.what,
            difference.wanted,
            source=ConfigSource.DYNAMIC_TOPIC_CONFIG,
            incremental_operation=AlterConfigOpType.SET,
        )
        resource = ConfigResource(ResourceType.TOPIC, difference.topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(timeout=TIMEOUT_S)
