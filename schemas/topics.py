"""The topics: names, partitions, retention. `spendlog topics apply` makes the cluster match."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
# Kafka's own default, said aloud: what a decision may become is derived from it (streams.core.sealing).
MESSAGE_BYTES_MAX: Final = 1_048_588


@dataclass(frozen=True)
class Topic:
    """A topic as it must be. `partitions` None: as many as the card events have."""

    name: str
    config: dict[str, str]
    partitions: int | None = None
    purpose: str = field(default="", compare=False)


CARD_EVENTS: Final = Topic(
    "spend.card-events.v1",
    {
        "cleanup.policy": "delete",
        "retention.ms": str(365 * DAY_MS),
        # The broker's clock, not the producer's: `recorded_at` bounds `occurred_at` from above.
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MESSAGE_BYTES_MAX),
    },
    purpose="input: all that changes a department's state, in one order",
)
DECISIONS: Final = Topic(
    "spend.decisions.v1",
    {"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": str(MESSAGE_BYTES_MAX)},
    purpose="the truth: exactly one decision for each card event",
)
SNAPSHOTS: Final = Topic(
    "spend.snapshots.v1",
    {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.2",
        "max.message.bytes": str(MESSAGE_BYTES_MAX),
    },
    purpose="a shortcut for recovery, never needed",
)
DEAD_LETTERS: Final = Topic(
    "spend.dead-letters.v1",
    # An event as large as the broker takes must still fit here with its reason.
    {
        "cleanup.policy": "delete",
        "retention.ms": str(365 * DAY_MS),
        "max.message.bytes": str(2 * 1024 * 1024),
    },
    purpose="what could not be used: reason, position, original bytes",
)
STATUS: Final = Topic(
    "spend.status.v1",
    # Nothing older counts; a segment is deleted only when it was closed.
    {"cleanup.policy": "delete", "retention.ms": str(HOUR_MS), "segment.ms": str(HOUR_MS // 6)},
    purpose="how each partition stands, told by workers and sinks every few seconds; may be lost",
)
TOPICS: Final = (CARD_EVENTS, DECISIONS, SNAPSHOTS, DEAD_LETTERS, STATUS)
