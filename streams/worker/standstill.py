"""Why nothing is decided in a partition, and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka.errors import KafkaError

from schemas.topics import CARD_EVENTS, DECISIONS
from streams.log import InvariantBroken, ReplayIncomplete, TopicMissing


@dataclass(frozen=True, slots=True)
class Standstill:
    """`since`: seconds since the epoch; `tries`: how often in a row.

    `remedy`: what a person can do. `taken_over`: whether it came after a take-over, so that only a decision
    shows that it is over.
    """

    partition: int
    since: float
    tries: int
    why: str
    remedy: str
    taken_over: bool


def remedy_of(error: Exception, partition: int) -> str:
    """What a person can do about a partition that stands still."""
    if isinstance(error, TopicMissing):
        return _restored(error.topic, partition)
    if isinstance(error, InvariantBroken):
        if "spendlog events continue" in str(error):
            return f"run `spendlog events continue --partition {partition}`, when the reason is understood"
        return "run `spendlog verify`: it names the first record that is wrong; mended, it goes on by itself"
    if isinstance(error, ReplayIncomplete):
        return "restore the decision log from a replica or a backup; nothing can be decided without it"
    if isinstance(error, KafkaError | OSError):
        return "nothing, if Kafka comes back: it is tried again by itself; else look at the brokers"
    return "report it with the worker's log, which has the trace of the first try; no event is lost meanwhile"


def _restored(topic: str, partition: int) -> str:
    if topic.endswith(DECISIONS.name):
        return f"restore {topic} from a backup; with an empty one all card events would be decided anew"
    if topic.endswith(CARD_EVENTS.name):
        again = f"`spendlog events continue --partition {partition}`"
        return f"restore {topic}, or make it with `spendlog topics apply` and then run {again}"
    return "make it with `spendlog topics apply`; it goes on by itself"
